"""The one file: a zip with the chain, one entry a line, and a page to read. The same evidence makes the same bytes."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from models.errors import Unreadable
from worker.evidence.chain import SEAL, Entry, Fault, Item, faults_of, follow, read
from worker.evidence.gather import Evidence
from worker.evidence.page import page_of

CHAIN, PAGE = "evidence.jsonl", "page.html"

BIGGEST = 512 * 1024 * 1024
"""Bytes that are taken out of a file at most: it may come from anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The file, and the hash of its seal, which stands for all that is in it."""

    content: bytes
    seal: str
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What there is to say about a file. It is as it was made when there are no faults and the page is the sealed one.

    That says nothing about who made it: whoever changes something and makes all hashes anew gets another seal. So the seal has
    to be known from elsewhere.
    """

    transaction_id: str
    entries: int
    seal: str
    faults: Sequence[Fault]
    is_page_changed: bool

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.faults and not self.is_page_changed


def pack(evidence: Evidence) -> Packed:
    """The file of this evidence; its page in the language that is spoken."""
    page = page_of(evidence).encode()
    facts = {"entries": len(evidence.entries) + 1, "page_sha256": hashlib.sha256(page).hexdigest()}
    seal = follow(evidence.entries, Item(kind=SEAL, at="", facts=facts))
    lines = "".join(f"{entry.line()}\n" for entry in (*evidence.entries, seal))
    file = BytesIO()
    # Not compressed, for compressors differ; and without a date of its own.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in ((PAGE, page), (CHAIN, lines.encode())):
            about = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            about.create_system, about.external_attr = 3, 0o600 << 16
            archive.writestr(about, content)
    return Packed(content=file.getvalue(), seal=seal.hash, entries=seal.n)


def verify(content: bytes) -> Verified:
    """Hold a file against its own hashes. Raises `Unreadable` when it is no such file."""
    page, lines = _unpack(content)
    entries = [entry for line in lines if (entry := read(line)) is not None]
    last = entries[-1] if entries else None
    return Verified(
        transaction_id=str(entries[0].facts.get("transaction_id", "")) if entries else "",
        entries=len(lines),
        seal=last.hash if last is not None and last.kind == SEAL else "",
        faults=faults_of(lines),
        is_page_changed=_is_changed(page, last),
    )


def _is_changed(page: bytes, last: Entry | None) -> bool:
    return last is not None and last.kind == SEAL and last.facts.get("page_sha256") != hashlib.sha256(page).hexdigest()


def _unpack(content: bytes) -> tuple[bytes, list[str]]:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            if sum(about.file_size for about in archive.infolist()) > BIGGEST:
                raise Unreadable("the file is too big to be evidence")
            page, chain = archive.read(PAGE), archive.read(CHAIN)
        return page, chain.decode("ascii").splitlines()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, NotImplementedError, RuntimeError, EOFError) as exc:
        raise Unreadable(f"the file is damaged, or is no evidence: a zip with {CHAIN} and {PAGE} is needed") from exc


def file_name(transaction_id: str) -> str:
    """A name for the file that every system takes."""
    return f"evidence-{re.sub(r'[^A-Za-z0-9._-]', '_', transaction_id)[:100]}.zip"
