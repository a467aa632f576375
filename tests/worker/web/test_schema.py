"""The OpenAPI document against the door: requests made from it, right and wrong ones, are answered as it says."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.fakes import API_KEY
from tests.servers import PATIENCE, create_database, drop_database, fresh_name
from tests.webdoor import open_door

OPERATIONS = [
    ("POST", "/v1/invoices"),
    ("GET", "/v1/invoices/{transaction_id}"),
    ("POST", "/v1/payouts"),
    ("GET", "/v1/payouts/{transaction_id}"),
    ("POST", "/v1/wallet-otps"),
    ("GET", "/v1/events"),
    ("POST", "/api/callback/ligdicash"),
    ("POST", "/api/callback/ligdicash/{account}"),
]
UNSAID = {
    # Sums, limits of amounts and reserved names are rules of an order that a schema cannot tell.
    "/v1/invoices": [positive_data_acceptance],
    "/v1/payouts": [positive_data_acceptance],
    "/v1/wallet-otps": [positive_data_acceptance],
    # Takes whatever comes: what it means is found out later.
    "/api/callback/ligdicash": [negative_data_rejection],
    "/api/callback/ligdicash/{account}": [negative_data_rejection],
    # Which accounts there are is a matter of this installation.
    "/v1/events": [positive_data_acceptance],
}
"""Checks that do not hold, and why they need not. All others do: no 5xx, documented statuses, types and shapes."""

QUICKLY = settings(max_examples=50, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def document(servers, template_database):
    """The document as a program gets it from one door for all requests: they are many, and each stands for itself."""
    name = fresh_name()
    with open_door(create_database(servers.postgres_url, name, template=template_database)) as door:
        yield schemathesis.openapi.from_url(f"{door.url}/openapi.json")
    drop_database(servers.postgres_url, name)


def test_every_operation_of_the_document_is_tried_here(document):
    operations = [found.ok() for found in document.get_all_operations()]
    assert sorted((one.method.upper(), one.path) for one in operations) == sorted(OPERATIONS)


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_is_made_from_the_document_is_answered_as_it_says(document, method, path, mode):
    @QUICKLY
    @given(case=document[path][method].as_strategy(generation_mode=mode))
    def answered(case) -> None:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        case.call_and_validate(headers=headers, excluded_checks=UNSAID.get(path, ()), timeout=PATIENCE)

    answered()
