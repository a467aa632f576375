"""What the merchant's application sends: an invoice or a payout, over a connection of its own each time."""

from __future__ import annotations

import requests

TO, NOBODYS = "22670000000", "99900000000"
"""Who gets the money of a payout; the gateway knows no operator of the second number, and refuses."""


def invoice(ours: str) -> dict[str, object]:
    wanted = {"items": [{"name": "Pagne", "price": 4200, "quantity": 1}], "total_amount": 4200, "devise": "XOF"}
    return {"commande": {"invoice": wanted, "custom_data": {"transaction_id": ours}}}


def payout(ours: str, *, to: str) -> dict[str, object]:
    wanted = {"amount": 4200, "customer": to, "custom_data": {"transaction_id": ours}}
    return {"route": "mobile_money", "commande": wanted}


def post(url: str, body: object, *, key: str) -> None:
    """Raises `requests.HTTPError` when it is not taken. The connection before may have died with its server."""
    with requests.Session() as http:
        http.trust_env = False
        http.post(url, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=60).raise_for_status()
