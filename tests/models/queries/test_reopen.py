"""Opening callbacks again: all or none, their cases end, and whoever reads them finds them as new."""

from __future__ import annotations

import pytest

from models.callback import Outcome
from models.queries.receive import reopen_callbacks
from models.session import transaction
from tasks.intake import intake
from tests.fakes import Fakes, toolbox
from tests.ledger import add_pending, cases, claim, knock, run, value


@pytest.fixture
def tools(sessions):
    return toolbox(sessions, Fakes())


def reopen(sessions, *ids):
    with transaction(sessions) as step:
        return reopen_callbacks(step.session, ids)


def outcomes(sessions):
    return [outcome for (outcome,) in run(sessions, "SELECT outcome FROM callbacks ORDER BY id")]


def test_a_reopened_callback_is_due_now_with_all_its_attempts_left(sessions, tools):
    add_pending(sessions)
    [one] = knock(sessions, claim("ORD-1"))
    intake(tools, [one])
    assert outcomes(sessions) == [Outcome.MATCHED]

    assert reopen(sessions, one) == []

    due = "SELECT outcome = 'received' AND attempts = 0 AND next_try_at <= clock_timestamp() FROM callbacks"
    assert value(sessions, due)


def test_with_one_unknown_id_none_is_opened(sessions, tools):
    ids = knock(sessions, b"gibberish", b"more")
    intake(tools, ids)
    unknown = max(ids) + 1
    assert reopen(sessions, *ids, unknown, unknown + 1) == [unknown, unknown + 1]
    assert outcomes(sessions) == [Outcome.UNREADABLE] * 2
    assert cases(sessions) == ["unreadable"] * 2


def test_the_same_id_twice_is_one_callback(sessions, tools):
    [one] = knock(sessions, b"gibberish")
    intake(tools, [one])
    assert reopen(sessions, one, one) == []


def test_an_orphan_that_finds_its_transaction_at_last_leaves_no_case_behind(sessions, tools):
    [one] = knock(sessions, claim("ORD-1"))
    run(sessions, "UPDATE callbacks SET attempts = 99")
    intake(tools, [one])
    assert (outcomes(sessions), cases(sessions)) == ([Outcome.ORPHAN], ["orphan"])
    add_pending(sessions)

    reopen(sessions, one)
    intake(tools, [one])

    assert (outcomes(sessions), cases(sessions)) == ([Outcome.MATCHED], [])


def test_a_callback_that_fails_again_opens_a_new_case(sessions, tools):
    [one] = knock(sessions, b"gibberish")
    intake(tools, [one])
    reopen(sessions, one)
    assert cases(sessions) == []
    intake(tools, [one])
    assert (cases(sessions), cases(sessions, is_open=False)) == (["unreadable"], ["unreadable"])


def test_cases_about_a_transaction_stay_open(sessions, tools):
    [pk] = add_pending(sessions)
    [one] = knock(sessions, claim("ORD-1"))
    intake(tools, [one])
    run(
        sessions,
        "INSERT INTO cases (kind, transaction_pk, callback_id, detail) VALUES ('mismatch', :pk, :one, 'look')",
        pk=pk,
        one=one,
    )
    reopen(sessions, one)
    assert cases(sessions) == ["mismatch"]
