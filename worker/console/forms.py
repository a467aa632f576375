"""What a browser sends: fields of a form or of a query, read by the standard library within bounds."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from models.errors import Invalid, Unreadable
from worker.language import _, number

MOST_FIELDS = 1000
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields in the order they came. What is not there is an empty text: an empty box and a missing one are the same."""

    pairs: tuple[tuple[str, str], ...] = ()

    def one(self, name: str) -> str:
        """The first of this name, without blanks around it."""
        return next((value.strip() for key, value in self.pairs if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every one of this name that is not empty: boxes that were ticked."""
        return [value.strip() for key, value in self.pairs if key == name and value.strip()]

    def whole(self, name: str, *, least: int = 0, most: int = 2**63 - 1) -> int | None:
        """The first of this name as a whole number; None when it is empty. Raises `Invalid`."""
        text = self.one(name)
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):  # noqa: PLR2004
            wanted = _("{name}: a whole number is needed, from {least} to {most}")
            raise Invalid(wanted.format(name=name, least=number(least), most=number(most)))
        return int(text)

    def words(self, name: str) -> str:
        """The first of this name, which has to say something on one line. Raises `Invalid`."""
        text = self.one(name)
        if not text or not text.isprintable():
            raise Invalid(_("{name}: words are needed, on one line").format(name=name))
        return text


def read_fields(text: bytes | str) -> Fields:
    """A form's body, or what stands behind a `?`. Raises `Unreadable`."""
    try:
        whole = text.decode("utf-8") if isinstance(text, bytes) else text
        pairs = parse_qsl(whole, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as exc:  # the cause repeats what was sent
        raise Unreadable("the form cannot be read") from exc
    if any("\x00" in key or "\x00" in value for key, value in pairs):
        raise Unreadable("the form cannot be read")
    return Fields(tuple(pairs))
