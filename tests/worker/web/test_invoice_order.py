"""From a request's bytes to an order: every broken rule is named in one line, whatever is sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid, Unreadable
from tests.fakes import CALLBACK_URL
from worker.web.invoice_order import read_wanted


def order(amount: object = 4200, *, custom_data: object = None, token: object = None, **invoice: object) -> dict:
    """The shortest body, with whatever else a test is about."""
    body: dict = {"commande": {"invoice": {"total_amount": amount, **invoice}}}
    if custom_data is not None:
        body["commande"]["custom_data"] = custom_data
    if token is not None:
        body["token"] = token
    return body


def read(body: object):
    return read_wanted(json.dumps(body).encode())


NAMED = {"transaction_id": "ORDER-1"}

PLACE = "commande.invoice"
WHOLE = "must be a whole number, without quotes and without a decimal point"
FAULTS = [
    ({}, "commande: is missing"),
    ([], "the body: must be an object, {...}"),
    ({"commande": {}}, "commande.invoice: is missing"),
    ({"commande": {"invoice": {}}}, f"{PLACE}.total_amount: is missing"),
    (order(0), "amount must be from 9 to 2,000,000 XOF, not 0"),
    (order(8), "amount must be from 9 to 2,000,000 XOF, not 8"),
    (order(-5000), "amount must be from 9 to 2,000,000 XOF, not -5,000"),
    (order(2_000_001), "amount must be from 9 to 2,000,000 XOF, not 2,000,001"),
    (order("4200"), f"{PLACE}.total_amount: {WHOLE}"),
    (order(4200.0), f"{PLACE}.total_amount: {WHOLE}"),
    (order(4200.5), f"{PLACE}.total_amount: {WHOLE}"),
    (order(True), f"{PLACE}.total_amount: {WHOLE}"),
    (order(None), f"{PLACE}.total_amount: {WHOLE}"),
    (order(10**30), f"{PLACE}.total_amount: must be at most 1,000,000,000,000"),
    (order(devise="EUR"), f"{PLACE}.devise: must be XOF, the only currency the gateway takes, not 'EUR'"),
    (
        order(customer="22670000000"),
        f"{PLACE}.customer: must be empty: customers give their number on the payment page",
    ),
    (order(otp="123456"), f"{PLACE}.otp: must be empty: the payment page asks the customer for it"),
    (order() | {"operator_id": "11"}, "operator_id: must be empty: the customer chooses the operator"),
    (order() | {"mode": "page"}, "mode: must be one of 'hosted', 'direct' or 'wallet'"),
    (order() | {"mode": "direct"}, f"{PLACE}.customer: the phone number must be digits"),
    (
        order(customer="70000000") | {"mode": "direct"},
        f"{PLACE}.customer: the phone number must begin with its country",
    ),
    (
        order(customer="22676000000", otp="12") | {"mode": "direct"},
        f"{PLACE}.otp: the one-time code must be 4 to 12 letters",
    ),
    (order(customer="22676000000", otp=123456) | {"mode": "direct"}, f"{PLACE}.otp: must be text in quotes"),
    (order() | {"mode": "direct", "operator_id": "ORANGE"}, "operator_id: must be the id of an operator"),
    (
        order(customer="22676000000") | {"mode": "wallet", "operator_id": "11"},
        "operator_id: must be empty: a wallet is debited by LigdiCash itself",
    ),
    (
        order(customer="22676000000", custom_data=NAMED, token="token-a") | {"mode": "direct"},
        "mode: is not taken together with a token",
    ),
    (order(description=5), f"{PLACE}.description: must be text in quotes"),
    (order(description="a\x00b"), f"{PLACE}.description: must not hold control characters"),
    (order(description="x" * 1001), f"{PLACE}.description: must have at most 1000 characters"),
    (order(external_id="other"), f"{PLACE}.external_id: must be empty; your reference is custom_data.transaction_id"),
    (order(items={}), f"{PLACE}.items: must be a list, [...]"),
    (order(items=["cap"]), f"{PLACE}.items[0]: must be an object, {{...}}"),
    (order(items=[{"name": "Cap"}]), f"{PLACE}.items[0].unit_price: is missing"),
    (order(items=[{"price": 4200}]), f"{PLACE}.items[0].name: is missing"),
    (order(items=[{"name": "Cap", "price": 1, "unit_price": 2}]), f"{PLACE}.items[0].price: differs from unit_price"),
    (order(items=[{"name": "Cap", "price": "1"}]), f"{PLACE}.items[0].price: {WHOLE}"),
    (order(items=[{"name": "Cap", "price": 4000}]), "the items add up to 4,000 XOF, and the amount is 4,200"),
    (
        order(items=[{"name": "Cap", "unit_price": 2100, "quantity": 2, "total_price": 2100}]),
        "item 1 (Cap): total_price must be quantity times unit_price, 4,200, not 2,100",
    ),
    (order(custom_data={"user_id": "7"}), "custom_data may not have an entry 'user_id': the gateway glues"),
    (order(custom_data={"cart": {"a": 1}}), "commande.custom_data: 'cart' must be text, a number or true/false"),
    (order(custom_data={str(i): "" for i in range(51)}), "commande.custom_data: must not have over 50 entries"),
    (order(items=[{"name": "Cap", "price": 0}] * 201), f"{PLACE}.items: must not have over 200 entries"),
    (order(custom_data={"a": float("nan")}), "commande.custom_data: 'a' must be a number that exists"),
    (order(custom_data="text"), "commande.custom_data: must be an object, {...}"),
    (order(custom_data={"transaction_id": " x"}), "transaction_id must be visible characters"),
    (order(custom_data={"transaction_id": "x" * 256}), "transaction_id must have 1 to 255 characters, not 256"),
    (order(token="token-a"), "commande.custom_data.transaction_id: is needed with a token, because callbacks name it"),
    (order(0, custom_data=NAMED, token="token-a"), "amount must be from 9 to 2,000,000 XOF, not 0"),
    (order(custom_data=NAMED, token=""), "token: must not be empty"),
    (order(custom_data=NAMED, token="a b"), "token: must be visible ASCII characters without spaces"),
    (order(custom_data=NAMED, token="x" * 2049), "token: must have at most 2048 characters"),
    (order() | {"payment_url": "https://x.example"}, "payment_url: is only taken together with the token"),
]


@pytest.mark.parametrize(("body", "sentence"), FAULTS, ids=[sentence[:60] for _, sentence in FAULTS])
def test_a_broken_rule_is_named_in_one_line(body, sentence):
    with pytest.raises(Invalid) as caught:
        read(body)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://x.example", "x.example", "https://", "javascript:alert(1)", "http://a b", "http://["]
)
@pytest.mark.parametrize("field", ["return_url", "cancel_url"])
def test_an_address_that_is_none_is_refused(field, url):
    body = order()
    body["commande"]["actions"] = {field: url}
    with pytest.raises(Invalid) as caught:
        read(body)
    assert str(caught.value) == f"commande.actions.{field}: must be a whole http:// or https:// address"


@pytest.mark.parametrize("url", ["", CALLBACK_URL, "https://myapp.com/api/callback/ligdicash"])
def test_a_callback_address_is_taken_and_left_to_the_settings(url):
    body = order()
    body["commande"]["actions"] = {"callback_url": url}
    assert read(body).order.callback_url == ""


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe", b'{"a": "\\ud800"}', b"[" * 10_000, b"1" * 10_000 + b"x", b'{"a": 1}{}']
)
def test_what_is_no_json_is_unreadable(raw):
    with pytest.raises(Unreadable) as caught:
        read_wanted(raw)
    assert str(caught.value).startswith("the body is not JSON: ")
    assert "\n" not in str(caught.value)


def test_a_number_of_thousands_of_digits_is_refused_like_any_other():
    with pytest.raises((Invalid, Unreadable)):
        read_wanted(b'{"commande": {"invoice": {"total_amount": ' + b"9" * 5000 + b"}}}")


@given(st.binary(max_size=200))
def test_no_bytes_lead_to_anything_but_our_own_errors(raw):
    with pytest.raises((Invalid, Unreadable)):
        read_wanted(raw)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.fixed_dictionaries(
        {"total_amount": st.integers(0, 3_000_000) | ANYTHING},
        optional=dict.fromkeys(("items", "devise", "description", "customer", "otp", "external_id"), ANYTHING),
    ),
    ANYTHING,
    ANYTHING,
)
def test_no_json_leads_to_anything_but_an_order_or_our_own_errors(invoice, custom_data, actions):
    body = {"commande": {"invoice": invoice, "custom_data": custom_data, "actions": actions}}
    try:
        wanted = read(body)
    except (Invalid, Unreadable):
        return
    assert 9 <= wanted.order.amount <= 2_000_000


def test_the_token_stays_out_of_the_repr():
    assert "token-a" not in repr(read(order(custom_data=NAMED, token="token-a")))
