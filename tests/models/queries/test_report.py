"""A report adds up whatever it is grouped by and whatever settles meanwhile, and says so when it does not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from models.queries.report import each_settled, read_report
from models.report import Amount, By, Days
from models.session import transaction
from models.statement import Direction
from tests.fakes import toolbox
from tests.ledger import add_settled
from tests.settled import put_settled_at

NOON = datetime(2025, 11, 26, 12, tzinfo=UTC)
DAY = Days(date(2025, 11, 26), date(2025, 11, 26))


def report(sessions, days=DAY, *, by=By.OPERATOR, account=None):
    with transaction(sessions) as step:
        return read_report(step.session, days, by=by, account=account)


@pytest.fixture
def settled(sessions):
    """Seven settlements around one day: five of it, the first and the last moments of it among them."""
    put_settled_at(sessions, NOON, 2)
    put_settled_at(sessions, DAY.start, prefix="FIRST-", operator="MOOV AFRICA BURKINA", mode="direct")
    put_settled_at(sessions, DAY.end - timedelta(microseconds=1), prefix="LAST-", amount=700, by_hand=True, operator="")
    put_settled_at(sessions, NOON, prefix="OUT-", kind="payout", amount=100, account="shop")
    put_settled_at(sessions, DAY.start - timedelta(microseconds=1), prefix="BEFORE-")
    put_settled_at(sessions, DAY.end, prefix="AFTER-")
    return sessions


GROUPS = {
    By.OPERATOR: {"ORANGE BURKINA": (10_000, 100), "MOOV AFRICA BURKINA": (5000, 0), "": (700, 0)},
    By.DAY: {"2025-11-26": (15_700, 100)},
    By.ACCOUNT: {"default": (15_700, 0), "shop": (0, 100)},
    By.MODE: {"hosted": (10_700, 0), "direct": (5000, 0), "payout mobile_money": (0, 100)},
    By.DIRECTION: {"in": (15_700, 0), "out": (0, 100)},
}


@pytest.mark.parametrize("by", By)
def test_every_grouping_comes_to_what_the_settlements_of_the_day_do(settled, by):
    found = report(settled, by=by)
    francs = {group.key: tuple(group.money[way].francs for way in Direction) for group in found.groups}
    assert francs == GROUPS[by]
    assert found.settlements == Amount(5, 15_800)
    assert found.total.by_hand[Direction.IN] == Amount(1, 700)
    assert found.is_sound


def test_one_account_is_looked_at_by_itself(settled):
    found = report(settled, account="shop")
    assert (found.settlements, found.is_sound) == (Amount(1, 100), True)


def test_what_is_settled_while_it_reads_is_in_no_sum(sessions):
    """A thread settles as fast as it can. Every report is of one moment: sums, days, and each line that follows."""
    today = datetime.now(UTC).date()
    days = Days(today - timedelta(days=1), today + timedelta(days=1))
    tools, over = toolbox(sessions), threading.Event()

    def settle() -> None:
        while not over.is_set():
            add_settled(sessions, 2, tools=tools)

    counts = []
    with ThreadPoolExecutor(1) as threads:
        settling = threads.submit(settle)
        while len(set(counts)) < 6:
            with transaction(sessions) as step:
                found = read_report(step.session, days, by=By.MODE, account=None)
                lines = list(each_settled(step.session, days, account=None))
            assert found.is_sound
            assert Amount(len(lines), sum(line.amount for line in lines)) == found.settlements
            counts.append(found.settlements.count)
        over.set()
        settling.result(timeout=60)


def test_a_settlement_that_no_group_has_is_told(settled):
    with transaction(settled) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        step.session.execute(text("DELETE FROM transactions WHERE transaction_id = 'ORD-1'"))
    found = report(settled)
    assert not found.is_sound
    assert found.unaccounted == Amount(1, 5000)
