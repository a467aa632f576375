"""Reading events: all of them, in the order of the commits, each with what it rests on; and a reader that polls skips none."""

from __future__ import annotations

import hashlib
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from models.event import AnswerEvidence, OverrideEvidence
from models.notice import NoticeKind
from models.queries import stops
from models.queries.events import events_after, events_of
from models.session import transaction
from models.stop import Switch
from tasks.record import record
from tests.fakes import completed, notcompleted, toolbox
from tests.ledger import LANE, add_pending, add_settled, all_at_once, answered, run

SETTLERS, EACH = 4, 15


@pytest.fixture
def tools(sessions):
    return toolbox(sessions)


def read(sessions, *, after=0, limit=100):
    with transaction(sessions) as step:
        return events_after(step.session, "default", after=after, limit=limit)


def test_a_success_rests_on_the_answer_that_settled_it(sessions, tools):
    [pk] = add_pending(sessions)
    record(tools, [answered(sessions, pk, completed(5000, "ORD-1", body=b'{"status": "completed"}'))], lane=LANE)
    [event] = read(sessions).events
    [(check_id, asked_at, settled_at)] = run(
        sessions, "SELECT k.id, k.asked_at, s.settled_at FROM checks k JOIN settlements s ON s.check_id = k.id"
    )
    assert (event.kind, event.transaction_id, event.amount) == (NoticeKind.COMPLETED, "ORD-1", 5000)
    assert event.settled_at == settled_at
    assert event.evidence == AnswerEvidence(
        check_id=check_id,
        asked_at=asked_at,
        said="completed",
        amount=5000,
        reference="ORD-1",
        sha256=hashlib.sha256(b'{"status": "completed"}').hexdigest(),
    )


def test_a_failure_rests_on_the_first_answer_that_says_so_whatever_is_said_later(sessions, tools):
    [pk] = add_pending(sessions)
    record(tools, [answered(sessions, pk, notcompleted(body=b"first"))], lane=LANE)
    before = read(sessions).events
    for answer in (notcompleted(body=b"again"), completed(5000, "ORD-1")):
        run(sessions, "UPDATE transactions SET last_asked_at = NULL")
        record(tools, [answered(sessions, pk, answer)], lane=LANE)
    failure, success = read(sessions).events
    assert (failure,) == before
    assert (failure.settled_at, failure.evidence.sha256) == (None, hashlib.sha256(b"first").hexdigest())
    assert (failure.seq, success.seq, success.kind) == (1, 2, NoticeKind.COMPLETED)


def test_a_failure_does_not_rest_on_an_answer_that_was_held_back(sessions, tools):
    [pk] = add_pending(sessions)
    with transaction(sessions) as step:
        stops.switch_off(step.session, Switch.SETTLE, author="awa", reason="x", length=timedelta(hours=1))
    record(tools, [answered(sessions, pk, notcompleted(body=b"held"))], lane=LANE)
    with transaction(sessions) as step:
        stops.switch_on(step.session, Switch.SETTLE, author="awa")
    run(sessions, "UPDATE transactions SET last_asked_at = NULL")
    record(tools, [answered(sessions, pk, notcompleted(body=b"counts"))], lane=LANE)
    [failure] = read(sessions).events
    assert failure.evidence.sha256 == hashlib.sha256(b"counts").hexdigest()


OVERRIDE = (
    """WITH c AS (INSERT INTO cases (kind, transaction_pk, detail) VALUES ('mismatch', :pk, '') RETURNING id)
       INSERT INTO overrides (transaction_pk, case_id, old_status, new_status, amount, author, reason)
       SELECT :pk, c.id, 'pending', :status, :amount, 'awa', 'seen in the dashboard' FROM c""",
    """UPDATE transactions SET status = :status, final_at = clock_timestamp(), next_check_at = NULL,
       decided_asked_at = clock_timestamp() WHERE id = :pk""",
    """INSERT INTO settlements (transaction_pk, override_id, account, amount)
       SELECT transaction_pk, id, 'default', amount FROM overrides WHERE transaction_pk = :pk AND amount > 0""",
    "INSERT INTO notices (account, seq, transaction_pk, kind) VALUES ('default', 1, :pk, :status)",
)


def overridden(sessions, pk, status, *, amount):
    """A person says so, in one transaction."""
    with transaction(sessions) as step:
        for statement in OVERRIDE:
            given = {"pk": pk, "status": status, "amount": amount}
            step.session.execute(text(statement), {k: v for k, v in given.items() if f":{k}" in statement})


def test_what_a_person_settled_says_who_and_why_and_over_how_much(sessions):
    [pk] = add_pending(sessions)
    overridden(sessions, pk, "completed", amount=4000)
    [event] = read(sessions).events
    assert event.amount == 4000
    assert isinstance(event.evidence, OverrideEvidence)
    assert (event.evidence.by, event.evidence.reason) == ("awa", "seen in the dashboard")


def test_what_a_person_closed_rests_on_them_also_when_the_gateway_says_so_later(sessions, tools):
    [pk] = add_pending(sessions)
    overridden(sessions, pk, "notcompleted", amount=0)
    before = read(sessions).events
    record(tools, [answered(sessions, pk, notcompleted())], lane=LANE)
    assert read(sessions).events == before
    assert isinstance(before[0].evidence, OverrideEvidence)


def test_pages_follow_each_other_and_the_end_waits_for_more(sessions, tools):
    add_settled(sessions, 5, tools=tools)
    first = read(sessions, limit=2)
    assert ([event.seq for event in first.events], first.next, first.more) == ([1, 2], 2, True)
    last = read(sessions, after=3, limit=2)
    assert ([event.seq for event in last.events], last.next, last.more) == ([4, 5], 5, False)
    assert (read(sessions, after=5).events, read(sessions, after=5).next) == ((), 5)
    beyond = read(sessions, after=4711)
    assert (beyond.events, beyond.next, beyond.more) == ((), 4711, False)


def test_by_notice_and_by_number_an_event_is_the_same(sessions, tools):
    add_settled(sessions, 2, tools=tools)
    with transaction(sessions) as step:
        by_notice = events_of(step.session, [1, 2, 99])
    assert list(by_notice.values()) == list(read(sessions).events)


def test_a_reader_that_polls_while_many_settle_skips_none_and_sees_none_twice(sessions, tools):
    pks = add_pending(sessions, SETTLERS * EACH)
    over = threading.Event()
    left = [SETTLERS]

    def settle(mine):
        for pk in mine:
            record(tools, [answered(sessions, pk, completed(5000, f"ORD-{pk}"))], lane=LANE)
        left[0] -= 1
        if not left[0]:
            over.set()

    def poll():
        seen, after = [], 0
        while True:
            was_over = over.is_set()
            page = read(sessions, after=after, limit=7)
            seen += [event.seq for event in page.events]
            after = page.next
            if was_over and not page.events:
                return seen

    settlers = [lambda mine=pks[n::SETTLERS]: settle(mine) for n in range(SETTLERS)]
    *_, seen, other = all_at_once(*settlers, poll, poll)
    assert seen == other == list(range(1, len(pks) + 1))
