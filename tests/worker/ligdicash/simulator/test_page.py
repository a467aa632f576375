"""A person opens the payment page and pays, declines or walks away; nothing a merchant wrote can become markup."""

from __future__ import annotations

import pytest

from tests.servers import PATIENCE

PAID = {"action": "pay", "operator_id": "12", "phone": "22660000000"}


def url_of(merchant, **changes) -> str:
    """The payment page of a new invoice; `changes` go into its actions."""
    order = merchant.order()
    order["commande"]["actions"] |= changes
    return merchant.send(order).json()["response_text"]


def press(merchant, url, form):
    return merchant.session.post(url, data=form, timeout=PATIENCE, allow_redirects=False)


def test_the_page_shows_shop_amount_reference_and_the_gateways_number(merchant):
    reply = merchant.session.get(url_of(merchant), timeout=PATIENCE)
    number = merchant.control("GET", "transactions/ART1")["request_id"]

    for text in ("Chez Awa", "4\u00a0200\u00a0FCFA", "ART1", number, "Payer", "Refuser", "Annuler", "ORANGE BURKINA"):
        assert text in reply.text
    assert "<script" not in reply.text


def test_the_page_cannot_be_framed(merchant):
    reply = merchant.session.get(url_of(merchant), timeout=PATIENCE)

    assert reply.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Referrer-Policy"] == "no-referrer"


def test_paying_completes_the_payment_with_operator_and_phone(merchant):
    reply = press(merchant, url_of(merchant), PAID)

    seen = merchant.control("GET", "transactions/ART1")
    assert "Paiement effectué" in reply.text
    assert (seen["status"], seen["operator_id"], seen["phone"]) == ("completed", "12", "22660000000")


def test_after_paying_the_customer_is_sent_to_the_return_address(merchant):
    reply = press(merchant, url_of(merchant, return_url="https://awa.example/merci?a=1"), PAID)

    assert (reply.status_code, reply.headers["Location"]) == (303, "https://awa.example/merci?a=1")


def test_declining_fails_the_payment_and_says_so(merchant):
    reply = press(merchant, url_of(merchant, return_url="https://awa.example/merci"), PAID | {"action": "fail"})

    assert "Paiement échoué" in reply.text
    assert 'href="https://awa.example/merci"' in reply.text
    assert merchant.control("GET", "transactions/ART1")["status"] == "notcompleted"


def test_walking_away_leaves_it_pending_and_payable(merchant):
    url = url_of(merchant, cancel_url="https://awa.example/panier")
    reply = press(merchant, url, {"action": "cancel"})

    assert reply.headers["Location"] == "https://awa.example/panier"
    assert merchant.control("GET", "transactions/ART1")["status"] == "pending"
    press(merchant, url, PAID)
    assert merchant.control("GET", "transactions/ART1")["status"] == "completed"


def test_pressing_pay_twice_pays_once_and_knocks_once(merchant, receiver, wait_until):
    url = url_of(merchant, callback_url=receiver.url)

    press(merchant, url, PAID)
    again = press(merchant, url, PAID | {"action": "fail"})

    assert "Paiement effectué" in again.text
    wait_until(lambda: merchant.control("GET", "books")["callbacks_sent"] == 2)
    assert len(receiver.knocks) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone": "2267"},
        {"phone": "+22660000000"},
        {"phone": "٢٢٦٦٠٠٠٠٠٠٠"},
        {"operator_id": "999"},
        {"action": "steal"},
    ],
)
def test_a_form_that_is_filled_in_wrongly_is_shown_again(merchant, wrong):
    reply = press(merchant, url_of(merchant), PAID | wrong)

    assert reply.status_code == 422
    assert 'role="alert"' in reply.text
    assert ('<option value="12" selected>' in reply.text) == ("operator_id" not in wrong)
    assert merchant.control("GET", "transactions/ART1")["status"] == "pending"


def test_a_link_that_names_no_invoice_is_404(merchant):
    reply = merchant.session.get(f"{merchant.simulator.base_url}/pay/invoice/nobody", timeout=PATIENCE)

    assert (reply.status_code, "introuvable" in reply.text) == (404, True)


def test_nothing_the_merchant_or_the_payer_writes_becomes_markup(merchant):
    evil = "\"><script>alert('1')</script>"
    order = merchant.order(evil, description=evil, customer_firstname=evil, customer=evil)
    order["commande"]["store"]["name"] = evil
    order["commande"]["actions"]["return_url"] = f"https://awa.example/{evil}"
    url = merchant.send(order).json()["response_text"]

    shown = merchant.session.get(url, timeout=PATIENCE).text
    wrong = press(merchant, url, {"action": "pay", "phone": evil, "operator_id": evil}).text
    failed = press(merchant, url, PAID | {"action": "fail"}).text

    for page in (shown, wrong, failed):
        assert "<script" not in page
        assert 'value=""><' not in page
