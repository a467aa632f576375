"""/v1/invoices: create once, register once, look up; and each refusal in one line that names the field and the rule."""

from __future__ import annotations

import copy
import logging

import pytest
from sqlalchemy import update

from models.case import CaseKind
from models.errors import GatewayMisconfigured, GatewayRefused, NotSent, OutcomeUnknown
from models.order import Item
from models.queries.cases import Signature, find_cases
from models.queries.record import NewCase, open_cases
from models.session import transaction
from models.transaction import Invoice, Status
from tasks.cases import ByHand, override
from tests.fakes import API_KEY, CALLBACK_URL, toolbox
from tests.webdoor import NOWHERE, open_door
from worker.ligdicash.wire import write_create

QUICKSTART = {
    "commande": {
        "invoice": {
            "items": [{"name": "Pro Subscription", "price": 5000, "quantity": 1}],
            "total_amount": 5000,
            "devise": "XOF",
            "description": "Pro Subscription \u2014 January 2025",
            "customer": "",
            "customer_firstname": "Amadou",
            "customer_lastname": "Diallo",
            "customer_email": "amadou@example.com",
        },
        "store": {"name": "MyApp", "website_url": "https://myapp.com"},
        "actions": {
            "cancel_url": "https://myapp.com/payment/cancel",
            "return_url": "https://myapp.com/payment/success",
            "callback_url": "https://myapp.com/api/callback/ligdicash",
        },
        "custom_data": {"transaction_id": "ORD-2025-00042"},
    }
}


def order(amount: object = 4200, *, custom_data: object = None, token: object = None, **invoice: object) -> dict:
    """The shortest body, with whatever else a test is about."""
    body: dict = {"commande": {"invoice": {"total_amount": amount, **invoice}}}
    if custom_data is not None:
        body["commande"]["custom_data"] = custom_data
    if token is not None:
        body["token"] = token
    return body


NAMED = {"transaction_id": "ORDER-1"}


@pytest.fixture
def door(shared_url):
    with open_door(shared_url) as door:
        yield door


def test_the_vendors_quickstart_is_taken_as_it_stands(door):
    answer = door.v1("POST", json=QUICKSTART)
    assert answer.status_code == 201
    assert answer.headers["location"] == "/v1/invoices/ORD-2025-00042"
    assert answer.headers["cache-control"] == "no-store"
    view = answer.json()
    assert view.pop("created_at").endswith("Z")
    assert view == {
        "transaction_id": "ORD-2025-00042",
        "account": "default",
        "status": "pending",
        "amount": 5000,
        "settled_amount": None,
        "currency": "XOF",
        "description": "Pro Subscription \u2014 January 2025",
        "mode": "hosted",
        "next": {
            "kind": "open_url",
            "message": "Open the payment page, and pay there.",
            "ussd_code": None,
            "url": "https://gateway.example/pay/token-1-of-ORD-2025-00042",
            "gives_otp": False,
        },
        "payer": "",
        "asked_operator": "",
        "validation": "",
        "payment_url": "https://gateway.example/pay/token-1-of-ORD-2025-00042",
        "final_at": None,
        "operator_id": "",
        "operator_name": "",
        "request_id": "",
        "refusal": "",
        "refusal_code": "",
    }


def test_the_gateway_gets_what_its_real_endpoint_takes(door):
    door.v1("POST", json=QUICKSTART)
    (sent,) = door.fakes.gateway.orders
    assert sent.items == (Item(name="Pro Subscription", quantity=1, unit_price=5000, total_price=5000),)
    (item,) = write_create(sent)["commande"]["invoice"]["items"]
    assert (item["unit_price"], item["total_price"]) == (5000, 5000)
    assert sent.callback_url == CALLBACK_URL


def test_items_as_the_reference_has_them_are_taken(door):
    items = [{"name": "Cap", "description": "blue", "quantity": 2, "unit_price": 2000, "total_price": 4000}]
    assert door.v1("POST", json=order(4000, items=items)).status_code == 201


def test_the_same_body_again_gives_the_same_invoice_and_calls_nobody(door):
    first, second = (door.v1("POST", json=QUICKSTART) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(door.fakes.gateway.orders) == 1


def test_another_body_under_the_same_id_is_a_conflict(door):
    door.v1("POST", json=QUICKSTART)
    other = copy.deepcopy(QUICKSTART)
    other["commande"]["invoice"]["description"] = "something else"
    answer = door.v1("POST", json=other)
    assert answer.status_code == 409
    assert answer.json()["error"].startswith("transaction_id 'ORD-2025-00042' is taken by an order with other contents")
    assert len(door.fakes.gateway.orders) == 1


def test_an_id_is_made_up_when_there_is_none_and_cannot_be_guessed(door):
    ids = {door.v1("POST", json=order()).json()["transaction_id"] for _ in range(3)}
    assert len(ids) == 3
    assert {len(one) for one in ids} == {32}


def test_the_token_never_leaves(door):
    body = order(custom_data=NAMED, token="a-secret-token")
    assert "a-secret-token" not in door.v1("POST", json=body).text
    assert "a-secret-token" not in door.v1("GET", "/ORDER-1").text


def test_an_invoice_created_elsewhere_is_registered_without_calling_the_gateway(door):
    body = order(custom_data=NAMED, token="token-a") | {"payment_url": "https://gateway.example/pay/1"}
    answer = door.v1("POST", json=body)
    assert answer.status_code == 201
    assert (answer.json()["status"], answer.json()["payment_url"]) == ("pending", "https://gateway.example/pay/1")
    assert door.v1("POST", json=body).status_code == 200
    assert door.fakes.gateway.orders == []
    assert [invoice.token for invoice in door.invoices()] == ["token-a"]


def test_registering_takes_the_body_that_was_sent_to_the_gateway_as_it_was(door):
    body = copy.deepcopy(QUICKSTART) | {"token": "token-a"}
    body["commande"]["actions"]["callback_url"] = "https://elsewhere.example/callback"
    body["commande"]["custom_data"]["user_id"] = "7"
    assert door.v1("POST", json=body).status_code == 201


def test_a_token_that_belongs_to_another_invoice_is_a_conflict(door):
    door.v1("POST", json=order(custom_data=NAMED, token="token-a"))
    answer = door.v1("POST", json=order(custom_data={"transaction_id": "ORDER-2"}, token="token-a"))
    assert answer.status_code == 409
    assert answer.json()["error"] == "this token belongs to another transaction already"


def test_an_invoice_is_found_by_its_id_whatever_the_id_holds(door):
    for name in ("plain", "with/slash", "with space", "caf\u00e9", "100%?#"):
        created = door.v1("POST", json=order(custom_data={"transaction_id": name}))
        found = door.call("GET", created.headers["location"], headers={"Authorization": f"Bearer {API_KEY}"})
        assert (found.status_code, found.json()) == (200, created.json())


def test_the_outcome_is_shown_with_its_operator(door):
    door.v1("POST", json=order(custom_data=NAMED))
    with door.sessions.begin() as session:
        session.execute(update(Invoice).values(operator_id="11", operator_name="ORANGE BURKINA", request_id="P1"))
    view = door.v1("GET", "/ORDER-1").json()
    assert (view["operator_id"], view["operator_name"], view["request_id"]) == ("11", "ORANGE BURKINA", "P1")


def test_what_a_person_settled_by_hand_is_shown_beside_the_amount(door):
    door.v1("POST", json=order(custom_data=NAMED))
    with transaction(door.sessions) as step:
        open_cases(step.session, [NewCase(kind=CaseKind.MISMATCH, detail="", transaction_pk=1)])
        [case] = find_cases(step.session, [1])
    by = Signature(author="awa", reason="seen in the dashboard")
    assert override(toolbox(door.sessions), ByHand(case=case, new=Status.COMPLETED, amount=4000), by)
    for view in (door.v1("GET", "/ORDER-1").json(), door.v1("POST", json=order(custom_data=NAMED)).json()):
        assert (view["status"], view["amount"], view["settled_amount"]) == ("completed", 4200, 4000)


def test_an_unknown_id_is_not_found(door):
    for name in ("nothing", "a%00b", "x" * 300, ""):
        answer = door.v1("GET", f"/{name}")
        assert answer.status_code == 404
        assert answer.json()["error"].startswith("no invoice has the transaction_id '")


WRONG_KEYS = [
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Bearer "},
    {"Authorization": f"Basic {API_KEY}"},
    {"Authorization": f"Bearer {API_KEY}x"},
    {"Authorization": b"Bearer \xff\xfe"},
    {"X-Api-Key": API_KEY},
]


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/invoices"), ("GET", "/v1/invoices/ORDER-1")])
def test_without_the_key_nothing_is_said_or_done(door, method, path):
    for headers in WRONG_KEYS:
        answer = door.call(method, path, data=b"{ not even JSON", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), headers
        assert answer.json()["error"].startswith("the API key is missing or wrong")
    assert door.invoices() == []


def test_a_broken_rule_is_named_in_one_line_and_nothing_happens(door):
    answer = door.v1("POST", json=order(0))
    assert answer.status_code == 422
    assert answer.json()["error"] == "amount must be from 9 to 2,000,000 XOF, not 0"
    assert door.invoices() == []
    assert door.fakes.gateway.orders == []


def test_every_fault_of_a_body_is_listed(door):
    answer = door.v1("POST", json=order("1", devise="EUR"))
    assert answer.json()["error"] == answer.json()["errors"][0]
    assert [line.partition(":")[0] for line in answer.json()["errors"]] == [
        "commande.invoice.total_amount",
        "commande.invoice.devise",
    ]


def test_what_the_gateway_would_ignore_is_ignored(door):
    body = order(devise="xof", colour="blue", items=None, description=None, customer=None)
    body["commande"] |= {"store": {"phone": "1"}, "custom_data": []}
    assert door.v1("POST", json=body | {"version": 2}).status_code == 201


def test_custom_data_is_sent_as_text(door):
    door.v1("POST", json=order(custom_data={"transaction_id": 42, "seats": 2, "vip": True, "rate": 1.5, "note": None}))
    (sent,) = door.fakes.gateway.orders
    assert sent.transaction_id == "42"
    assert sent.custom_data == {"seats": "2", "vip": "true", "rate": "1.5", "note": ""}


def test_what_is_no_json_is_refused(door):
    answer = door.v1("POST", data=b"{")
    assert answer.status_code == 400
    assert answer.json() == {"error": "the body is not JSON: EOF while parsing an object at line 1 column 1"}


def test_a_body_over_64_kb_is_refused(door):
    assert door.v1("POST", data=b"x" * 70_000).status_code == 413


def test_a_form_is_refused(door):
    answer = door.v1("POST", data={"total_amount": 4200})
    assert (answer.status_code, answer.json()) == (415, {"error": "the Content-Type must be application/json"})


@pytest.mark.parametrize(("method", "path", "allowed"), [("GET", "", "POST"), ("DELETE", "/ORDER-1", "GET")])
def test_other_methods_are_refused(door, method, path, allowed):
    answer = door.v1(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_a_refusal_of_the_gateway_keeps_its_words_and_the_order_may_be_sent_again(door):
    door.fakes.gateway.create_fault = GatewayRefused(
        "the gateway refuses the amount", sub_code="02", text="Echec (Code02)", details="too much", wiki="https://w"
    )
    answer = door.v1("POST", json=order(custom_data=NAMED))
    assert answer.status_code == 422
    assert answer.json() == {
        "error": "the gateway refuses the amount",
        "gateway": {"sub_code": "02", "text": "Echec (Code02)", "details": "too much", "wiki": "https://w"},
        "transaction_id": "ORDER-1",
    }
    view = door.v1("GET", "/ORDER-1").json()
    assert (view["status"], view["refusal"]) == (Status.REFUSED, "the gateway refuses the amount")
    door.fakes.gateway.create_fault = None
    assert door.v1("POST", json=order(custom_data=NAMED)).status_code == 201


def test_a_gateway_that_refuses_our_credentials_is_our_trouble(door):
    door.fakes.gateway.create_fault = GatewayMisconfigured("the credentials are refused", sub_code="00")
    answer = door.v1("POST", json=order())
    assert answer.status_code == 502
    assert answer.json()["gateway"]["sub_code"] == "00"


def test_an_order_that_was_never_sent_may_be_sent_again(door):
    door.fakes.gateway.create_fault = NotSent("no connection to the gateway.")
    answer = door.v1("POST", json=order(custom_data=NAMED))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json() == {
        "error": "no connection to the gateway; nothing happened there: send the same request again",
        "transaction_id": "ORDER-1",
    }


def test_an_order_whose_reply_is_lost_is_not_sent_a_second_time(door):
    door.fakes.gateway.create_fault = OutcomeUnknown("the reply was lost")
    answer = door.v1("POST", json=order(custom_data=NAMED))
    assert answer.status_code == 504
    assert answer.json()["error"].startswith("the reply was lost; a case is opened, and this order is not sent again")
    door.fakes.gateway.create_fault = None
    again = door.v1("POST", json=order(custom_data=NAMED))
    assert (again.status_code, again.json()["status"]) == (200, "created")
    assert door.fakes.gateway.orders == []


def test_with_the_database_away_the_gateway_is_not_called():
    with open_door(NOWHERE) as door:
        answer = door.v1("POST", json=order())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert door.v1("GET", "/ORDER-1").status_code == 503
        assert door.fakes.gateway.orders == []


def test_each_refusal_is_one_line_in_the_log_without_the_token(door, caplog):
    with caplog.at_level(logging.INFO):
        door.v1("POST", json=order(0, custom_data=NAMED, token="a-secret-token"))
    assert "a-secret-token" not in caplog.text
