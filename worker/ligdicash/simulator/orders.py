"""Reads the body of a create the way the gateway does, refusals included (vendor page `payin-redirect-create`)."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from worker.ligdicash.simulator.payment import Order

Json = dict[str, object]

SMALLEST, LARGEST = 9, 2_000_000
"""Francs; Code02 outside. Vendor's sub-code page for create."""

ITEM_KEYS = ("unit_price", "total_price", "name", "quantity")


class RefusedOrder(Exception):
    """The body earns a 01 with this sub-code; `details` goes into `response_text_details`."""

    def __init__(self, *, sub_code: str, details: str = "") -> None:
        super().__init__(f"Code{sub_code} {details}")
        self.sub_code = sub_code
        self.details = details


def read_order(body: bytes) -> tuple[Order, str]:
    """The order in a create body, and the payer's one-time code, which is kept nowhere. Raises `RefusedOrder`.

    A key that is missing gives Code04 with the text of a PHP warning: a merchant's captured reply shows exactly that for
    `unit_price`. Item arithmetic is not checked, as far as anybody knows.
    """
    invoice, store, actions, custom_data = _sections(body)
    _check_items(invoice.get("items"))
    amount = _amount(_needed(invoice, "total_amount"))
    if _text(invoice, "devise").upper() != "XOF":
        raise RefusedOrder(sub_code="08", details="devise must be XOF")
    order = Order(
        amount=amount,
        description=_text(invoice, "description"),
        firstname=_text(invoice, "customer_firstname"),
        lastname=_text(invoice, "customer_lastname"),
        email=_text(invoice, "customer_email"),
        customer=_text(invoice, "customer"),
        external_id=_text(invoice, "external_id"),
        store_name=_text(store, "name"),
        store_url=_url(store, "website_url"),
        return_url=_url(actions, "return_url"),
        cancel_url=_url(actions, "cancel_url"),
        callback_url=_url(actions, "callback_url"),
        custom_data={key: as_text(value) for key, value in custom_data.items()},
    )
    return order, _text(invoice, "otp")


def as_text(value: object) -> str:
    """A custom_data value as it comes back: always text (types of the vendor's JS SDK)."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sections(body: bytes) -> tuple[Json, Json, Json, Json]:
    try:
        root = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise RefusedOrder(sub_code="08", details="the body is not JSON") from exc
    order = _section(root if isinstance(root, dict) else {}, "commande")
    # PHP makes no difference between an empty object and an empty list.
    custom_data = order.get("custom_data") or {}
    if not isinstance(custom_data, dict):
        raise RefusedOrder(sub_code="08", details="custom_data must be an object")
    return _section(order, "invoice"), _section(order, "store"), _section(order, "actions"), custom_data


def _section(parent: Json, name: str) -> Json:
    found = _needed(parent, name)
    if not isinstance(found, dict):
        raise RefusedOrder(sub_code="08", details=f"{name} must be an object")
    return found


def _needed(parent: Json, name: str) -> object:
    if name not in parent:
        raise RefusedOrder(sub_code="04", details=f'Undefined array key "{name}"')
    return parent[name]


def _check_items(items: object) -> None:
    if items is None:
        return
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise RefusedOrder(sub_code="08", details="items must be a list of objects")
    for item in items:
        for key in ITEM_KEYS:
            _needed(item, key)


def _amount(value: object) -> int:
    """Whole francs; a numeric text or a whole float will do (the vendor's Dart SDK sends `5000.0`)."""
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or number != number // 1:
        raise RefusedOrder(sub_code="08", details="total_amount must be a whole number")
    if not SMALLEST <= number <= LARGEST:
        raise RefusedOrder(sub_code="02")
    return int(number)


def _text(parent: Json, name: str) -> str:
    value = parent.get(name)
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise RefusedOrder(sub_code="08", details=f"{name} must be text")
    return str(value)


def _url(parent: Json, name: str) -> str:
    """Vendor page `callback/configuration`: http or https, no credentials in it. Empty is allowed."""
    value = _text(parent, name)
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        fine = False
    if not fine:
        raise RefusedOrder(sub_code="08", details=f"{name} must be a plain http or https address")
    return value
