"""The routes of /v1/payouts: send money out, once, and look one up."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from models.errors import NotFound
from models.order import CURRENCY, LONGEST_ID
from models.queries.invoices import settled_amount
from models.queries.payouts import find_payout
from models.session import transaction
from models.transaction import Payout, Route, Status
from tasks.payouts import create, is_awaiting, is_queued
from tasks.toolbox import Toolbox
from worker.web.body import read_body
from worker.web.invoice_api import key_guard, never_cached
from worker.web.payout_body import WantedPayout, read_payout
from worker.web.payout_examples import AWAITING, ORDERS, QUEUED, SENT, payout_refusals

PREFIX = "/v1/payouts"


class PayoutView(BaseModel):
    """One payout as the books have it. The token never leaves this server."""

    transaction_id: str = Field(description="Your reference.")
    account: str = Field(description="Which of your LigdiCash projects the money goes out of.")
    status: Status = Field(
        description="`created`: not sent yet, or, with `sent_at`, sent and nobody knows what became of it: a person finds "
        "out. `refused`: the gateway said no, see `refusal`; the same order may be sent again, unless an event "
        "`payout.refused` told that it is over. `pending`: accepted, may take days. `completed`: paid out. `notcompleted`: "
        "failed; may still turn to `completed`."
    )
    amount: int = Field(description="Whole francs.")
    settled_amount: int | None = Field(
        description="Whole francs that went out, once `completed`. Another sum than `amount` only where a person settled by "
        "hand what really went."
    )
    currency: str = CURRENCY
    route: Route
    customer: str = Field(description="Who gets the money, as the gateway has the number.")
    top_up_wallet: int | None = Field(description="On the route `wallet`: 1 stays there, 0 goes on to mobile money.")
    description: str
    created_at: datetime
    sent_at: datetime | None = Field(
        description="When it was handed to the gateway. Once it is there, it is not sent again."
    )
    final_at: datetime | None = Field(description="When it became `completed` or `notcompleted`.")
    operator_id: str
    operator_name: str
    refusal: str
    awaiting_approval: bool = Field(
        description="It is stored, and sent when a person approves it: it is above the ceiling of this server."
    )
    queued: bool = Field(
        description="It is stored, and sent by itself: sending is switched off on this server, or could not be done yet. Pay it "
        "in no other way meanwhile."
    )

    @classmethod
    def of(cls, payout: Payout, *, settled: int | None) -> PayoutView:
        """The view of this row, and of what is settled for it."""
        assert payout.route is not None  # noqa: S101 - for mypy: a constraint of the table says so
        return cls(
            transaction_id=payout.transaction_id,
            account=payout.account,
            status=Status(payout.status),
            amount=payout.amount,
            settled_amount=settled,
            route=Route(payout.route),
            customer=payout.customer or "",
            top_up_wallet=None if payout.stays_in_wallet is None else int(payout.stays_in_wallet),
            description=payout.description,
            created_at=payout.created_at,
            sent_at=payout.sent_at,
            final_at=payout.final_at,
            operator_id=payout.operator_id,
            operator_name=payout.operator_name,
            refusal=payout.refusal,
            awaiting_approval=is_awaiting(payout),
            queued=is_queued(payout),
        )


def payout_routes(tools: Toolbox, *, api_key: str) -> APIRouter:
    """Both routes, behind the key. Their work blocks, so it runs on the server's pool of threads."""
    guards = [Depends(key_guard(api_key)), Depends(never_cached)]
    router = APIRouter(prefix=PREFIX, dependencies=guards, tags=["payouts"])

    async def read_order(request: Request) -> WantedPayout:
        asked = read_payout(
            await read_body(request.scope, request.receive, media_types=("application/json",)),
            operators_of=lambda name: tools.account(name).operators,
        )
        request.state.transaction_id = asked.order.transaction_id
        return asked

    wanted = Depends(read_order)

    @router.post(
        "",
        status_code=HTTPStatus.CREATED,
        summary="Send money out, once",
        response_description="A new payout.",
        responses={
            200: {"model": PayoutView, "description": "The same order again: its payout, as it stands."},
            202: {
                "model": PayoutView,
                "description": "Stored, and not sent: it waits until a person approves it (`awaiting_approval`), or until "
                "sending goes on (`queued`). The same while it waits.",
                "content": {
                    "application/json": {
                        "examples": {"awaiting_approval": {"value": AWAITING}, "queued": {"value": QUEUED}}
                    }
                },
            },
            **payout_refusals(post=True),
        },
        openapi_extra=ORDERS,
    )
    def post_payout(request: Request, response: Response, asked: WantedPayout = wanted) -> PayoutView:
        """Send LigdiCash's payout body, and beside it the route.

        The same body again gives the same payout with 200, and is not sent again; another body under the same
        transaction_id is 409. After 504 the money may be on its way: wait for what becomes of it.
        """
        booked = create(tools, asked.order, account=asked.account)
        payout = booked.payout
        response.status_code = HTTPStatus.CREATED if booked.is_new else HTTPStatus.OK
        if is_awaiting(payout) or is_queued(payout):
            response.status_code = HTTPStatus.ACCEPTED
        response.headers["Location"] = f"{request.scope.get('root_path', '')}{PREFIX}/{quote(payout.transaction_id)}"
        return _view(tools, payout)

    @router.get(
        "/{transaction_id:path}",
        summary="Look a payout up",
        responses={200: {"content": {"application/json": {"example": SENT}}}, **payout_refusals(post=False)},
    )
    def get_payout(transaction_id: str) -> PayoutView:
        """What the books say. Asks the gateway nothing."""
        return _view(tools, _find(tools, transaction_id))

    return router


def _view(tools: Toolbox, payout: Payout) -> PayoutView:
    settled = None
    if payout.status == Status.COMPLETED:
        with transaction(tools.sessions) as step:
            settled = settled_amount(step.session, payout.id)
    return PayoutView.of(payout, settled=settled)


def _find(tools: Toolbox, transaction_id: str) -> Payout:
    payout = None
    if transaction_id.isprintable() and len(transaction_id) <= LONGEST_ID:  # the database refuses NUL
        with transaction(tools.sessions) as step:
            payout = find_payout(step.session, transaction_id)
    if payout is None:
        raise NotFound(f"no payout has the transaction_id {transaction_id[:LONGEST_ID]!r}")
    return payout
