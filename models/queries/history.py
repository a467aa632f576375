"""One transaction's whole history, for a person. Changes nothing, and never reads the token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, exists, func, select, text
from sqlalchemy.orm import Session

from models import trace
from models.answers import Said
from models.callback import Callback
from models.case import Case
from models.check import Check, Lane
from models.notice import Notice, NoticeKind
from models.queries.browse import CALLBACK_LINES, AnySelect, CallbackLine, CaseLine, callback_line, case_line
from models.queries.overrides import OverrideLine, overrides_of
from models.settlement import Settlement
from models.transaction import Kind, Mode, Status, Transaction

NEWEST = 500
"""Callbacks and questions that are read at most, of each the newest: a forger may send any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFacts:
    """One invoice, or payout, as the books hold it. Amount in francs. `now` is the database's clock, which decides what is due."""

    id: int
    transaction_id: str
    account: str
    amount: int
    status: Status
    description: str
    payment_url: str
    """Secret: the gateway puts the token into it. Mask it before it is shown."""
    has_token: bool
    operator_id: str
    operator_name: str
    request_id: str
    refusal: str
    refusal_code: str
    mode: Mode
    payer: str
    """Masked."""
    asked_operator: str
    created_at: datetime
    final_at: datetime | None
    next_check_at: datetime | None
    parked_at: datetime | None
    last_asked_at: datetime | None
    asked: int
    answered: int
    silences: int
    now: datetime
    kind: Kind = Kind.INVOICE
    route: str | None = None
    customer: str | None = None
    """Of a payout: who gets the money. Personal."""
    stays_in_wallet: bool | None = None
    sent_at: datetime | None = None
    ordered_by: str | None = None
    ordered_why: str | None = None
    approval: str | None = None
    approval_by: str | None = None
    approval_why: str | None = None
    approval_at: datetime | None = None
    erased_at: datetime | None = None
    """When customer, payer, description and refusal were erased."""
    queued_at: datetime | None = None
    wait_ended_at: datetime | None = None
    may_have_begun: bool = False
    """Of a payin without a page: it was refused, and a callback came about it all the same."""

    @property
    def trace(self) -> str:
        """What log lines about it are found by."""
        return trace.of_transaction(self.id)[0]

    def __repr__(self) -> str:
        return f"InvoiceFacts(id={self.id}, transaction_id={self.transaction_id!r}, status={self.status.value})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutCallback:
    """One callback about the transaction. `repeats` is the first with the same body, byte for byte."""

    line: CallbackLine
    repeats: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One question with its answer, without the body. `took` is seconds."""

    id: int
    lane: Lane
    asked_at: datetime
    took: float
    said: Said
    amount: int | None
    reference: str
    http_status: int | None
    sub_code: str
    reason: str
    erased_at: datetime | None = None
    """When the wording of the answer was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementLine:
    """Money that moved, in francs, and the check that proves it or the override that stands in for one."""

    check_id: int | None
    override_id: int | None
    amount: int
    settled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLine:
    """What the merchant's application is told."""

    seq: int
    kind: NoticeKind
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All there is about one invoice or payout, each list oldest first. The two totals also count what was too old to be read."""

    invoice: InvoiceFacts
    callbacks: tuple[AboutCallback, ...]
    callbacks_in_all: int
    checks: tuple[CheckLine, ...]
    checks_in_all: int
    settlement: SettlementLine | None
    cases: tuple[CaseLine, ...]
    overrides: tuple[OverrideLine, ...]
    notices: tuple[NoticeLine, ...]


def find_history(
    session: Session, transaction_id: str, *, kind: Kind | None = None, newest: int = NEWEST
) -> History | None:
    """Everything about the transaction with this id of ours; None when there is none, or none of this kind.

    Must come first in its transaction, which it makes read-only and a single snapshot of the books.
    """
    # Without it an answer recorded between two of these statements would show a settlement of a pending invoice.
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    invoice = _invoice(session, transaction_id, kind)
    if invoice is None:
        return None
    callbacks = _newest(session, _callbacks(invoice.id), limit=newest)
    checks = _newest(session, _checks(invoice.id), limit=newest)
    cases = session.scalars(select(Case).where(Case.transaction_pk == invoice.id).order_by(Case.id))
    notices = session.scalars(select(Notice).where(Notice.transaction_pk == invoice.id).order_by(Notice.seq))
    return History(
        invoice=invoice,
        callbacks=tuple(AboutCallback(line=callback_line(row), repeats=_other(row)) for row in callbacks),
        callbacks_in_all=callbacks[0].total if callbacks else 0,
        checks=tuple(_check(row) for row in checks),
        checks_in_all=checks[0].total if checks else 0,
        settlement=_settlement(session, invoice.id),
        cases=tuple(case_line(case) for case in cases),
        overrides=overrides_of(session, invoice.id),
        notices=tuple(NoticeLine(seq=n.seq, kind=NoticeKind(n.kind), created_at=n.created_at) for n in notices),
    )


def _invoice(session: Session, transaction_id: str, kind: Kind | None) -> InvoiceFacts | None:
    wanted = [kind.value] if kind else [one.value for one in Kind]
    row = session.execute(
        select(
            Transaction.id,
            Transaction.transaction_id,
            Transaction.account,
            Transaction.amount,
            Transaction.status,
            Transaction.description,
            func.coalesce(Transaction.payment_url, "").label("payment_url"),
            Transaction.token.is_not(None).label("has_token"),
            Transaction.operator_id,
            Transaction.operator_name,
            Transaction.request_id,
            Transaction.refusal,
            Transaction.refusal_code,
            Transaction.mode,
            Transaction.payer,
            Transaction.asked_operator,
            Transaction.created_at,
            Transaction.final_at,
            Transaction.next_check_at,
            Transaction.parked_at,
            Transaction.last_asked_at,
            Transaction.asked,
            Transaction.answered,
            Transaction.silences,
            func.clock_timestamp().label("now"),
            Transaction.kind,
            Transaction.route,
            Transaction.customer,
            Transaction.stays_in_wallet,
            Transaction.sent_at,
            Transaction.ordered_by,
            Transaction.ordered_why,
            Transaction.approval,
            Transaction.approval_by,
            Transaction.approval_why,
            Transaction.approval_at,
            Transaction.erased_at,
            Transaction.queued_at,
            Transaction.wait_ended_at,
            and_(
                Transaction.kind == Kind.INVOICE.value,
                Transaction.mode != Mode.HOSTED.value,
                Transaction.status == Status.REFUSED.value,
                exists().where(Callback.transaction_pk == Transaction.id),
            ).label("may_have_begun"),
        ).where(Transaction.transaction_id == transaction_id, Transaction.kind.in_(wanted))
    ).one_or_none()
    if row is None:
        return None
    words = {"status": Status(row.status), "mode": Mode(row.mode), "kind": Kind(row.kind)}
    return InvoiceFacts(**{**row._mapping, **words})  # noqa: SLF001 - SQLAlchemy's name for a public thing


def _callbacks(pk: int) -> AnySelect:
    first = func.min(Callback.id).over(partition_by=Callback.digest).label("first")
    lines: AnySelect = CALLBACK_LINES
    return lines.add_columns(first).where(Callback.transaction_pk == pk).order_by(Callback.id.desc())


def _checks(pk: int) -> AnySelect:
    columns: AnySelect = select(
        Check.id,
        Check.lane,
        Check.asked_at,
        Check.took_ms,
        Check.said,
        Check.amount,
        Check.reference,
        Check.http_status,
        Check.sub_code,
        Check.reason,
        Check.erased_at,
    )
    return columns.where(Check.transaction_pk == pk).order_by(Check.id.desc())


def _newest(session: Session, statement: AnySelect, *, limit: int) -> list[Row[Any]]:
    """The newest rows, oldest first, each with the `total` there is."""
    rows = session.execute(statement.add_columns(func.count().over().label("total")).limit(limit)).all()
    return list(reversed(rows))


def _other(row: Row[Any]) -> int | None:
    return None if row.first == row.id else int(row.first)


def _check(row: Row[Any]) -> CheckLine:
    return CheckLine(
        id=row.id,
        lane=Lane(row.lane),
        asked_at=row.asked_at,
        took=row.took_ms / 1000,
        said=Said(row.said),
        amount=row.amount,
        reference=row.reference,
        http_status=row.http_status,
        sub_code=row.sub_code,
        reason=row.reason,
        erased_at=row.erased_at,
    )


def _settlement(session: Session, pk: int) -> SettlementLine | None:
    row = session.get(Settlement, pk)
    if row is None:
        return None
    return SettlementLine(
        check_id=row.check_id, override_id=row.override_id, amount=row.amount, settled_at=row.settled_at
    )
