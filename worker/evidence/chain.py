"""A chain of entries: each holds the hash of the one before, so that none is changed, taken out or moved unseen. Pure.

The hash of an entry is the SHA-256 of its canonical form: JSON in ASCII, names in order, no blanks, of all its members but the
hash itself. Values are text, whole numbers, true, false, null, lists and objects; there are no fractions, which programs write
differently.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

GENESIS = "0" * 64
"""What the first entry holds as the hash of the one before."""

SEAL = "seal"
"""The kind of the last entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that is put on record. `at` is a moment in UTC, as text; empty for what has none."""

    kind: str
    at: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One link of the chain; `n` counts from 1."""

    n: int
    kind: str
    at: str
    facts: Mapping[str, object]
    prev: str
    hash: str

    def line(self) -> str:
        """The entry as it stands in a file."""
        return canonical({**self.hashed(), "hash": self.hash})

    def hashed(self) -> dict[str, object]:
        """What the hash is over."""
        return {"n": self.n, "kind": self.kind, "at": self.at, "facts": self.facts, "prev": self.prev}


def canonical(value: object) -> str:
    """The one way to write this value. Raises `TypeError` or `ValueError` for what has none."""
    return json.dumps(_whole(value), sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def _whole(value: object) -> object:
    match value:
        case float():
            raise TypeError(f"a fraction has no canonical form: {value!r}")
        case Mapping():
            return {str(name): _whole(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_whole(inner) for inner in value]
        case _:
            return value


def chained(items: Iterable[Item]) -> list[Entry]:
    """These items, one behind the other."""
    entries: list[Entry] = []
    for item in items:
        entries.append(follow(entries, item))
    return entries


def follow(entries: Sequence[Entry], item: Item) -> Entry:
    """The entry that this item makes behind those."""
    prev = entries[-1].hash if entries else GENESIS
    body: dict[str, Any] = {
        "n": len(entries) + 1,
        "kind": item.kind,
        "at": item.at,
        "facts": dict(item.facts),
        "prev": prev,
    }
    return Entry(**body, hash=_hash(body))


def _hash(body: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical(body).encode()).hexdigest()


class Flaw(StrEnum):
    """What can be wrong with a chain."""

    UNREADABLE = "unreadable"
    """The line is no entry."""
    CHANGED = "changed"
    """Its hash is not that of what it says."""
    MISSING = "missing"
    """Entries before it are gone."""
    MISPLACED = "misplaced"
    """It stands where another belongs."""
    DETACHED = "detached"
    """It does not hold the hash of the one before: one of the two was changed, and its own hash with it."""
    WORDS = "words"
    """What is given as the exact body has another hash than the one given beside it."""
    UNSEALED = "unsealed"
    """The end is missing, or something stands behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One flaw, and the entry by its number; the line's, where that cannot be read."""

    n: int
    flaw: Flaw


def read(line: str) -> Entry | None:
    """The entry of this line; None when it is none."""
    try:
        value = json.loads(line)
        entry = Entry(
            n=int(value["n"]),
            kind=str(value["kind"]),
            at=str(value["at"]),
            facts=dict(value["facts"]),
            prev=str(value["prev"]),
            hash=str(value["hash"]),
        )
        is_whole = set(value) == {"n", "kind", "at", "facts", "prev", "hash"} and canonical(value) == entry.line()
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry if is_whole else None


def faults_of(lines: Sequence[str]) -> list[Fault]:
    """Everything that is wrong with these lines as a chain, in their order; nothing when it is whole."""
    found: list[Fault] = []
    before: Entry | None = None
    for place, line in enumerate(lines, start=1):
        entry = read(line)
        if entry is None:
            found.append(Fault(n=place, flaw=Flaw.UNREADABLE))
            continue
        found += _faults(entry, before)
        before = entry
    if before is None or before.kind != SEAL or before.facts.get("entries") != before.n:
        found.append(Fault(n=len(lines), flaw=Flaw.UNSEALED))
    return found


def _faults(entry: Entry, before: Entry | None) -> Iterable[Fault]:
    if _hash(entry.hashed()) != entry.hash:
        yield Fault(n=entry.n, flaw=Flaw.CHANGED)
    body = entry.facts.get("body")
    if entry.facts.get("exact") and hashlib.sha256(str(body).encode()).hexdigest() != entry.facts.get("sha256"):
        yield Fault(n=entry.n, flaw=Flaw.WORDS)
    expected = before.n + 1 if before else 1
    if entry.n > expected:
        for gone in range(expected, min(entry.n, expected + 100)):
            yield Fault(n=gone, flaw=Flaw.MISSING)
    elif entry.n < expected:
        yield Fault(n=entry.n, flaw=Flaw.MISPLACED)
    elif entry.prev != (before.hash if before else GENESIS):
        yield Fault(n=entry.n, flaw=Flaw.DETACHED)
    if before is not None and before.kind == SEAL:
        yield Fault(n=entry.n, flaw=Flaw.UNSEALED)
