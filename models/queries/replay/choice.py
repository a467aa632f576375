"""What a plan is to be about: filters as given, and the rows that pass them, slice by slice in the order of ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.callback import Outcome
from models.case import CaseKind
from models.queries.receive import StoredCallback
from models.transaction import Status

FAILED = (Outcome.UNMATCHED, Outcome.ORPHAN, Outcome.UNREADABLE, Outcome.RECEIVED)
"""Outcomes that count as failed; the last of them only past the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackChoice:
    """Which callbacks. Filters narrow each other; those that name nothing let everything through."""

    failed: bool = False
    """Unmatched, orphan or unreadable, or not read by its deadline."""
    outcomes: tuple[Outcome, ...] = ()
    ids: tuple[int, ...] = ()
    operator: str = ""
    """Id or name of the operator, as the callback claims it or its transaction has it."""
    since: timedelta | None = None
    """Received at most so long before the plan was drafted."""
    until: timedelta | None = None
    """Received at least so long before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionChoice:
    """Which transactions. Filters narrow each other; `since` and `until` go by when it was created."""

    statuses: tuple[Status, ...] = ()
    parked: bool = False
    case: CaseKind | None = None
    """With an open case of this kind."""
    ids: tuple[str, ...] = ()
    operator: str = ""
    since: timedelta | None = None
    until: timedelta | None = None


Choice = CallbackChoice | TransactionChoice


def in_words(choice: Choice) -> dict[str, str]:
    """As the row of the plan keeps it: the filters that were given, each as one text."""
    values: dict[str, str] = {"what": "callbacks" if isinstance(choice, CallbackChoice) else "transactions"}
    for name in choice.__slots__:
        value = getattr(choice, name)
        if isinstance(value, timedelta):
            values[name] = f"{value.total_seconds():.0f}"
        elif isinstance(value, tuple):
            values[name] = "\n".join(str(one) for one in value)
        elif value:
            values[name] = str(value)
    return {name: value for name, value in values.items() if value}


def from_words(words: Mapping[str, str]) -> Choice:
    """The filters of a stored plan."""
    listed = {name: tuple(words.get(name, "").splitlines()) for name in ("outcomes", "statuses", "ids")}
    since, until = (timedelta(seconds=float(words[name])) if name in words else None for name in ("since", "until"))
    operator = words.get("operator", "")
    if words["what"] == "callbacks":
        return CallbackChoice(
            failed="failed" in words,
            outcomes=tuple(Outcome(word) for word in listed["outcomes"]),
            ids=tuple(int(word) for word in listed["ids"]),
            operator=operator,
            since=since,
            until=until,
        )
    return TransactionChoice(
        statuses=tuple(Status(word) for word in listed["statuses"]),
        parked="parked" in words,
        case=CaseKind(words["case"]) if "case" in words else None,
        ids=listed["ids"],
        operator=operator,
        since=since,
        until=until,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenCallback:
    """A callback that passes all filters but the operator's, which takes reading it. `operators`: of its transaction."""

    callback: StoredCallback
    operators: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSlice:
    """So many callbacks were looked at, the last of them `upto`; None when there are no more."""

    chosen: tuple[ChosenCallback, ...]
    looked: int
    upto: int | None


# One scan of the index on (word, id) for each word, merged by id: the cost is the slice's size, whatever the table's. By ranges
# of both, for with an equality the planner may walk the primary key instead, and read the whole table for a word it has never seen.
# The other filters decide over the slice and not over the scan: else rows that fit none would be scanned to the end at once.
BY_WORD = """
        SELECT r.* FROM unnest(CAST(:words AS text[])) AS given(word) CROSS JOIN LATERAL (
            SELECT * FROM {table} r
            WHERE (r.{column}, r.id) > (given.word, CAST(:after AS bigint))
              AND (r.{column}, r.id) <= (given.word, 9223372036854775807)
            ORDER BY r.{column}, r.id LIMIT :size
        ) AS r ORDER BY r.id LIMIT :size
"""
BY_ID = """
        SELECT r.* FROM {table} r WHERE r.{key} = ANY(:ids) AND r.{column} = ANY(CAST(:words AS text[]))
           AND r.id > :after ORDER BY r.id LIMIT :size
"""
FROM_CALLBACKS = {"table": "callbacks", "column": "outcome", "key": "id"}
FROM_TRANSACTIONS = {"table": "transactions", "column": "status", "key": "transaction_id"}

CALLBACKS = """
    WITH slice AS ({slice}), judged AS (
        SELECT slice.*, received_at >= COALESCE(CAST(:since AS timestamptz), '-infinity')
           AND received_at <= LEAST(CAST(:until AS timestamptz), CAST(:drafted_at AS timestamptz))
           AND (:every_outcome OR outcome <> 'received'
                OR GREATEST(COALESCE(stored_at, received_at), reopened_at)
                   < CAST(:drafted_at AS timestamptz) - CAST(:deadline AS interval))
           AND erased_at IS NULL AS wanted
        FROM slice
    )
    SELECT j.id, j.wanted, j.content_type, CASE WHEN j.wanted THEN j.body ELSE '' END AS body,
           COALESCE(stored_at, received_at) > CAST(:drafted_at AS timestamptz) AS came_later,
           t.operator_id, t.operator_name
    FROM judged j LEFT JOIN transactions t ON t.id = j.transaction_pk ORDER BY j.id
"""
EACH_CALLBACK = text(CALLBACKS.format(slice=BY_WORD.format(**FROM_CALLBACKS)))
GIVEN_CALLBACKS = text(CALLBACKS.format(slice=BY_ID.format(**FROM_CALLBACKS)))


# The plan of a prepared statement takes the LIMIT for a large one, and would sort the whole rest of the table for each slice.
EACH_ITS_PLAN = text("SET LOCAL plan_cache_mode = force_custom_plan")


def callbacks(
    session: Session, choice: CallbackChoice, *, drafted_at: datetime, deadline: timedelta, after: int, size: int
) -> CallbackSlice:
    """The next `size` callbacks of these outcomes with an id past `after`, and those of them that are wanted."""
    session.execute(EACH_ITS_PLAN)
    asked_for = choice.outcomes or tuple(Outcome)
    outcomes = [o for o in (FAILED if choice.failed else Outcome) if o in asked_for]
    rows = session.execute(
        GIVEN_CALLBACKS if choice.ids else EACH_CALLBACK,
        {
            "words": [outcome.value for outcome in outcomes],
            **({"ids": list(choice.ids)} if choice.ids else {}),
            "every_outcome": not choice.failed,
            "after": after,
            "size": size,
            "drafted_at": drafted_at,
            "since": drafted_at - choice.since if choice.since is not None else None,
            "until": drafted_at - choice.until if choice.until is not None else None,
            "deadline": deadline,
        },
    ).all()
    chosen = tuple(
        ChosenCallback(
            callback=StoredCallback(id=row.id, content_type=row.content_type, body=row.body, attempts=0),
            operators=frozenset(o.casefold() for o in (row.operator_id, row.operator_name) if o),
        )
        for row in rows
        if row.wanted
    )
    is_over = len(rows) < size or rows[-1].came_later
    return CallbackSlice(chosen=chosen, looked=len(rows), upto=None if is_over else rows[-1].id)


ADD_TRANSACTIONS = """
    WITH slice AS ({slice}), wanted AS (
        SELECT id, status IN ('created', 'refused') AS unaskable FROM slice
        WHERE created_at >= COALESCE(CAST(:since AS timestamptz), '-infinity')
          AND created_at <= LEAST(CAST(:until AS timestamptz), CAST(:drafted_at AS timestamptz))
          AND (NOT :parked OR parked_at IS NOT NULL)
          AND (CAST(:operator AS text) = '' OR :operator IN (lower(operator_id), lower(operator_name)))
          AND (CAST(:case AS text) IS NULL OR EXISTS (
              SELECT FROM cases WHERE transaction_pk = slice.id AND kind = :case AND resolved_at IS NULL))
    ), added AS (
        INSERT INTO replay_items (plan_id, position, transaction_pk, about_pk, prediction)
        SELECT :plan_id, :items + row_number() OVER (ORDER BY id), id, id,
               CASE WHEN unaskable THEN 'unaskable' ELSE 'to_ask' END
        FROM wanted
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM slice) AS looked, (SELECT max(id) FROM slice) AS upto, (SELECT count(*) FROM added) AS added
"""
ADD_EACH = text(ADD_TRANSACTIONS.format(slice=BY_WORD.format(**FROM_TRANSACTIONS)))
ADD_GIVEN = text(ADD_TRANSACTIONS.format(slice=BY_ID.format(**FROM_TRANSACTIONS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """So many transactions were looked at and so many of them became items; go on behind `upto`, or nowhere."""

    items: int
    looked: int
    upto: int | None


def add_transactions(
    session: Session,
    choice: TransactionChoice,
    *,
    plan_id: int,
    drafted_at: datetime,
    items: int,
    after: int,
    size: int,
) -> Added:
    """Make items of those among the next `size` transactions that are wanted, behind the `items` there are."""
    session.execute(EACH_ITS_PLAN)
    row = session.execute(
        ADD_GIVEN if choice.ids else ADD_EACH,
        {
            "plan_id": plan_id,
            "items": items,
            "words": [status.value for status in choice.statuses or Status],
            **({"ids": list(choice.ids)} if choice.ids else {}),
            "parked": choice.parked,
            "case": choice.case.value if choice.case else None,
            "operator": choice.operator.casefold(),
            "since": drafted_at - choice.since if choice.since is not None else None,
            "until": drafted_at - choice.until if choice.until is not None else None,
            "drafted_at": drafted_at,
            "after": after,
            "size": size,
        },
    ).one()
    return Added(items=row.added, looked=row.looked, upto=None if row.looked < size else row.upto)


UNKNOWN_CALLBACKS = text("""
    SELECT id FROM unnest(CAST(:ids AS bigint[])) AS given(id)
    WHERE NOT EXISTS (SELECT FROM callbacks WHERE callbacks.id = given.id) ORDER BY id
""")
UNKNOWN_TRANSACTIONS = text("""
    SELECT id FROM unnest(CAST(:ids AS text[])) AS given(id)
    WHERE NOT EXISTS (SELECT FROM transactions WHERE transaction_id = given.id) ORDER BY id
""")


def unknown(session: Session, choice: Choice) -> Sequence[str]:
    """Those of the ids given that nobody knows."""
    statement = UNKNOWN_CALLBACKS if isinstance(choice, CallbackChoice) else UNKNOWN_TRANSACTIONS
    ids: Iterable[object] = choice.ids
    return [str(one) for one in session.scalars(statement, {"ids": list(ids)})]
