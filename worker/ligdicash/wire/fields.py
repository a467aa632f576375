"""The fields that callbacks and confirm answers share: status, amount, references, and texts fit to be stored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from models.answers import Said
from models.errors import Unreadable
from worker.ligdicash.wire.decode import json_value

STATUS_WORDS: Mapping[str, Said] = MappingProxyType(
    {
        "pending": Said.PENDING,
        "completed": Said.COMPLETED,
        "notcompleted": Said.NOTCOMPLETED,
        "nocompleted": Said.NOTCOMPLETED,  # the spelling of two official kits; the documentation has the other
    }
)

MAX_AMOUNT = 1_000_000_000
"""Francs. Five hundred times what the gateway takes; more is not an amount, and would not fit a 32-bit column."""

MAX_REFERENCE = 255
MAX_TEXT = 1000

OUR_KEY = "transaction_id"

# PostgreSQL stores no NUL, UTF-8 has no lone surrogates, and nobody wants to read the other control characters.
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TOKEN = re.compile(r"eyJ[\w-]{6,}(?:\.[\w-]*){0,2}", re.ASCII)
_WHOLE_FRANCS = re.compile(r"([0-9]{1,12})(?:\.0{1,6})?")


def text(value: object, *, limit: int = MAX_REFERENCE) -> str:
    """Make a value fit for a text column and a log: no control characters, nothing that looks like a token, not endless.

    For display and support only. What decides about money is read from the value itself.
    """
    if not isinstance(value, str):
        return ""
    return _TOKEN.sub("[token]", _UNSTORABLE.sub(" ", value)).strip()[:limit].rstrip()


def word(value: object) -> str:
    """Return a status word as it is compared: without blanks around it, in small letters; empty when it is no text."""
    return value.strip().lower() if isinstance(value, str) else ""


def amount(fields: Mapping[str, object]) -> int | None:
    """Whole francs from `amount` and `montant`; None when both are missing, one is no amount, or they disagree."""
    present = [fields[name] for name in ("amount", "montant") if fields.get(name) not in (None, "")]
    found = {_francs(value) for value in present}
    return found.pop() if len(found) == 1 else None


def _francs(value: object) -> int | None:
    match = _WHOLE_FRANCS.fullmatch(value.strip()) if isinstance(value, str) else None
    francs = int(match[1]) if match else None
    return francs if francs is not None and francs <= MAX_AMOUNT else None


def references(fields: Mapping[str, object]) -> tuple[str, ...]:
    """All that names our transaction, most trustworthy first, each once (vendor page "callback/parse-custom-data").

    `external_id` comes last: the gateway glues it together from every entry of custom_data whose name contains "id".
    """
    return tuple(dict.fromkeys(name for value in _candidates(fields) if (name := _reference(value))))


def is_vague(fields: Mapping[str, object]) -> bool:
    """Whether an amount or an id of ours is named so that nobody can read it: what is no amount, two that disagree, what is no id."""
    has_amount = any(fields.get(name) not in (None, "") for name in ("amount", "montant"))
    has_odd_id = any(value not in (None, "") and not _reference(value) for value in _candidates(fields))
    return has_odd_id or (has_amount and amount(fields) is None)


def _candidates(fields: Mapping[str, object]) -> Iterator[object]:
    yield in_custom_data(fields.get("custom_data"))
    yield in_custom_data(fields.get("customdata"))  # the oldest pages and one kit spell it so
    yield fields.get(OUR_KEY)
    yield fields.get("external_id")


def _reference(value: object) -> str:
    """Return the value if it could be an id of ours; an id with control characters is no id, and is not mended."""
    name = value.strip() if isinstance(value, str) else ""
    return "" if len(name) > MAX_REFERENCE or _UNSTORABLE.search(name) else name


def in_custom_data(value: object) -> object:
    """Find our transaction id in custom_data, whatever its shape; None when it is not there.

    Shapes: a list of entries with `keyof_customdata` and `valueof_customdata`, the same as an object keyed by index, a
    plain object, an empty list or text, and the JSON text of any of these.
    """
    value = _unwrapped(value)
    if isinstance(value, dict):
        if OUR_KEY in value:
            return value[OUR_KEY]
        value = list(value.values())
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict) and entry.get("keyof_customdata") == OUR_KEY:
            return entry.get("valueof_customdata")
    return None


def _unwrapped(value: object) -> object:
    """Read JSON text within JSON text, three times at most."""
    for _ in range(3):
        if not isinstance(value, str) or not value:
            break
        try:
            value = json_value(value)
        except Unreadable:
            return None
    return value
