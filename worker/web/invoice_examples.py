"""What the OpenAPI page shows about /v1/invoices: the body as the vendor documents it, an invoice, and each refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from worker.web.invoice_body import InvoiceBody, OtpBody

REFERENCE = "#/components/schemas/{model}"

QUICKSTART = {
    "commande": {
        "invoice": {
            "items": [{"name": "Blue cap", "price": 2100, "quantity": 2}],
            "total_amount": 4200,
            "devise": "XOF",
            "description": "Order 42",
            "customer": "",
            "customer_firstname": "Awa",
            "customer_lastname": "Traore",
            "customer_email": "awa@example.com",
        },
        "store": {"name": "Cap shop", "website_url": "https://shop.example.com"},
        "actions": {
            "cancel_url": "https://shop.example.com/cancelled",
            "return_url": "https://shop.example.com/thanks",
        },
        "custom_data": {"transaction_id": "ORDER-42-7f3c9a"},
    }
}
SHORTEST = {"commande": {"invoice": {"total_amount": 4200}}}
REGISTERED = {
    "commande": {"invoice": {"total_amount": 4200}, "custom_data": {"transaction_id": "ORDER-43-b81e02"}},
    "token": "the-token-from-the-reply-to-your-create",
}
DIRECT = {
    "mode": "direct",
    "operator_id": "11",
    "commande": {
        "invoice": {"total_amount": 4200, "customer": "22676000000", "otp": "123456"},
        "custom_data": {"transaction_id": "ORDER-45-c02f7d"},
    },
}
WALLET = {
    "mode": "wallet",
    "commande": {
        "invoice": {"total_amount": 4200, "customer": "22676000000", "otp": "123456"},
        "custom_data": {"transaction_id": "ORDER-46-91aa50"},
    },
}
CREATED = {
    "transaction_id": "ORDER-42-7f3c9a",
    "account": "default",
    "status": "pending",
    "amount": 4200,
    "settled_amount": None,
    "currency": "XOF",
    "description": "Order 42",
    "mode": "hosted",
    "next": {
        "kind": "open_url",
        "message": "Open the payment page, and pay there.",
        "ussd_code": None,
        "url": "https://client.ligdicash.com/directpayment/invoice/...",
        "gives_otp": False,
    },
    "payer": "",
    "asked_operator": "",
    "validation": "",
    "payment_url": "https://client.ligdicash.com/directpayment/invoice/...",
    "created_at": "2026-05-09T07:20:23Z",
    "final_at": None,
    "operator_id": "",
    "operator_name": "",
    "request_id": "",
    "refusal": "",
    "refusal_code": "",
}

OTPS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": REFERENCE.format(model="OtpBody")},
                "example": {"customer": "22676000000", "amount": 4200},
            }
        },
    }
}
ORDERS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": REFERENCE.format(model="InvoiceBody")},
                "examples": {
                    "quickstart": {"summary": "As LigdiCash's quickstart has it", "value": QUICKSTART},
                    "shortest": {"summary": "Nothing but an amount", "value": SHORTEST},
                    "direct": {"summary": "By mobile money, with the code the customer dialled for", "value": DIRECT},
                    "wallet": {"summary": "From a LigdiCash wallet, with the code that was sent", "value": WALLET},
                    "register": {"summary": "Created elsewhere: give its token", "value": REGISTERED},
                },
            }
        },
    },
    "responses": {"201": {"content": {"application/json": {"example": CREATED}}}},
}

_REFUSALS = {
    400: ("The body is not JSON.", "the body is not JSON: EOF while parsing an object at line 1 column 12"),
    401: ("The API key is missing or wrong.", "the API key is missing or wrong: send `Authorization: Bearer ...`"),
    402: ("The customer's balance is too low.", "LigdiCash refused the invoice with Code18: the balance is too low"),
    404: ("Nothing known by that id.", "no invoice has the transaction_id 'ORDER-44'"),
    409: (
        "The id is taken by another order. Or a payin without a page was refused, and a callback came about it all the same: `next` is `find_out`.",
        "transaction_id 'ORDER-42-7f3c9a' is taken by an order with other contents",
    ),
    413: ("The body is over 64 kB.", "the body must not be over 64 kB"),
    415: ("The body is of another media type.", "the Content-Type must be application/json"),
    422: (
        "A field breaks a rule; `errors` lists every fault. Or the gateway refused the order: `gateway` has its words.",
        "commande.invoice.devise: must be XOF, the only currency the gateway takes, not 'EUR'",
    ),
    429: (
        "One-time codes were sent to this number, or to all together, as often as may be: see Retry-After.",
        "no one-time code is sent to this number for 24 s: as many as may be were sent lately",
    ),
    502: (
        "The gateway refuses this installation's credentials, address or project.",
        "the gateway refuses our credentials",
    ),
    503: ("Send the same request again later, see Retry-After.", "the database cannot be reached or is too busy"),
    504: (
        "The gateway's reply was lost; a case is open.",
        "the reply to the create was lost; the invoice may or may not exist there, so a case is opened",
    ),
}
_OF_GET = (401, 404, 503)
_OF_OTPS = (400, 401, 413, 415, 422, 429, 502, 503)


def refusals(*, post: bool) -> dict[int | str, dict[str, Any]]:
    """The refusals one of the two routes of invoices can answer with."""
    return _told([code for code in _REFUSALS if code not in (404, 429)] if post else _OF_GET)


def refusals_of_otps() -> dict[int | str, dict[str, Any]]:
    """The refusals of the route that has a wallet's code sent."""
    return _told(_OF_OTPS)


def _told(codes: Sequence[int]) -> dict[int | str, dict[str, Any]]:
    told: dict[int | str, dict[str, Any]] = {code: _refusal(*_REFUSALS[code]) for code in codes}
    # Named, so that the framework does not add a refusal of its own that we never send.
    told["default"] = _refusal("Anything else.", "something went wrong here; the log of this server says what")
    return told


def _refusal(meaning: str, sentence: str) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(model="Refusal")}
    return {
        "description": meaning,
        "content": {"application/json": {"schema": schema, "example": {"error": sentence}}},
    }


def more_schemas() -> dict[str, Any]:
    """The schemas those references point to: the framework does not see bodies that are read by hand."""
    body = InvoiceBody.model_json_schema(ref_template=REFERENCE)
    parts: dict[str, Any] = body.pop("$defs")
    parts["OtpBody"] = OtpBody.model_json_schema(ref_template=REFERENCE)
    refusal = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {"type": "string", "description": "One sentence."},
            "errors": {
                "type": "array",
                "items": {"type": "string"},
                "description": "One line for each field at fault.",
            },
            "transaction_id": {"type": "string", "description": "Of the order, as soon as it has one."},
            "code": {"type": "string", "description": "Why the customer's payment did not begin. Stable."},
            "next": {"$ref": REFERENCE.format(model="NextStep")},
            "gateway": {"type": "object", "description": "The gateway's words: sub_code, text, details, wiki."},
        },
    }
    return {**parts, "InvoiceBody": body, "Refusal": refusal}
