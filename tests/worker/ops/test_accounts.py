"""Several accounts at the command line: listed without a secret, told apart in every view, and missed where they are gone."""

from __future__ import annotations

import json

import pytest

from models.account import DEFAULT
from models.check import Lane
from tasks.confirm import confirm
from tasks.notify import notify
from tasks.sweep import sweep
from tasks.toolbox import Shop
from tests.fakes import FakeAccounts, Fakes, answers, completed, settings_for, toolbox
from tests.ledger import add_pending, run
from worker.language import speaking
from worker.ops.desk import Desk


@pytest.fixture
def shop():
    return Fakes()


@pytest.fixture
def two(ops, shop):
    """The command line of an installation with two accounts."""
    theirs = shop.account(
        "shop",
        keys="0a1b2c3d4e5f",
        rate=5.0,
        operators=("11",),
        shop=Shop(callback_url="https://pay.example.com/hook/shop"),
    )
    ops.accounts = FakeAccounts(ops.fakes.account(DEFAULT, keys="ffffffffffff"), theirs)
    ops.tools = toolbox(ops.tools.sessions, ops.fakes, accounts=ops.accounts, merchant=ops.fakes.merchant)
    ops.desk = Desk(settings=ops.desk.settings, tools=ops.tools)
    return ops


def gone(ops, count=2):
    return add_pending(ops.tools.sessions, count, account="gone", due_in=-120)


def test_accounts_are_listed_with_how_they_do_and_without_their_keys(two, shop):
    add_pending(two.tools.sessions, 3, account="shop")
    shop.breaker.wait = 30
    own, theirs = two.document("accounts")["accounts"]
    assert (own["account"], own["breaker"], own["rate"], own["asked_about"]) == (DEFAULT, "closed", 50, 0)
    assert theirs == {
        "account": "shop",
        "is_set_up": True,
        "keys": "0a1b2c3d4e5f",
        "rate": 5,
        "callback_url": "https://pay.example.com/hook/shop",
        "operators": ["11"],
        "breaker": "open",
        "asked_about": 3,
        "overdue": 0,
    }


def test_an_account_that_only_the_books_know_is_listed_too(two):
    gone(two)
    lost = two.document("accounts")["accounts"][-1]
    assert (lost["account"], lost["is_set_up"], lost["asked_about"], lost["overdue"]) == ("gone", False, 2, 2)
    assert lost["breaker"] is lost["keys"] is lost["rate"] is None
    assert "not set up" in two.say("accounts")
    with speaking("fr"):
        assert "non configuré" in two.say("accounts")


def test_files_with_faults_are_told_under_the_list(two):
    two.accounts.faults = ["LIGDICASH_ACCOUNTS_FILE: [shop] api_key: is empty"]
    assert "[shop] api_key: is empty; those read before are used" in " ".join(two.say("accounts").split())
    assert two.document("accounts")["faults"] == two.accounts.faults


def test_an_invoice_is_created_registered_and_listed_by_account(two, shop, tmp_path):
    two.say("invoices", "create", "--amount", "5000", "--transaction-id", "ORD-1")
    made = two.document("invoices", "create", "--amount", "5000", "--transaction-id", "ORD-2", "--account", "shop")
    (tmp_path / "token").write_text("token-of-theirs")
    two.say(
        "invoices", "register", "--amount", "5000", "--transaction-id", "ORD-3", "--account", "shop",
        "--token-file", str(tmp_path / "token"),
    )  # fmt: skip
    assert (made["account"], len(shop.gateway.orders)) == ("shop", 1)
    listed = two.document("invoices", "list", "--account", "shop")["items"]
    assert [(line["transaction_id"], line["account"]) for line in listed] == [("ORD-3", "shop"), ("ORD-2", "shop")]
    assert len(two.document("invoices", "list")["items"]) == 3
    assert two.document("invoices", "show", "ORD-2")["account"] == "shop"


def test_a_payout_and_a_code_are_sent_by_account(two, shop):
    out = ("payouts", "create", "--amount", "5000", "--to", "22670000000", "--way", "mobile-money", "--transaction-id")
    assert two.document(*out, "OUT-1", "--account", "shop")["account"] == "shop"
    two.say(*out, "OUT-2")
    [line] = two.document("payouts", "list", "--account", "shop")["items"]
    assert (line["transaction_id"], line["account"]) == ("OUT-1", "shop")
    assert len(shop.gateway.payouts.received) == len(two.fakes.gateway.payouts.received) == 1
    two.say("invoices", "send-code", "--customer", "22676000000", "--amount", "5000", "--account", "shop")
    assert (two.fakes.gateway.sent_to, shop.gateway.sent_to) == ([], [("22676000000", 5000)])


def test_an_account_that_is_not_set_up_takes_no_order(two):
    create = ("invoices", "create", "--amount", "5000", "--account", "nowhere")
    assert two.fault(*create) == "error: account: there is no account 'nowhere' here; there are default, shop"
    with speaking("fr"):
        assert "il n'y a pas ici de compte 'nowhere'" in two.fault(*create)


def test_why_goes_by_the_breaker_of_the_invoices_own_account(two, shop):
    add_pending(two.tools.sessions)
    add_pending(two.tools.sessions, account="shop")
    shop.breaker.wait = 30
    assert two.document("why", "ORD-1")["breaker"]["state"] == "closed"
    theirs = two.document("why", "ORD-2")
    assert (theirs["account"], theirs["breaker"]["state"]) == ("shop", "open")


def test_why_says_that_an_account_is_not_set_up(two):
    gone(two, 1)
    document = two.document("why", "ORD-1")
    assert [one["obstacle"] for one in document["hindrances"]] == ["no_account"]
    assert (document["has_account"], document["breaker"]) == (False, None)
    said = " ".join(two.say("why", "ORD-1").split())
    assert "it belongs to the account gone, which is not set up here" in said
    assert "Nothing goes out before the account gone is set up again" in said


def test_the_case_of_a_missing_account_says_what_to_do(two):
    gone(two)
    sweep(two.tools)
    [case] = two.document("cases", "list")["items"]
    assert (case["kind"], case["account"]) == ("account", "gone")
    shown = " ".join(two.say("cases", "show", "1").split())
    assert "Payments of the account gone are not asked about" in shown
    assert "Put the account's table back into LIGDICASH_ACCOUNTS_FILE" in shown
    with speaking("fr"):
        assert "Remettre la table du compte" in " ".join(two.say("cases", "show", "1").split())


def test_status_shows_breaker_and_budget_of_the_other_accounts_too(two, shop):
    shop.breaker.wait = 30
    [theirs] = two.document("status")["accounts"]
    assert (theirs["account"], theirs["rate"], theirs["breaker"]["state"]) == ("shop", 5, "open")
    assert "shop: open; 5/s" in two.say("status")


def test_with_one_account_status_has_no_line_about_accounts(ops):
    assert ops.document("status")["accounts"] == []
    assert "accounts" not in ops.say("status")


def test_status_says_on_top_what_is_wrong_with_the_files(two):
    two.accounts.faults = ["LIGDICASH_ACCOUNTS_FILE: is not TOML"]
    assert two.say("status").startswith("ACCOUNTS NOT READ (LIGDICASH_ACCOUNTS_FILE: is not TOML)")


def test_a_status_that_begins_with_a_faulty_file_shows_the_rest_all_the_same(
    database_url, redis_url, tmp_path, monkeypatch
):
    path = tmp_path / "accounts.toml"
    path.write_text("[shop]\n")
    monkeypatch.chdir(tmp_path)
    settings = settings_for(database_url, redis_url)
    for name in ("ligdicash_api_key", "ligdicash_api_token", "reconciler_api_key", "database_url", "redis_url"):
        monkeypatch.setenv(name.upper(), getattr(settings, name).get_secret_value())
    monkeypatch.setenv("CALLBACK_URL", settings.callback_url)
    monkeypatch.setenv("LIGDICASH_ACCOUNTS_FILE", str(path))
    desk = Desk()
    assert desk._without_what_it_spares().ligdicash_accounts_file == ""
    assert desk.account_faults == [
        "LIGDICASH_ACCOUNTS_FILE: [shop] api_key: give it, or api_key_file",
        "LIGDICASH_ACCOUNTS_FILE: [shop] api_token: give it, or api_token_file",
    ]


def test_notices_are_listed_shown_and_sent_again_by_account(two, shop):
    merchant = two.fakes.merchant
    merchant.says = lambda _: answers(410)
    for pk, of in (
        (*add_pending(two.tools.sessions), two.fakes),
        (*add_pending(two.tools.sessions, account="shop"), shop),
    ):
        of.gateway.says(f"token-of-ORD-{pk}", completed(5000, f"ORD-{pk}"))
        confirm(two.tools, [pk], lane=Lane.PERSON)
    assert [notify(two.tools), notify(two.tools)] == [1, 1]
    [line] = two.document("notices", "list", "--account", "shop")["items"]
    assert (line["transaction_id"], line["state"]) == ("ORD-2", "stopped")
    assert two.document("notices", "show", "1", "--account", "shop")["event"]["data"]["account"] == "shop"
    merchant.says = lambda _: answers(200)
    assert two.document("notices", "resend", "--failed")["of_account"] == {"default": [1], "shop": [1]}
    assert [notify(two.tools), notify(two.tools)] == [1, 1]
    assert run(two.tools.sessions, "SELECT DISTINCT state FROM notices") == [("delivered",)]
    assert two.document("notices", "resend", "1", "--account", "shop")["of_account"] == {"shop": [1]}


def test_no_view_of_accounts_shows_a_secret(two):
    shown = json.dumps([two.document("accounts"), two.document("status")], default=str)
    assert "key-for-tests" not in shown
    assert "token-for-tests" not in shown
