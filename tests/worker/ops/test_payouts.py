"""Money out at the command line: sent once, looked at, asked about, and decided by a person where nobody can be asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.answers import Answer, Said
from models.case import CaseKind
from models.check import Lane
from models.errors import GatewayRefused, NotSent, PayoutUnknown
from models.queries.payouts import find_payout
from models.queries.record import NewCase, open_cases
from models.queries.stops import switch_off
from models.session import transaction
from models.stop import Switch
from tasks.intake import intake
from tasks.record import record
from tests.fakes import completed
from tests.ledger import add_pending, answered, cases, claim, count, knock, run, value
from worker.language import speaking

ORDER = ("payouts", "create", "--transaction-id", "OUT-1", "--amount", "5000", "--to", "+226 70 00 00 00")
STRAIGHT = (*ORDER, "--way", "mobile-money")
BY = ("--reason", "seen in the dashboard", "--by", "awa")


def received(ops):
    return ops.fakes.gateway.payouts.received


def lose(ops):
    ops.fakes.gateway.payouts.send_fault = PayoutUnknown("the reply was lost")
    line = ops.fault(*STRAIGHT)
    ops.fakes.gateway.payouts.send_fault = None
    return line


def test_create_sends_once_and_says_to_whom(ops):
    assert ops.say(*STRAIGHT) == "OUT-1: 5,000 XOF to 22670000000, pending\n"
    assert ops.say(*STRAIGHT) == "OUT-1: 5,000 XOF to 22670000000, pending, already in the books\n"
    told = ops.document(*STRAIGHT)
    assert (told["is_new"], told["route"], told["status"]) == (False, "mobile_money", "pending")
    assert len(received(ops)) == 1


@pytest.mark.parametrize(("way", "stays"), [("mobile-money", None), ("wallet", True), ("through-wallet", False)])
def test_each_way_is_sent_as_it_is_meant(ops, way, stays):
    ops.say(*ORDER, "--way", way)
    assert [order.stays_in_wallet for order in received(ops)] == [stays]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--amount", "19"), "amount must be from 20 to 1,000,000 XOF, not 19"),
        (("--to", "70000000"), "the phone number must begin with its country code"),
        (("--transaction-id", " x"), "transaction_id must be visible characters"),
        (("--description", "a\x1b[2J"), "description must be readable text"),
    ],
)
def test_what_breaks_a_rule_is_one_line_and_sends_nothing(ops, change, words):
    assert words in ops.fault(*STRAIGHT, *change)
    assert (received(ops), count(ops.tools.sessions, "transactions")) == ([], 0)


def test_an_id_is_needed_and_so_is_the_way(ops):
    for left_out in (STRAIGHT[:2] + STRAIGHT[4:], ORDER):
        assert ops.run(*left_out).exit_code == 2


@pytest.mark.parametrize("fault", [GatewayRefused("the gateway says no"), NotSent("it was not sent")])
def test_what_was_certainly_not_taken_goes_out_when_it_is_sent_again(ops, fault):
    ops.fakes.gateway.payouts.send_fault = fault
    assert ops.fault(*STRAIGHT) == f"error: {fault}"
    ops.fakes.gateway.payouts.send_fault = None
    assert "pending" in ops.say(*STRAIGHT)


def test_after_a_lost_reply_it_says_that_nobody_knows_and_sends_nothing(ops):
    assert lose(ops).startswith("error: the reply was lost. Nothing sends it again, and a case is open")
    assert "It was sent, and nobody knows yet what became of it" in ops.say(*STRAIGHT)
    assert len(received(ops)) == 1


def test_list_shows_payouts_and_no_invoices(ops):
    add_pending(ops.tools.sessions)
    assert ops.say("payouts", "list") == "no payouts\n"
    ops.say(*STRAIGHT)
    assert "OUT-1" in ops.say("payouts", "list")
    assert "ORD-1" not in ops.say("payouts", "list")
    assert "OUT-1" not in ops.say("invoices", "list")
    [line] = ops.document("payouts", "list", "--status", "pending")["items"]
    assert (line["customer"], line["route"]) == ("22670000000", "mobile_money")
    assert line["sent_at"]
    assert ops.document("payouts", "list", "--status", "refused")["items"] == []


def test_show_tells_when_it_was_sent_and_never_its_token(ops):
    ops.say(*ORDER, "--way", "through-wallet")
    said = ops.say("payouts", "show", "OUT-1")
    for words in ("payout over 5,000 XOF", "handed to the gateway", "22670000000", "and on to mobile money"):
        assert words in said
    document = ops.document("payouts", "show", "OUT-1")
    assert (document["route"], document["stays_in_wallet"]) == ("wallet", False)
    assert "payment_url" not in document
    assert "payout-1-of" not in f"{said}{document}"
    assert ops.fault("payouts", "show", "OUT-2") == "error: there is no payout 'OUT-2'"
    assert ops.fault("invoices", "show", "OUT-1") == "error: there is no invoice 'OUT-1'"


def test_check_asks_with_the_token_of_the_payout_and_settles(ops):
    ops.say(*STRAIGHT)
    ops.fakes.gateway.payouts.says("payout-1-of-OUT-1", Answer(said=Said.COMPLETED))
    assert "completed" in ops.say("payouts", "check", "OUT-1", "--now")
    assert value(ops.tools.sessions, "SELECT amount FROM settlements") == 5000
    assert (ops.fakes.gateway.payouts.asked, ops.fakes.gateway.asked) == (["payout-1-of-OUT-1"], [])


def test_the_case_of_a_lost_reply_says_what_to_do_and_never_to_send_it_again(ops):
    lose(ops)
    said = ops.say("cases", "show", "1")
    assert "The money may be on its way" in said.replace("\n", " ")
    assert "--as completed --override" in said
    assert "--as notcompleted --override" in said
    assert "--as refused" not in said
    assert "can then be sent again" not in said
    with speaking("fr"):
        assert "versement" in ops.say("cases", "show", "1")


@pytest.mark.parametrize(("became", "settled"), [("completed", 1), ("notcompleted", 0)])
def test_a_person_decides_what_became_of_it_and_it_is_not_sent_again(ops, became, settled):
    lose(ops)
    ops.say("cases", "resolve", "1", "--as", became, "--override", *BY)
    assert value(ops.tools.sessions, "SELECT status FROM transactions") == became
    assert (count(ops.tools.sessions, "settlements"), count(ops.tools.sessions, "notices")) == (settled, 1)
    assert cases(ops.tools.sessions) == []
    assert became in ops.say(*STRAIGHT)
    assert ("paid out" in ops.say("payouts", "show", "OUT-1").replace("\n", " ")) is bool(settled)
    assert len(received(ops)) == 1


def test_a_payout_that_was_sent_cannot_be_called_refused(ops):
    lose(ops)
    line = ops.fault("cases", "resolve", "1", "--as", "refused", "--override", *BY)
    assert line == "error: OUT-1 was sent, and the money may have gone out: --as completed or --as notcompleted"


def test_a_callback_against_what_a_person_decided_is_a_case(ops):
    lose(ops)
    ops.say("cases", "resolve", "1", "--as", "notcompleted", "--override", *BY)
    intake(ops.tools, knock(ops.tools.sessions, claim("OUT-1", "notcompleted"), claim("OUT-1")))
    outcomes = run(ops.tools.sessions, "SELECT outcome FROM callbacks ORDER BY id")
    assert (outcomes, cases(ops.tools.sessions)) == ([("matched",), ("orphan",)], ["called_back"])
    assert "a person decided" in value(ops.tools.sessions, "SELECT note FROM callbacks WHERE outcome = 'orphan'")


def test_the_case_of_another_sum_speaks_of_money_that_went_out(ops):
    ops.say(*STRAIGHT)
    ops.fakes.gateway.payouts.says("payout-1-of-OUT-1", completed(4000, "OUT-1"))
    ops.run("payouts", "check", "OUT-1", "--now")
    said = " ".join(ops.say("cases", "show", "1").split())
    assert "The gateway says that 4,000 XOF went out; the payout is over 5,000 XOF." in said
    assert "reconciler payouts check OUT-1 --now" in said


def test_money_that_goes_out_is_told_apart_from_money_that_comes_in(ops):
    [one] = add_pending(ops.tools.sessions)
    record(ops.tools, [answered(ops.tools.sessions, one, completed(4000, "ORD-1"))], lane=Lane.SWEEP)
    lose(ops)
    listed = ops.say("cases", "list")
    assert "XOF of payouts" in listed
    assert "5,000 out" in listed
    totals = {
        total["kind"]: (total["at_risk"], total["going_out"]) for total in ops.document("cases", "list")["totals"]
    }
    assert totals == {"mismatch": (4000, 0), "token_lost": (5000, 5000)}
    assert "5,000 XOF, to be paid out" in ops.say("cases", "show", "2")
    status = ops.say("status").splitlines()
    assert "invoices   1 open; 0 overdue; 0 parked" in status
    assert "payouts    1 open over 5,000 XOF; 1 parked; 1 sent, without a reply so far" in status
    ops.say("cases", "resolve", "2", "--as", "completed", "--override", *BY)
    assert "5,000 XOF paid out, by awa" in ops.say("fsck")


def test_of_a_payout_that_waits_no_more_is_said_than_is_known(ops):
    with transaction(ops.tools.sessions) as step:
        switch_off(step.session, Switch.SEND, author="awa", reason="x", length=timedelta(hours=1))
    assert ops.say(*STRAIGHT).splitlines()[-1].startswith("Sending is switched off: it is stored")
    assert [one["queued"] for one in ops.document("payouts", "list", "--queued")["items"]] == [True]
    assert "queued" in ops.say("payouts", "show", "OUT-1")
    with transaction(ops.tools.sessions) as step:
        open_cases(step.session, [NewCase(kind=CaseKind.TOKEN_LOST, detail="x", transaction_pk=1)])
    line = ops.fault("cases", "resolve", "1", "--as", "completed", "--override", *BY)
    assert line.startswith("error: OUT-1 was not sent, so no money went out")
    assert received(ops) == []


def test_the_books_of_all_this_are_sound(ops):
    lose(ops)
    ops.say("cases", "resolve", "1", "--as", "completed", "--override", *BY)
    assert ops.say("fsck").splitlines()[-1].startswith("clean")
    with transaction(ops.tools.sessions) as step:
        assert find_payout(step.session, "OUT-1").sent_at is not None
