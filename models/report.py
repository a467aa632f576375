"""What was settled in a period, in groups, and whether the groups come to what the settlements do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from models.statement import Direction


class By(StrEnum):
    """What settlements are grouped by."""

    OPERATOR = "operator"
    DAY = "day"
    ACCOUNT = "account"
    MODE = "mode"
    DIRECTION = "direction"


@dataclass(frozen=True, slots=True)
class Days:
    """UTC days, the first and the last one included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The first moment of them."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The first moment after them."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    def __iter__(self) -> Iterator[date]:
        """Each of them."""
        return (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))


@dataclass(slots=True)
class Amount:
    """So many settlements, and the francs they come to."""

    count: int = 0
    francs: int = 0

    def add(self, other: Amount) -> None:
        """And these."""
        self.count += other.count
        self.francs += other.francs

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.count - other.count, self.francs - other.francs)


@dataclass(slots=True)
class Group:
    """Settlements of one group. What a person settled by hand is in `money` too, and once more apart in `by_hand`."""

    key: str
    money: dict[Direction, Amount] = field(default_factory=lambda: {way: Amount() for way in Direction})
    by_hand: dict[Direction, Amount] = field(default_factory=lambda: {way: Amount() for way in Direction})

    def add(self, other: Group) -> None:
        """And those."""
        for way in Direction:
            self.money[way].add(other.money[way])
            self.by_hand[way].add(other.by_hand[way])


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One period, all read in one moment."""

    days: Days
    by: By
    account: str | None
    """The only one that is looked at; none for all."""
    groups: tuple[Group, ...]
    daily: tuple[Group, ...]
    """The same settlements by day, for the picture; only days that have some."""
    settlements: Amount
    """The plain sum over the table of settlements, whatever else is known about them."""
    read_at: datetime

    @property
    def total(self) -> Group:
        """All groups together."""
        total = Group("")
        for group in self.groups:
            total.add(group)
        return total

    @property
    def unaccounted(self) -> Amount:
        """What the settlements come to beyond the groups: nothing in sound books."""
        total = self.total.money
        return self.settlements - total[Direction.IN] - total[Direction.OUT]

    @property
    def is_sound(self) -> bool:
        """Whether groups and days come to what the settlements do, in number and in francs."""
        by_day = Group("")
        for group in self.daily:
            by_day.add(group)
        return self.unaccounted == Amount() and by_day.money == self.total.money

    @property
    def is_over(self) -> bool:
        """Whether its last day was over when it was read: nothing is settled in it any more."""
        return self.read_at >= self.days.end
