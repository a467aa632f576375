"""How the HTTP door says no: one sentence in one shape, `{"error": "..."}`, and one log line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from models.errors import (
    AskCustomer,
    Conflict,
    GatewayMisconfigured,
    GatewayRefused,
    Invalid,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PayoutUnknown,
    ReconcilerError,
    TooSoon,
    TryAgain,
    Unreadable,
)
from models.payin import Hitch

log = structlog.get_logger()

RETRY_AFTER = 5
"""Seconds a client is asked to wait before it sends the same request again."""

STATUSES: dict[type[ReconcilerError], HTTPStatus] = {
    ReconcilerError: HTTPStatus.INTERNAL_SERVER_ERROR,
    TryAgain: HTTPStatus.SERVICE_UNAVAILABLE,
    TooSoon: HTTPStatus.TOO_MANY_REQUESTS,
    Unreadable: HTTPStatus.BAD_REQUEST,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Conflict: HTTPStatus.CONFLICT,
    NotFound: HTTPStatus.NOT_FOUND,
    GatewayRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    GatewayMisconfigured: HTTPStatus.BAD_GATEWAY,
    OutcomeUnknown: HTTPStatus.GATEWAY_TIMEOUT,
}
"""Found by the nearest ancestor, so that an error added later has an answer too."""

STATUSES_OF_CODES: dict[str, HTTPStatus] = {
    Hitch.BALANCE: HTTPStatus.PAYMENT_REQUIRED,
    Hitch.OPERATOR_DOWN: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Where a payer's trouble has a status of its own; else that of its error."""

ADVICE: dict[type[ReconcilerError], str] = {
    NotSent: "nothing happened there: send the same request again",
    OutcomeUnknown: "a case is opened, and this order is not sent again; "
    "for a customer who waits, make an invoice under a new transaction_id",
    PayoutUnknown: "a case is opened, and nothing sends this payout again; "
    "pay it in no other way before that case is resolved",
}
"""What the caller should do, where the error alone does not say."""

MAY_BE_DEBITED = (
    "a case is opened, and this order is not sent again; the customer may have been debited or asked on the phone: look at "
    "what comes of it, or ask LigdiCash support, before you order under a new transaction_id"
)
"""The same of a lost reply where no page stands between the create and the customer's money."""


class Faults(Invalid):
    """Several fields break rules; `str()` is the first line, `lines` has one for each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(lines[0])
        self.lines = tuple(lines)


def problem(
    request: Request, status: int, sentence: str, *, headers: Mapping[str, str] | None = None, **more: object
) -> JSONResponse:
    """One refusal: its answer, and its line in the log."""
    request.app.state.meter.refused(int(status))
    log.info("refused", status=int(status), method=request.method, path=_path(request), error=sentence)
    return JSONResponse({"error": sentence, **more}, status, headers=dict(headers or {}))


def refusal(request: Request, error: ReconcilerError) -> JSONResponse:
    """The answer to a request that met this error of ours."""
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    more: dict[str, object] = {}
    if step := getattr(request.state, "next", None):
        if isinstance(error, AskCustomer | GatewayRefused | GatewayMisconfigured | TooSoon):
            more["code"] = error.code
            status = STATUSES_OF_CODES.get(error.code, status)
        more["next"] = step.model_dump(mode="json")
    if isinstance(error, GatewayRefused | GatewayMisconfigured):
        more["gateway"] = {
            "sub_code": error.sub_code,
            "text": error.text,
            "details": error.details,
            "wiki": error.wiki,
        }
    if isinstance(error, Faults):
        more["errors"] = list(error.lines)
    if transaction_id := getattr(request.state, "transaction_id", None):
        more["transaction_id"] = transaction_id  # the caller may not have chosen it
    headers = {"Retry-After": str(RETRY_AFTER)} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
    if isinstance(error, TooSoon):
        headers["Retry-After"] = str(math.ceil(error.wait))
    sentence = str(error).rstrip(".")
    advice = ADVICE.get(type(error))
    if isinstance(error, OutcomeUnknown) and getattr(request.state, "has_payer", False):
        advice = MAY_BE_DEBITED
    if advice:
        sentence = f"{sentence}; {advice}"
    return problem(request, status, sentence, headers=headers, **more)


def _path(request: Request) -> str:
    """The path as it was sent: whatever it holds, it cannot forge a log line or speak to a terminal."""
    return quote(request.url.path)[:200]


def speak_plainly(app: FastAPI) -> None:
    """Replace every refusal the framework would write itself."""
    app.add_exception_handler(ReconcilerError, _ours)
    app.add_exception_handler(HTTPException, _frameworks)
    app.add_exception_handler(RequestValidationError, _parameters)
    app.add_exception_handler(Exception, _surprise)


async def _ours(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, ReconcilerError):
        raise exc
    return refusal(request, exc)


async def _frameworks(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, HTTPException):
        raise exc
    sentence = exc.detail
    if exc.status_code == HTTPStatus.NOT_FOUND:
        sentence = f"there is nothing at {_path(request)}; /docs lists what there is"
    elif exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (exc.headers or {}).get("Allow", "another method")
        sentence = f"{request.method} is not taken here, only {allowed}"
    return problem(request, exc.status_code, sentence, headers=exc.headers)


async def _parameters(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, RequestValidationError):
        raise exc
    lines = [f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}" for fault in exc.errors()]
    return refusal(request, Faults(lines))


async def _surprise(request: Request, exc: Exception) -> JSONResponse:
    """A bug of ours. The web server logs its traceback; the caller gets none of it."""
    del exc
    return problem(
        request, HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; the log of this server says what"
    )
