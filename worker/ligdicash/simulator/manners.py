"""How callbacks are sent and confirms are told: the closed sets, and the manners of one payment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

Seconds = Annotated[float, Field(ge=0, le=30 * 86_400, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Francs = Annotated[int, Field(strict=True)]

STRICT = ConfigDict(extra="forbid")
"""A misspelt option must be an error: a fault that silently is not injected makes a test that cannot fail."""


class Status(StrEnum):
    """What a payment is, in the gateway's own words (vendor page `concepts/transaction-lifecycle`)."""

    PENDING = "pending"
    COMPLETED = "completed"
    NOTCOMPLETED = "notcompleted"


class Encoding(StrEnum):
    """The two encodings of one callback."""

    JSON = "json"
    FORM = "form"


class Twins(StrEnum):
    """Which of the two POSTs are sent, and in which order. The vendor sends both and promises no order."""

    JSON_FORM = "json-form"
    FORM_JSON = "form-json"
    JSON_ONLY = "json-only"
    FORM_ONLY = "form-only"
    NONE = "none"

    @property
    def encodings(self) -> tuple[Encoding, ...]:
        """In sending order."""
        return _ENCODINGS[self]

    @property
    def reversed(self) -> Twins:
        """The other order; a single POST stays as it is."""
        return {Twins.JSON_FORM: Twins.FORM_JSON, Twins.FORM_JSON: Twins.JSON_FORM}.get(self, self)


_ENCODINGS = {
    Twins.JSON_FORM: (Encoding.JSON, Encoding.FORM),
    Twins.FORM_JSON: (Encoding.FORM, Encoding.JSON),
    Twins.JSON_ONLY: (Encoding.JSON,),
    Twins.FORM_ONLY: (Encoding.FORM,),
    Twins.NONE: (),
}


class FormShape(StrEnum):
    """How nested values travel in a form. The vendor's samples imply JSON text; merchants report the other two."""

    JSON_TEXT = "json-text"
    FLATTENED = "flattened"
    INDEXED = "indexed"


class CustomData(StrEnum):
    """How custom_data comes back. `entries` is documented today; the others are older, or listed in the glossary.

    `old-name` is the object under the name `customdata`, as the oldest pages and one kit have it.
    """

    ENTRIES = "entries"
    OLD_ENTRIES = "old-entries"
    OBJECT = "object"
    OLD_NAME = "old-name"
    EMPTY_LIST = "empty-list"
    EMPTY_TEXT = "empty-text"


class Stray(StrEnum):
    """Whether a `pending` callback accompanies the final one, and on which side of it."""

    NONE = "none"
    FIRST = "first"
    LAST = "last"


class PayoutRoute(StrEnum):
    """Which way money goes out: into a LigdiCash wallet, or straight to mobile money."""

    WALLET = "wallet"
    STRAIGHT = "straight"


class FailedAs(StrEnum):
    """How confirm tells a failed payment. Two vendor pages disagree about the code, two SDKs about the spelling."""

    CODE_00 = "00"
    CODE_01 = "01"
    NOCOMPLETED = "nocompleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How the callbacks of one payment are sent. Never retried: the vendor documents no retry.

    `delay` and `gap` are seconds: before the first POST, and between two of them. With a gap of 0 they leave together,
    from two threads. `copies` repeats the whole set. `custom_data` shapes the answer to confirm as well.
    """

    __pydantic_config__ = STRICT

    twins: Twins = Twins.FORM_JSON
    form_shape: FormShape = FormShape.JSON_TEXT
    custom_data: CustomData = CustomData.ENTRIES
    delay: Seconds = 0.0
    gap: Seconds = 0.1
    copies: Annotated[int, Field(ge=1, le=20)] = 1
    pending: Stray = Stray.NONE
