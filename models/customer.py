"""How one customer may be named in what the gateway, the merchant and strangers wrote. Pure: patterns, and nothing is looked at.

Bodies are bytes in whatever encoding, so they are searched as PostgreSQL's `encode(..., 'escape')` has them: ASCII as it is, a
backslash doubled, every other byte as a backslash and three octal digits.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

from models.errors import Invalid
from models.payin import Payer
from models.phone import BENIN, country_of, gateway_form
from models.transaction import Mode

LONGEST = 255
SHORTEST_WORD = 2
"""Letters of a name's word: of one letter everybody has one."""

EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]{2,}")

BYTE = r"%(?:25)*[0-9a-f]{2}|\\+u[0-9a-f]{4}|\\[0-7]{3}"
"""One character that is written otherwise: in a form (also twice over), in JSON, or as a byte that is no ASCII."""
BETWEEN_DIGITS = r"(?:[-\s./()+]|%(?:25)*(?:2[0-9a-f]|c2|a0)|\\+u00[2a]0|\\+[trn]|\\[0-7]{3}){0,4}"
BETWEEN_WORDS = rf"(?:[-\s+._]|%(?:25)*[0-9a-f]{{2}}|{BYTE}){{1,4}}"
BEFORE = rf"(?:^|[^0-9]|{BYTE})"
PHONE_FIELD = r"(?:customer|payer|phone|msisdn|mobile|whatsapp|contact|tel|num[a-z]*ro|number)"
"""What a field with a phone number in it is called. Digits without a country code could be anything elsewhere."""


class Sort(StrEnum):
    """What a customer is looked for by."""

    NUMBER = "number"
    EMAIL = "email"
    NAME = "name"
    """Many bear it: good for looking, not for erasing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who is looked for. Personal, but for `masked`; the rest is in no `repr`.

    `patterns` are regular expressions without regard to case that all have to be found. `local` finds a number's national
    digits alone, in a field that is called like a phone number: they may be those of somebody in another country. `clue` is
    found wherever these are, and takes less to look for.
    """

    sort: Sort
    masked: str
    numbers: tuple[str, ...] = field(default=(), repr=False)
    """A number in the gateway's form, in each way in which it may be written so."""
    clue: str = field(repr=False)
    patterns: tuple[str, ...] = field(repr=False)
    local: str = field(default="", repr=False)

    @property
    def payers(self) -> tuple[str, ...]:
        """The number as an invoice keeps it, which tells its country and its last two digits alone."""
        return tuple(_masked(number) for number in self.numbers)

    def is_named_in(self, text: str) -> bool:
        """Whether this text, which we are about to keep, names them."""
        written = text.replace("\\", "\\\\")
        return all(re.search(pattern, written, re.IGNORECASE) for pattern in self.patterns)


def customer_of(written: str) -> Customer:
    """Who is meant by a phone number with its country code, an e-mail address, or a name.

    Raises `Invalid` with one sentence that never repeats what was written.
    """
    words = " ".join(unicodedata.normalize("NFC", written).split())
    if not words or len(words) > LONGEST or not words.isprintable():
        raise Invalid(f"a phone number, an e-mail address or a name of at most {LONGEST} characters is needed")
    if EMAIL.fullmatch(words):
        clue = _spelled(words)
        pattern = rf"(?:^|[^a-z0-9._-]|{BYTE}){clue}(?![a-z0-9_-])"
        return Customer(sort=Sort.EMAIL, masked=_masked_email(words), clue=clue, patterns=(pattern,))
    if any(sign.isdigit() for sign in words):
        return _of_number(gateway_form(words))
    parts = [part for part in re.split(r"[\s-]+", words) if len(part) >= SHORTEST_WORD]
    if not parts:
        raise Invalid("a name must have a word of two letters at least")
    return Customer(
        sort=Sort.NAME,
        masked=" ".join(part[0] + "*" * (len(part) - 1) for part in parts),
        clue=_spelled(max(parts, key=len)),
        patterns=tuple(rf"(?:^|[^a-z]|{BYTE}){_spelled(part)}(?![a-z])" for part in parts),
    )


def _of_number(number: str) -> Customer:
    country = country_of(number)
    nationals = [number.removeprefix(country.dialling)] if country else []
    if country is BENIN:  # eight digits of old are the same number with 01 before them
        [old] = nationals
        nationals = [old, old.removeprefix("01") if len(old) > min(BENIN.lengths) else f"01{old}"]
    numbers = tuple(f"{country.dialling}{national}" for national in nationals) if country else (number,)
    whole = "|".join(_digits(one) for one in numbers)
    local = "|".join(_digits(one) for one in nationals)
    return Customer(
        sort=Sort.NUMBER,
        masked=_masked(number),
        numbers=numbers,
        clue=local or whole,
        patterns=(rf"{BEFORE}(?:00{BETWEEN_DIGITS})?(?:{whole})(?![0-9])",),
        local=rf"{PHONE_FIELD}(?:[^0-9&,;]|{BYTE}){{0,24}}(?:{local})(?![0-9])" if local else "",
    )


def _digits(number: str) -> str:
    return BETWEEN_DIGITS.join(number)


def _spelled(words: str) -> str:
    return "".join(BETWEEN_WORDS if sign == " " else _letter(sign) for sign in words)


def _letter(sign: str) -> str:
    """Every way in which this letter is written: by itself, without its accent, as bytes, in a form, in JSON."""
    ways: dict[str, None] = {}
    for one in dict.fromkeys((sign, sign.lower(), sign.upper())):
        plain = unicodedata.normalize("NFD", one)[0]
        if plain.isascii():
            ways[re.escape(plain)] = None
        for code in {one.encode(), one.encode("latin-1", errors="ignore")} - {b""}:
            ways["".join(rf"%(?:25)*{byte:02x}" for byte in code)] = None
            if not one.isascii():
                ways["".join(rf"\\{byte:03o}" for byte in code)] = None
        ways[rf"\\+u{ord(one):04x}"] = None
    return f"(?:{'|'.join(ways)})"


def _masked(number: str) -> str:
    return Payer(mode=Mode.DIRECT, number=number).masked


def _masked_email(address: str) -> str:
    name, _, server = address.partition("@")
    return f"{name[0]}{'*' * (len(name) - 1)}@{server}"
