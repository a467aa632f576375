"""The vendor's own Python kit, 1.0.5, creates and asks; what it cannot do is written down here too."""

from __future__ import annotations

import ligdicash
import pytest
from ligdicash import defaults
from ligdicash.errors import InvalidAmountError, ProcessingError

from models.answers import Said
from models.order import InvoiceOrder
from tests.simulated import client_to
from worker.ligdicash.double import running_double
from worker.ligdicash.simulator.options import Profile

legacy = pytest.mark.ligdicash_double(profile="sdk-legacy")


@pytest.fixture
def kit(ligdicash_double, monkeypatch):
    """The kit, with credentials and addresses as its user would set them; it has no setting for the address."""
    monkeypatch.setattr(ligdicash, "api_key", ligdicash_double.api_key)
    monkeypatch.setattr(ligdicash, "auth_token", ligdicash_double.api_token)
    monkeypatch.setitem(defaults.CONF_BASE_URL, "live", f"{ligdicash_double.base_url}/pay/v01/")
    return ligdicash


def invoice_of(kit, *, price: int = 2100, quantity: int = 2):
    invoice = kit.Invoice(
        currency="xof", description="deux pagnes", store_name="Chez Awa", store_website_url="https://awa.example"
    )
    invoice.add_item("pagne", "coton", quantity, price)
    return invoice


def hosted(kit, reference: str = "ART1") -> str:
    return invoice_of(kit).pay_with_redirection(custom_data={"transaction_id": reference}).token


@legacy
def test_the_kit_creates_a_hosted_payin_and_reads_what_became_of_it(kit, ligdicash_double):
    reply = invoice_of(kit).pay_with_redirection(custom_data={"transaction_id": "ART1"})
    assert reply.response_text.startswith(f"{ligdicash_double.base_url}/pay/invoice/")
    assert kit.get_transaction(reply.token).status == "pending"

    ligdicash_double.pay("ART1", operator_id="12", phone="22660000000")

    told = kit.get_transaction(reply.token)
    assert (told.status, told.amount, told.operator_id, told.transaction_id) == ("completed", "4200", "12", "ART1")
    assert ligdicash_double.transaction("ART1")["asked"] == 2


@legacy
def test_the_kit_pays_without_a_page(kit, ligdicash_double):
    reply = invoice_of(kit).pay_without_redirection(customer="22990000000", custom_data={"transaction_id": "ART2"})

    ligdicash_double.pay("ART2")

    assert kit.get_transaction(reply.token).customer == "22990000000"


@legacy
@pytest.mark.parametrize(("kind", "asked_as"), [("client", "client_payout"), ("merchant", "merchant_payout")])
def test_the_kit_sends_a_payout_of_both_kinds_and_reads_what_became_of_it(kit, ligdicash_double, kind, asked_as):
    payout = kit.Withdrawal("prime", 500, "22670000000")
    reply = payout.send(type=kind, to_wallet=True, custom_data={"transaction_id": "OUT-1"})

    ligdicash_double.pay("OUT-1")

    told = kit.get_transaction(reply.token, asked_as)
    assert (told.status, told.amount, told.external_id) == ("completed", "500", "OUT-1")
    assert ligdicash_double.received_payouts("OUT-1") == 1


@legacy
def test_a_refusal_reaches_the_kit_as_its_own_error(kit):
    with pytest.raises(InvalidAmountError):
        invoice_of(kit, price=1, quantity=1).pay_with_redirection()


def test_the_kit_creates_against_the_documented_answers_too_but_cannot_read_one(kit, ligdicash_double):
    token = hosted(kit)
    ligdicash_double.pay("ART1")

    with pytest.raises(TypeError, match="unexpected keyword argument"):
        kit.get_transaction(token)


@legacy
def test_the_kit_swaps_wiki_and_custom_data(kit, ligdicash_double):
    token = hosted(kit)
    ligdicash_double.pay("ART1")

    told = kit.get_transaction(token)

    assert told.custom_data == "https://client.ligdicash.com/wiki/confirmInvoice"
    assert {entry["keyof_customdata"] for entry in told.wiki} >= {"transaction_id"}


@legacy
def test_a_failed_payment_told_with_a_01_loses_its_status_in_the_kit(kit, ligdicash_double):
    token = hosted(kit)
    ligdicash_double.fail("ART1", failed_as="01")

    with pytest.raises(ProcessingError):
        kit.get_transaction(token)


@legacy
def test_an_empty_token_is_a_type_error_in_the_kit(kit):
    with pytest.raises(TypeError):
        kit.get_transaction("")


@pytest.mark.parametrize("profile", list(Profile))
def test_our_own_client_reads_both_profiles(profile):
    order = InvoiceOrder(transaction_id="ART1", amount=4200)
    with running_double(profile=profile) as double, client_to(double) as client:
        token = client.create_invoice(order).token
        double.pay("ART1")

        answer = client.confirm(token)

    assert (answer.said, answer.amount, answer.references[0]) == (Said.COMPLETED, 4200, "ART1")
