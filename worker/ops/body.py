"""The body of a callback, made readable for a person. Believes nothing in it and takes nothing from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import parse_qsl

from config.logs import MASK, without_tokens
from worker.language import _
from worker.ops.shown import safe

MOST_FIELDS = 1000


def text_of(body: bytes, *, secrets: Sequence[str] = ()) -> str:
    r"""The body as text: UTF-8, with what is not UTF-8 as `\xNN`. Tokens are masked, and these secrets however they are called."""
    return without_tokens(body.decode("utf-8", errors="backslashreplace"), known=secrets)


def readable(body: bytes, *, secrets: Sequence[str] = ()) -> list[str]:
    """The body line by line: JSON indented, a form one field a line, anything else as it came. Safe to print."""
    text = text_of(body, secrets=secrets)
    lines = _json_lines(text) or _form_lines(text) or text.splitlines()
    # Once more, for what was spelt in another way before it was decoded.
    return [safe(without_tokens(line, known=secrets)) for line in lines] or [_("(empty)")]


def _json_lines(text: str) -> list[str]:
    try:
        value = json.loads(text)
        # ASCII only: an escaped character stays escaped, whatever it would do to a terminal.
        return without_tokens(json.dumps(value, indent=2)).splitlines() if isinstance(value, dict | list) else []
    except (ValueError, RecursionError):
        return []


def _form_lines(text: str) -> list[str]:
    """Only what has a `=` in every part and no space anywhere is taken for a form; a sentence is not."""
    form = text.strip()
    if len(form.split()) != 1 or any("=" not in part for part in form.split("&")):
        return []
    try:
        pairs = parse_qsl(form, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="backslashreplace")
    except ValueError:
        return []
    return [f"{name} = {_field(name, value)}" for name, value in pairs]


def _field(name: str, value: str) -> str:
    return MASK if value and "token" in name.lower() else without_tokens(value)
