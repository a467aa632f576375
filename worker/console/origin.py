"""Where a request comes from: a form of another site is refused, whatever cookie it brings."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request


def is_of_this_site(request: Request) -> bool:
    """Whether the browser says that a page of ours sent this form. Who says nothing at all is not believed.

    Browsers say it themselves since 2023 wherever cookies may be kept to https. Elsewhere `Origin` has to name our host; it
    is `null` for pages that send no referrer, as ours.
    """
    said = request.headers.get("Sec-Fetch-Site")
    if said is not None:
        return said == "same-origin"
    origin = urlsplit(request.headers.get("Origin", ""))
    return bool(origin.netloc) and origin.netloc == request.headers.get("Host", "")


def says_nothing(request: Request) -> bool:
    """Whether the browser does not say where from, as it is over http to another machine."""
    return "Sec-Fetch-Site" not in request.headers


def is_from_elsewhere(request: Request) -> bool:
    """Whether a link on another site led here: the browser then keeps our cookie to itself."""
    return request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
