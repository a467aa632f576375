"""What a run leaves behind: the story, our books, the gateway's own, and what was seen on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.queries.ledger import Ending
from models.transaction import Status
from worker.demo.drive import Played
from worker.demo.story import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One payment as the gateway's own books have it. Times are unix seconds."""

    transaction_id: str
    status: Status
    paid_at: float | None
    tells_from: float
    """When confirm began to tell the decision."""
    asked: int
    shortest_gap: float | None
    acknowledged: int
    """Callbacks our door answered with 200."""
    refused: int
    """Callbacks our door answered with anything else; the rest of `sent` got no answer at all."""
    sent: int
    amount: int = 0
    """Whole francs, as they were ordered there."""
    customer: str = ""
    route: str = ""
    """Of a payout: which way it went, in the simulator's own word."""
    project: str = ""
    """Whose keys made it."""
    callback_url: str = ""
    last_asked: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise, whether it held, and the figures that say so."""

    name: str
    held: bool
    figures: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyOut:
    """Payouts as the gateway counted them, by the merchant's id: how many came in, and were told a certain no."""

    received: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Whose keys questions came with, as the gateway counted them, and which account is which project there."""

    projects: Mapping[str, str]
    """The project of each account, by the account's name."""
    callback_urls: Mapping[str, str]
    foreign: int
    """Questions with the keys of another project."""
    withdrawn: int
    """Calls with keys that had been withdrawn."""
    rotated: Mapping[str, float] = field(default_factory=dict)
    """When the old keys of an account were withdrawn, by the account's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What the merchant's application was to hear and heard, by the ids of events; `refused` had no signature of ours."""

    written: Sequence[str]
    received: Mapping[str, int]
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a run left behind: the story, our books, the gateway's books, what the driver saw."""

    visits: Sequence[Visit]
    ours: Mapping[str, Ending]
    told: Mapping[str, Told]
    played: Played
    stored: Mapping[str, int]
    """Callbacks in our books, by outcome."""
    telling: Telling | None = None
    """None where nobody was told."""
    money_out: MoneyOut | None = None
    """None where no payout is in the story."""
    keys: Keys | None = None
    """None where there is one account."""

    @property
    def acknowledged(self) -> int:
        """Callbacks our door answered with 200, genuine and forged."""
        return sum(one.acknowledged for one in self.told.values()) + self.played.forged_acknowledged

    @property
    def refused(self) -> int:
        """Callbacks our door answered with a no."""
        return sum(one.refused for one in self.told.values()) + self.played.forged_refused

    @property
    def sent(self) -> int:
        """All callbacks, genuine and forged."""
        return sum(one.sent for one in self.told.values()) + self.played.forged_sent

    def should_end(self, visit: Visit) -> Status:
        """Where the books must end, with what the gateway said at last."""
        return visit.finally_ends if visit.transaction_id in self.played.second_thoughts else visit.should_end
