"""A person watches the simulator's transactions and decides each; nobody else's page can, and nothing becomes markup."""

from __future__ import annotations

import re

import pytest

from tests.servers import PATIENCE


def page_of(merchant, query: str = "") -> str:
    reply = merchant.session.get(f"{merchant.simulator.base_url}/_sim{query}", timeout=PATIENCE)
    assert reply.status_code == 200
    return reply.text


def press(merchant, **form):
    url = f"{merchant.simulator.base_url}/_sim"
    return merchant.session.post(url, data=form, timeout=PATIENCE, allow_redirects=False)


def key_of(page: str) -> str:
    return re.search(r'name="key" value="([^"]+)"', page)[1]


def test_each_transaction_is_shown_without_its_token_and_newest_first(merchant):
    tokens = [merchant.create(f"ART{number}") for number in range(3)]

    page = page_of(merchant)

    assert page.index("ART2") < page.index("ART1") < page.index("ART0")
    assert not any(token in page for token in tokens)
    assert "3 in all, 3 pending" in page


def test_the_bare_address_leads_to_it(merchant):
    assert merchant.session.get(merchant.simulator.base_url, timeout=PATIENCE).url.endswith("/_sim")


@pytest.mark.parametrize("status", ["completed", "notcompleted"])
def test_a_click_decides(merchant, status):
    merchant.create("ART1")
    request_id = merchant.control("GET", "transactions/ART1")["request_id"]

    reply = press(merchant, key=key_of(page_of(merchant)), transaction=request_id, status=status, callbacks="", show="")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/_sim")
    assert merchant.control("GET", "transactions/ART1")["status"] == status


def test_without_a_callback_the_decision_is_told_to_those_who_ask_only(merchant, receiver):
    token = merchant.create("ART1", callback_url=receiver.url)

    press(merchant, key=key_of(page_of(merchant)), transaction="ART1", status="completed", callbacks="none")

    assert merchant.confirm(token)["status"] == "completed"
    assert merchant.control("GET", "post") == {"waiting": 0}
    assert receiver.knocks == []


def test_another_sites_form_is_refused(merchant):
    merchant.create("ART1")

    reply = press(merchant, key="guessed", transaction="ART1", status="completed")

    assert reply.status_code == 403
    assert "Load the page anew" in reply.text
    assert merchant.control("GET", "transactions/ART1")["status"] == "pending"


@pytest.mark.parametrize(
    "form", [{"transaction": "ART9", "status": "completed"}, {"transaction": "ART1", "status": "?"}]
)
def test_what_cannot_be_done_is_said(merchant, form):
    merchant.create("ART1")

    assert press(merchant, key=key_of(page_of(merchant)), **form).status_code == 404


def test_what_a_merchant_wrote_is_text(merchant):
    merchant.create('<script>alert("x")</script>')

    assert "<script" not in page_of(merchant)


def test_pages_go_back_in_time_and_pending_ones_can_be_shown_alone(merchant):
    for number in range(51):
        merchant.create(f"ART{number:02}")
    merchant.decide("ART50")

    assert "ART00" not in page_of(merchant)
    assert "ART00" in page_of(merchant, "?before=1")
    assert "ART50" not in page_of(merchant, "?show=pending")
    assert "ART50" in page_of(merchant, "?before=99999999999999999999")
