"""What a person is told about a transaction whose reply was lost."""

from __future__ import annotations

from models.transaction import Kind

HOLE_ADVICE = (
    "No reply to our create was stored: the gateway may hold an invoice that nobody can ask about. "
    "If a customer paid it, ask LigdiCash support with the transaction id; else make a new invoice."
)
PAYOUT_ADVICE = (
    "The payout was sent and no reply was stored: the money may be on its way, and nothing sends it again. Look it up in the"
    " gateway's dashboard, or ask LigdiCash support with the transaction id, and say what became of it with `reconciler cases"
    " resolve`. Pay it in no other way before."
)
HOLES = {Kind.INVOICE: HOLE_ADVICE, Kind.PAYOUT: PAYOUT_ADVICE}
