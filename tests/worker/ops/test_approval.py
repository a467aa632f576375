"""A person at the command line lets a payout go, or not; until then it is seen wherever one looks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ledger import cases
from worker.language import speaking
from worker.ops.desk import Desk

ORDER = ("payouts", "create", "--transaction-id", "OUT-1", "--amount", "5000", "--to", "22670000000")
STRAIGHT = (*ORDER, "--way", "mobile-money")
BY = ("--reason", "agreed with the shop", "--by", "awa")


@pytest.fixture
def held(ops):
    tools = replace(ops.tools, approval_above=4000)
    held = replace(ops, tools=tools, desk=Desk(settings=ops.desk.settings, tools=tools))
    assert "It waits for approval" in held.say(*STRAIGHT)
    return held


def received(ops):
    return len(ops.fakes.gateway.payouts.received)


def test_what_waits_is_seen_wherever_one_looks(held):
    assert "OUT-1" in held.say("payouts", "list", "--awaiting")
    [line] = held.document("payouts", "list", "--awaiting")["items"]
    assert line["awaiting_approval"] is True
    assert "approval" in held.say("cases", "list")
    assert "reconciler payouts approve OUT-1" in held.say("cases", "show", "1")
    assert "waits for approval" in held.say("payouts", "show", "OUT-1").replace("\n", " ")
    with speaking("fr"):
        assert "dépasse le plafond" in held.say("cases", "show", "1").replace("\n", " ")
    assert received(held) == 0


def test_approve_sends_it_and_says_who_let_it_go(held):
    assert held.say("payouts", "approve", "OUT-1", *BY) == "OUT-1: 5,000 XOF to 22670000000, pending\n"
    assert "approved, awa: agreed with the shop" in held.say("payouts", "show", "OUT-1")
    assert held.say("payouts", "list", "--awaiting") == "no payouts\n"
    line = held.fault("payouts", "approve", "OUT-1", *BY)
    assert line == "error: payout 'OUT-1' does not wait for approval: it is pending, approved by awa"
    assert (received(held), cases(held.tools.sessions)) == (1, [])
    assert held.say("fsck").splitlines()[-1].startswith("clean")


def test_reject_closes_it_for_good(held):
    assert "refused" in held.say("payouts", "reject", "OUT-1", *BY)
    assert "was rejected by awa, and is not taken up again" in held.fault(*STRAIGHT)
    assert (received(held), cases(held.tools.sessions)) == (0, [])


def test_its_case_ends_with_the_decision_and_not_otherwise(held):
    line = held.fault("cases", "resolve", "1", "--as", "refused", "--override", *BY)
    assert line.startswith("error: OUT-1 waits for approval: `reconciler payouts approve`")
    assert held.run("cases", "resolve", "1", *BY).exit_code == 1
    assert cases(held.tools.sessions) == ["approval"]


def test_a_decision_needs_a_reason(held):
    for words in ((), ("--reason", " ")):
        assert held.run("payouts", "approve", "OUT-1", *words).exit_code == 2
    assert held.fault("payouts", "reject", "OUT-2", *BY) == "error: there is no payout 'OUT-2'"


def test_a_file_says_how_many_wait_and_ends_well(held, tmp_path):
    file = tmp_path / "payouts.csv"
    file.write_text(
        "transaction_id,customer,amount\nOUT-2,22670000000,4000\nOUT-3,22670000000,4001\n", encoding="utf-8"
    )
    argv = ("payouts", "send", str(file), "--route", "mobile_money", "--rate", "200", *BY)
    for sent, skipped in ((1, 0), (0, 1)):
        told = held.document(*argv)
        assert (told["sent"], told["awaiting"], told["skipped"], told["left"]) == (sent, 1, skipped, 0)
    assert "1 wait for approval" in held.say(*argv)
    assert "1 wait for approval" in held.say(*argv, "--dry-run")
    assert received(held) == 1


def test_a_dry_run_counts_neither_what_would_wait_nor_what_was_rejected_as_sent(held, tmp_path):
    held.say("payouts", "reject", "OUT-1", *BY)
    file = tmp_path / "payouts.csv"
    rows = ["OUT-1,22670000000,5000", "OUT-2,22670000000,4000", "OUT-3,22670000000,4001"]
    file.write_text("\n".join(["transaction_id,customer,amount", *rows]), encoding="utf-8")
    argv = ("payouts", "send", str(file), "--route", "mobile_money", "--rate", "200", *BY)
    told = held.document(*argv, "--dry-run")
    assert (told["to_send"], told["amount"]) == (1, 4000)
    assert (told["held"], told["held_amount"], told["closed"]) == (1, 4001, 1)
    assert "1 more is above the ceiling, and would wait for approval: 4,001 XOF" in held.say(*argv, "--dry-run")
    run = held.run(*argv)
    assert run.exit_code == 1
    assert "sent 1 over 4,000 XOF, refused 1" in run.stdout
    assert "OUT-1: payout 'OUT-1' was rejected by awa" in run.stdout
    assert (received(held), cases(held.tools.sessions)) == (1, ["approval"])
