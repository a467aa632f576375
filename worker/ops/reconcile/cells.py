"""What stands in the cells of a statement: sums, moments and words, as people and spreadsheets write them. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from models.errors import Unreadable
from models.statement import Direction

MOST_DIGITS = 12
"""Of a sum: far over what any rule allows."""

LONGEST = 255
"""Characters of an id; ours has no more."""

CURRENCY = re.compile(r"(?:xof|f\s?cfa|fcfa|cfa|francs?|frs?|f)\.?", re.IGNORECASE)
GROUPED = re.compile(r"\d+|\d{1,3}(?P<mark>[ '.,])\d{3}(?:(?P=mark)\d{3})*")
# Spaces of every width, and the apostrophes that spreadsheets group with.
GROUPING = str.maketrans(dict.fromkeys("\xa0\u202f\u2009\u2007", " "))
MINUS = str.maketrans({chr(0x2212): "-", chr(0x2013): "-"})
"""Signs that look like one: U+2212 and U+2013."""

ISO = re.compile(
    r"(?P<year>\d{4})[-/](?P<month>\d\d?)[-/](?P<day>\d\d?)"
    r"(?:[T ]+(?P<hour>\d\d?)[:h](?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?"
)
WRITTEN = re.compile(
    r"(?P<first>\d\d?)[-/.](?P<second_part>\d\d?)[-/.](?P<year>\d{4}|\d\d)"
    r"(?:,?[T ]+(?:à )?(?P<hour>\d\d?)[:h](?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?"
)
CENTURY = 2000

# As `plain` leaves them, in French and in English.
PAID_WORDS = (
    "completed", "complete", "success", "successful", "succes", "reussi", "reussie", "reussite", "effectue", "effectuee",
    "paid", "paye", "payee", "valide", "validee", "termine", "terminee", "regle", "reglee", "accepte", "acceptee", "approuve",
    "approuvee", "execute", "executee", "ok",
)  # fmt: skip
UNPAID_WORDS = (
    "notcompleted", "not completed", "nocompleted", "non complete", "failed", "failure", "echec", "echoue", "echouee",
    "annule", "annulee", "cancelled", "canceled", "rejete", "rejetee", "rejected", "expire", "expiree", "expired", "refuse",
    "refusee", "refused", "pending", "en attente", "en cours", "in progress", "initie", "initiee",
)  # fmt: skip
IN_WORDS = (
    "in", "payin", "credit", "entree", "encaissement", "deposit", "depot", "paiement", "payment", "recharge", "collecte",
)  # fmt: skip
OUT_WORDS = (
    "out", "payout", "debit", "sortie", "decaissement", "withdrawal", "retrait", "versement", "transfert", "transfer",
    "remboursement", "refund",
)  # fmt: skip

PAID: dict[str, bool] = dict.fromkeys(PAID_WORDS, True) | dict.fromkeys(UNPAID_WORDS, False)
WAYS: dict[str, Direction] = dict.fromkeys(IN_WORDS, Direction.IN) | dict.fromkeys(OUT_WORDS, Direction.OUT)


@lru_cache(maxsize=1024)  # the same few words stand on every line
def plain(text: str) -> str:
    """The same words without case, accents and signs, for comparing what people write differently."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[a-z0-9]+", bare))


def read_sum(cell: Any) -> int | None:
    """Whole francs, negative ones too; none where the cell is empty. Raises `Unreadable`."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
        if cell == int(cell):
            return int(cell)
        raise Unreadable(f"must be whole francs, not {cell}")
    if isinstance(cell, str) and cell.isascii() and cell.isdigit() and len(cell) <= MOST_DIGITS:
        return int(cell)
    text = str(cell).translate(GROUPING).translate(MINUS).strip()
    francs = _whole(_unsigned(text))
    if francs is None:
        raise Unreadable(f"must be whole francs, not {text[:40]!r}")
    return -francs if _is_negative(text) else francs


def _is_negative(text: str) -> bool:
    return "-" in text or (text.startswith("(") and text.endswith(")"))


def _unsigned(text: str) -> str:
    """The figures alone: neither sign nor currency."""
    bare = text.strip("()+- ")
    for edge in (rf"^{CURRENCY.pattern}\s*", rf"\s*{CURRENCY.pattern}$"):
        bare = re.sub(edge, "", bare, flags=re.IGNORECASE)
    return bare.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").strip("()+- ")


def _whole(figures: str) -> int | None:
    """Francs have no parts: what follows a mark in threes is thousands, and what else follows one has to be zeros."""
    whole = figures
    if not GROUPED.fullmatch(figures):
        whole, mark, parts = max(
            (figures.rpartition(mark) for mark in ".,"), key=lambda parts: len(parts[0]), default=("", "", "")
        )
        if not mark or not parts or parts.strip("0") or mark in whole or not GROUPED.fullmatch(whole):
            return None
    digits = re.sub(r"\D", "", whole)
    return int(digits) if digits and len(digits) <= MOST_DIGITS else None


def read_moment(cell: Any, *, zone: ZoneInfo, month_first: bool) -> datetime | None:
    """A moment; a day alone is its beginning. Where no zone is named it is in `zone`. Raises `Unreadable`."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    if isinstance(cell, datetime):
        return cell if cell.tzinfo else cell.replace(tzinfo=zone)
    if isinstance(cell, date):
        return datetime.combine(cell, time(), zone)
    text = " ".join(str(cell).split())
    found = ISO.fullmatch(text) or WRITTEN.fullmatch(text)
    try:
        if found:
            return _moment(found.groupdict(), zone, month_first=month_first)
    except (ValueError, OverflowError):
        pass
    order = "month/day/year" if month_first else "day/month/year"
    raise Unreadable(f"must be a date, as 2026-11-26 or {order}, not {text[:40]!r}")


def _moment(parts: dict[str, str | None], zone: ZoneInfo, *, month_first: bool) -> datetime:
    year = int(parts["year"] or 0)
    if "first" in parts:
        pair = (int(parts["first"] or 0), int(parts["second_part"] or 0))
        month, day = pair if month_first else pair[::-1]
        year += CENTURY if year < 100 else 0  # noqa: PLR2004 - two figures
    else:
        month, day = int(parts["month"] or 0), int(parts["day"] or 0)
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    at = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    named = parts["zone"]
    if not named:
        return at
    if named in {"Z", "UTC", "GMT"}:
        return at.replace(tzinfo=ZoneInfo("UTC"))
    hours, minutes = int(named[1:3]), int(named[3:].lstrip(":") or 0)
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if named[0] == "-" else 1)
    return at.replace(tzinfo=ZoneInfo("UTC")) - offset


def read_id(cell: Any) -> str:
    """An id, as text: a spreadsheet may have made a number of it. Raises `Unreadable`."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell).strip()
    if len(text) > LONGEST or not text.isprintable():
        raise Unreadable(f"must be readable text of at most {LONGEST} characters")
    return text
