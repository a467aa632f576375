"""Looking, for a person: pages of invoices and callbacks, newest first unless asked otherwise. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, Select, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from models.callback import Callback, Outcome
from models.case import Case, CaseKind
from models.secret import secrets_of
from models.transaction import Approval, Invoice, Payout, Route, Status, Transaction

T = TypeVar("T")
AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which slice of a list: at most `limit` rows, those behind the id `after` in the list's direction."""

    limit: int
    after: int | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One slice. `next` is the `after` of the slice behind it; none when this is the last."""

    items: tuple[T, ...]
    next: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One invoice in a list. Amount in francs. Without token and payment address: both are secrets."""

    id: int
    transaction_id: str
    account: str
    amount: int
    status: Status
    created_at: datetime
    final_at: datetime | None
    next_check_at: datetime | None
    parked_at: datetime | None
    open_cases: tuple[CaseKind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutLine(InvoiceLine):
    """One payout in a list. The customer's number is personal: for persons, not for logs."""

    route: Route
    customer: str
    sent_at: datetime | None
    awaiting_approval: bool
    queued: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackLine:
    """One callback in a list, without its body. `size` is bytes; `transaction_id` is ours, known once it was matched."""

    id: int
    received_at: datetime
    outcome: Outcome
    note: str
    content_type: str
    source: str
    size: int
    attempts: int
    next_try_at: datetime | None
    transaction_id: str | None
    erased_at: datetime | None = None
    """When its body, headers and source were erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """One matter for a person, open or resolved."""

    id: int
    kind: CaseKind
    detail: str
    opened_at: datetime
    resolved_at: datetime | None
    resolution: str
    resolved_by: str
    """Who ended it; empty when it ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackFacts:
    """One callback with everything that came with it. `repeats`: an earlier one about its transaction, byte for byte the same.

    `secrets` are those of its transaction, which must not be shown.
    """

    line: CallbackLine
    headers: dict[str, str]
    body: bytes
    digest: bytes
    repeats: int | None
    cases: tuple[CaseLine, ...]
    secrets: tuple[str, ...] = field(repr=False)


OPEN_CASES: Any = literal_column(
    "ARRAY(SELECT k.kind FROM cases k WHERE k.transaction_pk = transactions.id AND k.resolved_at IS NULL ORDER BY k.id)"
)

INVOICE_LINES = select(
    Invoice.id,
    Invoice.transaction_id,
    Invoice.account,
    Invoice.amount,
    Invoice.status,
    Invoice.created_at,
    Invoice.final_at,
    Invoice.next_check_at,
    Invoice.parked_at,
    OPEN_CASES.label("open_cases"),
)

PAYOUT_LINES = select(
    Payout.id,
    Payout.transaction_id,
    Payout.account,
    Payout.amount,
    Payout.status,
    Payout.created_at,
    Payout.final_at,
    Payout.next_check_at,
    Payout.parked_at,
    OPEN_CASES.label("open_cases"),
    Payout.route,
    Payout.customer,
    Payout.sent_at,
    Payout.approval,
    Payout.queued_at,
)

CALLBACK_LINES = select(
    Callback.id,
    Callback.received_at,
    Callback.outcome,
    Callback.note,
    Callback.content_type,
    Callback.source,
    func.length(Callback.body).label("size"),
    Callback.attempts,
    Callback.next_try_at,
    Transaction.transaction_id,
    Callback.erased_at,
).outerjoin(Transaction, Transaction.id == Callback.transaction_pk)


def list_invoices(
    session: Session, paging: Paging, *, status: Status | None = None, account: str | None = None
) -> Page[InvoiceLine]:
    """Invoices of one status, or of all; of one account, or of all."""
    statement = INVOICE_LINES if status is None else INVOICE_LINES.where(Invoice.status == status.value)
    if account is not None:
        statement = statement.where(Invoice.account == account)
    return _page(session, _slice(statement, Invoice.id, paging), paging=paging, read=_invoice)


def list_payouts(
    session: Session,
    paging: Paging,
    *,
    status: Status | None = None,
    account: str | None = None,
    awaiting: bool = False,
    queued: bool = False,
) -> Page[PayoutLine]:
    """Payouts of one status, or of all; of one account, or of all.

    With `awaiting`, only those that wait for approval; with `queued`, only those that wait for sending to go on.
    """
    statement = PAYOUT_LINES if status is None else PAYOUT_LINES.where(Payout.status == status.value)
    if account is not None:
        statement = statement.where(Payout.account == account)
    if awaiting:
        statement = statement.where(Payout.approval == Approval.AWAITING.value, Payout.status == Status.CREATED.value)
    if queued:
        statement = statement.where(Payout.queued_at.is_not(None), Payout.status == Status.CREATED.value)
    return _page(session, _slice(statement, Payout.id, paging), paging=paging, read=_payout)


def list_callbacks(session: Session, paging: Paging, *, outcome: Outcome | None = None) -> Page[CallbackLine]:
    """Callbacks of one outcome, or of all."""
    statement = CALLBACK_LINES if outcome is None else CALLBACK_LINES.where(Callback.outcome == outcome.value)
    return _page(session, _slice(statement, Callback.id, paging), paging=paging, read=callback_line)


def find_callback(session: Session, callback_id: int) -> CallbackFacts | None:
    """One callback with all that came with it."""
    row = session.execute(CALLBACK_LINES.where(Callback.id == callback_id)).one_or_none()
    if row is None:
        return None
    kept = session.execute(
        select(Callback.headers, Callback.body, Callback.digest, Transaction.token, Transaction.payment_url)
        .outerjoin(Transaction, Transaction.id == Callback.transaction_pk)
        .where(Callback.id == callback_id)
    ).one()
    cases = session.scalars(select(Case).where(Case.callback_id == callback_id).order_by(Case.id))
    return CallbackFacts(
        line=callback_line(row),
        headers=kept.headers,
        body=kept.body,
        digest=kept.digest,
        repeats=_repeats(session, callback_id),
        cases=tuple(case_line(case) for case in cases),
        secrets=secrets_of(kept.token, kept.payment_url or ""),
    )


def _repeats(session: Session, callback_id: int) -> int | None:
    """Looked for among the callbacks about the same transaction only: those are few, and found by an index."""
    this, other = aliased(Callback), aliased(Callback)
    return session.scalar(
        select(func.min(other.id))
        .join(this, (this.transaction_pk == other.transaction_pk) & (this.digest == other.digest))
        .where(this.id == callback_id, other.id < callback_id)
    )


def _slice(statement: AnySelect, key: InstrumentedAttribute[int], paging: Paging) -> AnySelect:
    """By key, never by offset: a page costs the same wherever it is, and nothing slips between two pages."""
    if paging.after is not None:
        statement = statement.where(key > paging.after if paging.oldest_first else key < paging.after)
    return statement.order_by(key.asc() if paging.oldest_first else key.desc()).limit(paging.limit + 1)


def _page(session: Session, statement: AnySelect, *, paging: Paging, read: Callable[[Row[Any]], T]) -> Page[T]:
    """One row more than wanted is fetched, and only tells that there is a next page."""
    rows = session.execute(statement).all()
    shown = rows[: paging.limit]
    return Page(items=tuple(read(row) for row in shown), next=shown[-1].id if len(rows) > len(shown) else None)


def _invoice(row: Row[Any]) -> InvoiceLine:
    return InvoiceLine(
        id=row.id,
        transaction_id=row.transaction_id,
        account=row.account,
        amount=row.amount,
        status=Status(row.status),
        created_at=row.created_at,
        final_at=row.final_at,
        next_check_at=row.next_check_at,
        parked_at=row.parked_at,
        open_cases=tuple(CaseKind(kind) for kind in row.open_cases),
    )


def _payout(row: Row[Any]) -> PayoutLine:
    return PayoutLine(
        id=row.id,
        transaction_id=row.transaction_id,
        account=row.account,
        amount=row.amount,
        status=Status(row.status),
        created_at=row.created_at,
        final_at=row.final_at,
        next_check_at=row.next_check_at,
        parked_at=row.parked_at,
        open_cases=tuple(CaseKind(kind) for kind in row.open_cases),
        route=Route(row.route),
        customer=row.customer,
        sent_at=row.sent_at,
        awaiting_approval=row.approval == Approval.AWAITING and row.status == Status.CREATED,
        queued=row.queued_at is not None and row.status == Status.CREATED,
    )


def callback_line(row: Row[Any]) -> CallbackLine:
    """Read one row of `CALLBACK_LINES`."""
    return CallbackLine(
        id=row.id,
        received_at=row.received_at,
        outcome=Outcome(row.outcome),
        note=row.note,
        content_type=row.content_type,
        source=row.source,
        size=row.size,
        attempts=row.attempts,
        next_try_at=row.next_try_at,
        transaction_id=row.transaction_id,
        erased_at=row.erased_at,
    )


def case_line(case: Case) -> CaseLine:
    """The part of a case that is told."""
    return CaseLine(
        id=case.id,
        kind=CaseKind(case.kind),
        detail=case.detail,
        opened_at=case.opened_at,
        resolved_at=case.resolved_at,
        resolution=case.resolution,
        resolved_by=case.resolved_by,
    )
