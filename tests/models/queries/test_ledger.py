"""How a run ended, for whoever adds up the books: what came by the spool, and that each outcome is told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from models.callback import Receipt
from models.queries.ledger import count_spooled, endings, last_callback
from models.queries.receive import store_callbacks
from models.session import transaction
from models.transaction import Status
from tasks.record import record
from tests.fakes import completed, notcompleted, toolbox
from tests.ledger import GRACE, LANE, add_pending, answered, let_pass

RECEIPT = Receipt(body=b"{}", content_type="application/json", headers={}, source="203.0.113.7")


def test_what_lay_in_the_spool_is_told_from_what_went_straight_to_the_table(sessions):
    with transaction(sessions) as step:
        store_callbacks(step.session, [RECEIPT] * 3, grace=GRACE)
        straight = last_callback(step.session)
        knocked = datetime.now(UTC) - timedelta(seconds=5)
        store_callbacks(step.session, [RECEIPT] * 2, grace=GRACE, received_at=[knocked] * 2)

        assert count_spooled(step.session) == 2
        assert count_spooled(step.session, after=straight + 2) == 0


def test_two_outcomes_of_one_transaction_are_each_told_once(sessions):
    [pk] = add_pending(sessions)
    record(toolbox(sessions), [answered(sessions, pk, notcompleted())], lane=LANE)
    let_pass(sessions, seconds=10)
    record(toolbox(sessions), [answered(sessions, pk, completed(5000, "ORD-1"))], lane=LANE)

    with transaction(sessions) as step:
        [ending] = endings(step.session, ["ORD-1"])
    assert (ending.status, ending.settlements, ending.notices) == (Status.COMPLETED, 1, 1)
