"""Stops: off at once for everybody, on again by themselves, and who acts while a switch is on is waited for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from models.queries import stops
from models.session import transaction
from models.stop import Switch
from tests.ledger import all_at_once, count, run, value

HOUR = timedelta(hours=1)


def switch_off(sessions, switch=Switch.SETTLE, *, length=HOUR, author="awa", reason="a test"):
    with transaction(sessions) as step:
        return stops.switch_off(step.session, switch, author=author, reason=reason, length=length)


def switch_on(sessions, switch=Switch.SETTLE, *, author="awa"):
    with transaction(sessions) as step:
        return stops.switch_on(step.session, switch, author=author)


def off_now(sessions):
    with transaction(sessions) as step:
        now = [line.switch for line in stops.off_now(step.session)]
        assert [switch for switch in Switch if stops.is_off(step.session, switch)] == sorted(
            now, key=list(Switch).index
        )
        return now


def history(sessions, **paging):
    with transaction(sessions) as step:
        return stops.history(step.session, **{"limit": 10, **paging})


def test_a_switch_that_nobody_touched_is_on(sessions):
    assert off_now(sessions) == []


def test_each_switch_is_off_for_itself_and_on_again_when_told(sessions):
    switch_off(sessions, Switch.SWEEP)
    switch_off(sessions, Switch.SETTLE)
    assert off_now(sessions) == [Switch.SWEEP, Switch.SETTLE]
    assert switch_on(sessions, Switch.SWEEP)
    assert off_now(sessions) == [Switch.SETTLE]
    assert not switch_on(sessions, Switch.SWEEP)


def test_it_is_on_again_by_itself_by_the_databases_clock(sessions):
    switch_off(sessions)
    run(sessions, "UPDATE stops SET off_at = off_at - interval '1 hour', until = until - interval '1 hour'")
    assert off_now(sessions) == []
    assert not switch_on(sessions)
    [past] = history(sessions)
    assert (past.is_off, past.ended_at, past.ended_by) == (False, past.until, "")


def test_off_again_is_off_in_the_new_words_and_the_old_ones_are_kept(sessions):
    switch_off(sessions, reason="one", author="awa")
    stop = switch_off(sessions, reason="two", author="issa", length=2 * HOUR)
    assert off_now(sessions) == [Switch.SETTLE]
    assert stop.until - stop.off_at >= 2 * HOUR - timedelta(seconds=1)
    newest, oldest = history(sessions)
    assert (newest.reason, newest.is_off, newest.ended_at) == ("two", True, None)
    assert (oldest.reason, oldest.is_off, oldest.ended_by) == ("one", False, "issa")
    assert [past.id for past in history(sessions, before=newest.id)] == [oldest.id]


def test_of_many_who_switch_off_at_once_the_last_one_stands(sessions):
    all_at_once(*[lambda n=n: switch_off(sessions, reason=str(n)) for n in range(6)])
    assert count(sessions, "stops") == 6
    assert value(sessions, "SELECT count(*) FROM stops WHERE ended_at IS NULL") == 1


def test_who_switches_off_waits_for_whoever_acts_while_it_is_on(sessions):
    acting, may_end = threading.Event(), threading.Event()
    done: list[str] = []

    def act():
        with transaction(sessions) as step:
            assert stops.keep_on(step.session, Switch.SETTLE) is None
            acting.set()
            assert may_end.wait(60)
            done.append("acted")

    def stop():
        switch_off(sessions)
        done.append("off")

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(act)
        assert acting.wait(60)
        second = threads.submit(stop)
        while not value(sessions, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
            assert not second.done()
        may_end.set()
        first.result(20)
        second.result(20)
    assert done == ["acted", "off"]


def test_who_waited_while_it_was_switched_off_sees_that_it_is(sessions):
    with ThreadPoolExecutor(1) as threads:

        def act():
            with transaction(sessions) as step:
                return stops.keep_on(step.session, Switch.SETTLE)

        with transaction(sessions) as step:
            stops.switch_off(step.session, Switch.SETTLE, author="awa", reason="a test", length=HOUR)
            later = threads.submit(act)
            while not value(sessions, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
                assert not later.done()
        assert later.result(20).author == "awa"


def test_those_who_act_do_not_wait_for_each_other_nor_for_another_switch(sessions):
    with transaction(sessions) as one, transaction(sessions) as two:
        assert stops.keep_on(one.session, Switch.SETTLE) is None
        assert stops.keep_on(two.session, Switch.SETTLE) is None
        switch_off(sessions, Switch.SWEEP)
