"""The route of /v1/wallet-otps: have the owner of a LigdiCash wallet sent a one-time code, the first half of a wallet payin."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from models.errors import GatewayRefused, TooSoon
from models.order import check_amount
from models.payin import CustomerStep, StepKind
from models.transaction import Mode
from tasks.invoices import send_wallet_otp
from tasks.toolbox import Toolbox
from worker.language import speaking_here
from worker.web.body import read_body
from worker.web.invoice_api import key_guard, never_cached
from worker.web.invoice_body import OtpBody
from worker.web.invoice_examples import OTPS, refusals_of_otps
from worker.web.invoice_order import parse, read_number
from worker.web.next_step import NextStep, after_a_no
from worker.web.speech import language_of

PREFIX = "/v1/wallet-otps"


class OtpView(BaseModel):
    """A code is on its way; it never comes through this server."""

    next: NextStep


@dataclass(frozen=True, slots=True, kw_only=True)
class _WantedOtp:
    number: str = field(repr=False)
    amount: int
    account: str


def wallet_routes(tools: Toolbox, *, api_key: str) -> APIRouter:
    """One route, behind the key. Its work blocks, so it runs on the server's pool of threads."""
    router = APIRouter(
        prefix=PREFIX, dependencies=[Depends(key_guard(api_key)), Depends(never_cached)], tags=["invoices"]
    )
    wanted = Depends(_read_wanted)

    @router.post(
        "",
        status_code=HTTPStatus.ACCEPTED,
        summary="Have a wallet's owner sent a one-time code",
        response_description="LigdiCash says that it sent one.",
        responses=refusals_of_otps(),
        openapi_extra=OTPS,
    )
    def post_wallet_otp(request: Request, order: _WantedOtp = wanted) -> OtpView:
        """Each call sends another code, so call it when the customer asks for one. How often is limited: 429.

        Then POST /v1/invoices with mode `wallet`, the same number and amount, and the code in `otp`.
        """
        with speaking_here(language_of(request)):
            try:
                send_wallet_otp(tools, number=order.number, amount=order.amount, account=order.account)
            except (GatewayRefused, TooSoon) as exc:
                request.state.next = after_a_no(Mode.WALLET, amount=order.amount, code=exc.code)
                raise
            return OtpView(next=NextStep.of(CustomerStep(kind=StepKind.ENTER_OTP, gives_otp=True)))

    return router


async def _read_wanted(request: Request) -> _WantedOtp:
    body = parse(OtpBody, await read_body(request.scope, request.receive, media_types=("application/json",)))
    check_amount(body.amount)
    return _WantedOtp(number=read_number(body.customer, field="customer"), amount=body.amount, account=body.account)
