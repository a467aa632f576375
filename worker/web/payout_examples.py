"""What the OpenAPI page shows about /v1/payouts: a body for each route, a payout, and each refusal."""

from __future__ import annotations

from typing import Any

from worker.web.invoice_examples import REFERENCE, refusals
from worker.web.payout_body import PayoutBody

MOBILE_MONEY = {
    "route": "mobile_money",
    "commande": {
        "amount": 4200,
        "description": "Refund of order 42",
        "customer": "22670000000",
        "custom_data": {"transaction_id": "REFUND-42-7f3c9a"},
    },
}
WALLET = {
    "route": "wallet",
    "commande": {
        "amount": 4200,
        "customer": "+226 70 00 00 00",
        "top_up_wallet": 1,
        "custom_data": {"transaction_id": "BONUS-43-b81e02"},
    },
}
SENT = {
    "transaction_id": "REFUND-42-7f3c9a",
    "account": "default",
    "status": "pending",
    "amount": 4200,
    "settled_amount": None,
    "currency": "XOF",
    "route": "mobile_money",
    "customer": "22670000000",
    "top_up_wallet": None,
    "description": "Refund of order 42",
    "created_at": "2026-05-09T07:20:23Z",
    "sent_at": "2026-05-09T07:20:23Z",
    "final_at": None,
    "operator_id": "",
    "operator_name": "",
    "refusal": "",
    "awaiting_approval": False,
    "queued": False,
}
AWAITING = SENT | {"status": "created", "amount": 700_000, "sent_at": None, "awaiting_approval": True}
QUEUED = SENT | {"status": "created", "sent_at": None, "queued": True}

ORDERS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": REFERENCE.format(model="PayoutBody")},
                "examples": {
                    "mobile_money": {"summary": "Straight to mobile money", "value": MOBILE_MONEY},
                    "wallet": {"summary": "To a LigdiCash wallet, to stay there", "value": WALLET},
                },
            }
        },
    },
    "responses": {"201": {"content": {"application/json": {"example": SENT}}}},
}

_OURS = {
    404: ("Nothing known by that id.", "no payout has the transaction_id 'REFUND-44'"),
    422: (
        (
            "A field breaks a rule; `errors` lists every fault. Or the gateway refused the payout, so that no money moves: "
            "`gateway` has its words."
        ),
        "route: must be 'wallet' or 'mobile_money'",
    ),
    504: (
        "The money may be on its way, and nobody knows. A case is open; nothing sends it again, and neither may you.",
        (
            "The payout was sent, and no whole answer came in the time allowed: it may be under way; a case is opened, and "
            "nothing sends this payout again; pay it in no other way before that case is resolved"
        ),
    ),
}


def payout_refusals(*, post: bool) -> dict[int | str, dict[str, Any]]:
    """The refusals one of the two routes can answer with."""
    told = refusals(post=post)
    for code, (meaning, sentence) in _OURS.items():
        if code in told:
            shown = {"schema": {"$ref": REFERENCE.format(model="Refusal")}, "example": {"error": sentence}}
            told[code] = {"description": meaning, "content": {"application/json": shown}}
    return told


def payout_schemas() -> dict[str, Any]:
    """The schemas of the body: the framework does not see what is read by hand."""
    body = PayoutBody.model_json_schema(ref_template=REFERENCE)
    parts: dict[str, Any] = body.pop("$defs")
    return {**parts, "PayoutBody": body}
