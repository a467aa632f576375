"""What a callback claims, from either of its two encodings (vendor pages "callback/introduction", "callback/payin-payload")."""

from __future__ import annotations

from collections.abc import Callable

from models.answers import CallbackContent, Said
from models.errors import Unreadable
from worker.ligdicash.wire.decode import form_fields, json_fields
from worker.ligdicash.wire.fields import STATUS_WORDS, amount, references, text, word

KNOWN_FIELDS = frozenset(
    {
        "status",
        "response_code",
        "amount",
        "montant",
        "custom_data",
        "customdata",
        "transaction_id",
        "external_id",
        "request_id",
        "operator_id",
        "operator_name",
        "token",
    }
)


def read_callback(content_type: str, body: bytes) -> CallbackContent:
    """Read a callback; the JSON and the form twin of one event give equal results. Raises only `Unreadable`.

    The content type says which encoding to try first; if the body is not that, the other one is tried. A body with none
    of the fields of a callback is `Unreadable` too.
    """
    readers = (form_fields, json_fields) if "form" in content_type.lower() else (json_fields, form_fields)
    for reader in readers:
        fields = _fields(reader, body)
        if not KNOWN_FIELDS.isdisjoint(fields):
            return _content(fields)
    raise Unreadable("the body is neither a JSON object nor a form with a field of a callback")


def _fields(reader: Callable[[bytes], dict[str, object]], body: bytes) -> dict[str, object]:
    try:
        return reader(body)
    except Unreadable:
        return {}


def _content(fields: dict[str, object]) -> CallbackContent:
    return CallbackContent(
        claims=STATUS_WORDS.get(word(fields.get("status")), Said.UNKNOWN),
        references=references(fields),
        amount=amount(fields),
        operator_id=text(fields.get("operator_id")),
        operator_name=text(fields.get("operator_name")),
        request_id=text(fields.get("request_id")),
    )
