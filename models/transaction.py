"""Transactions: what should be paid, how far it got, and when the gateway is asked about it next."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, identity, one_of


class Kind(StrEnum):
    """Which way the money goes."""

    INVOICE = "invoice"
    PAYOUT = "payout"


class Mode(StrEnum):
    """Where an invoice is paid."""

    HOSTED = "hosted"
    """On the gateway's page, with any operator; the merchant asks for no number."""
    DIRECT = "direct"
    """By mobile money, from a number that the merchant asked for."""
    WALLET = "wallet"
    """From a wallet at LigdiCash itself, with a one-time code that LigdiCash sends."""


class Route(StrEnum):
    """Which way a payout goes."""

    WALLET = "wallet"
    """To the customer's wallet at LigdiCash, from where LigdiCash may forward it to mobile money."""
    MOBILE_MONEY = "mobile_money"
    """Straight to the customer's mobile money. The gateway documents no guard against paying one of these twice."""


class Status(StrEnum):
    """How far a transaction got, by our books."""

    CREATED = "created"
    """The row exists; the gateway's reply to our create does not, or not yet."""
    REFUSED = "refused"
    """The gateway refused to create it: nothing exists there, the same order may be tried again."""
    PENDING = "pending"
    COMPLETED = "completed"
    NOTCOMPLETED = "notcompleted"


LEGAL_MOVES = frozenset(
    {
        (Status.CREATED, Status.PENDING),
        (Status.CREATED, Status.REFUSED),
        (Status.REFUSED, Status.CREATED),
        (Status.PENDING, Status.COMPLETED),
        (Status.PENDING, Status.NOTCOMPLETED),
        (Status.NOTCOMPLETED, Status.COMPLETED),
    }
)
"""Completed is sticky, failure is provisional. A trigger in the database holds the same list."""

FOUND_OUT_MOVES = LEGAL_MOVES | {(Status.CREATED, Status.COMPLETED), (Status.CREATED, Status.NOTCOMPLETED)}
"""The same for a payout that was sent, and for an invoice that is paid without a page: of one whose reply was lost a person
may find out what became of it. For a payout that was never sent, and for a hosted invoice, which nobody pays without the
address that was lost with the reply, the list above holds."""


class Approval(StrEnum):
    """What a person has to say before a payout above the ceiling is sent. A payout that needs no approval has none."""

    AWAITING = "awaiting"
    """It is stored, and waits, parked with a case: nobody sends it."""
    APPROVED = "approved"
    REJECTED = "rejected"
    """It is refused for good: the same order does not take it up again."""


class Transaction(Base):
    """One thing to be paid. Holds no evidence: `checks` do. Its status changes only through `queries.record.move`.

    Promise "nothing goes quiet" is a constraint here: an open transaction has a time of its next check, or is parked.
    """

    __tablename__ = "transactions"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    kind: Mapped[str]
    account: Mapped[str] = mapped_column(server_default="default")
    transaction_id: Mapped[str] = mapped_column(unique=True)
    amount: Mapped[int]
    """Whole francs (XOF)."""
    status: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    order_digest: Mapped[bytes]
    """SHA-256 of the order as accepted: the same id with another digest is a conflict."""
    token: Mapped[str | None] = mapped_column(unique=True)
    """Secret. The creation token, the only key to `confirm`; about 200 characters; see `order.LONGEST_TOKEN`."""
    payment_url: Mapped[str | None]
    operator_id: Mapped[str] = mapped_column(server_default="")
    operator_name: Mapped[str] = mapped_column(server_default="")
    request_id: Mapped[str] = mapped_column(server_default="")
    refusal: Mapped[str] = mapped_column(server_default="")
    """Why the gateway refused to create it, in one sentence."""
    refusal_code: Mapped[str] = mapped_column(server_default="")
    """The same as one of `payin.Hitch`, where the customer can do something about it."""
    mode: Mapped[str] = mapped_column(server_default=Mode.HOSTED.value)
    payer: Mapped[str] = mapped_column(server_default="")
    """Whose number the merchant asked for, masked: see `payin.Payer`. The whole number is nowhere in the books."""
    asked_operator: Mapped[str] = mapped_column(server_default="")
    """The operator the customer chose, by the gateway's id; `operator_id` is the one that the gateway tells of."""

    route: Mapped[str | None]
    """Of a payout: one of `Route`. None for an invoice."""
    customer: Mapped[str | None]
    """Of a payout: who gets the money, a phone number in the gateway's form. Personal: shown to persons, never logged."""
    stays_in_wallet: Mapped[bool | None]
    """Of a payout to a wallet: whether the money stays there."""
    sent_at: Mapped[datetime | None]
    """Of a payout: when somebody set out to send it, written before they did. Whoever wrote it is the only one who sends.
    Cleared only where it is certain that the gateway has not taken it; triggers in the database hold that."""
    ordered_by: Mapped[str | None]
    """Of a payout out of a file: who had the file sent. None for one that the merchant's application ordered."""
    ordered_why: Mapped[str | None]
    """The reason they gave."""
    approval: Mapped[str | None]
    """Of a payout above the ceiling: one of `Approval`."""
    approval_by: Mapped[str | None]
    """Who approved or rejected it; nobody checks whether it is somebody else than who ordered it."""
    approval_why: Mapped[str | None]
    approval_at: Mapped[datetime | None]
    queued_at: Mapped[datetime | None]
    """Of a payout that is not sent yet: since when it waits for sending to go on. Who sends it clears this."""
    wait_ended_at: Mapped[datetime | None]
    """Of a payout that waited, in the queue or for a person: when it was taken up to be sent, or rejected. Its order was
    answered before, so that of such a one that is refused the merchant's application has a notice, and it is over."""

    erased_at: Mapped[datetime | None]
    """When customer, payer, description and refusal were erased, for their time was over or on request. It is not taken up again then."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    final_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    parked_at: Mapped[datetime | None]
    nudged_at: Mapped[datetime | None]
    """When the last callback about it was read: an answer to an older question does not end the matter."""
    last_asked_at: Mapped[datetime | None]
    """When the last question went out and, once it is recorded, when it was over: the spacing counts from there."""
    decided_asked_at: Mapped[datetime | None]
    """When the last question was asked whose answer justified the present status, or a person changed it by hand."""
    held_asked_at: Mapped[datetime | None]
    """When the last question was asked whose answer would have moved it, had settling not been switched off. The answer to
    an older question is not the last word. It stays when the status has moved since."""
    asked: Mapped[int] = mapped_column(server_default="0")
    answered: Mapped[int] = mapped_column(server_default="0")
    silences: Mapped[int] = mapped_column(server_default="0")
    """Questions without an answer since the last one with."""

    __mapper_args__ = {"polymorphic_on": "kind"}  # noqa: RUF012 - SQLAlchemy reads it from the class
    __table_args__ = (
        one_of("kind", Kind, name="known_kind"),
        one_of("status", Status, name="known_status"),
        one_of("mode", Mode, name="known_mode"),
        CheckConstraint("(mode = 'hosted') = (payer = '')", name="payer_of_mode"),
        CheckConstraint(
            "erased_at IS NULL OR status NOT IN ('created', 'pending') AND COALESCE(customer, '') = ''"
            " AND payer IN ('', '*') AND description = '' AND refusal = ''",
            name="erased_whole",
        ),
        CheckConstraint("amount > 0", name="positive_amount"),
        CheckConstraint("length(transaction_id) BETWEEN 1 AND 255", name="transaction_id_length"),
        CheckConstraint("length(token) BETWEEN 1 AND 2048", name="token_length"),
        CheckConstraint(
            "status IN ('created', 'refused') OR token IS NOT NULL"
            " OR ((kind = 'payout' OR mode <> 'hosted') AND status <> 'pending')",
            name="askable",
        ),
        one_of("route", Route, name="known_route"),
        CheckConstraint(
            "(kind = 'payout') = (route IS NOT NULL) AND (kind = 'payout') = (customer IS NOT NULL)"
            " AND (stays_in_wallet IS NOT NULL) = (route IS NOT DISTINCT FROM 'wallet')",
            name="payout_has_its_way",
        ),
        CheckConstraint(
            "kind <> 'payout' OR sent_at IS NOT NULL OR (status IN ('created', 'refused') AND token IS NULL)",
            name="sent_first",
        ),
        one_of("approval", Approval, name="known_approval"),
        CheckConstraint(
            "approval IS NULL OR kind = 'payout' AND (approval = 'approved' OR sent_at IS NULL)"
            " AND (approval <> 'rejected' OR status = 'refused')"
            " AND (approval = 'awaiting' OR approval_by <> '' AND approval_why <> '' AND approval_at IS NOT NULL)",
            name="approved_first",
        ),
        CheckConstraint("queued_at IS NULL OR kind = 'payout' AND sent_at IS NULL", name="queued_unsent"),
        CheckConstraint(
            "wait_ended_at IS NULL OR kind = 'payout' AND queued_at IS NULL AND (sent_at IS NOT NULL OR status = 'refused')",
            name="waited",
        ),
        CheckConstraint(
            "status NOT IN ('created', 'pending') OR next_check_at IS NOT NULL OR parked_at IS NOT NULL",
            name="never_quiet",
        ),
        # The sweep reads only this: rows with a date, oldest first. Settled rows leave it, so it stays small for ever.
        Index("ix_transactions_due", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
        Index("ix_transactions_status_id", "status", "id"),
        # Payouts are few among many: a list of them must not read all the invoices in between.
        Index("ix_transactions_payouts", "id", postgresql_where=text("kind = 'payout'")),
        # Whether the queue moves is seen by the last one that came out of it; those that a person let go may be others.
        Index(
            "ix_transactions_out_of_queue",
            "wait_ended_at",
            postgresql_where=text("wait_ended_at IS NOT NULL AND approval IS NULL"),
        ),
    )


class Invoice(Transaction):
    """A payin: the customer pays on LigdiCash's page, by mobile money or from a wallet, as its `mode` says."""

    __mapper_args__ = {"polymorphic_identity": Kind.INVOICE.value}  # noqa: RUF012 - SQLAlchemy reads it from the class


class Payout(Transaction):
    """Money that goes out. Once `sent_at` stands in the row it is never sent again: see `tasks.payouts`."""

    __mapper_args__ = {"polymorphic_identity": Kind.PAYOUT.value}  # noqa: RUF012 - SQLAlchemy reads it from the class
