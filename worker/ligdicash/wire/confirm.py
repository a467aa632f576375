"""What the gateway answers to a confirm (vendor pages "reference/endpoints/payin-redirect-confirm", "errors/overview").

Two pages contradict each other about `response_code`: one says that 01 with a sub-code means a failed payment, the other
that 00 and 01 speak of the question only and `status` alone of the payment. `VERDICTS` is what holds under both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from http import HTTPStatus
from types import MappingProxyType

from models.answers import Answer, Said
from models.errors import Unreadable
from worker.ligdicash.sub_codes import ConfirmSubCode, confirm_refusal, sub_code_of
from worker.ligdicash.wire.decode import MAX_BODY, json_fields
from worker.ligdicash.wire.fields import MAX_TEXT, STATUS_WORDS, amount, references, text, word


class Word(Enum):
    """What `status` holds."""

    COMPLETED = auto()
    NOTCOMPLETED = auto()
    PENDING = auto()
    STRANGE = auto()
    MISSING = auto()


class Code(Enum):
    """What `response_code` holds: 00, anything else, nothing."""

    YES = auto()
    NO = auto()
    MISSING = auto()


VERDICTS: Mapping[tuple[Word, Code], Said | None] = MappingProxyType(
    {
        (Word.COMPLETED, Code.YES): Said.COMPLETED,
        (Word.COMPLETED, Code.NO): Said.UNKNOWN,  # contradicts itself, and money does not move on that
        (Word.COMPLETED, Code.MISSING): Said.UNKNOWN,
        (Word.NOTCOMPLETED, Code.YES): Said.NOTCOMPLETED,
        (Word.NOTCOMPLETED, Code.NO): Said.NOTCOMPLETED,
        (Word.NOTCOMPLETED, Code.MISSING): Said.UNKNOWN,
        (Word.PENDING, Code.YES): Said.PENDING,
        (Word.PENDING, Code.NO): Said.PENDING,
        (Word.PENDING, Code.MISSING): Said.UNKNOWN,
        (Word.STRANGE, Code.YES): Said.UNKNOWN,
        (Word.STRANGE, Code.NO): Said.UNKNOWN,
        (Word.STRANGE, Code.MISSING): Said.UNKNOWN,
        (Word.MISSING, Code.YES): Said.UNKNOWN,
        (Word.MISSING, Code.NO): None,  # the sub-code decides
        (Word.MISSING, Code.MISSING): Said.UNKNOWN,
    }
)
"""What each pair comes to; None where only the sub-code can tell."""

_WORDS = {Said.COMPLETED: Word.COMPLETED, Said.NOTCOMPLETED: Word.NOTCOMPLETED, Said.PENDING: Word.PENDING}


_KEPT_OUT = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def read_confirm(
    http_status: int, body: bytes, *, refusal: Callable[[str], ConfirmSubCode] = confirm_refusal
) -> Answer:
    """Read an answer to confirm; never raises. Only a JSON object with HTTP 200 speaks about the payment.

    `refusal` finds the row of a sub-code in the table of the question that was asked.
    """
    fields, trouble = _read(http_status, body)
    if trouble:
        said = Said.REFUSED if http_status in _KEPT_OUT else Said.SILENCE
    else:
        said, trouble = _verdict(fields, refusal)
    response_text = text(fields.get("response_text"), limit=MAX_TEXT)
    return Answer(
        said=said,
        amount=amount(fields),
        references=references(fields),
        operator_id=text(fields.get("operator_id")),
        operator_name=text(fields.get("operator_name")),
        request_id=text(fields.get("request_id")),
        sub_code=sub_code_of(response_text),
        text=response_text,
        details=text(fields.get("response_text_details"), limit=MAX_TEXT),
        wiki=text(fields.get("wiki")),
        http_status=http_status,
        body=body[:MAX_BODY],
        trouble=trouble,
    )


def _read(http_status: int, body: bytes) -> tuple[dict[str, object], str]:
    """Return the fields, or none and the reason why this is no answer."""
    if http_status != HTTPStatus.OK:
        return {}, f"the gateway answered HTTP {http_status} instead of 200"
    if len(body) > MAX_BODY:
        return {}, f"the answer is longer than {MAX_BODY} bytes"
    try:
        return json_fields(body), ""
    except Unreadable:
        return {}, "the answer is not a JSON object" if body.strip() else "the answer is empty"


def _verdict(fields: Mapping[str, object], refusal: Callable[[str], ConfirmSubCode]) -> tuple[Said, str]:
    status, code = word(fields.get("status")), word(fields.get("response_code"))
    said = VERDICTS[_word(status), _code(code)]
    if said is None:
        sub_code = sub_code_of(text(fields.get("response_text"), limit=MAX_TEXT))
        row = refusal(sub_code)
        return row.comes_to, f"refused with {f'Code{sub_code}' if sub_code else 'no sub-code'}: {row.meaning}"
    if said is Said.UNKNOWN:
        return said, f"status {_quoted(status)} with response_code {_quoted(code)} says nothing certain"
    return said, ""


def _word(status: str) -> Word:
    if not status:
        return Word.MISSING
    return _WORDS.get(STATUS_WORDS.get(status, Said.UNKNOWN), Word.STRANGE)


def _code(code: str) -> Code:
    if not code:
        return Code.MISSING
    return Code.YES if code == "00" else Code.NO


def _quoted(value: str) -> str:
    return f'"{text(value, limit=40)}"' if value else "missing"
