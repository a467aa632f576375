"""The first bytes of a spool file: how many records it holds, and how far it is drained."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass

MAGIC = b"LDSPOOL1"
FORM = struct.Struct(">8sQII")
CHECKSUM = struct.Struct(">I")
HEADER_BYTES = FORM.size + CHECKSUM.size


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself. Nothing is lost by a wrong one: at worst the file is drained from its start again."""

    drained_to: int = HEADER_BYTES
    """Where the first record begins that is not in the database yet."""
    records: int = 0
    drained: int = 0

    def encode(self) -> bytes:
        """The bytes, with a checksum: a damaged `drained_to` would pass over records."""
        form = FORM.pack(MAGIC, self.drained_to, self.records, self.drained)
        return form + CHECKSUM.pack(zlib.crc32(form))


def decode(data: bytes) -> Header | None:
    """The header that begins this file; None when it is damaged, or this is no spool file."""
    if len(data) < HEADER_BYTES:
        return None
    magic, drained_to, records, drained = FORM.unpack_from(data)
    (checksum,) = CHECKSUM.unpack_from(data, FORM.size)
    if magic != MAGIC or checksum != zlib.crc32(data[: FORM.size]):
        return None
    return Header(drained_to, records, drained)


def write(fd: int, header: Header) -> None:
    """Put the header in its place. Not synced: losing it in a power cut doubles some receipts, which is harmless."""
    os.pwrite(fd, header.encode(), 0)
