"""Hold a statement of the gateway against our books: which line is which settlement, and what differs. Pure.

Knows no file and no SQL. Matching is by ids alone: a line is never guessed to be a payment because amount and time agree.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from models.transaction import Status


class Direction(StrEnum):
    """Which way money went, seen from the merchant."""

    IN = "in"
    OUT = "out"


class Match(StrEnum):
    """What came of one line, or of one settlement that no line is about."""

    MATCHED = "matched"
    UNPAID = "unpaid"
    """A line about money that did not move, and by our books none did."""
    AMOUNT = "amount"
    """Both have it, over different sums."""
    STATUS = "status"
    """Paid by one side and not, or not yet, by the other."""
    DIRECTION = "direction"
    """Money in for one side is money out for the other."""
    ACCOUNT = "account"
    """Our books have it in another account than the statement is of."""
    TWICE = "twice"
    """One more line about what another line is about already."""
    ONLY_THERE = "only_there"
    """A line about nothing in our books."""
    ONLY_HERE = "only_here"
    """Settled here, and it should stand on this statement, and does not."""
    EDGE = "edge"
    """Settled here, and it may stand on the statement of another day: see `Terms.is_certain`."""
    OUTSIDE = "outside"
    """A line of another day than those that are reconciled, and no match."""

    @property
    def is_difference(self) -> bool:
        """Whether somebody has to look at it."""
        return self in DIFFERENCES


DIFFERENCES = (
    Match.ONLY_THERE,
    Match.ONLY_HERE,
    Match.AMOUNT,
    Match.STATUS,
    Match.TWICE,
    Match.DIRECTION,
    Match.ACCOUNT,
)


SAYS: Mapping[Match, str] = {
    Match.AMOUNT: "a statement of the gateway has it over another sum",
    Match.STATUS: "a statement of the gateway and the books do not agree whether it was paid",
    Match.DIRECTION: "a statement of the gateway has its money going the other way",
    Match.ACCOUNT: "it stands on the statement of another account",
    Match.TWICE: "a statement of the gateway has it more than once",
    Match.ONLY_THERE: "a statement of the gateway has it, and the books do not",
    Match.ONLY_HERE: "it is settled, and missing from the gateway's statement",
}
"""Each difference in a sentence, as cases keep it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a statement. Amounts are whole francs, never negative. At least one of the two ids is not empty."""

    number: int
    """Where it stands in the file, counted from 1."""
    amount: int
    gateway_id: str = ""
    reference: str = ""
    """Our transaction id, as the statement has it."""
    at: datetime | None = None
    direction: Direction | None = None
    """None where the statement does not say; then it is not compared."""
    is_paid: bool = True
    """Whether money moved; also where the statement names no status."""
    fee: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What our books have about one transaction. The amount is what was settled, else what it is over, in francs."""

    pk: int
    transaction_id: str
    gateway_id: str
    account: str
    direction: Direction
    status: Status
    amount: int
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is reconciled: an account, and its settlements from `start` until just before `end`."""

    account: str
    start: datetime
    end: datetime
    covered_from: datetime
    """The statement has whatever happened since, and until just before `covered_until`."""
    covered_until: datetime
    tolerance: timedelta

    def holds(self, at: datetime | None) -> bool:
        """Whether this moment is among those that are reconciled; also when it is not known."""
        return at is None or self.start <= at < self.end

    def is_certain(self, entry: Entry) -> bool:
        """Whether the statement must have this settlement.

        The customer paid between the creation of the transaction and its settlement, which may be days apart. Only when all
        of that time lies within what the statement covers, with the tolerance for clocks and time zones at both ends, is
        its absence a difference.
        """
        settled_at = entry.settled_at or entry.created_at
        return (
            self.covered_from <= entry.created_at - self.tolerance and settled_at + self.tolerance <= self.covered_until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line with what it is about, or one settlement without a line."""

    match: Match
    line: Line | None = None
    entry: Entry | None = None

    @property
    def direction(self) -> Direction:
        """Which way the money goes: by the line, else by our books, else in."""
        if self.line is not None and self.line.direction is not None:
            return self.line.direction
        return self.entry.direction if self.entry is not None else Direction.IN

    @property
    def there(self) -> int:
        """Francs on the statement."""
        return self.line.amount if self.line is not None else 0

    @property
    def here(self) -> int:
        """Francs settled in our books for it; none for one more line about the same."""
        is_settled = self.entry is not None and self.entry.settled_at is not None and self.match is not Match.TWICE
        return self.entry.amount if is_settled and self.entry is not None else 0

    @property
    def at_stake(self) -> int:
        """The sum that somebody may be missing, in francs."""
        return abs(self.there - self.here) if self.match is Match.AMOUNT else max(self.there, self.here)

    @property
    def identity(self) -> str:
        """Whom it is about, in one word: the gateway's id, else ours."""
        if self.line is not None:
            return self.line.gateway_id or self.line.reference
        return (self.entry.gateway_id or self.entry.transaction_id) if self.entry is not None else ""


@dataclass(slots=True)
class Entries:
    """Entries by the ids that a line may name them by."""

    by_gateway_id: dict[str, Entry] = field(default_factory=dict)
    by_reference: dict[str, Entry] = field(default_factory=dict)

    def add(self, entries: Iterable[Entry]) -> None:
        """Take these in, too."""
        for entry in entries:
            self.by_reference[entry.transaction_id] = entry
            if entry.gateway_id:
                self.by_gateway_id[entry.gateway_id] = entry

    def find(self, line: Line) -> Entry | None:
        """What this line is about, by the gateway's id first: it is the gateway's own, and a reference may be rewritten.

        Nobody knows which of the two a column called "transaction id" holds: one in the other's place is found, too.
        """
        return (
            self.by_gateway_id.get(line.gateway_id)
            or self.by_reference.get(line.reference)
            or self.by_gateway_id.get(line.reference)
            or self.by_reference.get(line.gateway_id)
        )


def reconcile(lines: Sequence[Line], entries: Entries, terms: Terms) -> list[Finding]:
    """What came of every line, in their order, and then of every settlement that should be there and is not.

    1. Lines are gathered by what they are about: one of our entries, or something unknown.
    2. Of those about one thing, the one that fits best is held against the entry. The others are there twice.
    3. Settlements of these days and this account that no line is about are only here, or at the edge.
    """
    about: dict[object, list[Line]] = defaultdict(list)
    known: dict[object, Entry] = {}
    for line in lines:
        entry = entries.find(line)
        subject = (line.gateway_id or line.reference) if entry is None else entry.pk
        about[subject].append(line)
        if entry is not None:
            known[subject] = entry
    found = [finding for subject, ours in about.items() for finding in _hold(ours, known.get(subject), terms)]
    found.sort(key=lambda finding: finding.line.number if finding.line else 0)
    return found + list(_unclaimed(entries, known, terms))


def _hold(lines: Sequence[Line], entry: Entry | None, terms: Terms) -> Iterator[Finding]:
    """All lines about one thing."""
    best = min(lines, key=lambda line: _misfit(line, entry))
    for line in lines:
        match = _judge(line, entry, terms) if line is best else Match.TWICE if line.is_paid else Match.UNPAID
        if match.is_difference and not terms.holds(line.at):
            match = Match.OUTSIDE
        yield Finding(match=match, line=line, entry=entry)


def _misfit(line: Line, entry: Entry | None) -> tuple[bool, bool, bool, int]:
    """Smaller for the line that speaks for all of them: paid, with our direction and sum; of equals the first."""
    if entry is None:
        return not line.is_paid, False, False, line.number
    is_other_way = line.direction not in (None, entry.direction)
    return not line.is_paid, is_other_way, line.amount != entry.amount, line.number


def _judge(line: Line, entry: Entry | None, terms: Terms) -> Match:
    """One line against its entry. Where more than one thing differs, the first that makes the others meaningless."""
    if entry is None:
        return Match.ONLY_THERE if line.is_paid else Match.UNPAID
    if not line.is_paid and entry.settled_at is None:
        return Match.UNPAID
    if entry.account != terms.account:
        return Match.ACCOUNT
    if line.direction not in (None, entry.direction):
        return Match.DIRECTION
    if line.is_paid != (entry.settled_at is not None):
        return Match.STATUS
    return Match.MATCHED if line.amount == entry.amount else Match.AMOUNT


def _unclaimed(entries: Entries, known: Mapping[object, Entry], terms: Terms) -> Iterator[Finding]:
    for entry in entries.by_reference.values():
        at = entry.settled_at
        if at is None or entry.pk in known or entry.account != terms.account or not terms.holds(at):
            continue
        yield Finding(match=Match.ONLY_HERE if terms.is_certain(entry) else Match.EDGE, entry=entry)


@dataclass(slots=True)
class Sum:
    """Findings of one kind, added up by direction. Francs, and how many lines and settlements."""

    lines: int = 0
    entries: int = 0
    there: Counter[Direction] = field(default_factory=Counter)
    here: Counter[Direction] = field(default_factory=Counter)

    def add(self, finding: Finding) -> None:
        """One more."""
        self.lines += finding.line is not None
        self.entries += finding.here > 0
        self.there[finding.direction] += finding.there
        self.here[finding.entry.direction if finding.entry else finding.direction] += finding.here


def add_up(findings: Iterable[Finding]) -> dict[Match, Sum]:
    """The sums of each kind that there is, in the order of `Match`."""
    sums: dict[Match, Sum] = {}
    for finding in findings:
        sums.setdefault(finding.match, Sum()).add(finding)
    return {match: sums[match] for match in Match if match in sums}


def keys(findings: Iterable[Finding], account: str) -> Iterator[tuple[str, Finding]]:
    """Each difference with a name of its own, which it keeps when the statement is exported and reconciled again.

    Neither the file nor the line number is part of it. Lines that are alike in every way are told apart by counting.
    """
    alike: Counter[str] = Counter()
    for finding in findings:
        if finding.match.is_difference:
            facts = (finding.match, account, finding.direction, finding.identity, finding.there, finding.here)
            name = "|".join(map(str, facts))
            alike[name] += 1
            yield hashlib.sha256(f"{name}|{alike[name]}".encode()).hexdigest(), finding
