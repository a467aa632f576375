"""The routes of /v1/invoices: create through the gateway, register what was created elsewhere, look one up."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from models.errors import AskCustomer, GatewayMisconfigured, GatewayRefused, MayHaveBegun, NotFound
from models.operators import find
from models.order import CURRENCY, LONGEST_ID, InvoiceOrder
from models.payin import CustomerStep, StepKind
from models.queries.invoices import find_invoice, may_have_begun, settled_amount
from models.session import transaction
from models.transaction import Invoice, Mode, Status
from tasks.invoices import Booked, create, register
from tasks.toolbox import Toolbox
from worker.language import speaking_here
from worker.web.body import read_body
from worker.web.invoice_examples import CREATED, ORDERS, refusals
from worker.web.invoice_order import Wanted, read_wanted
from worker.web.next_step import NextStep, after_a_no, after_all
from worker.web.speech import language_of

BEARER = HTTPBearer(auto_error=False, description="The key set as RECONCILER_API_KEY.")

PREFIX = "/v1/invoices"


class InvoiceView(BaseModel):
    """One invoice as the books have it. The token never leaves this server."""

    transaction_id: str = Field(description="Your reference, or the one made up here.")
    account: str = Field(description="Which of your LigdiCash projects it belongs to.")
    status: Status = Field(
        description="`created`: the gateway's reply is not stored yet. `refused`: the gateway said no, see `refusal`. "
        "`pending`: not paid yet. `completed`: paid. `notcompleted`: failed or given up; may still turn to `completed`."
    )
    amount: int = Field(description="Whole francs.")
    settled_amount: int | None = Field(
        description="Whole francs that were received, once `completed`. Another sum than `amount` only where a person "
        "settled by hand what really came."
    )
    currency: str = CURRENCY
    description: str
    mode: Mode = Field(description="Where it is paid.")
    next: NextStep | None
    payer: str = Field(description="The customer's number, masked; empty for a hosted page.")
    asked_operator: str = Field(description="The operator the customer chose, by its id.")
    validation: str = Field(description="How that operator has its customers approve a payment; empty where not known.")
    payment_url: str | None = Field(description="Open it as it stands, never in an iframe. Null until there is one.")
    created_at: datetime
    final_at: datetime | None = Field(description="When it became `completed` or `notcompleted`.")
    operator_id: str
    operator_name: str
    request_id: str = Field(description="The gateway's own number, for its support.")
    refusal: str
    refusal_code: str = Field(description="Why it did not begin, where the customer can do something about it.")

    @classmethod
    def of(cls, invoice: Invoice, *, settled: int | None, may_have_begun: bool) -> InvoiceView:
        """The view of this row, and of what is settled for it, in the language of here and now; see `after_all`."""
        operator = find(invoice.asked_operator)
        return cls(
            transaction_id=invoice.transaction_id,
            account=invoice.account,
            status=Status(invoice.status),
            amount=invoice.amount,
            settled_amount=settled,
            description=invoice.description,
            mode=Mode(invoice.mode),
            next=after_all(invoice, may_have_begun=may_have_begun),
            payer=invoice.payer,
            asked_operator=invoice.asked_operator,
            validation=operator.validation.value if operator and operator.validation else "",
            payment_url=invoice.payment_url or None,
            created_at=invoice.created_at,
            final_at=invoice.final_at,
            operator_id=invoice.operator_id,
            operator_name=invoice.operator_name,
            request_id=invoice.request_id,
            refusal=invoice.refusal,
            refusal_code=invoice.refusal_code,
        )


def invoice_routes(tools: Toolbox, *, api_key: str) -> APIRouter:
    """Both routes, behind the key. Their work blocks, so it runs on the server's pool of threads."""
    guards = [Depends(key_guard(api_key)), Depends(never_cached)]
    router = APIRouter(prefix=PREFIX, dependencies=guards, tags=["invoices"])
    wanted = Depends(_read_wanted)

    @router.post(
        "",
        status_code=HTTPStatus.CREATED,
        summary="Create an invoice, or register one created elsewhere",
        response_description="A new invoice.",
        responses={
            200: {"model": InvoiceView, "description": "The same order again: its invoice."},
            **refusals(post=True),
        },
        openapi_extra=ORDERS,
    )
    def post_invoice(request: Request, response: Response, order: Wanted = wanted) -> InvoiceView:
        """Send LigdiCash's create body as you would send it to LigdiCash, with a `mode` beside `commande`.

        The same body again gives the same invoice with 200; another body under the same transaction_id is 409. A one-time
        code does not count: after one that was refused, the same order with another code is tried again. `next` says what
        the customer has to do, in English or French (`?lang=fr`, else Accept-Language).
        """
        with speaking_here(language_of(request)):
            booked = _book(tools, order, request)
            invoice = booked.invoice
            view = _view(tools, invoice)
        response.status_code = HTTPStatus.CREATED if booked.is_new else HTTPStatus.OK
        response.headers["Location"] = f"{request.scope.get('root_path', '')}{PREFIX}/{quote(invoice.transaction_id)}"
        return view

    @router.get(
        "/{transaction_id:path}",
        summary="Look an invoice up",
        responses={200: {"content": {"application/json": {"example": CREATED}}}, **refusals(post=False)},
    )
    def get_invoice(request: Request, transaction_id: str) -> InvoiceView:
        """What the books say, `next` in English or French as for POST. Asks the gateway nothing."""
        with speaking_here(language_of(request)):
            return _view(tools, _find(tools, transaction_id))

    return router


def _view(tools: Toolbox, invoice: Invoice) -> InvoiceView:
    """Only of what is completed, or refused, is there more to look up than its row."""
    settled = None
    if invoice.status == Status.COMPLETED:
        with transaction(tools.sessions) as step:
            settled = settled_amount(step.session, invoice.id)
    return InvoiceView.of(invoice, settled=settled, may_have_begun=_may_have_begun(tools, invoice))


def _may_have_begun(tools: Toolbox, invoice: Invoice) -> bool:
    if invoice.status != Status.REFUSED:
        return False
    with transaction(tools.sessions) as step:
        return may_have_begun(step.session, invoice.id)


def _book(tools: Toolbox, wanted: Wanted, request: Request) -> Booked:
    if wanted.token:
        return register(tools, wanted.order, token=wanted.token, payment_url=wanted.payment_url, account=wanted.account)
    try:
        return create(tools, wanted.order, otp=wanted.otp, account=wanted.account)
    except (AskCustomer, GatewayRefused, GatewayMisconfigured) as exc:
        if wanted.order.payer:
            request.state.next = _next(tools, wanted.order, exc.code)
        raise
    except MayHaveBegun:
        request.state.next = NextStep.of(CustomerStep(kind=StepKind.FIND_OUT))
        raise


def _next(tools: Toolbox, order: InvoiceOrder, code: str) -> NextStep | None:
    """What the customer can do about a no: as the books have it, where the order left something there."""
    with transaction(tools.sessions) as step:
        invoice = find_invoice(step.session, order.transaction_id)
    if invoice is not None and invoice.refusal_code == code:
        return after_all(invoice, may_have_begun=_may_have_begun(tools, invoice))
    return after_a_no(order.mode, amount=order.amount, code=code)


def _find(tools: Toolbox, transaction_id: str) -> Invoice:
    invoice = None
    if transaction_id.isprintable() and len(transaction_id) <= LONGEST_ID:  # the database refuses NUL
        with transaction(tools.sessions) as step:
            invoice = find_invoice(step.session, transaction_id)
    if invoice is None:
        raise NotFound(f"no invoice has the transaction_id {transaction_id[:LONGEST_ID]!r}")
    return invoice


def key_guard(api_key: str) -> Callable[..., Awaitable[None]]:
    """Refuses whoever does not send this key."""
    expected = api_key.encode()

    async def guard(given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
        # Headers arrive as latin-1; back to the bytes that were sent.
        sent = given.credentials.encode("latin-1") if given else b""
        if not hmac.compare_digest(sent, expected):
            sentence = "the API key is missing or wrong: send `Authorization: Bearer <RECONCILER_API_KEY>`"
            raise HTTPException(HTTPStatus.UNAUTHORIZED, sentence, {"WWW-Authenticate": "Bearer"})

    return guard


async def never_cached(response: Response) -> None:
    """Payments are nobody's to keep on the way."""
    response.headers["Cache-Control"] = "no-store"


async def _read_wanted(request: Request) -> Wanted:
    wanted = read_wanted(await read_body(request.scope, request.receive, media_types=("application/json",)))
    request.state.transaction_id = wanted.order.transaction_id
    request.state.has_payer = wanted.order.payer is not None
    return wanted
