"""The sub-codes of payouts as data, and which of them say for certain that no money is on its way.

One table per endpoint, since the same number means different things (a merchant's copy of the wiki page
"createWithdrawal"; for `straight/payout` the official kits alone, and they disagree: see docs/gateway.md). A refusal closes
a payout only where every source agrees that the gateway did nothing. All else is *unknown*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from models.answers import Said
from models.transaction import Route
from worker.language import N_
from worker.ligdicash.sub_codes import ConfirmSubCode, NextStep, SubCode


@dataclass(frozen=True, slots=True)
class PayoutSubCode(SubCode):
    """One row of a payout table."""

    is_certain: bool = True
    """Whether the gateway has certainly not taken the payout, whichever source is right."""


_RECENT = N_("a payout to this customer in the last 24 hours, or none: the sources contradict each other")
_FAULT = N_("an error while processing")
_API = N_("an error of the gateway's interface")
_NO_ACCOUNT = N_("no account of the merchant on that network")

_WALLET = (
    PayoutSubCode("00", N_("authentication failed"), NextStep.FIX_CONFIGURATION),
    PayoutSubCode("01", N_("payouts are not activated for this merchant"), NextStep.FIX_CONFIGURATION),
    PayoutSubCode("02", N_("the customer has no account at LigdiCash"), NextStep.FIX_REQUEST),
    PayoutSubCode("03", _NO_ACCOUNT, NextStep.FIX_CONFIGURATION),
    PayoutSubCode("03a", _RECENT, NextStep.ASK_SUPPORT),
    PayoutSubCode("03b", N_("no deposit in the last 3 months"), NextStep.ASK_SUPPORT),
    PayoutSubCode("04", N_("the merchant's balance is too low"), NextStep.TRY_AGAIN),
    PayoutSubCode("05", N_("the amount is out of range"), NextStep.FIX_REQUEST),
    PayoutSubCode("06", N_("our IP address is not allowed"), NextStep.FIX_CONFIGURATION),
    # Said of a transaction id that the gateway has seen: what was sent before under it was accepted.
    PayoutSubCode(
        "07", N_("the transaction id exists already: it was accepted before"), NextStep.ASK_SUPPORT, is_certain=False
    ),
    PayoutSubCode("08", _FAULT, NextStep.ASK_SUPPORT, is_certain=False),
    PayoutSubCode("09", N_("the data of the request is wrong"), NextStep.FIX_REQUEST),
    PayoutSubCode("10", _API, NextStep.ASK_SUPPORT, is_certain=False),
    PayoutSubCode("13", N_("no hash"), NextStep.FIX_CONFIGURATION),
    PayoutSubCode("14", N_("an invalid hash"), NextStep.FIX_CONFIGURATION),
)

# The kits for Python, PHP and JavaScript; where the one for Dart or a vendor page has another meaning, the row names both.
_MOBILE_MONEY = (
    PayoutSubCode("00", N_("authentication failed"), NextStep.FIX_CONFIGURATION),
    PayoutSubCode("01", N_("authentication of the application failed"), NextStep.FIX_CONFIGURATION),
    PayoutSubCode("02", N_("the amount is out of range"), NextStep.FIX_REQUEST),
    PayoutSubCode("03", _NO_ACCOUNT, NextStep.FIX_CONFIGURATION),
    PayoutSubCode("04", _RECENT, NextStep.ASK_SUPPORT),
    PayoutSubCode("05", N_("the operator of this number is not identified"), NextStep.FIX_REQUEST),
    PayoutSubCode("06", N_("no account of the merchant, or our IP address is not allowed"), NextStep.FIX_CONFIGURATION),
    PayoutSubCode("07", N_("no account of the merchant"), NextStep.FIX_CONFIGURATION),
    PayoutSubCode("08", N_("the merchant's balance is too low"), NextStep.TRY_AGAIN),
    PayoutSubCode("09", _FAULT, NextStep.ASK_SUPPORT, is_certain=False),
    PayoutSubCode("10", _API, NextStep.ASK_SUPPORT, is_certain=False),
    PayoutSubCode("11", N_("no hash, or no deposit in the last 24 hours"), NextStep.FIX_CONFIGURATION),
    PayoutSubCode("12", N_("an invalid hash"), NextStep.FIX_CONFIGURATION),
    PayoutSubCode("13", N_("a conversion of currency that is not allowed"), NextStep.FIX_REQUEST),
    PayoutSubCode("14", N_("our IP address is not allowed"), NextStep.FIX_CONFIGURATION),
)

TABLES: Mapping[Route, Mapping[str, PayoutSubCode]] = MappingProxyType(
    {
        Route.WALLET: MappingProxyType({row.code: row for row in _WALLET}),
        Route.MOBILE_MONEY: MappingProxyType({row.code: row for row in _MOBILE_MONEY}),
    }
)
"""Refusals of `withdrawal/create` and of `straight/payout`."""


def payout_refusal(code: str, *, route: Route) -> PayoutSubCode:
    """Return the row of the table; for a code nobody has listed, or none, one that says nothing for certain."""
    unlisted = PayoutSubCode(code, N_("a reason that no table lists"), NextStep.ASK_SUPPORT, is_certain=False)
    return TABLES[route].get(code, unlisted)


def payout_confirm_refusal(code: str) -> ConfirmSubCode:
    """Return what a refused question about a payout comes to.

    Two pages name two tables for it, and neither is its own. That 00 is about our keys is all that every table agrees in.
    """
    if code == "00":
        return ConfirmSubCode(code, N_("authentication failed"), NextStep.FIX_CONFIGURATION, comes_to=Said.REFUSED)
    return ConfirmSubCode(code, N_("a reason that no table lists"), NextStep.ASK_SUPPORT, comes_to=Said.UNKNOWN)
