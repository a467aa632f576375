"""How a receipt lies in a spool file: it is found again whole, or known to be damaged."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.callback import Receipt

MARK = b"\xfeLD1"
"""Begins each record, so that one damaged record costs none of those after it. Another form gets another mark."""

HEAD = struct.Struct(">4sII")
"""The mark, the payload's length in bytes, and its CRC-32."""

TIME_AND_LENGTH = struct.Struct(">qI")
"""Begins a payload: microseconds since 1970 at which it knocked, and the length of the text that stands before the body."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Spooled:
    """A receipt and when it knocked, by the clock of the door that took it."""

    receipt: Receipt
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """The bytes from `start` up to `end` of a spool file: one record, or, without `spooled`, something damaged."""

    start: int
    end: int
    spooled: Spooled | None


def encode(spooled: Spooled) -> bytes:
    """One record. Takes any text, also what no database would."""
    receipt = spooled.receipt
    about = json.dumps([receipt.source, receipt.content_type, receipt.headers]).encode("ascii")
    knocked = (spooled.received_at - EPOCH) // timedelta(microseconds=1)
    payload = b"".join((TIME_AND_LENGTH.pack(knocked, len(about)), about, receipt.body))
    return HEAD.pack(MARK, len(payload), zlib.crc32(payload)) + payload


def scan(data: bytes, start: int) -> Iterator[Stretch]:
    """Everything from `start` to the end, in order: whole records, and what lies between and after them."""
    while start < len(data):
        stretch = _record_at(data, start) or Stretch(start, _next_record(data, start + 1), None)
        yield stretch
        start = stretch.end


def _next_record(data: bytes, start: int) -> int:
    """Where the next whole record begins; the end of the data when there is none."""
    while (start := data.find(MARK, start)) >= 0:
        if _record_at(data, start):
            return start
        start += 1
    return len(data)


def _record_at(data: bytes, start: int) -> Stretch | None:
    """The record that begins there, if it is whole."""
    if len(data) - start < HEAD.size:
        return None
    mark, length, checksum = HEAD.unpack_from(data, start)
    begin = start + HEAD.size
    if mark != MARK or begin + length > len(data):
        return None
    payload = data[begin : begin + length]
    if zlib.crc32(payload) != checksum:
        return None
    try:
        return Stretch(start, begin + length, _decode(payload))
    except (struct.error, ValueError, OverflowError, RecursionError):  # whole, and not written by `encode`
        return None


def _decode(payload: bytes) -> Spooled:
    knocked, length = TIME_AND_LENGTH.unpack_from(payload)
    body_at = TIME_AND_LENGTH.size + length
    match json.loads(payload[TIME_AND_LENGTH.size : body_at]):
        case [str(source), str(content_type), dict(headers)]:
            receipt = Receipt(body=payload[body_at:], content_type=content_type, headers=headers, source=source)
            return Spooled(receipt, EPOCH + timedelta(microseconds=knocked))
        case _:
            # A sender may have put something like a record into its body, and the disk have spoilt what stood before.
            raise ValueError
