"""What a person is shown of the cases: money first, the oldest day and the largest sum first, and no flood in the way."""

from __future__ import annotations

import pytest

from models.case import CALLBACK_KINDS, CaseKind
from models.queries.browse import Paging
from models.queries.cases import find_cases, list_cases, most_urgent, total_open
from models.session import transaction
from tasks.record import record
from tests.fakes import completed, toolbox
from tests.ledger import LANE, add_pending, answered, knock, run

OF_MONEY = [kind for kind in CaseKind if kind not in CALLBACK_KINDS]


@pytest.fixture
def sessions(sessions):
    """Parked: 1 over 5,000 and 2 over 9,000 today, 3 over 100 and 4 over 7,000 three days ago.

    Besides: 5 of an endpoint, 6 an orphan, and 7, a mismatch that is over.
    """
    for amount in (5000, 9000, 100, 7000, 1):
        add_pending(sessions, amount=amount)
    run(
        sessions,
        "INSERT INTO cases (kind, transaction_pk, detail) SELECT 'parked', id, '' FROM transactions WHERE id < 5 ORDER BY id",
    )
    run(sessions, "UPDATE cases SET opened_at = now() - interval '3 days' WHERE id IN (3, 4)")
    run(sessions, "INSERT INTO cases (kind, account, detail) VALUES ('endpoint', 'default', '')")
    knock(sessions, b"")
    run(sessions, "INSERT INTO cases (kind, callback_id, detail) VALUES ('orphan', 1, '')")
    run(sessions, "INSERT INTO cases (kind, transaction_pk, detail, resolved_at) VALUES ('mismatch', 5, '', now())")
    return sessions


def urgent(sessions, *, limit=50, after=None, kinds=OF_MONEY):
    with transaction(sessions) as step:
        page = most_urgent(step.session, Paging(limit=limit, after=after), kinds=kinds)
    return [case.id for case in page.items], page.next


def listed(sessions, *, ended=False, kinds=tuple(CaseKind), **paging):
    with transaction(sessions) as step:
        page = list_cases(step.session, Paging(**{"limit": 50, **paging}), kinds=kinds, ended=ended)
    return [case.id for case in page.items], page.next


def test_money_comes_first_of_that_the_oldest_day_and_of_one_day_the_largest_sum(sessions):
    assert urgent(sessions) == ([4, 3, 2, 1, 5], None)


def test_every_page_goes_on_where_the_last_one_ended(sessions):
    assert urgent(sessions, limit=2) == ([4, 3], 3)
    assert urgent(sessions, limit=2, after=3) == ([2, 1], 1)
    assert urgent(sessions, limit=2, after=1) == ([5], None)
    assert urgent(sessions, after=5) == ([], None)


def test_a_page_goes_on_behind_a_case_that_ended_meanwhile(sessions):
    run(sessions, "UPDATE cases SET resolved_at = now() WHERE id = 3")
    assert urgent(sessions, after=3) == ([2, 1, 5], None)


def test_a_list_by_id_holds_what_is_over_only_when_asked_to(sessions):
    assert listed(sessions) == ([6, 5, 4, 3, 2, 1], None)
    assert listed(sessions, ended=True, limit=3) == ([7, 6, 5], 5)
    assert listed(sessions, ended=True, limit=3, after=5) == ([4, 3, 2], 2)
    assert listed(sessions, oldest_first=True, limit=2, after=2) == ([3, 4], 4)
    assert listed(sessions, kinds=[CaseKind.ORPHAN]) == ([6], None)


def test_the_totals_add_up_what_is_open_with_money_first(sessions):
    with transaction(sessions) as step:
        totals = total_open(step.session)
    assert [(t.kind, t.open, t.at_risk) for t in totals] == [
        ("parked", 4, 21_100),
        ("endpoint", 1, 0),
        ("orphan", 1, 0),
    ]


def test_what_is_at_stake_is_what_the_gateway_says_was_paid(sessions):
    record(toolbox(sessions), [answered(sessions, 1, completed(12_000, "ORD-1"))], lane=LANE)
    with transaction(sessions) as step:
        [case] = find_cases(step.session, [8])
        totals = {total.kind: total.at_risk for total in total_open(step.session)}
    assert (case.kind, case.amount, case.said_amount, case.at_risk) == (CaseKind.MISMATCH, 5000, 12_000, 12_000)
    assert totals[CaseKind.MISMATCH] == 12_000
