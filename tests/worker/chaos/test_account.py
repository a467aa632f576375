"""The account of a chaos run: violations and strikes that failed break a promise of their own, and everything is shown."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace

import pytest
from rich.console import Console

from worker.chaos.account import Toll, account_of
from worker.chaos.schedule import Kind, draw_schedule
from worker.chaos.show import VIOLATIONS, show_account, show_schedule
from worker.demo.drive import Played
from worker.demo.evidence import Evidence

NOTHING_HAPPENED = Evidence(visits=[], ours={}, told={}, played=Played(), stored={})


def account(*, troubles=(), violations=()):
    toll = Toll(drawn=2, struck=Counter({Kind.KILL_WEB: 2}), troubles=troubles, spooled=5)
    return account_of(NOTHING_HAPPENED, toll=toll, violations=violations)


def broken(account):
    return [promise.name for promise in account.ledger.promises if not promise.held]


def shown(account):
    console = Console(width=80, record=True, file=io.StringIO())
    show_account(replace(account, seconds=60, restarts={"web": 2}), console)
    return console.export_text()


def test_a_run_without_a_fault_in_it_is_clean():
    assert account().is_clean
    assert "every promise held" in shown(account())
    assert "2 of 2 strikes hit" in shown(account())
    assert "by way of the spool  5" in shown(account())


@pytest.mark.parametrize(
    ("left", "promise"),
    [
        ({"violations": ["broken: some_rule  CHAOS-1  it is so"]}, "fsck finds nothing"),
        ({"troubles": ["FLUSHALL on Redis: TimeoutError"]}, "The storm struck as drawn"),
    ],
)
def test_a_violation_or_a_strike_that_failed_breaks_a_promise_and_is_told(left, promise):
    assert broken(account(**left)) == [promise]
    assert not account(**left).is_clean
    text = shown(account(**left))
    assert "A PROMISE WAS BROKEN" in text
    assert next(iter(left.values()))[0] in text


def test_of_many_violations_the_first_are_told_and_the_others_counted():
    text = shown(account(violations=[f"broken: rule {number}" for number in range(VIOLATIONS + 3)]))
    assert f"broken: rule {VIOLATIONS - 1}" in text
    assert f"broken: rule {VIOLATIONS}" not in text
    assert "and 3 more" in text


def test_a_schedule_is_shown_one_strike_a_line():
    console = Console(width=80, record=True, file=io.StringIO())
    schedule = draw_schedule(seconds=20, seed=7)
    show_schedule(schedule, console)
    lines = console.export_text().splitlines()
    assert lines[0] == "     2.6 s  gateway's clock two days ahead for 5.5 s"
    assert lines[-1] == "  7 strikes of 7 kinds"
    assert len(lines) == len(schedule) + 2
