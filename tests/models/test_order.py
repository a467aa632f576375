"""The rules an order keeps at every door, each broken once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.errors import Invalid
from models.order import PAYIN_MAX, PAYIN_MIN, InvoiceOrder, Item, check_order

SHIRTS = Item(name="Shirt", quantity=2, unit_price=2500, total_price=5000)
ORDER = InvoiceOrder(transaction_id="order-1", amount=5000, items=(SHIRTS,), custom_data={"basket": "7"})


def fault(**changes: object) -> str:
    with pytest.raises(Invalid) as caught:
        check_order(replace(ORDER, **changes))
    return str(caught.value)


def test_an_order_that_keeps_every_rule_passes():
    check_order(ORDER)
    check_order(InvoiceOrder(transaction_id="x", amount=100))


@pytest.mark.parametrize("amount", [PAYIN_MIN, PAYIN_MAX])
def test_the_limits_themselves_are_allowed(amount):
    check_order(InvoiceOrder(transaction_id="order-1", amount=amount))


@pytest.mark.parametrize("amount", [-5, 0, PAYIN_MIN - 1, PAYIN_MAX + 1])
def test_an_amount_outside_the_limits_is_refused_with_both_limits(amount):
    assert fault(amount=amount, items=()) == f"amount must be from 9 to 2,000,000 XOF, not {amount:,}"


def test_items_that_do_not_add_up_are_refused_with_both_sums():
    assert fault(amount=6000) == "the items add up to 5,000 XOF, and the amount is 6,000"


def test_an_item_whose_total_is_not_quantity_times_price_is_named():
    wrong = replace(SHIRTS, total_price=4999)
    message = "item 2 (Shirt): total_price must be quantity times unit_price, 5,000, not 4,999"
    assert fault(amount=9999, items=(SHIRTS, wrong)) == message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "  "}, "item 1 has no name"),
        ({"quantity": 0, "total_price": 0}, "quantity must be at least 1"),
        ({"unit_price": -1, "total_price": -2}, "unit_price must not be negative"),
    ],
)
def test_an_item_that_makes_no_sense_is_refused(changes, words):
    assert words in fault(items=(replace(SHIRTS, **changes),))


@pytest.mark.parametrize("length", [1, 255])
def test_ids_of_the_allowed_lengths_pass(length):
    check_order(replace(ORDER, transaction_id="x" * length))


@pytest.mark.parametrize("bad", ["", "x" * 256])
def test_an_id_too_short_or_too_long_is_refused_with_its_length(bad):
    assert fault(transaction_id=bad) == f"transaction_id must have 1 to 255 characters, not {len(bad)}"


@pytest.mark.parametrize("bad", [" x", "x ", "a\nb", "a\x00b", "a\x1b[31m", "a\u202eb", "\udcff"])
def test_an_id_with_what_nobody_sees_is_refused(bad):
    assert fault(transaction_id=bad) == "transaction_id must be visible characters, with no space at either end"


@pytest.mark.parametrize("name", ["id", "user_id", "IDENTITY", "transaction_id"])
def test_custom_data_whose_name_contains_id_is_refused(name):
    assert f"custom_data may not have an entry {name!r}" in fault(custom_data={name: "1"})
