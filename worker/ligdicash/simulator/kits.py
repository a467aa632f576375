"""What the vendor's kits of 2024 can read: the profile `sdk-legacy`.

The kits (Python 1.0.5, JavaScript 1.0.2, PHP 1.0.3, Dart 1.0.2) were last changed before today's pages were written. The
Python kit calls a constructor with the keys of an answer: one it does not know is a TypeError, and so is one it misses. The
Dart kit reads amounts with `int.parse`, which takes text only, and wants an object as `custom_data` of a creation. Read in
their sources; the Python and the JavaScript kit were run as well, see the tests. Callbacks stay as they are: no kit reads one.
"""

from __future__ import annotations

from worker.ligdicash.simulator.options import Profile
from worker.ligdicash.simulator.payment import Payment
from worker.ligdicash.simulator.replies import Json

KNOWN = (
    "response_code",
    "token",
    "response_text",
    "description",
    "custom_data",
    "wiki",
    "amount",
    "montant",
    "status",
    "operator_id",
    "operator_name",
    "external_id",
    "transaction_id",
    "date",
    "customer",
    "request_id",
)
"""All keys an answer to confirm may have for the Python kit, which needs every one but the last three."""


def stays_in_wallet(wanted: Json, profile: Profile) -> object:
    """What a payout says in place of `top_up_wallet`: the JavaScript kit has a name of its own. None where it says nothing."""
    return wanted.get("to_ligdicash") if profile is Profile.SDK_LEGACY else None


def fit_creation(reply: Json, profile: Profile) -> Json:
    """The reply to a creation as this profile has it."""
    return reply if profile is Profile.DOCS else reply | {"custom_data": {}}


def fit_answer(reply: Json, payment: Payment, profile: Profile) -> Json:
    """The answer to a question as this profile has it: about payouts, which no page gives an amount, too."""
    if profile is Profile.DOCS:
        return reply
    amount = payment.order.amount if payment.confirm_amount is None else payment.confirm_amount
    reference = payment.order.transaction_id
    needed: Json = {"description": "", "custom_data": [], "external_id": reference, "transaction_id": reference}
    told = needed | reply | {"amount": str(amount), "montant": str(amount)}
    return {key: told[key] for key in KNOWN if key in told}
