"""The reply to `debitotp`, which has an envelope of its own (vendor page "reference/endpoints/debit-otp")."""

from __future__ import annotations

from http import HTTPStatus

from models.errors import GatewayMisconfigured, GatewayRefused, NoAnswer, Unreadable
from models.payin import Hitch
from worker.ligdicash.sub_codes import NextStep
from worker.ligdicash.wire.create import refusal
from worker.ligdicash.wire.decode import MAX_BODY, json_fields
from worker.ligdicash.wire.fields import MAX_TEXT, text, word

NOBODY_KNOWS = "LigdiCash did not say in words we know whether it sent the one-time code. Ask for another one."


def read_otp_sent(http_status: int, body: bytes) -> None:
    """Return when the code was sent.

    Raises `GatewayRefused` or `GatewayMisconfigured` for a no, and `NoAnswer` for everything else: asking for another code
    does no harm.
    """
    if http_status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise GatewayMisconfigured(
            f"LigdiCash answered HTTP {http_status}: it refuses our keys or our address. {NextStep.FIX_CONFIGURATION}"
        )
    if http_status != HTTPStatus.OK or len(body) > MAX_BODY:
        raise NoAnswer(NOBODY_KNOWS)
    try:
        fields = json_fields(body)
    except Unreadable as exc:
        raise NoAnswer(NOBODY_KNOWS) from exc
    if fields.get("error") is False:
        return
    if fields.get("error") is True:
        said = text(fields.get("message"), limit=MAX_TEXT)
        raise GatewayRefused(
            f"LigdiCash sent no one-time code: {said or 'it does not say why'}.",
            code=Hitch.OTP_NOT_SENT.value,
            text=said,
        )
    if word(fields.get("response_code")) not in ("", "00"):  # no page says so, but keys are checked before all else
        raise refusal(fields)
    raise NoAnswer(NOBODY_KNOWS)
