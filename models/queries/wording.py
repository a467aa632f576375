"""The words of one transaction's history: bodies and headers as they were received, for whoever has to prove something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.callback import Callback
from models.check import Check
from models.queries.history import History
from models.queries.notice_lines import NoticeFacts, find_notice
from models.secret import secrets_of
from models.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One body with its SHA-256, which is all that is left of one that was erased. May hold secrets."""

    body: bytes = field(repr=False)
    digest: bytes | None
    """None of an answer that is there: whoever wants its hash computes it."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """By the ids of the history's callbacks and checks, and its notices with the events they tell.

    `secrets` are what must not be shown, wherever it stands: the token, and the payment address that holds it.
    """

    receipts: Mapping[int, Words]
    answers: Mapping[int, Words]
    notices: Sequence[NoticeFacts]
    secrets: Sequence[str] = field(repr=False)


def find_wording(session: Session, history: History) -> Wording:
    """The words of this history, out of the snapshot that it was read in: call it in the same transaction."""
    receipts = session.execute(
        select(Callback.id, Callback.body, Callback.digest, Callback.headers).where(
            Callback.id.in_([one.line.id for one in history.callbacks])
        )
    )
    answers = session.execute(
        select(Check.id, Check.body, Check.digest).where(Check.id.in_([check.id for check in history.checks]))
    )
    pk, account = history.invoice.id, history.invoice.account
    token = session.scalar(select(Transaction.token).where(Transaction.id == pk))
    notices = (find_notice(session, account, notice.seq) for notice in history.notices)
    return Wording(
        receipts={i: Words(body=body, digest=digest, headers=headers) for i, body, digest, headers in receipts},
        answers={i: Words(body=body, digest=digest) for i, body, digest in answers},
        notices=[found for found in notices if found is not None],
        secrets=secrets_of(token, history.invoice.payment_url),
    )
