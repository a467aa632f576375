"""Every fault can be put on every call, on all transactions or on one, for all calls or for a share."""

from __future__ import annotations

import json
import time

import pytest
import requests

from worker.ligdicash.simulator.options import Fault, FaultKind, Faults, Span

HAVE_MADE_IT = {FaultKind.SLOW, FaultKind.NO_STATUS, FaultKind.GARBAGE, FaultKind.REPLY_LOST}


def outcome(call) -> str:
    """What a client sees, in one word."""
    try:
        reply = call()
    except requests.ConnectionError as exc:
        return "reset" if "reset by peer" in str(exc) else str(exc)
    if reply.status_code != 200:
        return f"http{reply.status_code}"
    try:
        content = reply.json()
    except json.JSONDecodeError:
        return "html" if reply.headers["Content-Type"].startswith("text/html") else "garbage"
    if content["response_code"] == "01":
        return content["response_text"]
    return "good" if content.get("status") or content["token"] else "no_status"


SEEN = {
    FaultKind.NONE: "good",
    FaultKind.SLOW: "good",
    FaultKind.HTTP500: "http500",
    FaultKind.HTTP429: "http429",
    FaultKind.HTML: "html",
    FaultKind.RESET: "reset",
    FaultKind.NO_STATUS: "no_status",
    FaultKind.GARBAGE: "garbage",
    FaultKind.AUTH: "Echec (Code00)",
    FaultKind.REPLY_LOST: "reset",
}


@pytest.mark.parametrize("kind", FaultKind)
def test_each_fault_shows_on_confirm_and_goes_away(merchant, kind):
    token = merchant.create()
    merchant.control("PUT", "faults", {"confirm": {"kind": kind}})

    assert outcome(lambda: merchant.ask(token)) == SEEN.get(kind, "Echec (Code03)")

    merchant.control("PUT", "faults", {"confirm": {"kind": "none"}})
    assert merchant.confirm(token)["status"] == "pending"
    assert merchant.control("GET", "transactions/ART1")["asked"] == 2


@pytest.mark.parametrize("kind", FaultKind)
def test_each_fault_shows_on_create_and_the_books_know_whether_the_invoice_exists(start, kind):
    merchant = start(faults=Faults(create=Fault(kind=kind)))

    assert outcome(lambda: merchant.send(merchant.order())) == SEEN.get(kind, "Echec (Code04)")

    made = kind is FaultKind.NONE or kind in HAVE_MADE_IT
    assert merchant.control("GET", "books")["created"] == int(made)


def test_an_invoice_whose_reply_was_lost_can_be_paid_and_knocks(merchant, receiver):
    merchant.control("PUT", "transactions/ART1/faults", {"create": {"kind": "reply_lost"}})
    assert outcome(lambda: merchant.send(merchant.order(callback_url=receiver.url))) == "reset"

    merchant.decide()

    assert len(receiver.wait_for(2)) == 2


def test_a_fault_on_one_transaction_leaves_the_others_alone(merchant):
    first, second = merchant.create("ART1"), merchant.create("ART2")
    by_its_number = merchant.control("GET", "transactions/ART1")["request_id"]
    merchant.control("PUT", f"transactions/{by_its_number}/faults", {"confirm": {"kind": "http500"}})

    assert merchant.control("GET", "transactions/ART1/faults")["confirm"]["kind"] == "http500"
    assert merchant.ask(first).status_code == 500
    assert merchant.ask(second).status_code == 200


def test_changing_one_call_leaves_the_faults_of_the_other(merchant):
    merchant.control("PUT", "faults", {"create": {"kind": "html"}})
    merchant.control("PUT", "faults", {"confirm": {"kind": "slow", "seconds": 2, "share": 0.5}})

    assert merchant.control("GET", "faults") == {
        "confirm": {"kind": "slow", "share": 0.5, "seconds": 2.0},
        "create": {"kind": "html", "share": 1.0, "seconds": 0.0},
        "otp": {"kind": "none", "share": 1.0, "seconds": 0.0},
    }


@pytest.mark.parametrize(
    "body", [{"confirm": {"kind": "boom"}}, {"confrm": {}}, {"confirm": {"share": 2}}, {"create": 1}]
)
def test_a_fault_that_is_not_understood_is_refused(merchant, body):
    merchant.control("PUT", "faults", body, expect=422)

    assert merchant.control("GET", "faults")["confirm"]["kind"] == "none"


def test_a_share_of_the_calls_is_struck(merchant):
    token = merchant.create()
    merchant.control("PUT", "faults", {"confirm": {"kind": "http500", "share": 0.5}})

    struck = sum(merchant.ask(token).status_code == 500 for _ in range(100))

    assert 20 < struck < 80


def test_a_slow_answer_takes_its_time_and_holds_up_no_other(merchant):
    slow, quick = merchant.create("ART1"), merchant.create("ART2")
    merchant.control("PUT", "transactions/ART1/faults", {"confirm": {"kind": "slow", "seconds": 30}})

    with pytest.raises(requests.ReadTimeout):
        merchant.session.get(
            f"{merchant.simulator.base_url}/pay/v01/redirect/checkout-invoice/confirm/",
            params={"invoiceToken": slow},
            timeout=0.2,  # of the 30 s that it takes
        )

    assert merchant.confirm(quick)["status"] == "pending"


def test_latency_is_added_to_each_call(start):
    merchant = start(confirm_latency=Span(low=0.2, high=0.25))
    token = merchant.create()

    asked_at = time.monotonic()
    merchant.confirm(token)

    assert time.monotonic() - asked_at >= 0.2
