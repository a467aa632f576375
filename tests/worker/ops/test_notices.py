"""Notices at the command line: listed, shown with every try and the event itself, and sent again by the same id."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from models.queries.stops import switch_off
from models.session import transaction
from models.stop import Switch
from tasks.notify import notify
from tasks.record import record
from tests.fakes import answers, completed
from tests.ledger import LANE, add_settled, answered, cases


@pytest.fixture
def told(ops):
    """Notice 1 delivered, 2 given up for good, 3 waiting for its second try."""
    ops.tools = replace(ops.tools, merchant=ops.fakes.merchant)
    ops.desk._given_tools = ops.tools
    add_settled(ops.tools.sessions, 3, tools=ops.tools)
    replies = {1: answers(200), 2: answers(410), 3: answers(500)}
    ops.fakes.merchant.says = lambda event: replies[event["seq"]]
    notify(ops.tools)
    return ops


def lines(ops, *argv):
    return ops.say("notices", "list", *argv).splitlines()


def rows(ops, *argv):
    """The rows of the table, each on one line again."""
    return re.split(r" (?=[123] completed)", " ".join(" ".join(lines(ops, *argv)[2:]).split()))


def test_a_list_says_of_each_how_far_it_got_and_what_is_next(told):
    third, second, first = rows(told)
    assert third.startswith("3 completed ORD-3 waiting ")
    assert third.endswith("1 try: it answered 500")
    assert second == "2 completed ORD-2 stopped after 1 try: it answered 410"
    assert first.startswith("1 completed ORD-1 delivered at ")
    assert max(len(line) for line in lines(told)) <= 80


def test_a_list_can_be_cut_by_state_and_page(told):
    assert [row.split()[0] for row in rows(told, "--state", "stopped")] == ["2"]
    page = told.document("notices", "list", "--limit", "2", "--oldest-first")
    assert ([one["seq"] for one in page["items"]], page["next"]) == ([1, 2], 2)
    assert lines(told, "--limit", "1")[-1] == "more: --after 3"
    assert lines(told, "--after", "1") == ["no notices after 1"]


def test_one_is_shown_with_its_tries_and_the_event_by_number_and_by_id(told):
    shown = told.say("notices", "show", "2")
    document = told.document("notices", "show", "2")
    event = document["event"]
    assert event["id"] in shown
    assert '"transaction_id": "ORD-2"' in shown
    assert "410  it answered 410" in shown
    assert told.say("notices", "show", event["id"]) == shown
    assert (document["state"], document["deliveries"][0]["http_status"]) == ("stopped", 410)


@pytest.mark.parametrize("name", ["99", "0", "evt_1_0000000000000000", "evt_99_ab", "x", "9" * 30, "-"])
def test_what_is_not_there_is_said_in_one_line(told, name):
    assert "there is no notice" in told.fault("notices", "show", name)
    assert "there is no notice" in told.fault("notices", "resend", "1", name)
    assert [one["state"] for one in told.document("notices", "list", "--oldest-first")["items"]] == [
        "delivered",
        "stopped",
        "waiting",
    ]


def test_sent_again_it_has_the_same_id_and_begins_anew(told):
    before = told.fakes.merchant.ids
    rung = told.fakes.queue.rung_for_notices
    assert told.say("notices", "resend", "1") == "1 notice is due again: a worker delivers now\n"
    assert told.fakes.queue.rung_for_notices == rung + 1
    notify(told.tools)
    assert told.fakes.merchant.ids == [*before, before[0]]


def test_whoever_sends_again_what_failed_wakes_an_endpoint_that_was_gone_and_the_case_ends_by_itself(told):
    assert (notify(told.tools), cases(told.tools.sessions)) == (0, ["endpoint"])
    told.fakes.merchant.says = lambda _: answers(200)
    assert told.document("notices", "resend", "--failed") == {
        "resent": [2],
        "of_account": {"default": [2]},
        "rung": True,
    }
    assert notify(told.tools) == 1
    assert cases(told.tools.sessions) == []
    assert told.say("notices", "resend", "--failed") == "no notice was given up\n"


def test_sending_again_what_nobody_can_be_told_says_so(ops):
    add_settled(ops.tools.sessions, tools=ops.tools)
    assert "NOTICE_URL is not set" in ops.say("notices", "resend", "1")


def test_with_telling_switched_off_it_waits(told):
    with transaction(told.tools.sessions) as step:
        switch_off(step.session, Switch.NOTIFY, author="awa", reason="moving", length=timedelta(hours=1))
    assert "switched off" in told.say("notices", "resend", "1")
    assert notify(told.tools) == 0


def test_with_the_broker_away_the_sweep_sees_to_it(told):
    told.fakes.queue.is_away = True
    assert "the next sweep sees to it" in told.say("notices", "resend", "1")


def test_without_a_number_it_asks_which(told):
    result = told.run("notices", "resend")
    assert result.exit_code == 2
    assert "--failed" in result.output


def test_a_crowded_list_fits_80_columns_in_french_too(told):
    told.say("invoices", "create", "--amount", "700", "--transaction-id", "Z" * 255)
    settled = answered(told.tools.sessions, 4, completed(700, "Z" * 255))
    record(told.tools, [settled], lane=LANE)
    listed = told.say("notices", "list", "--lang", "fr")
    shown = told.say("notices", "show", "2", "--lang", "fr")
    assert max(len(line) for line in listed.splitlines()) <= 80
    assert listed.count("Z") == 255
    assert "abandonné après 1 tentative" in " ".join(listed.split())
    assert "l'événement, tel qu'il est envoyé" in shown
