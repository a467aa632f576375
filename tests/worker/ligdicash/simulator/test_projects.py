"""Several projects at one simulator: each knows its own payments alone, and keys that were withdrawn are worth nothing."""

from __future__ import annotations

import pytest
import requests

SHOP = ("sim-shop.key-1", "sim-shop.token-1")


def use(merchant, key: str, token: str) -> None:
    merchant.session.headers.update({"Apikey": key, "Authorization": f"Bearer {token}"})


def counted(merchant) -> dict[str, int]:
    return merchant.control("GET", "books")["counters"]


def test_a_payment_is_told_to_its_own_project_alone_whatever_its_keys_are_by_then(merchant):
    theirs = merchant.create("ART1")
    use(merchant, *SHOP)
    ours = merchant.create("ART2")
    assert merchant.confirm(theirs)["response_text"] == "Echec (Code02)"
    assert counted(merchant)["foreign_questions"] == 1
    use(merchant, "sim-shop.key-2", "sim-shop.token-2")
    assert merchant.confirm(ours)["status"] == "pending"
    assert counted(merchant)["foreign_questions"] == 1
    assert [merchant.control("GET", f"transactions/ART{n}")["project"] for n in (1, 2)] == ["", "shop"]


@pytest.mark.parametrize("withdrawn", SHOP)
def test_one_credential_that_was_withdrawn_spoils_the_pair(merchant, withdrawn):
    use(merchant, *SHOP)
    token = merchant.create()
    merchant.control("POST", "withdraw", {"credential": withdrawn})
    assert merchant.confirm(token)["response_text"] == "Echec (Code00)"
    assert counted(merchant)["credentials_withdrawn"] == counted(merchant)["credentials_refused"] == 1


def test_a_key_and_a_token_of_two_projects_are_refused(merchant):
    use(merchant, SHOP[0], "sim-token")
    reply: requests.Response = merchant.send(merchant.order())
    assert reply.json()["response_text"] == "Echec (Code00)"
