"""Listing and showing invoices: what a person reads, what a machine reads, and what neither may see."""

from __future__ import annotations

import json

import pytest

from models.check import Lane
from models.errors import NoAnswer
from tasks.confirm import confirm
from tasks.intake import intake
from tests.fakes import completed, notcompleted, pending, silence
from tests.ledger import add_created, add_pending, claim, knock, let_pass, run


def test_a_list_says_how_to_go_on_and_the_next_page_does(ops):
    add_pending(ops.tools.sessions, 3)
    first = ops.say("invoices", "list", "--limit", "2")
    assert "ORD-3" in first
    assert "ORD-1" not in first
    assert first.splitlines()[-1] == "more: --after 2"
    second = ops.say("invoices", "list", "--limit", "2", "--after", "2")
    assert "ORD-1" in second
    assert "more:" not in second


def test_a_list_with_the_oldest_first_says_so_again_for_the_next_page(ops):
    add_pending(ops.tools.sessions, 3)
    assert ops.say("invoices", "list", "--limit", "2", "--oldest-first").endswith("more: --after 2 --oldest-first\n")


def test_an_empty_list_and_a_page_past_the_end_say_so(ops):
    assert ops.say("invoices", "list") == "no invoices\n"
    assert ops.say("invoices", "list", "--after", "123", "--oldest-first") == "no invoices after 123\n"
    assert ops.document("invoices", "list", "--after", "1") == {"items": [], "next": None}


def test_a_crowded_list_fits_80_columns_and_cuts_nothing(ops):
    ops.say("invoices", "create", "--amount", "2000000", "--transaction-id", "Z" * 255)
    case = "INSERT INTO cases (kind, transaction_pk, detail) SELECT :kind, id, 'look' FROM transactions ORDER BY id"
    for kind in ("contradiction", "token_refused"):
        run(ops.tools.sessions, case, kind=kind)
    listed = ops.say("invoices", "list")
    assert max(len(line) for line in listed.splitlines()) <= 80
    assert listed.count("Z") == 255
    for words in ("2,000,000", "contradiction", "token_refused"):
        assert words in listed


def test_a_list_for_a_machine_is_one_document_with_whole_times(ops):
    add_pending(ops.tools.sessions, 2)
    page = ops.document("invoices", "list", "--status", "pending", "--limit", "1")
    [line] = page["items"]
    assert (line["transaction_id"], line["amount"], line["status"], page["next"]) == ("ORD-2", 5000, "pending", 2)
    assert line["created_at"].endswith("Z")


def test_a_list_tells_open_cases_and_overdue_questions(ops):
    [hole] = add_created(ops.tools.sessions)
    add_pending(ops.tools.sessions, due_in=-60)
    run(
        ops.tools.sessions,
        "INSERT INTO cases (kind, transaction_pk, detail) VALUES ('token_lost', :pk, 'look')",
        pk=hole,
    )
    listed = ops.say("invoices", "list")
    assert "is due" in listed
    assert "token_lost" in listed


@pytest.mark.parametrize("argv", [("--limit", "0"), ("--limit", "many"), ("--after", "-1"), ("--status", "paid")])
def test_a_wrong_option_is_a_matter_of_usage(ops, argv):
    result = ops.run("invoices", "list", *argv)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def paid(ops):
    """One invoice whose whole life is over, told by two callbacks and three questions."""
    [pk] = add_pending(ops.tools.sessions)
    answers = (silence(), pending(), completed(5000, "ORD-1", operator_name="ORANGE BURKINA", request_id="P1"))
    ops.fakes.gateway.says("token-of-ORD-1", *answers)
    intake(ops.tools, knock(ops.tools.sessions, claim("ORD-1"), claim("ORD-1")))
    for lane in (Lane.CALLBACK, Lane.SWEEP, Lane.PERSON):
        confirm(ops.tools, [pk], lane=lane)
        let_pass(ops.tools.sessions, 10)


def test_show_tells_the_whole_story_in_order(ops):
    paid(ops)
    story = [(moment["who"], moment["what"]) for moment in ops.document("invoices", "show", "ORD-1")["timeline"]]
    assert story == [
        ("shop", "invoice over 5,000 XOF"),
        ("sender", "callback 1, json: claims completed"),
        ("sender", "callback 2, json: claims completed; same as 1"),
        ("callback", "asked: no answer: no answer (0 ms)"),
        ("sweep", "asked: still pending (0 ms)"),
        ("person", "asked: completed over 5,000 XOF (0 ms)"),
        ("books", "settled 5,000 XOF, proved by check 3"),
        ("books", "notice 1 for the shop: completed"),
    ]


def test_show_fits_80_columns_and_needs_no_terminal(ops):
    paid(ops)
    shown = ops.say("invoices", "show", "ORD-1")
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "\x1b" not in shown
    for words in ("ORD-1  5,000 XOF  completed", "settled 5,000 XOF", "nothing: this is final", "ORANGE BURKINA"):
        assert words in shown


def test_show_says_when_the_next_question_comes(ops):
    add_pending(ops.tools.sessions, due_in=3630)
    assert "a question, in 1h00m" in ops.say("invoices", "show", "ORD-1")


def test_show_says_that_a_failed_payment_moved_no_money(ops):
    [pk] = add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", notcompleted())
    confirm(ops.tools, [pk], lane=Lane.SWEEP)
    assert "closed as notcompleted: no money moved" in ops.say("invoices", "show", "ORD-1")


def test_show_tells_cases_and_how_they_ended(ops):
    [pk] = add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", completed(4999, "ORD-1"))
    confirm(ops.tools, [pk], lane=Lane.SWEEP)
    run(ops.tools.sessions, "UPDATE cases SET resolved_at = now() + interval '1 hour', resolution = 'refunded'")
    story = [moment["what"] for moment in ops.document("invoices", "show", "ORD-1")["timeline"]]
    assert any(what.startswith("case 1, mismatch: completed over 4,999 XOF") for what in story)
    assert story[-1] == "case 1 is over: refunded"


def test_show_knows_a_parked_invoice_without_token(ops):
    add_created(ops.tools.sessions)
    run(ops.tools.sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now()")
    assert "for want of a token" in ops.say("invoices", "show", "ORD-1")


def test_neither_token_nor_payment_address_is_ever_shown(ops):
    ops.say("invoices", "create", "--amount", "700", "--transaction-id", "order-1")
    token = "token-1-of-order-1"
    for argv in (("list",), ("show", "order-1"), ("check", "order-1")):
        assert token not in ops.say("invoices", *argv)
        assert token not in json.dumps(ops.document("invoices", *argv))
    assert ops.document("invoices", "show", "order-1")["payment_url"] == "https://gateway.example/***"


def test_what_a_forger_wrote_cannot_steer_the_terminal(ops):
    add_pending(ops.tools.sessions)
    run(ops.tools.sessions, "UPDATE transactions SET description = E'\\x1b[2J[red]bold[/red]\\u202Etxt'")
    shown = ops.say("invoices", "show", "ORD-1")
    assert "\\x1b[2J[red]bold[/red]\\u202etxt" in shown


@pytest.mark.parametrize("name", ["nobody", "no\x1b[2Jbody", "\udcff"])
def test_an_unknown_invoice_is_one_line(ops, name):
    assert ops.fault("invoices", "show", name) == f"error: there is no invoice {name!r}"
    assert ops.fault("invoices", "check", name) == f"error: there is no invoice or payout {name!r}"


def test_a_database_that_is_away_is_one_line(ops_without_database):
    for argv in (("list",), ("show", "x"), ("check", "x"), ("create", "--amount", "700")):
        fault = ops_without_database.fault("invoices", *argv)
        assert fault.startswith("error: the database cannot be reached or is too busy")


def test_a_gateway_that_raises_out_of_turn_is_one_line_too(ops):
    ops.fakes.gateway.create_fault = NoAnswer("nothing came back")
    assert ops.fault("invoices", "create", "--amount", "700") == "error: nothing came back"
