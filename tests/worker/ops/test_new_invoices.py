"""Creating and registering by hand: the same rules as at every door, and a token that is never on the command line."""

from __future__ import annotations

import pytest

from models.errors import GatewayRefused, NotSent, OutcomeUnknown
from models.order import Item
from tests.ledger import count, value

ORDER = ("invoices", "create", "--amount", "5000", "--transaction-id", "order-1")


def test_create_prints_the_payment_page_because_the_customer_goes_there(ops):
    assert ops.say(*ORDER).splitlines() == [
        "order-1: 5,000 XOF, pending",
        "payment page: https://gateway.example/pay/token-1-of-order-1",
    ]


def test_the_same_order_again_shows_the_invoice_that_is_there(ops):
    first, second = ops.document(*ORDER), ops.document(*ORDER)
    assert (first["is_new"], second["is_new"]) == (True, False)
    assert first["payment_url"] == second["payment_url"]
    assert "already in the books" in ops.say(*ORDER)
    assert len(ops.fakes.gateway.orders) == 1


def test_another_order_under_the_same_id_is_a_conflict_in_one_line(ops):
    ops.say(*ORDER)
    line = ops.fault("invoices", "create", "--amount", "5001", "--transaction-id", "order-1")
    assert line.startswith("error: transaction_id 'order-1' is taken by an order with other contents")


def test_without_an_id_one_is_made_up_that_nobody_guesses(ops):
    ids = {ops.document("invoices", "create", "--amount", "700")["transaction_id"] for _ in range(2)}
    assert {len(i) for i in ids} == {32}
    assert len(ids) == 2


def test_items_reach_the_gateway_with_their_totals_and_names_may_hold_colons(ops):
    ops.say(*ORDER, "--description", "Two of each", "--item", "Shirt: blue:2:2000", "--item", "Sock:2:500")
    [order] = ops.fakes.gateway.orders
    assert order.description == "Two of each"
    assert order.items == (
        Item(name="Shirt: blue", quantity=2, unit_price=2000, total_price=4000),
        Item(name="Sock", quantity=2, unit_price=500, total_price=1000),
    )


@pytest.mark.parametrize("item", ["Shirt", "Shirt:2", ":2:500", "Shirt:two:500", "Shirt:2:5.00", "Shirt:2:-5"])
def test_an_item_that_cannot_be_read_is_a_matter_of_usage(ops, item):
    result = ops.run(*ORDER, "--item", item)
    assert result.exit_code == 2
    assert "NAME:QTY:UNIT_PRICE" in result.stderr
    assert count(ops.tools.sessions, "transactions") == 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--amount", "8"), "amount must be from 9 to 2,000,000 XOF, not 8"),
        (("--amount", "2000001"), "not 2,000,001"),
        (("--amount", "700", "--item", "Shirt:1:600"), "the items add up to 600 XOF, and the amount is 700"),
        (("--amount", "700", "--transaction-id", " x"), "transaction_id must be visible characters"),
        (("--amount", "700", "--description", "a\x1b[2J"), "description must be readable text"),
        (("--amount", "700", "--item", "a\nb:1:700"), "item must be readable text"),
    ],
)
def test_an_order_that_breaks_a_rule_is_one_line_and_stored_nowhere(ops, argv, words):
    assert words in ops.fault("invoices", "create", *argv)
    assert count(ops.tools.sessions, "transactions") == 0


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (GatewayRefused("the gateway says no", sub_code="02"), "refused"),
        (NotSent("the gateway was not reached"), "refused"),
        (OutcomeUnknown("the reply was lost."), "created"),
    ],
)
def test_trouble_at_the_gateway_is_one_line_and_stays_in_the_books(ops, trouble, status):
    ops.fakes.gateway.create_fault = trouble
    line = ops.fault(*ORDER)
    assert line.startswith(f"error: {trouble}")
    assert ("find out before you order under another id" in line) is (status == "created")
    assert value(ops.tools.sessions, "SELECT status FROM transactions") == status


def register(*more):
    return ("invoices", "register", "--transaction-id", "ext-1", "--amount", "900", *more)


def stored_token(ops):
    return value(ops.tools.sessions, "SELECT token FROM transactions")


def test_register_takes_the_token_from_a_file(ops, tmp_path):
    (tmp_path / "token").write_text("the-token\n")
    said = ops.say(*register("--token-file", str(tmp_path / "token")))
    assert said == "ext-1: 900 XOF, pending\n"
    assert stored_token(ops) == "the-token"


def test_register_takes_the_token_from_stdin(ops):
    said = ops.say(*register("--token-file", "-", "--json"), stdin=b"the-token\n")
    assert "the-token" not in said
    assert stored_token(ops) == "the-token"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the token must have 1 to 2048 characters; 0 were read"),
        (b"x" * 2049, "the token must have 1 to 2048 characters"),
        (b"secret-1 secret-2", "holds more than a token"),
        (b"secret-\xff", "holds more than a token"),
    ],
)
def test_a_token_that_cannot_be_one_is_refused_without_repeating_it(ops, content, words):
    line = ops.fault(*register("--token-file", "-"), stdin=content)
    assert words in line
    assert "secret" not in line
    assert count(ops.tools.sessions, "transactions") == 0


def test_a_token_file_that_is_not_there_is_one_line(ops, tmp_path):
    line = ops.fault(*register("--token-file", str(tmp_path / "none")))
    assert line == f"error: the token file {tmp_path / 'none'} cannot be read: No such file or directory"


def test_a_token_that_belongs_to_another_invoice_is_a_conflict(ops):
    ops.say(*register("--token-file", "-"), stdin=b"the-token")
    other = ("invoices", "register", "--transaction-id", "ext-2", "--amount", "900", "--token-file", "-")
    assert ops.fault(*other, stdin=b"the-token") == "error: this token belongs to another transaction already"
