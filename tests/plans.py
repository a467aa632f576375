"""Shorthands for replay plans: failed callbacks to make them of, workers that take their messages, and their books."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from models.queries.replay import look
from models.queries.replay.choice import CallbackChoice, Choice
from models.queries.replay.look import PlanLine
from models.session import Sessions, transaction
from tasks.foresee import draft_plan
from tasks.replay import Start, start, work_batch
from tasks.toolbox import Toolbox
from tests.fakes import FakeGateway, completed
from tests.ledger import run

FAILED = CallbackChoice(failed=True)
DAY = timedelta(days=1)

ADD_FAILED = """
    INSERT INTO callbacks (body, content_type, headers, source, digest, outcome, attempts)
    SELECT convert_to('{"status": "completed", "transaction_id": "ORD-' || (n - 1) * :step % :names + 1
                      || '", "operator_id": "11"}', 'UTF8'),
           'application/json', '{}', '', '', 'orphan', 6
    FROM generate_series(1, CAST(:count AS bigint)) AS n
"""
ADD_CASES = """
    INSERT INTO cases (kind, callback_id, detail)
    SELECT 'orphan', id, 'no transaction was known' FROM callbacks WHERE outcome = 'orphan'
    ON CONFLICT DO NOTHING
"""


def add_failed(sessions: Sessions, count: int, *, names: int = 0, step: int = 1) -> None:
    """Orphans that name ORD-1 to ORD-`count`: they came before anybody had registered these.

    With fewer `names` they begin anew, and with another `step` they come in another order.
    """
    run(sessions, ADD_FAILED, count=count, names=names or count, step=step)
    run(sessions, ADD_CASES)


def all_paid(gateway: FakeGateway, count: int, *, amount: int = 5000) -> None:
    """The gateway says of ORD-1 to ORD-`count`: paid."""
    for n in range(1, count + 1):
        gateway.says(f"token-of-ORD-{n}", completed(amount, f"ORD-{n}"))


def plan(tools: Toolbox, choice: Choice = FAILED, *, ask: bool = False, life: timedelta = DAY) -> int:
    """Draft one to its end."""
    return draft_plan(tools, choice, author="awa", ask=ask, life=life, told=lambda _: None)


def approve(tools: Toolbox, plan_id: int) -> Start:
    """Set it running."""
    digest = bytes.fromhex(found(tools.sessions, plan_id).hash)
    return start(tools, plan_id, digest=digest, author="binta", reason="ORD- were registered late")


def run_to_the_end(tools: Toolbox, plan_id: int) -> None:
    """Set it running and work it, batch by batch, until nothing can be taken up."""
    assert approve(tools, plan_id) is Start.STARTED
    while work_batch(tools, plan_id):
        pass


def found(sessions: Sessions, plan_id: int) -> PlanLine:
    """The plan as it is now."""
    with transaction(sessions) as step:
        line = look.find_plan(step.session, plan_id)
    assert line is not None
    return line


def pairs(sessions: Sessions, plan_id: int) -> dict[tuple[str, str], int]:
    """How many items there are of each prediction and actual; "" for none yet."""
    statement = "SELECT prediction, actual, count(*) FROM replay_items WHERE plan_id = :id GROUP BY 1, 2"
    return {(prediction, actual): count for prediction, actual, count in run(sessions, statement, id=plan_id)}


def items(sessions: Sessions, plan_id: int, what: str) -> list[Any]:
    """One column, or more, of its items in order."""
    rows = run(sessions, f"SELECT {what} FROM replay_items WHERE plan_id = :id ORDER BY position", id=plan_id)
    return [row[0] if len(row) == 1 else row for row in rows]


def leases_end(sessions: Sessions) -> None:
    """Whoever held items of plans is dead, and was for long enough."""
    run(sessions, "UPDATE replay_items SET leased_until = clock_timestamp() WHERE leased_until IS NOT NULL")


def let_wait(sessions: Sessions) -> None:
    """What was put off is due."""
    run(sessions, "UPDATE replay_items SET due_at = clock_timestamp() WHERE due_at IS NOT NULL")
    run(sessions, "UPDATE transactions SET last_asked_at = last_asked_at - interval '4 seconds'")
