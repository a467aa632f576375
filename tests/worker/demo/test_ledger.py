"""The demo's ledger: each promise breaks when the books are made to break it, and no other promise with it."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from models.check import Lane
from models.queries.ledger import Ending
from models.transaction import Status
from worker.demo.drive import Played
from worker.demo.evidence import Evidence, Telling, Told
from worker.demo.ledger import Pace, add_up
from worker.demo.show import show_ledger, show_verdict
from worker.demo.story import Fate, Visit

PAID_AT = 1_780_000_000.0
PAID, FORGED = "DEMO-1", "DEMO-2"


def visit(ours: str, fate: Fate) -> Visit:
    return Visit(transaction_id=ours, amount=5000, fate=fate, orders_at=0, decides_at=1)


def ending(ours: str, status: Status) -> Ending:
    done = status is Status.COMPLETED
    return Ending(
        transaction_id=ours,
        amount=5000,
        status=status,
        settlements=int(done),
        settled_amount=5000 * done,
        settled_at=datetime.fromtimestamp(PAID_AT + 0.25, UTC) if done else None,
        learned_by=Lane.CALLBACK if done else None,
        proof="completed" if done else "",
        notices=int(done),
        callbacks=2,
        asked=1,
        is_armed=True,
        open_cases=(),
    )


def told(ours: str, status: Status) -> Told:
    paid = PAID_AT if status is Status.COMPLETED else None
    return Told(
        transaction_id=ours,
        status=status,
        paid_at=paid,
        tells_from=PAID_AT,
        asked=2,
        shortest_gap=3.4,
        acknowledged=2 if paid else 0,
        refused=0,
        sent=2 if paid else 0,
    )


@pytest.fixture
def sound() -> Evidence:
    """One invoice paid and settled, one forged and left alone."""
    return Evidence(
        visits=[visit(PAID, Fate.PAID), visit(FORGED, Fate.FORGED)],
        ours={PAID: ending(PAID, Status.COMPLETED), FORGED: ending(FORGED, Status.PENDING)},
        told={PAID: told(PAID, Status.COMPLETED), FORGED: told(FORGED, Status.PENDING)},
        played=Played(ordered={PAID, FORGED}, forged_sent=2, forged_acknowledged=2),
        stored={"matched": 4},
    )


def with_ours(evidence: Evidence, ours: str, **changes: object) -> Evidence:
    return replace(evidence, ours={**evidence.ours, ours: replace(evidence.ours[ours], **changes)})


def with_told(evidence: Evidence, ours: str, **changes: object) -> Evidence:
    return replace(evidence, told={**evidence.told, ours: replace(evidence.told[ours], **changes)})


def broken(evidence: Evidence) -> list[str]:
    return [promise.name for promise in add_up(evidence).promises if not promise.held]


def test_sound_books_keep_every_promise(sound):
    ledger = add_up(sound)
    assert ledger.is_clean
    assert ledger.settled_amount == 5000
    assert ledger.duplicates_absorbed == 1
    assert ledger.fates[Fate.PAID] == Counter({"completed/callback": 1})
    assert ledger.paces["callback"] == Pace(count=1, p50=0.25, p95=0.25, p99=0.25)


def test_an_acknowledged_callback_that_is_not_stored_is_lost(sound):
    assert broken(replace(sound, stored={"matched": 3})) == ["Nothing acknowledged is lost"]


def test_a_callback_stored_for_somebody_else_is_lost_too(sound):
    assert broken(with_ours(sound, PAID, callbacks=1)) == ["Nothing acknowledged is lost"]


@pytest.mark.parametrize("changes", [{"settlements": 2}, {"notices": 2}, {"settlements": 0}])
def test_a_second_or_a_missing_settlement_is_seen(sound, changes):
    assert "Nothing is settled twice" in broken(with_ours(sound, PAID, **changes))


@pytest.mark.parametrize("changes", [{"proof": "pending"}, {"settled_amount": 4999}])
def test_a_settlement_without_its_proof_is_hearsay(sound, changes):
    assert broken(with_ours(sound, PAID, **changes)) == ["Nothing is settled on hearsay"]


def test_a_settlement_of_what_the_gateway_calls_unpaid_is_hearsay(sound):
    assert broken(with_told(sound, PAID, status=Status.PENDING, paid_at=None)) == ["Nothing is settled on hearsay"]


def test_a_forgery_that_settles_breaks_the_promise(sound):
    fooled = replace(sound, ours={**sound.ours, FORGED: ending(FORGED, Status.COMPLETED)})
    assert "Nothing is settled on hearsay" in broken(fooled)


def test_an_open_invoice_without_a_next_check_is_quiet(sound):
    assert broken(with_ours(sound, FORGED, is_armed=False)) == ["Nothing goes quiet"]


def test_a_callback_nobody_read_is_quiet(sound):
    assert broken(replace(sound, stored={"matched": 4, "received": 1})) == ["Nothing goes quiet"]


def test_a_payment_that_never_reached_the_books_is_lost(sound):
    lost = replace(sound, ours={**sound.ours, PAID: ending(PAID, Status.PENDING)})
    assert broken(lost) == ["Every outcome reached the books"]


def test_after_second_thoughts_the_last_word_is_what_must_reach_the_books(sound):
    failed_first = replace(visit(PAID, Fate.LATE_SUCCESS), second_thought={"status": "completed"})
    evidence = replace(sound, visits=[failed_first, visit(FORGED, Fate.FORGED)])
    settled_by_mistake = ["Nothing is settled on hearsay", "Every outcome reached the books"]
    assert broken(evidence) == settled_by_mistake

    told = replace(evidence, played=replace(evidence.played, second_thoughts={PAID}))
    assert broken(told) == []


def test_what_the_gateway_takes_back_stays_settled(sound):
    taken_back = with_told(sound, PAID, status=Status.NOTCOMPLETED)
    assert broken(taken_back) == []


def test_callbacks_are_answered_refused_or_not_answered(sound):
    ledger = add_up(with_told(sound, PAID, sent=9, acknowledged=2, refused=3))
    assert (ledger.callbacks_sent, ledger.callbacks_refused, ledger.callbacks_unanswered) == (11, 3, 4)


def test_two_questions_too_close_together_are_seen(sound):
    assert broken(with_told(sound, PAID, shortest_gap=2.5)) == ["3 s between two questions"]


def test_a_story_that_was_not_played_proves_nothing(sound):
    assert broken(replace(sound, played=replace(sound.played, troubles=["HTTPError"]))) == [
        "The whole story was played"
    ]


def test_an_outcome_that_nobody_heard_of_breaks_the_promise_and_one_that_came_twice_does_not(sound):
    for received, refused, unkept in (
        ({"evt_1": 1, "evt_2": 2, "evt_of_before": 1}, 0, []),
        ({"evt_1": 2}, 0, ["Every notice is received"]),
        ({"evt_1": 1, "evt_2": 1}, 1, ["Every notice is received"]),
    ):
        telling = Telling(written=["evt_1", "evt_2"], received=received, refused=refused)
        assert broken(replace(sound, telling=telling)) == unkept
    told_all = add_up(replace(sound, telling=Telling(written=["evt_1"], received={"evt_1": 3})))
    assert told_all.promises[-1].figures == "1 written, 1 received, 2 again"


def test_what_a_person_sees_names_the_broken_promise(sound):
    console = Console(width=80, record=True, file=io.StringIO())
    ledger = add_up(with_told(sound, PAID, shortest_gap=1.0))
    show_ledger(ledger, console, restarts={"worker": 2, "web": 0})
    show_verdict(ledger, console, seconds=60)
    text = console.export_text()
    assert "BROKEN" in text
    assert "A PROMISE WAS BROKEN" in text
    assert "started again        worker 2\n" in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
