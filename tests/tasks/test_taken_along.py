"""Reading and asking in one go: who sets out takes along what waits, so that batches grow with the load by themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config import policy
from models.check import Lane
from models.queries import receive
from models.session import transaction
from tasks.intake import read_and_ask
from tasks.sweep import sweep
from tests.fakes import LENGTHS, completed, toolbox
from tests.ledger import add_pending, claim, count, due_in, knock, let_pass, run


@pytest.fixture
def paid(sessions, fakes):
    """Adds so many invoices that the gateway calls paid."""

    def add(how_many):
        add_pending(sessions, how_many, due_in=3600)
        for n in range(1, how_many + 1):
            fakes.gateway.says(f"token-of-ORD-{n}", completed(5000, f"ORD-{n}"))

    return add


def knock_about(sessions, *numbers):
    return [knock(sessions, claim(f"ORD-{n}"))[0] for n in numbers]


def unread(sessions):
    return [i for (i,) in run(sessions, "SELECT id FROM callbacks WHERE outcome = 'received' ORDER BY id")]


def test_what_comes_while_a_reader_asks_is_one_batch_of_the_next_message_and_those_after_it_find_nothing(
    sessions, fakes, tools, paid
):
    paid(21)
    came = []

    def comes_meanwhile(_token):
        if not came:
            came.extend(knock_about(sessions, *range(2, 22)))

    fakes.gateway.during_confirm = comes_meanwhile
    assert read_and_ask(tools, knock_about(sessions, 1)) == 1
    assert [read_and_ask(tools, [one]) for one in came] == [20] + [0] * 19
    assert fakes.budget.taken == [(Lane.CALLBACK, 1), (Lane.CALLBACK, 20)]
    assert count(sessions, "settlements") == 21
    assert fakes.queue.asked == []


def test_what_somebody_else_is_reading_is_left_to_them(sessions, tools, paid):
    paid(5)
    ids = knock_about(sessions, *range(1, 6))
    with transaction(sessions) as other:
        receive.take_callbacks(other.session, ids[1:3])
        assert read_and_ask(tools, ids[:1]) == 3
        assert read_and_ask(tools, ids[1:2]) == 0
    assert unread(sessions) == ids[1:3]
    assert count(sessions, "settlements") == 3


def test_what_was_tried_in_vain_takes_no_neighbour_along(sessions, tools, paid):
    paid(3)
    tried, *others = knock_about(sessions, 1, 2, 3)
    let_pass(sessions, 6)
    with transaction(sessions) as step:
        receive.set_out(step.session, [tried], grace=policy.INTAKE_GRACE)  # and its reader died
    assert read_and_ask(tools, [tried]) == 1
    assert unread(sessions) == others


def test_a_backlog_is_taken_along_too_however_long_it_waited(sessions, fakes, tools, paid):
    """Else a fleet that slept would find one message for each callback, and fall further behind with each."""
    paid(30)
    ids = knock_about(sessions, *range(1, 31))
    let_pass(sessions, 600)
    assert [read_and_ask(tools, [one]) for one in ids] == [30] + [0] * 29
    assert fakes.budget.taken == [(Lane.CALLBACK, 30)]


def test_what_is_too_much_for_one_batch_of_questions_is_rung_for(sessions, fakes, tools, paid):
    most = policy.ASK_BATCH
    paid(most + 2)
    ids = knock(sessions, *[claim(f"ORD-{n}") for n in range(1, most + 3)])
    assert read_and_ask(tools, ids[:1]) == most + 2
    assert count(sessions, "settlements") == most
    [(rest, lane)] = fakes.queue.asked
    assert (len(rest), lane) == (2, Lane.CALLBACK)


def test_after_a_slow_reading_the_questions_get_a_message_and_a_time_of_their_own(sessions, fakes, paid):
    paid(2)
    tools = toolbox(sessions, fakes, lengths=replace(LENGTHS, reading=0))
    assert read_and_ask(tools, knock_about(sessions, 1, 2)) == 2
    assert fakes.gateway.asked == []
    assert [len(ids) for ids, _ in fakes.queue.asked] == [2]


def test_a_death_between_reading_and_asking_costs_seconds(sessions, fakes, paid):
    paid(1)

    class Dies:
        def take(self, _ids):
            raise SystemExit

    with pytest.raises(SystemExit):
        read_and_ask(toolbox(sessions, fakes, locks=Dies()), knock_about(sessions, 1))
    assert unread(sessions) == []
    assert due_in(sessions, 1) <= policy.INTAKE_GRACE.total_seconds()
    let_pass(sessions, 6)
    assert sweep(toolbox(sessions, fakes)).transactions == 1


def test_what_breaks_the_reading_keeps_those_it_came_along_with_from_nothing(sessions, fakes, paid):
    paid(3)

    class Trap:
        def read_callback(self, content_type, body):
            if body == b"trap":
                raise ZeroDivisionError
            return toolbox(sessions).wire.read_callback(content_type, body)

    [trap] = knock(sessions, b"trap")
    ids = knock_about(sessions, 1, 2, 3)
    assert read_and_ask(toolbox(sessions, fakes, wire=Trap()), ids[:1]) == 3
    assert unread(sessions) == [trap]
    assert count(sessions, "settlements") == 3
