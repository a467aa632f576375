"""Switching off and on by hand: for a time, with a reason, and everything that is off can be seen."""

from __future__ import annotations

import re

import pytest

from models.queries import stops
from models.session import transaction
from models.stop import Switch
from tests.fakes import completed
from tests.ledger import add_pending, count, run


def off(ops, *more):
    return ops.say("switch", "off", "settle", "--reason", "answers look wrong", "--by", "awa", *more)


def is_off(ops, switch=Switch.SETTLE):
    with transaction(ops.tools.sessions) as step:
        return stops.is_off(step.session, switch)


def length(ops):
    return run(ops.tools.sessions, "SELECT extract(epoch FROM until - off_at)::int FROM stops ORDER BY id DESC")[0][0]


def refused(ops, *argv):
    result = ops.run(*argv)
    assert (result.exit_code, result.stdout) == (2, "")
    assert count(ops.tools.sessions, "stops") == 0
    return " ".join(re.sub(r"[│╭╰─╮╯]", " ", result.stderr).split())


def test_off_says_until_when_what_goes_on_and_how_it_ends(ops):
    first, second, third = off(ops).splitlines()
    assert re.fullmatch(r"settle is off until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", first)
    assert second == "The gateway is asked and its answers are kept, but no status moves and nobody is told."
    assert third == "It goes on by itself then, or by `reconciler switch on settle`."
    assert is_off(ops)


@pytest.mark.parametrize(("more", "seconds"), [((), 3600), (("--for", "2h"), 7200), (("--for", "7d"), 7 * 86_400)])
def test_it_is_off_for_an_hour_or_as_long_as_it_was_told(ops, more, seconds):
    off(ops, *more)
    assert length(ops) == seconds


def test_longer_than_a_week_is_refused(ops):
    said = refused(ops, "switch", "off", "sweep", "--reason", "x", "--for", "8d")
    assert "a switch is off for 7 days at most" in said


@pytest.mark.parametrize("name", ["receive", "receiving"])
def test_receiving_has_no_switch_and_the_refusal_says_why(ops, name):
    assert "a callback that is refused may never come again" in refused(ops, "switch", "off", name, "--reason", "x")


def test_what_does_not_exist_cannot_be_switched(ops):
    said = refused(ops, "switch", "off", "everything", "--reason", "x")
    assert "there are settle, sweep, notify, replay" in said


@pytest.mark.parametrize("more", [(), ("--reason", " "), ("--reason", "x", "--by", ""), ("--reason", "a\nb")])
def test_nothing_is_switched_off_without_a_reason_and_a_name(ops, more):
    refused(ops, "switch", "off", "settle", *more)


def test_on_says_what_becomes_of_what_waited_and_when_there_was_nothing_to_do(ops):
    off(ops)
    said = ops.say("switch", "on", "settle")
    assert said == "settle is on again\nWhat was held back is asked about again and settles within 15 minutes.\n"
    assert not is_off(ops)
    assert ops.say("switch", "on", "settle") == "settle was on already\n"


def test_the_list_shows_what_is_off_and_all_shows_what_was(ops):
    assert ops.say("switch", "list") == "everything is on\n"
    assert ops.say("switch", "list", "--all") == "nothing was ever switched off\n"
    off(ops)
    [line] = ops.say("switch", "list").splitlines()
    assert line.endswith("UTC, by awa: answers look wrong")
    ops.say("switch", "on", "settle", "--by", "issa")
    assert ops.say("switch", "list") == "everything is on\n"
    shown = ops.say("switch", "list", "--all")
    assert "by issa" in shown
    assert "answers look wrong" in " ".join(shown.split())


def test_the_history_comes_in_pages(ops):
    for _ in range(3):
        off(ops)
    shown = ops.say("switch", "list", "--all", "--limit", "2")
    assert "still off" in shown
    assert shown.splitlines()[-1] == "more: --after 2"
    assert "by awa" in ops.say("switch", "list", "--all", "--limit", "2", "--after", "2")


def test_a_machine_is_told_the_same(ops):
    done = ops.document("switch", "off", "sweep", "--reason", "x", "--by", "awa")
    assert (done["switch"], done["off"], done["author"], done["reason"]) == ("sweep", True, "awa", "x")
    assert ops.document("switch", "list")["off"][0] == {k: v for k, v in done.items() if k != "off"}
    assert ops.document("switch", "on", "sweep") == {"switch": "sweep", "off": False, "was_off": True}
    [past] = ops.document("switch", "list", "--all")["stops"]
    assert (past["switch"], past["is_off"]) == ("sweep", False)


def test_who_asks_by_hand_while_settling_is_off_is_told_so(ops):
    add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    off(ops)
    lines = ops.say("invoices", "check", "ORD-1").splitlines()
    assert lines[0] == "answer   completed over 5,000 XOF; held back: settling is switched off by awa (0 ms)"
    assert lines[1] == "books    still pending"
    assert re.fullmatch(r"switch   settle is off until .* UTC, by awa: answers look wrong", lines[2])
    run(ops.tools.sessions, "UPDATE transactions SET last_asked_at = NULL")
    document = ops.document("invoices", "check", "ORD-1")
    assert (document["status"], document["settling_is_off"]["author"]) == ("pending", "awa")


def test_a_sweep_by_hand_says_that_it_is_switched_off(ops):
    ops.say("switch", "off", "sweep", "--reason", "x")
    said = ops.say("sweep").splitlines()
    assert said[1].startswith("sweep is switched off: only what a callback came about is asked about")


def test_it_speaks_french(ops):
    assert "Les réponses de la passerelle sont conservées" in off(ops, "--lang", "fr")
    assert "réactivé" in ops.say("switch", "on", "settle", "--lang", "fr")
