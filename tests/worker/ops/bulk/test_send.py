"""`payouts send`: nothing goes out of a file with a fault; what goes out goes once, and a second run goes on."""

from __future__ import annotations

import json
import os
import signal
from datetime import timedelta

import pytest

from models.errors import GatewayMisconfigured, GatewayRefused, NotSent, PayoutUnknown
from models.payout import PayoutOrder
from models.queries.payouts import NewPayout, begin_payout
from models.queries.stops import switch_off, switch_on
from models.session import transaction
from models.stop import Switch
from models.transaction import Route
from tasks.payouts import order_digest
from tests.ledger import add_pending, cases, count, run
from worker.language import speaking
from worker.ops.bulk.sending import until_interrupted

WHY = ("--reason", "salaries of November", "--by", "awa", "--rate", "200")
HEADING = "transaction_id,route,customer,amount"


def sheet_of(tmp_path, *lines):
    path = tmp_path / "payouts.csv"
    path.write_text("\n".join([HEADING, *lines]), encoding="utf-8")
    return str(path)


@pytest.fixture
def file(tmp_path):
    return sheet_of(tmp_path, *[f"OUT-{n},mobile_money,2267000000{n},{n}000" for n in range(1, 6)])


def received(ops):
    return [order.transaction_id for order in ops.fakes.gateway.payouts.received]


def failing(ops, faults):
    """The gateway fails so for these."""

    def during(order):
        if fault := faults.get(order.transaction_id):
            raise fault

    ops.fakes.gateway.payouts.during_send = during


def test_a_dry_run_adds_up_and_sends_nothing(ops, file):
    said = ops.say("payouts", "send", file, "--dry-run", *WHY)
    assert "5 payouts would be sent: 15,000 XOF" in said
    assert "Burkina Faso" in said
    assert (received(ops), count(ops.tools.sessions, "transactions")) == ([], 0)
    told = ops.document("payouts", "send", file, "--dry-run", *WHY)
    assert (told["to_send"], told["amount"], told["skipped"], told["halted"]) == (5, 15_000, 0, "")
    with transaction(ops.tools.sessions) as step:
        switch_off(step.session, Switch.SEND, author="awa", reason="wrong list", length=timedelta(hours=1))
    with speaking("fr"):
        said = ops.say("payouts", "send", file, "--dry-run", *WHY)
    assert "rien ne serait envoyé : les envois sont suspendus par awa : wrong list" in said


def test_a_dry_run_counts_no_refusal_that_the_application_was_told_of(ops, file):
    failing(ops, {"OUT-2": GatewayRefused("the gateway says no")})
    ops.run("payouts", "send", file, *WHY)
    assert ops.document("payouts", "send", file, "--dry-run", *WHY)["to_send"] == 1
    run(ops.tools.sessions, "UPDATE transactions SET wait_ended_at = now() WHERE transaction_id = 'OUT-2'")
    assert ops.document("payouts", "send", file, "--dry-run", *WHY)["to_send"] == 0


def test_an_option_for_wallets_is_refused_where_the_file_has_none(ops, file):
    argv = ("payouts", "send", file, "--route", "mobile_money", "--top-up-wallet", "1", *WHY)
    assert "nothing in the file goes to a wallet" in " ".join(ops.run(*argv).stderr.split())
    assert received(ops) == []


def test_each_is_sent_once_and_the_books_say_who_had_it_sent(ops, file):
    assert ops.say("payouts", "send", file, *WHY) == (
        "sent 5 over 15,000 XOF, refused 0, not sent 0, unknown 0, skipped 0\n"
    )
    assert "5 are in the books with the same order" in ops.say("payouts", "send", file, "--dry-run", *WHY)
    assert "skipped 5" in ops.say("payouts", "send", file, *WHY)
    assert received(ops) == [f"OUT-{n}" for n in range(1, 6)]
    assert run(ops.tools.sessions, "SELECT DISTINCT ordered_by, ordered_why FROM transactions") == [
        ("awa", "salaries of November")
    ]


def test_with_one_fault_in_the_file_or_against_the_books_nothing_is_sent(ops, tmp_path):
    ops.say("payouts", "send", sheet_of(tmp_path, "OUT-1,mobile_money,22670000000,5000"), *WHY)
    add_pending(ops.tools.sessions)
    add_of_another_account(ops, "OUT-4")
    [(invoice,)] = run(ops.tools.sessions, "SELECT transaction_id FROM transactions WHERE kind = 'invoice'")
    file = sheet_of(
        tmp_path,
        "OUT-1,mobile_money,22670000000,5001",
        "OUT-2,mobile_money,22670000000,5000",
        f"{invoice},mobile_money,22670000000,5000",
        "OUT-3,mobile_money,22670000000,1.5",
        "OUT-4,mobile_money,22670000000,5000",
    )
    result = ops.run("payouts", "send", file, *WHY)
    assert result.stderr.splitlines() == [
        "line 2, transaction_id: is in the books with another order",
        "line 4, transaction_id: is in the books as an invoice",
        "line 5, amount: must be whole francs, in digits alone, not '1.5'",
        "line 6, transaction_id: is in the books under the account shop",
        "4 faults; nothing was sent",
    ]
    assert (result.exit_code, received(ops)) == (1, ["OUT-1"])
    assert len(json.loads(ops.run("payouts", "send", file, "--json", *WHY).stdout)["faults"]) == 4
    with speaking("fr"):
        assert "ligne 5, amount : doit être en francs entiers" in ops.run("payouts", "send", file, *WHY).stderr


def add_of_another_account(ops, ours):
    order = PayoutOrder(transaction_id=ours, amount=5000, route=Route.MOBILE_MONEY, customer="22670000000")
    with transaction(ops.tools.sessions) as step:
        new = NewPayout(order=order, account="shop", digest=order_digest(order))
        assert begin_payout(step.session, new, grace=timedelta(minutes=2))


def test_who_switches_sending_off_stops_the_file_and_the_same_command_goes_on(ops, file):
    def throw(order):
        if order.transaction_id == "OUT-2":
            with transaction(ops.tools.sessions) as step:
                switch_off(step.session, Switch.SEND, author="awa", reason="wrong list", length=timedelta(hours=1))

    ops.fakes.gateway.payouts.during_send = throw
    result = ops.run("payouts", "send", file, *WHY)
    assert (result.exit_code, received(ops)) == (1, ["OUT-1", "OUT-2"])
    assert "stopped: sending is switched off by awa: wrong list" in result.stderr
    assert "3 are left. The same command goes on" in result.stderr
    assert count(ops.tools.sessions, "transactions") == 2
    with transaction(ops.tools.sessions) as step:
        switch_on(step.session, Switch.SEND, author="awa")
    assert "sent 3" in ops.say("payouts", "send", file, *WHY)


def test_an_account_that_is_taken_away_ends_the_run_and_what_went_out_is_told(ops, file):
    ops.fakes.gateway.payouts.during_send = lambda _order: ops.tools.accounts.remove("default")
    result = ops.run("payouts", "send", file, *WHY)
    assert (result.exit_code, received(ops)) == (1, ["OUT-1"])
    assert "sent 1 over 1,000 XOF" in result.stdout
    assert "stopped: account: there is no account 'default' here" in result.stderr
    assert "4 are left" in result.stderr


def test_what_is_refused_or_unknown_is_told_with_its_line_and_the_rest_goes_out(ops, file):
    failing(ops, {"OUT-2": GatewayRefused("the gateway says no"), "OUT-4": PayoutUnknown("the reply was lost")})
    result = ops.run("payouts", "send", file, *WHY)
    assert result.exit_code == 1
    assert "sent 3 over 9,000 XOF, refused 1, not sent 0, unknown 1, skipped 0" in result.stdout
    assert "refused, line 3, OUT-2: the gateway says no" in result.stdout
    assert "unknown, line 5, OUT-4: `reconciler cases show 1`" in result.stdout
    failing(ops, {})
    again = ops.run("payouts", "send", file, *WHY)
    assert "sent 1 over 2,000 XOF, refused 0, not sent 0, unknown 1, skipped 3" in again.stdout
    assert received(ops).count("OUT-4") == 1
    assert cases(ops.tools.sessions) == ["token_lost"]


@pytest.mark.parametrize(
    ("fault", "tried"),
    [(GatewayMisconfigured("our keys are refused"), 1), (PayoutUnknown("lost"), 3), (NotSent("away"), 3)],
)
def test_what_the_others_would_meet_too_ends_the_run(ops, file, fault, tried):
    ops.fakes.gateway.payouts.send_fault = fault
    result = ops.run("payouts", "send", file, *WHY)
    assert (result.exit_code, len(received(ops))) == (1, tried)
    assert f"stopped: {fault}" in result.stderr
    assert f"{5 - tried} are left" in result.stderr


@pytest.fixture(params=[signal.SIGINT, signal.SIGHUP], ids=["ctrl-c", "a lost terminal"])
def ending(request):
    """A signal that is heard, also where whoever runs the tests has it ignored: in the background, or under nohup."""
    before = signal.signal(request.param, signal.default_int_handler)
    yield request.param
    signal.signal(request.param, before)


def test_what_ends_a_run_finishes_the_one_under_way_and_says_how_to_go_on(ops, file, ending):
    def press(order):
        if order.transaction_id == "OUT-2":
            os.kill(os.getpid(), ending)

    ops.fakes.gateway.payouts.during_send = press
    result = ops.run("payouts", "send", file, *WHY)
    assert (result.exit_code, received(ops)) == (130, ["OUT-1", "OUT-2"])
    assert "3 are left. The same command goes on" in result.stderr
    assert "sent 2" in result.stdout
    assert "sent 3" in ops.say("payouts", "send", file, *WHY)


def test_under_nohup_a_lost_terminal_ends_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with until_interrupted() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_reason_is_needed(ops, file):
    assert ops.run("payouts", "send", file).exit_code == 2
    assert ops.run("payouts", "send", file, "--reason", " ").exit_code == 2
