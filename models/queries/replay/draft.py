"""Drafting a plan: its row, its items with what is predicted of each, and the hash that freezes them.

Each step says in the plan's row how far it got, under a lease, so that a draft that was cut short goes on from there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.foresight import again
from models.queries.fsck.slices import BIGGEST_ID, before_lately
from models.queries.replay.choice import EACH_ITS_PLAN, CallbackChoice, Choice, from_words, in_words
from models.replay import Upshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan that is being drafted by us, until `leased_until` and as long as each step says so again."""

    plan_id: int
    choice: Choice
    asked: bool
    """Whether the gateway is to be asked for the predictions."""
    drafted_at: datetime
    items: int
    drafted_to: int
    leased_until: datetime
    life: timedelta
    """For how long it may be run once it is ready."""

    @property
    def is_chosen(self) -> bool:
        """Whether all items were chosen, so that only the gateway is left to be asked."""
        return self.drafted_to == BIGGEST_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """A callback that was chosen, and what the books alone say about it."""

    callback_id: int
    transaction_pk: int | None
    prediction: Upshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """What the gateway's answer about one transaction would come to; `amount` is francs that would be settled."""

    upshot: Upshot
    amount: int = 0


BEGIN = text("""
    INSERT INTO replay_plans (author, filters, asked, drafted_to, expires_at, leased_until)
    VALUES (:author, CAST(:filters AS jsonb), :asked, :after, clock_timestamp() + :life, clock_timestamp() + :lease)
    RETURNING id, filters, asked, items, drafted_at, drafted_to, leased_until, expires_at - drafted_at AS life
""")

TAKE_UP = text("""
    UPDATE replay_plans SET leased_until = clock_timestamp() + :lease
    WHERE id = :plan_id AND state = 'drafting' AND (leased_until IS NULL OR leased_until <= clock_timestamp())
    RETURNING id, filters, asked, items, drafted_at, drafted_to, leased_until, expires_at - drafted_at AS life
""")

ADVANCE = text("""
    UPDATE replay_plans SET items = :items, drafted_to = :drafted_to, leased_until = clock_timestamp() + :lease
    WHERE id = :plan_id AND state = 'drafting' AND leased_until = :mine RETURNING leased_until
""")

FREEZE = text("""
    UPDATE replay_plans
    SET state = 'ready', digest = :digest, leased_until = NULL, expires_at = clock_timestamp() + :life
    WHERE id = :plan_id AND state = 'drafting' AND leased_until = :mine RETURNING expires_at
""")


def begin(session: Session, choice: Choice, *, author: str, asked: bool, life: timedelta, lease: timedelta) -> Draft:
    """A new plan without items, ours for `lease`. Where `since` leaves out the old, choosing begins behind them."""
    after = 0
    if isinstance(choice, CallbackChoice) and choice.since is not None:
        after = before_lately(session, "callbacks", since=choice.since + lease)  # a little more than has to be
    parameters = {"author": author, "filters": json.dumps(in_words(choice)), "asked": asked, "after": after}
    return _draft(session.execute(BEGIN, parameters | {"life": life, "lease": lease}).one())


def take_up(session: Session, plan_id: int, *, lease: timedelta) -> Draft | None:
    """Go on with a draft that nobody is at; None when somebody is, or it is no draft."""
    row = session.execute(TAKE_UP, {"plan_id": plan_id, "lease": lease}).one_or_none()
    return None if row is None else _draft(row)


def _draft(row: Row[Any]) -> Draft:
    return Draft(
        plan_id=row.id,
        choice=from_words(row.filters),
        asked=row.asked,
        drafted_at=row.drafted_at,
        items=row.items,
        drafted_to=row.drafted_to,
        leased_until=row.leased_until,
        life=row.life,
    )


def advance(session: Session, draft: Draft, *, items: int = 0, to: int | None, lease: timedelta) -> Draft:
    """So many more items, chosen among the ids up to `to`, None for all. Raises `Conflict` when it is ours no more."""
    drafted_to = BIGGEST_ID if to is None else to
    parameters = {
        "plan_id": draft.plan_id,
        "items": draft.items + items,
        "drafted_to": drafted_to,
        "mine": draft.leased_until,
        "lease": lease,
    }
    leased_until = session.scalar(ADVANCE, parameters)
    if leased_until is None:
        raise Conflict(f"plan {draft.plan_id} was cancelled, or somebody else went on drafting it")
    return replace(draft, items=draft.items + items, drafted_to=drafted_to, leased_until=leased_until)


def freeze(session: Session, draft: Draft, digest: bytes) -> datetime:
    """Ready, with this hash; when it expires. Raises `Conflict` when it is ours no more."""
    parameters = {"plan_id": draft.plan_id, "digest": digest, "mine": draft.leased_until, "life": draft.life}
    expires_at: datetime | None = session.scalar(FREEZE, parameters)
    if expires_at is None:
        raise Conflict(f"plan {draft.plan_id} was cancelled, or somebody else went on drafting it")
    return expires_at


DROP = text("""
    UPDATE replay_plans
    SET state = 'cancelled', cancelled_by = author, cancelled_why = 'nothing fits its filters', leased_until = NULL,
        over_at = clock_timestamp()
    WHERE id = :plan_id AND state = 'drafting' AND leased_until = :mine
""")


def drop(session: Session, draft: Draft) -> None:
    """End a draft that chose nothing."""
    session.execute(DROP, {"plan_id": draft.plan_id, "mine": draft.leased_until})


ADD_ITEMS = text("""
    INSERT INTO replay_items (plan_id, position, callback_id, transaction_pk, about_pk, prediction)
    SELECT :plan_id, :items + n.position, n.callback_id, n.pk, n.pk, n.prediction
    FROM unnest(CAST(:callbacks AS bigint[]), CAST(:transactions AS bigint[]), CAST(:predictions AS text[]))
        WITH ORDINALITY AS n(callback_id, pk, prediction, position)
""")


def add_items(session: Session, draft: Draft, items: Sequence[NewItem]) -> None:
    """Put these behind the items there are, in this order. The caller says in the same transaction that they are there."""
    if items:
        parameters = {
            "plan_id": draft.plan_id,
            "items": draft.items,
            "callbacks": [item.callback_id for item in items],
            "transactions": [item.transaction_pk for item in items],
            "predictions": [item.prediction.value for item in items],
        }
        session.execute(ADD_ITEMS, parameters)


TO_ASK = text("""
    SELECT position, about_pk FROM replay_items
    WHERE plan_id = :plan_id AND position > :after AND prediction = 'to_ask' ORDER BY position LIMIT :limit
""")

COUNT_TO_ASK = text("""
    SELECT count(DISTINCT about_pk) FROM replay_items WHERE plan_id = :plan_id AND prediction = 'to_ask'
""")

# Of the items about one transaction that wait for an answer, the first has what it comes to; by then it is known to the others.
FORETELL = text("""
    WITH told AS (
        SELECT * FROM unnest(CAST(:pks AS bigint[]), CAST(:upshots AS text[]), CAST(:agains AS text[]),
                             CAST(:amounts AS bigint[])) AS t(pk, upshot, again, amount)
    ), waiting AS (
        SELECT position, upshot, again, told.amount, row_number() OVER (PARTITION BY about_pk ORDER BY position) AS place
        FROM replay_items JOIN told ON told.pk = about_pk
        WHERE plan_id = :plan_id AND prediction = 'to_ask' AND about_pk = ANY(CAST(:pks AS bigint[]))
    )
    UPDATE replay_items i
    SET prediction = CASE WHEN w.place = 1 THEN w.upshot ELSE w.again END,
        amount = CASE WHEN w.place = 1 THEN w.amount ELSE 0 END
    FROM waiting w WHERE i.plan_id = :plan_id AND i.position = w.position
""")


def to_ask(session: Session, draft: Draft, *, after: int, limit: int) -> list[tuple[int, int]]:
    """Position and transaction of the next items behind the position `after` of which only the gateway knows."""
    session.execute(EACH_ITS_PLAN)
    rows = session.execute(TO_ASK, {"plan_id": draft.plan_id, "after": after, "limit": limit})
    return [(position, pk) for position, pk in rows]


def count_to_ask(session: Session, plan_id: int) -> int:
    """About how many transactions only the gateway knows."""
    return int(session.execute(COUNT_TO_ASK, {"plan_id": plan_id}).scalar_one())


def foretell(session: Session, draft: Draft, told: Mapping[int, Foretold]) -> None:
    """Write down what is foreseen of all items about these transactions."""
    if told:
        parameters = {
            "plan_id": draft.plan_id,
            "pks": list(told),
            "upshots": [one.upshot.value for one in told.values()],
            "agains": [again(one.upshot).value for one in told.values()],
            "amounts": [one.amount for one in told.values()],
        }
        session.execute(FORETELL, parameters)


HASH_PAGE = 10_000

PAGE = text("""
    SELECT count(*) AS items, sha256(convert_to(COALESCE(string_agg(
        concat_ws('|', position, COALESCE(callback_id, 0), COALESCE(transaction_pk, 0), prediction, amount), ';'
        ORDER BY position), ''), 'UTF8')) AS digest
    FROM replay_items WHERE plan_id = :plan_id AND position > :after AND position <= CAST(:after AS bigint) + :page
""")


def digest_of(session: Session, plan_id: int) -> bytes:
    """The hash over all items and their predictions as they stand: page by page, so that it needs no memory."""
    whole, after, items = hashlib.sha256(), 0, HASH_PAGE
    while items == HASH_PAGE:
        row = session.execute(PAGE, {"plan_id": plan_id, "after": after, "page": HASH_PAGE}).one()
        whole.update(row.digest)
        items, after = row.items, after + HASH_PAGE
    return whole.digest()
