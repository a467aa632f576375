"""In which language a request wants the customer to be spoken to: by `?lang=fr`, else by Accept-Language, else English."""

from __future__ import annotations

from functools import cache

from starlette.requests import Request

from worker.language import SOURCE, languages


def language_of(request: Request) -> str:
    """One of the languages there are. Others are passed over, for a customer is better told in English than not at all."""
    wanted = [request.query_params.get("lang", ""), *_accepted(request.headers.get("Accept-Language", ""))]
    spoken = (tag.strip().partition("-")[0].lower() for tag in wanted)
    return next((language for language in spoken if language in _languages()), SOURCE)


@cache
def _languages() -> frozenset[str]:
    return frozenset(languages())


def _accepted(header: str) -> list[str]:
    """The tags of the header, the most wanted first (RFC 9110, 12.5.4); those of weight 0 are not wanted."""
    weighed = [(tag, _weight(more)) for tag, _, more in (part.partition(";") for part in header.split(","))]
    return [tag for tag, weight in sorted(weighed, key=lambda each: -each[1]) if weight > 0]


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, float(value))
    except ValueError:
        return 0.0
