"""Puts together what the books hold about one transaction, masked, in the order in which it happened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from sqlalchemy.orm import Session

from config.logs import without_tokens
from models.errors import NotFound
from models.order import CURRENCY
from models.queries.browse import CaseLine
from models.queries.history import AboutCallback, CheckLine, History, InvoiceFacts, find_history
from models.queries.notice_lines import NoticeFacts
from models.queries.overrides import OverrideLine
from models.queries.wording import Wording, Words, find_wording
from models.transaction import Status
from worker.evidence.chain import Entry, Item, chained

FORMAT = 1
"""Goes up when a member changes its meaning or goes away."""

MOST = 2000
"""Callbacks and questions that are put in, of each the newest: a forger may send any number. The first entry says how many
were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All entries about one transaction, in order, without the seal. The same books give the same entries."""

    transaction_id: str
    entries: Sequence[Entry]


def evidence_of(session: Session, transaction_id: str) -> Evidence:
    """What the books hold about the invoice or the payout with this id of ours. Raises `NotFound`.

    Must come first in its transaction, which it makes read-only and a single snapshot of the books. Tokens and keys are
    masked; who paid or is paid is not, for that is part of what is proven: give it to nobody who may not know.
    """
    history = find_history(session, transaction_id, newest=MOST) if transaction_id.isprintable() else None
    if history is None:
        raise NotFound(f"there is no transaction {transaction_id!r}")
    wording = find_wording(session, history)
    return Evidence(
        transaction_id=history.invoice.transaction_id,
        entries=chained([_subject(history, wording), *_moments(history, wording)]),
    )


def _moments(history: History, wording: Wording) -> list[Item]:
    """Everything with a time. What happened at one moment stands in the order of cause and effect."""
    items = chain(
        _orders(history.invoice, wording),
        (_receipt(one, wording) for one in history.callbacks),
        (_answer(check, wording) for check in history.checks),
        (_override(one, wording) for one in history.overrides),
        _ending(history),
        chain.from_iterable(_case(case, wording) for case in history.cases),
        (_notice(notice) for notice in wording.notices),
    )
    return sorted(items, key=lambda item: item.at)


def _subject(history: History, wording: Wording) -> Item:
    it = history.invoice
    return Item(
        kind="subject",
        at="",
        facts={
            "format": FORMAT,
            "made_by": "ligdicash-reconciler",
            "what": it.kind.value,
            "transaction_id": it.transaction_id,
            "account": it.account,
            "amount": it.amount,
            "currency": CURRENCY,
            "status": it.status.value,
            "description": _shown(it.description, wording),
            "mode": it.mode.value,
            "payer": it.payer,
            "route": it.route,
            "customer": it.customer,
            "stays_in_wallet": it.stays_in_wallet,
            "operator_id": it.operator_id,
            "operator_name": it.operator_name,
            "request_id": it.request_id,
            "refusal": _shown(it.refusal, wording),
            "created_at": _moment(it.created_at),
            "final_at": _moment(it.final_at),
            "persons_erased_at": _moment(it.erased_at),
            "left_out": {
                "receipts": history.callbacks_in_all - len(history.callbacks),
                "answers": history.checks_in_all - len(history.checks),
            },
        },
    )


def _orders(it: InvoiceFacts, wording: Wording) -> Iterator[Item]:
    signed = {"by": it.ordered_by, "reason": _shown(it.ordered_why, wording)} if it.ordered_by else {}
    yield _item("order", it.created_at, {"amount": it.amount, **signed})
    if it.approval_at is not None:
        answer = {"approval": it.approval, "by": it.approval_by, "reason": _shown(it.approval_why, wording)}
        yield _item("approval", it.approval_at, answer)
    if it.sent_at is not None:
        yield _item("sent", it.sent_at, {"route": it.route})


def _receipt(one: AboutCallback, wording: Wording) -> Item:
    line, words = one.line, wording.receipts[one.line.id]
    return _item(
        "receipt",
        line.received_at,
        {
            "callback_id": line.id,
            "outcome": line.outcome.value,
            "note": _shown(line.note, wording),
            "source": line.source,
            "content_type": line.content_type,
            "headers": {name: _shown(value, wording) for name, value in words.headers.items()},
            "same_body_as": one.repeats,
            **_body(words, wording, erased_at=line.erased_at),
        },
    )


def _answer(check: CheckLine, wording: Wording) -> Item:
    return _item(
        "answer",
        check.asked_at,
        {
            "check_id": check.id,
            "lane": check.lane.value,
            "took_ms": round(check.took * 1000),
            "said": check.said.value,
            "amount": check.amount,
            "reference": check.reference,
            "http_status": check.http_status,
            "sub_code": check.sub_code,
            "taken_for": _shown(check.reason, wording),
            **_body(wording.answers[check.id], wording, erased_at=check.erased_at),
        },
    )


def _body(words: Words, wording: Wording, *, erased_at: datetime | None) -> dict[str, object]:
    r"""The body as text, and the hash of its bytes as they came.

    Where the text is not `exact`, something in it is masked, or is no UTF-8 and stands there as `\xNN`.
    """
    sha256 = (words.digest or hashlib.sha256(words.body).digest()).hex()
    if erased_at is not None:
        return {"body": None, "sha256": sha256, "exact": False, "erased_at": _moment(erased_at)}
    text = words.body.decode("utf-8", errors="backslashreplace")
    shown = _shown(text, wording)
    return {"body": shown, "sha256": sha256, "exact": shown.encode() == words.body, "erased_at": None}


def _override(one: OverrideLine, wording: Wording) -> Item:
    return _item(
        "override",
        one.made_at,
        {
            "override_id": one.id,
            "case_id": one.case_id,
            "old_status": one.old.value,
            "new_status": one.new.value,
            "amount": one.amount,
            "by": one.author,
            "reason": _shown(one.reason, wording),
        },
    )


def _ending(history: History) -> Iterator[Item]:
    money = history.settlement
    if money is not None:
        ground = {"check_id": money.check_id, "override_id": money.override_id}
        yield _item("decision", money.settled_at, {"decided": "settled", "amount": money.amount, **ground})
    elif history.invoice.final_at is not None:
        yield _item("decision", history.invoice.final_at, {"decided": history.invoice.status.value, "amount": 0})
    elif history.invoice.wait_ended_at is not None and history.invoice.status is Status.REFUSED:
        yield _item("decision", history.invoice.wait_ended_at, {"decided": Status.REFUSED.value, "amount": 0})


def _case(case: CaseLine, wording: Wording) -> Iterable[Item]:
    facts = {"case_id": case.id, "case": case.kind.value}
    yield _item("case_opened", case.opened_at, {**facts, "detail": _shown(case.detail, wording)})
    if case.resolved_at is not None:
        ended = {"by": case.resolved_by or None, "resolution": _shown(case.resolution, wording)}
        yield _item("case_ended", case.resolved_at, {**facts, **ended})


def _notice(notice: NoticeFacts) -> Item:
    """With the event as the application gets it, and how far the telling got by now."""
    line = notice.line
    tries = [
        {
            "at": _moment(one.tried_at),
            "took_ms": round(one.took * 1000),
            "http_status": one.http_status,
            "trouble": without_tokens(one.trouble),
        }
        for one in notice.deliveries
    ]
    facts = {"state": line.state.value, "delivered_at": _moment(line.delivered_at), "tries": tries}
    return _item("notice", line.created_at, {"seq": line.seq, "event": notice.event.document(), **facts})


def _item(kind: str, at: datetime, facts: Mapping[str, object]) -> Item:
    return Item(kind=kind, at=_moment(at) or "", facts=facts)


def _shown(text: str | None, wording: Wording) -> str:
    """The same text without its own token, wherever it stands, and without whatever else looks like a secret."""
    return without_tokens(text or "", known=wording.secrets)


def _moment(at: datetime | None) -> str | None:
    """ISO 8601 in UTC, always with six digits behind the second, so that times sort as text."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
