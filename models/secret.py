"""What of a transaction must not be shown, wherever in a body it stands."""

from __future__ import annotations

from urllib.parse import quote, quote_plus


def secrets_of(token: str | None, payment_url: str) -> tuple[str, ...]:
    """Its token, as senders of JSON and of forms spell it, and the payment address that holds it; the longest first."""
    spelt = (token, token.replace("/", "\\/"), quote(token, safe=""), quote_plus(token)) if token else ()
    return tuple(sorted({secret for secret in (payment_url, *spelt) if secret}, key=len, reverse=True))
