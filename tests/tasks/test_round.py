"""One batch of questions: answers close behind each other are handed over together, and nothing goes out on leave that ran out."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from config import policy
from models.account import DEFAULT
from models.check import Lane
from models.queries.ask import Question
from tasks.round import Round
from tests.fake_limits import FakeBudget
from tests.fakes import completed, pending, toolbox
from tests.ledger import add_pending, begin, row
from tests.servers import PATIENCE

FOR_EVER = 600.0


class OneAfterTheOther:
    """Answers in the order of the numbers, each when the one before has been given."""

    def __init__(self, count: int) -> None:
        self._given = [threading.Event() for _ in range(count + 1)]
        self._given[0].set()

    def confirm(self, token):
        number = int(token)
        self._given[number - 1].wait(PATIENCE)
        self._given[number].set()
        return completed(5000, f"ORD-{number}")


def handfuls(sessions, count, *, gather):
    questions = [
        Question(account="default", transaction_pk=n, token=str(n), asked_at=datetime.now(UTC))
        for n in range(1, count + 1)
    ]
    with ThreadPoolExecutor(count) as pool:
        tools = toolbox(sessions, asking=pool, gateway=OneAfterTheOther(count))
        out = Round(tools, tools.account(DEFAULT), lane=Lane.CALLBACK, began=time.monotonic(), gather=gather)
        return [sorted(answered.question.transaction_pk for answered in handful) for handful in out.ask(questions)]


@pytest.mark.parametrize("count", [1, 4])
def test_answers_that_follow_each_other_are_one_handful_and_nobody_waits_longer_than_for_the_last(sessions, count):
    began = time.monotonic()
    assert handfuls(sessions, count, gather=FOR_EVER) == [list(range(1, count + 1))]
    assert time.monotonic() - began < FOR_EVER / 6


def test_after_standing_still_it_asks_about_nothing_that_somebody_else_has_begun(sessions):
    pks = add_pending(sessions, 4)
    questions, clock, others = begin(sessions, *pks), [100.0], []

    class StandsStill:
        def __init__(self):
            self.asked = []

        def confirm(self, token):
            self.asked.append(token)
            if not others:
                clock[0] += policy.SPACING
                others.extend(begin(sessions, pks[1], spacing=timedelta(0)))
            return pending()

    gateway, budget = StandsStill(), FakeBudget()
    budget.left = 3
    tools = toolbox(sessions, gateway=gateway, budget=budget, uptime=lambda: clock[0])
    out = Round(tools, tools.account(DEFAULT), lane=Lane.SWEEP, began=time.monotonic())
    told = {one.question.transaction_pk: one.question.asked_at for handful in out.ask(questions) for one in handful}

    assert gateway.asked == ["token-of-ORD-1", "token-of-ORD-3"]
    assert set(told) == {pks[0], pks[2]}
    assert row(sessions, pks[1]).last_asked_at == others[0].asked_at, "what the other one has is not given back"
    assert told[pks[2]] == row(sessions, pks[2]).last_asked_at > questions[2].asked_at
    assert row(sessions, pks[3]).last_asked_at is None, "what got no turn is given back, on its new leave too"
