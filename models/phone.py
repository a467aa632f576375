"""Phone numbers, from what a person writes to what the gateway takes: country code and national number, digits only.

A number here is a text like `22670000000` (vendor pages "direct-payin/introduction" and "reference/endpoints/debit-otp").
Nothing is known about who owns it: neither the vendor nor we have a list of prefixes by operator, and subscribers may
take their number along to another operator.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from models.errors import Invalid

SHORTEST, LONGEST = 7, 15
"""Digits of a whole number. The most by ITU-T E.164; no country has fewer than Niue, with +683 and four."""

LONGEST_WRITTEN = 40
"""Characters, whatever stands between the digits."""

BETWEEN = re.compile(r"[\s\-./()]+")
"""What people write between digits; `\\s` has the no-break spaces, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """A country in which the gateway has operators.

    `lengths` are those a national mobile number may have, by the national plans filed with ITU (E.164), as the metadata of
    libphonenumber 9.0.43 has them. Empty where the plan knows several that we cannot sort.
    """

    code: str
    """ISO 3166, two letters."""
    name: str
    dialling: str
    """Country code of the phone number, without `+`."""
    lengths: tuple[int, ...] = ()


BENIN = Country(code="BJ", name="Benin", dialling="229", lengths=(8, 10))
"""Ten digits since 30 November 2024: `01` before the eight of old. No page says which the gateway wants: both pass."""
BURKINA_FASO = Country(code="BF", name="Burkina Faso", dialling="226", lengths=(8,))
IVORY_COAST = Country(code="CI", name="Côte d'Ivoire", dialling="225", lengths=(10,))
"""Ten digits since 31 January 2021; those of eight are not connected any more."""
DR_CONGO = Country(code="CD", name="DR Congo", dialling="243")
"""Most have nine digits, some seven: no check."""
GUINEA = Country(code="GN", name="Guinea", dialling="224", lengths=(9,))
MALI = Country(code="ML", name="Mali", dialling="223", lengths=(8,))
NIGER = Country(code="NE", name="Niger", dialling="227", lengths=(8,))
SENEGAL = Country(code="SN", name="Senegal", dialling="221", lengths=(9,))
TOGO = Country(code="TG", name="Togo", dialling="228", lengths=(8,))

COUNTRIES = (BENIN, BURKINA_FASO, IVORY_COAST, DR_CONGO, GUINEA, MALI, NIGER, SENEGAL, TOGO)
"""The nine of which vendor page "reference/supported-operators" speaks, as far as its pages name them."""

LONGEST_NATIONAL = max(length for country in COUNTRIES for length in country.lengths)


def gateway_form(written: str) -> str:
    """`+226 70 00 00 00`, `00226 70-00-00-00` or `22670000000`, all as `22670000000`. What comes out goes in again.

    Raises `Invalid` with one sentence that names the rule, and never the number, which is personal. A number of a country
    that we do not know passes, if it says by `+` or `00`, or by its length, that the country code is there.
    """
    number, says_its_country = _digits(written)
    country = country_of(number)
    if country is None:
        if not says_its_country and len(number) <= LONGEST_NATIONAL:
            raise Invalid("the phone number must begin with its country code, as in +226 70 00 00 00")
        return number
    length = len(number) - len(country.dialling)
    if country.lengths and length not in country.lengths:
        known = " or ".join(str(length) for length in country.lengths)
        raise Invalid(f"a phone number of {country.name} has {known} digits after +{country.dialling}, not {length}")
    return number


def country_of(number: str) -> Country | None:
    """The country this number in the gateway's form belongs to; None for one that is not in `COUNTRIES`."""
    return next((country for country in COUNTRIES if number.startswith(country.dialling)), None)


def _digits(written: str) -> tuple[str, bool]:
    """The digits behind `+` or `00`, and whether one of these stood there."""
    if len(written) > LONGEST_WRITTEN:
        raise Invalid(f"the phone number must have at most {LONGEST_WRITTEN} characters")
    found = re.fullmatch(r"(\+|00)?([0-9]+)", BETWEEN.sub("", written))
    if found is None:
        raise Invalid("the phone number must be digits, with nothing before them but + or 00")
    number = found[2]
    if not SHORTEST <= len(number) <= LONGEST:
        raise Invalid(f"the phone number must have {SHORTEST} to {LONGEST} digits")
    if number.startswith("0"):  # no country code does; national numbers of some countries do
        raise Invalid("the phone number must begin with its country code, as in +226 70 00 00 00")
    return number, found[1] is not None
