"""What every call has to pass before it is looked at: the credentials, and for a question whose it is, its pace and its age.

Credentials name their project: `sim-shop.1f2e` belongs to `shop`, and one without a dot to the project without a name. So new
ones of a project can be made by anybody, and old ones be withdrawn.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from worker.ligdicash.simulator import replies
from worker.ligdicash.simulator.books import Asked, Counter
from worker.ligdicash.simulator.gateway import Gateway
from worker.ligdicash.simulator.options import CREDENTIAL_PREFIX, Expiry, RateLimit
from worker.ligdicash.simulator.spoil import as_json, too_many

FLOOR = 3.0
"""Seconds. Vendor page `status-verification/recommendations`: never under 3 s between two confirms."""


def credentials_trouble(gateway: Gateway, request: Request) -> str | None:
    """Why the credentials are refused, or None. Never repeats, logs or stores them."""
    key = request.headers.get("Apikey", "")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if key.startswith(CREDENTIAL_PREFIX) and scheme.lower() == "bearer" and token.startswith(CREDENTIAL_PREFIX):
        if (trouble := _pair_trouble(gateway, key, token)) is None:
            return None
        gateway.books.count(Counter.CREDENTIALS_REFUSED)
        return trouble
    gateway.books.count(Counter.CREDENTIALS_REFUSED)
    if not key or not token:
        return "Apikey and Authorization: Bearer are both needed"
    return f"this is the simulator: it takes only credentials that begin with {CREDENTIAL_PREFIX}"


def _pair_trouble(gateway: Gateway, key: str, token: str) -> str | None:
    if gateway.is_withdrawn(key) or gateway.is_withdrawn(token):
        gateway.books.count(Counter.CREDENTIALS_WITHDRAWN)
        return "these credentials were withdrawn"
    return None if _project(key) == _project(token) else "Apikey and token belong to two projects"


def project_of(request: Request) -> str:
    """The project that a call comes from, by its `Apikey`; empty for the one without a name."""
    return _project(request.headers.get("Apikey", ""))


def _project(credential: str) -> str:
    name, dot, _ = credential.removeprefix(CREDENTIAL_PREFIX).partition(".")
    return name if dot else ""


def question_refused(gateway: Gateway, asked: Asked, request: Request, *, moment: float, wiki: str) -> Response | None:
    """Why this question gets no answer about the payment; None when it gets one."""
    options = gateway.options
    if asked.payment.project != project_of(request):
        gateway.books.count(Counter.FOREIGN_QUESTIONS)
        return as_json(replies.refused("02", wiki=wiki, details="Token of another project"))
    if asked.gap is not None and asked.gap < FLOOR and options.rate_limit is not RateLimit.OFF:
        gateway.books.count(Counter.RATE_LIMITED)
        if options.rate_limit is RateLimit.HTTP429:
            return too_many()
        return as_json(replies.refused("03", wiki=wiki, details="Too many requests"))
    now = moment + gateway.clock_ahead
    if options.token_expiry is Expiry.REFUSE and now > asked.payment.expires_at:
        return as_json(replies.refused("02", wiki=wiki, details="Expired token"))
    return None
