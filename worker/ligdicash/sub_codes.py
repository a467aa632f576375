"""The gateway's sub-codes as data: what each means, and what has to be done about it.

The sub-code stands in `response_text` as `Echec (Code15)`; `response_code` itself only ever says 00 or 01. The numbers mean
different things at each endpoint, so there is one table per endpoint (vendor pages "errors/overview", "errors/wiki-field";
rows the pages do not show come from the official kits, see docs/gateway.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from models.answers import Said
from models.payin import Hitch
from worker.language import N_


class NextStep(StrEnum):
    """What a refusal asks of us. The value is the sentence a person reads."""

    FIX_REQUEST = N_("Change the request before sending it again.")
    FIX_CONFIGURATION = N_("Have the API project or our settings put right; every request will be refused until then.")
    TELL_CUSTOMER = N_("Tell the customer; when that is put right, the same order may be sent again.")
    TRY_AGAIN = N_("Try again in a few minutes.")
    ASK_SUPPORT = N_("Ask LigdiCash support, with the details and the wiki page.")


@dataclass(frozen=True, slots=True)
class SubCode:
    """One row of a table."""

    code: str
    meaning: str
    next_step: NextStep
    hitch: Hitch | None = None
    """Where the customer can do something about it."""


@dataclass(frozen=True, slots=True)
class ConfirmSubCode(SubCode):
    """One row of the confirm table: also what the answer comes to when it names no status of the payment."""

    comes_to: Said = Said.UNKNOWN


_CREATE = (
    SubCode("00", N_("authentication failed"), NextStep.FIX_CONFIGURATION),
    SubCode("01", N_("taking payments is not activated for this merchant"), NextStep.FIX_CONFIGURATION),
    SubCode("02", N_("the amount is outside 9 to 2,000,000 francs"), NextStep.FIX_REQUEST),
    SubCode("03", N_("our IP address is not allowed"), NextStep.FIX_CONFIGURATION),
    # The vendor says "retry"; the field says that a malformed item gets it too, so the details are read first.
    SubCode("04", N_("an error while processing"), NextStep.TRY_AGAIN),
    SubCode("05", N_("an error while sending to the operator"), NextStep.TRY_AGAIN, Hitch.OPERATOR_DOWN),
    SubCode("06", N_("an error while sending to the operator"), NextStep.TRY_AGAIN, Hitch.OPERATOR_DOWN),
    SubCode("07", N_("the operator is not configured on the project"), NextStep.FIX_CONFIGURATION, Hitch.NOT_SERVED),
    SubCode("08", N_("the data of the request is wrong"), NextStep.FIX_REQUEST),
    SubCode("09", N_("an error of the gateway's interface"), NextStep.ASK_SUPPORT),
    SubCode("10", N_("no hash"), NextStep.FIX_CONFIGURATION),
    SubCode("11", N_("an invalid hash"), NextStep.FIX_CONFIGURATION),
    SubCode("12", N_("an invalid method"), NextStep.FIX_CONFIGURATION),
    SubCode("13", N_("a method that is not authorised"), NextStep.FIX_CONFIGURATION),
    SubCode("14", N_("wrong wallet credentials"), NextStep.TELL_CUSTOMER, Hitch.WRONG_WALLET),
    SubCode("15", N_("a wrong one-time code"), NextStep.TELL_CUSTOMER, Hitch.WRONG_OTP),
    SubCode("16", N_("an expired one-time code"), NextStep.TELL_CUSTOMER, Hitch.EXPIRED_OTP),
    SubCode("17", N_("a one-time code for another amount"), NextStep.TELL_CUSTOMER, Hitch.OTHER_AMOUNT_OTP),
    SubCode("18", N_("the balance is too low"), NextStep.TELL_CUSTOMER, Hitch.BALANCE),
)

CREATE: Mapping[str, SubCode] = MappingProxyType({row.code: row for row in _CREATE})
"""Refusals of a payin creation. 17 and 18 are known from the field only."""

_CONFIRM = (
    ConfirmSubCode("00", N_("authentication failed"), NextStep.FIX_CONFIGURATION, comes_to=Said.REFUSED),
    ConfirmSubCode(
        "01",
        N_("taking payments is not activated for this merchant"),
        NextStep.FIX_CONFIGURATION,
        comes_to=Said.REFUSED,
    ),
    ConfirmSubCode("02", N_("the invoice is not found"), NextStep.ASK_SUPPORT, comes_to=Said.NOT_FOUND),
    ConfirmSubCode("03", N_("an error while processing"), NextStep.TRY_AGAIN),
    ConfirmSubCode("04", N_("the data of the request is wrong"), NextStep.ASK_SUPPORT),
)

CONFIRM: Mapping[str, ConfirmSubCode] = MappingProxyType({row.code: row for row in _CONFIRM})
"""Refusals of a payin confirm, as the official kits list them; the vendor's own table was not to be seen."""

_SUB_CODE = re.compile(r"\(\s*code\s*([0-9]{2,3}[a-z]?)\s*\)", re.ASCII | re.IGNORECASE)


def sub_code_of(text: str) -> str:
    """Find the sub-code in a `response_text` such as `Echec (Code03a)`; empty when there is none.

    The letter, if any, comes back small. Asks for the brackets, so that digits in an address or a sentence are none.
    """
    found = _SUB_CODE.search(text)
    return found[1].lower() if found else ""


def create_refusal(code: str) -> SubCode:
    """Return the row of the create table; for a code nobody has listed, one that sends the reader to support."""
    return CREATE.get(code) or SubCode(code, N_("a reason that no table lists"), NextStep.ASK_SUPPORT)


def confirm_refusal(code: str) -> ConfirmSubCode:
    """Return the row of the confirm table; for an unlisted code or none, one that leaves the payment's fate open."""
    return CONFIRM.get(code) or ConfirmSubCode(code, N_("a reason that no table lists"), NextStep.ASK_SUPPORT)
