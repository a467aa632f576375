"""Direct and wallet payins by hand: a code that is never on the command line, and what the customer has to do."""

from __future__ import annotations

import json

import pytest

from models.errors import GatewayRefused, OutcomeUnknown
from tasks.intake import intake
from tests.ledger import cases, claim, count, knock, run, value
from worker.language import speaking

OTP = "736415"
NUMBER = "22676000000"
DIRECT = (
    *("invoices", "create", "--amount", "5000", "--transaction-id", "order-1"),
    *("--mode", "direct", "--customer", "+226 76 00 00 00", "--operator", "11"),
)
PUSHED = (*DIRECT[:6], "--mode", "direct", "--customer", "22990000000", "--operator", "1")
WALLET = (*DIRECT[:6], "--mode", "wallet", "--customer", NUMBER)


def test_a_customer_who_is_asked_on_the_phone_is_to_be_told_so(ops):
    assert ops.say(*PUSHED).splitlines() == [
        "order-1: 5,000 XOF, pending",
        "for the customer: Approve the payment on your phone with your PIN.",
    ]
    assert ops.document(*PUSHED)["customer"] == "approve"


def test_the_code_comes_from_a_file_or_from_stdin_and_is_told_nowhere(ops, tmp_path):
    (tmp_path / "code").write_text("736 415\n")
    assert OTP not in ops.say(*DIRECT, "--otp-file", str(tmp_path / "code"))
    assert OTP not in ops.say(
        *WALLET[:4], "--transaction-id", "order-2", *WALLET[6:], "--otp-file", "-", stdin=b"736415"
    )
    assert ops.fakes.gateway.otps == [OTP, OTP]


@pytest.mark.parametrize("content", [b"1", b"736415!", b"7364157364157", b"\xff\xfe\xfd\xfc"])
def test_a_code_that_cannot_be_one_is_refused_without_repeating_it(ops, content):
    line = ops.fault(*DIRECT, "--otp-file", "-", stdin=content)
    assert line == "error: the one-time code must be 4 to 12 letters or digits, as the customer got it"
    assert count(ops.tools.sessions, "transactions") == 0


def test_a_code_file_that_is_not_there_is_one_line(ops, tmp_path):
    assert "cannot be read" in ops.fault(*DIRECT, "--otp-file", str(tmp_path / "none"))


def test_without_its_code_the_order_waits_and_show_and_why_say_what_to_dial(ops):
    result = ops.run(*DIRECT)
    assert result.exit_code == 1
    assert result.stderr == "error: The operator wants a one-time code, and none came with the order.\n"
    wanted = "A one-time code is needed. Dial *144*4*6*5000# on your phone"
    assert f"for the customer: {wanted}" in result.stdout
    assert "then the same order again, with the code: --transaction-id order-1 --otp-file -" in result.stdout
    for command in (("invoices", "show"), ("why",)):
        assert wanted in " ".join(ops.say(*command, "order-1").split())
    assert "direct, 226******00, ORANGE BURKINA 11" in ops.say("invoices", "show", "order-1")
    with speaking("fr"):
        shown = " ".join(ops.say("invoices", "show", "order-1").split())
    assert "Un code à usage unique est nécessaire. Composez *144*4*6*5000# sur votre téléphone" in shown
    assert "L'opérateur demande un code à usage unique, et la commande n'en avait pas." in shown


def test_the_documents_for_machines_have_mode_masked_number_and_step_in_english(ops):
    ops.run(*DIRECT)
    with speaking("fr"):
        shown = ops.document("invoices", "show", "order-1")
        explained = ops.document("why", "order-1")["history"]
    for document in (shown, explained):
        assert (document["mode"], document["payer"], document["asked_operator"]) == ("direct", "226******00", "11")
        assert (document["refusal_code"], document["customer"]["ussd_code"]) == ("otp_needed", "*144*4*6*5000#")
        assert document["customer"]["message"].startswith("A one-time code is needed.")
    assert NUMBER not in json.dumps([shown, explained])


def test_the_address_to_open_is_masked_where_it_is_only_looked_at(ops):
    ops.fakes.gateway.operator_page = "https://operator.example/pay/secret-token"
    created = ops.say(*PUSHED)
    assert "https://operator.example/pay/secret-token" in created
    for told in (ops.say("invoices", "show", "order-1"), ops.say("invoices", "show", "order-1", "--json")):
        assert "secret-token" not in told


def test_a_refused_code_is_one_line_and_the_next_one_goes_with_the_same_order(ops):
    ops.fakes.gateway.create_fault = GatewayRefused("a wrong one-time code", code="wrong_otp", sub_code="15")
    refused = ops.run(*DIRECT, "--otp-file", "-", stdin=b"000000")
    assert (refused.exit_code, refused.stderr) == (1, "error: a wrong one-time code\n")
    assert "The one-time code is wrong. Dial *144*4*6*5000# on your phone" in refused.stdout
    assert value(ops.tools.sessions, "SELECT refusal_code FROM transactions") == "wrong_otp"
    ops.fakes.gateway.create_fault = None
    assert ops.say(*DIRECT, "--otp-file", "-", stdin=OTP.encode()).startswith("order-1: 5,000 XOF, pending")


def test_nobody_is_told_to_try_again_what_a_callback_came_about(ops):
    ops.fakes.gateway.create_fault = GatewayRefused("the operator is away", code="operator_unavailable", sub_code="05")
    ops.run(*PUSHED)
    assert "try again" in " ".join(ops.say("why", "order-1").split())
    intake(ops.tools, knock(ops.tools.sessions, claim("order-1")))
    told = " ".join(ops.say("why", "order-1").split())
    assert "a callback came about it all the same" in told
    assert "try again" not in told
    document = ops.document("invoices", "show", "order-1")
    assert json.dumps(document).count('"find_out"') == 1
    assert "the customer may have been debited" in ops.fault(*PUSHED)


def shown(ops, kind):
    [case] = [case["id"] for case in ops.document("cases", "list", "--kind", kind)["items"]]
    return " ".join(ops.say("cases", "show", str(case)).split())


def test_the_case_of_a_lost_reply_does_not_say_that_nobody_can_have_paid(ops):
    ops.fakes.gateway.create_fault = OutcomeUnknown("The create was sent: the invoice may exist.")
    ops.run(*PUSHED)
    told = shown(ops, "token_lost")
    assert "They may have been asked on the phone, or debited" in told
    assert "No customer was ever sent to pay it" not in told
    assert "exist.." not in told


RESOLVE = ("cases", "resolve", "1", "--override", "--by", "awa", "--reason", "the dashboard says so", "--as")


@pytest.mark.parametrize(("became", "francs"), [("completed", 5000), ("notcompleted", None)])
def test_what_became_of_a_lost_direct_payin_a_person_may_say_who_answers_for_it(ops, became, francs):
    ops.fakes.gateway.create_fault = OutcomeUnknown("The create was sent: the invoice may exist.")
    ops.run(*PUSHED)
    assert f"--as {became}" in shown(ops, "token_lost")
    ops.say(*RESOLVE, became)
    kept = "SELECT status, s.amount, override_id FROM transactions t LEFT JOIN settlements s ON s.transaction_pk = t.id"
    assert tuple(run(ops.tools.sessions, kept)[0]) == (became, francs, 1 if francs else None)
    assert value(ops.tools.sessions, "SELECT kind FROM notices") == became
    assert cases(ops.tools.sessions) == []
    told = ops.say("fsck")
    assert "overrides: 1" in told
    assert "\nclean; " in told
    assert "invoices check" not in ops.say("why", "order-1")
    ops.fakes.gateway.create_fault = None
    assert became in ops.say(*PUSHED)
    assert ops.fakes.gateway.orders == []


def test_what_a_person_closed_without_a_token_and_a_callback_speaks_against_can_be_settled_after_all(ops):
    ops.fakes.gateway.create_fault = OutcomeUnknown("The create was sent: the invoice may exist.")
    ops.run(*PUSHED)
    ops.say(*RESOLVE, "notcompleted")
    intake(ops.tools, knock(ops.tools.sessions, claim("order-1")))
    told = " ".join(ops.say("why", "order-1").split())
    assert "have LigdiCash asked" not in told
    ops.say("cases", "resolve", "2", "--as", "completed", "--override", "--by", "issa", "--reason", "their mail")
    assert value(ops.tools.sessions, "SELECT status FROM transactions") == "completed"
    assert (cases(ops.tools.sessions), "clean; " in ops.say("fsck")) == ([], True)


@pytest.mark.parametrize("comes", ["before", "after", "never"])
def test_a_lost_direct_payin_closed_as_refused_is_sent_again_only_if_no_callback_came(ops, comes):
    ops.fakes.gateway.create_fault = OutcomeUnknown("The create was sent: the invoice may exist.")
    ops.run(*PUSHED)
    ops.fakes.gateway.create_fault = None
    if comes == "before":
        intake(ops.tools, knock(ops.tools.sessions, claim("order-1")))
    ops.say(*RESOLVE, "refused")
    if comes == "after":
        intake(ops.tools, knock(ops.tools.sessions, claim("order-1")))
    if comes == "never":
        ops.say(*PUSHED)
    else:
        assert "the customer may have been debited" in ops.fault(*PUSHED)
    assert len(ops.fakes.gateway.orders) == (comes == "never")


def test_callbacks_about_what_was_refused_are_one_urgent_case_that_names_it_beside_the_forged_ones(ops):
    ops.fakes.gateway.create_fault = GatewayRefused("the operator is away", code="operator_unavailable", sub_code="05")
    ops.run(*PUSHED)
    intake(ops.tools, knock(ops.tools.sessions, claim("order-1"), claim("order-1"), claim(None), claim(None)))
    document = ops.document("cases", "list")
    assert [(case["kind"], case["transaction_id"], case["at_risk"]) for case in document["items"]] == [
        ("called_back", "order-1", 5000)
    ]
    assert [(total["kind"], total["open"]) for total in document["totals"]] == [("called_back", 1), ("orphan", 2)]
    told = " ".join(ops.say("cases", "list").split())
    assert "2 orphan callbacks are not listed here" in told
    told = shown(ops, "called_back")
    for words in ("is about order-1", "money may have moved", "reconciler invoices show order-1"):
        assert words in told
    assert "register its invoice" not in told
    ended = ops.document("cases", "resolve", "--kind", "orphan", "--reason", "forged", "--by", "awa", "--yes")
    assert (ended["ended"], cases(ops.tools.sessions)) == (2, ["called_back"])
    assert "clean; " in ops.say("fsck")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((*DIRECT[:6], "--customer", NUMBER), "on a hosted page the customer gives number and code"),
        ((*DIRECT[:8], "--customer", "76000000"), "the phone number must begin with its country code"),
        ((*DIRECT[:8], "--customer", NUMBER), "which operator the number belongs to must be said"),
        ((*DIRECT[:8], "--customer", NUMBER, "--operator", "1"), "MTN BENIN serves numbers that begin with +229"),
    ],
    ids=["hosted", "no country", "no operator", "another country"],
)
def test_a_payer_that_cannot_pay_is_one_line_and_stored_nowhere(ops, argv, words):
    assert words in ops.fault(*argv)
    assert count(ops.tools.sessions, "transactions") == 0


def test_a_code_is_sent_to_the_owner_of_a_wallet(ops):
    said = ops.say("invoices", "send-code", "--customer", NUMBER, "--amount", "5000")
    assert said == "LigdiCash says that it sent a one-time code\n"
    assert ops.fakes.gateway.sent_to == [(NUMBER, 5000)]


def test_a_code_that_was_not_sent_is_one_line_in_french_too(ops):
    ops.fakes.gateway.otp_fault = GatewayRefused(
        "LigdiCash sent no one-time code: Customer not found.", code="otp_not_sent"
    )
    with speaking("fr"):
        line = ops.fault("invoices", "send-code", "--customer", NUMBER, "--amount", "5000")
    assert line.endswith("LigdiCash n'a pas envoyé de code à usage unique : Customer not found.")
