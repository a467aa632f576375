"""`reconciler why` about payouts, on real books: whether money went out, whether it may be sent again, and who knows."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from models.answers import Answer, Said
from models.check import Lane
from models.errors import GatewayRefused, PayoutUnknown
from models.payout import PayoutOrder
from models.queries.cases import Signature
from models.queries.stops import switch_off
from models.session import transaction
from models.stop import Switch
from models.transaction import Route
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.payouts import create, reject
from tests.ledger import claim, knock, let_pass, value
from worker.language import languages, speaking

BY = Signature(author="awa", reason="paid by hand")


@pytest.fixture
def ordered(ops):
    """Have payouts ordered; the gateway does with each what it is told."""

    def order(ours, *, fault=None, above=0):
        ops.fakes.gateway.payouts.send_fault = fault
        tools = replace(ops.tools, approval_above=above)
        wanted = PayoutOrder(transaction_id=ours, amount=4200, route=Route.MOBILE_MONEY, customer="22670000000")
        with suppress(GatewayRefused, PayoutUnknown):
            create(tools, wanted)

    return order


def asked(ops, ours, said):
    pk = value(ops.tools.sessions, "SELECT id FROM transactions WHERE transaction_id = :ours", ours=ours)
    token = value(ops.tools.sessions, "SELECT token FROM transactions WHERE id = :pk", pk=pk)
    ops.fakes.gateway.payouts.says(token, Answer(said=said))
    confirm(ops.tools, [pk], lane=Lane.SWEEP)
    let_pass(ops.tools.sessions, 10)


def test_each_payout_is_explained_by_what_the_books_know_of_it(ops, ordered):
    ordered("AWAITING", above=1)
    ordered("REJECTED", above=1)
    reject(ops.tools, "REJECTED", BY)
    ordered("UNKNOWN", fault=PayoutUnknown("the connection broke"))
    ordered("REFUSED", fault=GatewayRefused("the balance is too low"))
    ordered("DOUBTED", fault=GatewayRefused("the balance is too low"))
    intake(ops.tools, knock(ops.tools.sessions, claim("DOUBTED")))
    for ours, said in (
        ("WAITING", None),
        ("PENDING", Said.PENDING),
        ("OUT", Said.COMPLETED),
        ("FAILED", Said.NOTCOMPLETED),
    ):
        ordered(ours)
        if said:
            asked(ops, ours, said)
    with transaction(ops.tools.sessions) as step:
        switch_off(step.session, Switch.SEND, author="awa", reason="wrong list", length=timedelta(hours=1))
    ordered("QUEUED")
    found = {
        ours: (document["situation"], document["kind"], document["needs_person"], document["would_settle"] is None)
        for ours in (
            "AWAITING",
            "REJECTED",
            "UNKNOWN",
            "REFUSED",
            "DOUBTED",
            "WAITING",
            "PENDING",
            "OUT",
            "FAILED",
            "QUEUED",
        )
        if (document := ops.document("why", ours))
    }
    assert found == {
        "AWAITING": ("awaiting_approval", "payout", True, True),
        "REJECTED": ("rejected", "payout", False, True),
        "UNKNOWN": ("sent_unknown", "payout", True, True),
        "REFUSED": ("refused", "payout", False, True),
        "DOUBTED": ("refused_doubted", "payout", True, True),
        "WAITING": ("not_asked_yet", "payout", False, False),
        "PENDING": ("gateway_pending", "payout", False, False),
        "OUT": ("settled", "payout", False, True),
        "FAILED": ("failed", "payout", False, False),
        "QUEUED": ("queued", "payout", False, True),
    }
    assert [one["obstacle"] for one in ops.document("why", "QUEUED")["hindrances"]] == ["send_off"]
    assert [one["obstacle"] for one in ops.document("why", "AWAITING")["hindrances"]] == ["send_off"]
    assert "reconciler payouts approve AWAITING" in ops.say("why", "AWAITING")
    told = " ".join(ops.say("why", "UNKNOWN").split())
    assert "Nothing sends it again." in told
    assert (
        "Ask LigdiCash's support whether they have a payout over 4,200 XOF to 22670000000 under the id UNKNOWN" in told
    )


@pytest.mark.parametrize("language", languages())
def test_it_fits_80_columns_and_tells_no_token(ops, ordered, language):
    ordered("OUT-1")
    asked(ops, "OUT-1", Said.PENDING)
    with speaking(language):
        said = ops.say("why", "OUT-1")
    assert max(len(line) for line in said.splitlines()) <= 80
    assert "payout-1-of" not in said
    assert "22670000000" in said
