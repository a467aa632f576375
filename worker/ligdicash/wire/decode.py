"""From bytes to named fields: JSON objects and forms, with nothing believed and nothing raised but `Unreadable`."""

from __future__ import annotations

import codecs
import json
import re
from urllib.parse import unquote_to_bytes

from models.errors import Unreadable

MAX_BODY = 64 * 1024
"""Bytes of an answer that are read and kept. A real answer has about 1 kB."""

MAX_FIELDS = 1000
"""Fields of a form that are read; a callback has about 30."""

_PATH = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\]){0,3})")
_STEP = re.compile(r"\[([^\[\]]*)\]")


def text_of(body: bytes) -> str:
    """Decode bytes by what they are, not by what the content type claims: UTF-8, UTF-16 with its mark, else Latin-1."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", errors="replace")
    return _utf8_or_latin(body.removeprefix(codecs.BOM_UTF8))


def _utf8_or_latin(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def json_value(text: str) -> object:
    """Read JSON; every number stays the text it was written as.

    So a number of ten thousand digits costs nothing, none is rounded, and 4200 in JSON equals `4200` in the form twin.
    """
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str, strict=False)
    except (ValueError, RecursionError) as exc:
        raise Unreadable("the text is not JSON, or is nested too deeply") from exc


def json_fields(body: bytes) -> dict[str, object]:
    """Read a JSON object; anything else is `Unreadable`. Of a repeated key the last one counts, as it does in PHP."""
    value = json_value(text_of(body))
    if not isinstance(value, dict):
        raise Unreadable("the JSON is not an object")
    return value


def form_fields(body: bytes) -> dict[str, object]:
    """Read a form; `custom_data[0][x]` becomes objects within objects, keyed by the text between the brackets.

    Empty fields are kept: `token=` is said, not absent. Bytes are decoded value by value, so one odd name of an
    operator does not spoil the rest.
    """
    raw = body.removeprefix(codecs.BOM_UTF8).strip().decode("latin-1")
    if raw.count("&") >= MAX_FIELDS:
        raise Unreadable(f"the form has more than {MAX_FIELDS} fields")
    fields: dict[str, object] = {}
    for name, _, value in (pair.partition("=") for pair in raw.split("&") if pair):
        _put(fields, _steps(_unquoted(name)), value=_unquoted(value))
    return fields


def _unquoted(latin: str) -> str:
    """One name or value as it was before it was sent. Half of all callbacks are forms, and most of it is plain."""
    plain = latin.replace("+", " ") if "+" in latin else latin
    return plain if "%" not in plain and plain.isascii() else _utf8_or_latin(unquote_to_bytes(plain.encode("latin-1")))


def _steps(name: str) -> list[str]:
    if "[" not in name:
        return [name]
    path = _PATH.fullmatch(name)
    return [path[1], *_STEP.findall(path[2])] if path else [name]


def _put(fields: dict[str, object], steps: list[str], *, value: str) -> None:
    """Put a value where its path says. An object already there is not replaced by a text, nor kept from replacing one."""
    *above, last = steps
    for step in above:
        inner = fields.get(step)
        if not isinstance(inner, dict):
            inner = fields[step] = {}
        fields = inner
    if not isinstance(fields.get(last), dict):
        fields[last] = value
