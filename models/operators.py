"""The mobile money operators behind the gateway, as its pages list them. Data: knows no number's owner and asks nobody.

The list of the vendor page "reference/supported-operators" is known in part, and grows: an id that is not here is an
operator we do not know, never a mistake. See "Operators" in docs/gateway.md for sources and contradictions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from models.phone import BENIN, BURKINA_FASO, DR_CONGO, GUINEA, IVORY_COAST, MALI, NIGER, SENEGAL, TOGO, Country


class Validation(StrEnum):
    """How a customer says yes to a direct payin: the six modes of vendor page "direct-payin/validation-modes"."""

    USSD_OTP = "ussd_otp"
    """Dials a code before the payin is created, and hands over the one-time code that comes back."""
    USSD_PUSH = "ussd_push"
    """Is asked for the PIN on the phone; nothing to hand over."""
    GUIDED_USSD = "guided_ussd"
    """Gets a message with a code to dial; nothing to hand over."""
    SMS_OTP = "sms_otp"
    """Gets a one-time code by message after a first call, and hands it over for a second. LigdiCash's own wallet alone."""
    LIGDICASH_REDIRECT = "ligdicash_redirect"
    """Opens a page of the gateway, whose address is the reply to the create."""
    OPERATOR_REDIRECT = "operator_redirect"
    """Opens a page of the operator, whose address is the reply to the create."""

    @property
    def needs_code_first(self) -> bool:
        """Whether the one-time code must be there when the payin is created."""
        return self is Validation.USSD_OTP


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator in one country. None and "" mean that no page we saw says so, not that there is none."""

    id: str
    """`operator_id` of the gateway, always as text; callbacks have it as a number, too."""
    name: str
    """As people call it."""
    gateway_name: str = ""
    """`operator_name` as answers and callbacks have it."""
    country: Country
    validation: Validation | None = None
    fallback: Validation | None = None
    """What the operator does by itself where `validation` does not get through; the request is the same."""
    minimum: int | None = None
    maximum: int | None = None
    """Whole francs, for one payin; the gateway's own limits (`models.order`) hold besides."""
    ussd: str = ""
    """What the customer dials, with `{amount}` for whole francs: for a one-time code before the payin is created where the
    mode is `USSD_OTP`, else to approve it, as the operator's message says, too."""

    def dial(self, amount: int) -> str:
        """What the customer dials to pay so many francs; "" where there is nothing to dial, or we do not know."""
        return self.ussd.format(amount=amount)


# Without another word a row is from "reference/supported-operators"; a page "operators/..." stands below "direct-payin".
OPERATORS = (
    Operator(
        id="1",
        name="MTN",
        gateway_name="MTN BENIN",
        country=BENIN,
        validation=Validation.USSD_PUSH,
        minimum=100,
    ),
    Operator(
        id="2",
        name="Moov Africa",
        gateway_name="MOOV BENIN",
        country=BENIN,
        validation=Validation.USSD_PUSH,
        minimum=100,
    ),
    # "operateurs/yas-togo", in the French pages.
    Operator(id="3", name="YAS", gateway_name="YAS TOGO", country=TOGO, validation=Validation.USSD_PUSH),
    Operator(
        id="11",
        name="Orange",
        gateway_name="ORANGE BURKINA",
        country=BURKINA_FASO,
        validation=Validation.USSD_OTP,
        minimum=10,
        maximum=2_000_000,  # "operators/orange-burkina"
        # With the amount by "api1/payin-sans-redirection"; "operators/orange-burkina" and "validation-modes" leave it out.
        ussd="*144*4*6*{amount}#",
    ),
    Operator(
        id="12",
        name="Moov Africa",
        gateway_name="MOOV AFRICA BURKINA",
        country=BURKINA_FASO,
        validation=Validation.USSD_PUSH,
        fallback=Validation.GUIDED_USSD,
        minimum=100,
        maximum=2_000_000,  # "operators/moov-burkina"
    ),
    Operator(
        id="14",
        name="Moov Africa",
        gateway_name="MOOV CI",
        country=IVORY_COAST,
        validation=Validation.USSD_PUSH,
        fallback=Validation.GUIDED_USSD,
        minimum=100,
        ussd="*155*15#",  # "operators/moov-cote-divoire", for the fallback
    ),
    Operator(
        id="15",
        name="MTN",
        gateway_name="MTN CI",
        country=IVORY_COAST,
        validation=Validation.GUIDED_USSD,
        minimum=10,
        ussd="*133#",  # "operators/mtn-cote-divoire"
    ),
    Operator(
        id="16",
        name="Orange",
        gateway_name="ORANGE CI",
        country=IVORY_COAST,
        validation=Validation.OPERATOR_REDIRECT,
        minimum=10,
    ),
    Operator(
        id="18",
        name="Orange",
        gateway_name="ORANGE MALI",
        country=MALI,
        validation=Validation.OPERATOR_REDIRECT,
        minimum=100,
    ),
    Operator(
        id="27",
        name="Airtel",
        gateway_name="AIRTEL NIGER",
        country=NIGER,
        validation=Validation.USSD_PUSH,
        minimum=10,
    ),
    Operator(
        id="28",
        name="Zamani",
        gateway_name="ORANGE/ZAMANI NIGER",
        country=NIGER,
        validation=Validation.GUIDED_USSD,
        minimum=10,
    ),
    Operator(
        id="29",
        name="Moov Africa",
        gateway_name="MOOV AFRICA NIGER",
        country=NIGER,
        validation=Validation.USSD_PUSH,
    ),
    Operator(
        id="33",
        name="Orange",
        gateway_name="ORANGE GUINEE",
        country=GUINEA,
        validation=Validation.LIGDICASH_REDIRECT,
        minimum=200,
    ),
    # The row is cut off behind the operator's name in what we saw of the page.
    Operator(id="34", name="Orange", country=DR_CONGO),
    # "operators/wave-senegal".
    Operator(
        id="39",
        name="Wave",
        gateway_name="WAVE SENEGAL",
        country=SENEGAL,
        validation=Validation.LIGDICASH_REDIRECT,
    ),
    Operator(
        id="51",
        name="MTN",
        gateway_name="MTN GUINEE",
        country=GUINEA,
        validation=Validation.LIGDICASH_REDIRECT,
        minimum=200,
    ),
)

_BY_ID = {operator.id: operator for operator in OPERATORS}


def find(operator_id: str) -> Operator | None:
    """The operator with this id of the gateway; None for one we do not know, which may well exist."""
    return _BY_ID.get(operator_id)


def served_by(number: str, operator_ids: Collection[str]) -> tuple[Operator, ...] | None:
    """Those of a project's operators that work in the country of this number, which is in the gateway's form.

    Empty: certainly none does. None: it cannot be told, because the project's operators are not known (no ids), or one
    of them is not known to us. Which operator the number belongs to is not asked: nobody here knows.
    """
    known = [find(operator_id) for operator_id in operator_ids]
    operators = [operator for operator in known if operator is not None]
    if not known or len(operators) < len(known):
        return None
    return tuple(operator for operator in operators if number.startswith(operator.country.dialling))
