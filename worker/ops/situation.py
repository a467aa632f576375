"""Everything `reconciler status` looks at. What cannot be known says why, and nothing that hangs makes it hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from config.logs import mask
from config.policy import AGE_TIERS
from models.account import DEFAULT
from models.errors import ReconcilerError, StoreAway
from models.queries.fsck.reading import reading
from models.queries.learned import Learned
from models.queries.status import (
    BooksStatus,
    NoticesStatus,
    RunningReplay,
    books_status,
    notices_status,
    running_replays,
)
from models.queries.stops import StopLine, off_now
from tasks.listen import Hush, hushes, read_learned
from tasks.sweep import SWEPT
from tasks.toolbox import Account, BreakerView, LaneLevel, Sign, Signs
from tasks.watch import WATCHED, WATCHED_IN_FULL
from worker.language import N_
from worker.ops.desk import Desk
from worker.ops.edge import OUR_TABLES_ARE_NOT_THERE
from worker.web.health import SpoolFinding, look_at_database, look_at_spool
from worker.web.spool import Spool

NO_ANSWER = N_("no answer in time")
AWAY = N_("cannot be reached")
OLD_TABLES = N_("tables are missing; run `reconciler migrate`")

DATABASE, HOURS, REDIS, SPOOL = "database", "hours", "redis", "spool"

SELDOM = 60.0
"""Seconds between two looks at how far the database is migrated: it takes much time for what hardly changes."""

REST = 8.0
"""What took a second to read is read again after so many: a watch must not become a load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLook:
    """One account, as Redis knows it."""

    account: str
    rate: float
    lanes: Sequence[LaneLevel]
    breaker: BreakerView


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One look at everything. What could not be found out is None, and `unknown` says why, by the name of the part."""

    database: str
    """What is wrong with it; empty when nothing is."""
    redis: str
    stops: Sequence[StopLine] | None = None
    books: BooksStatus | None = None
    notices: NoticesStatus | None = None
    pushes: bool
    """Whether notices go out: without NOTICE_URL they are there to be read, and wait for nobody."""
    replays: Sequence[RunningReplay] | None = None
    learned: Learned | None = None
    queues: Mapping[str, int] | None = None
    rate: float
    lanes: Sequence[LaneLevel] | None = None
    breaker: BreakerView | None = None
    accounts: Sequence[AccountLook] | None = None
    """Those beside the account of the plain settings, which `rate`, `lanes` and `breaker` are about."""
    account_faults: Sequence[str] = ()
    """What is wrong with the files that accounts are read from: here, as this command reads them."""
    people_faults: Sequence[str] = ()
    """What is wrong with the file of those who may sign in to the console: as this door, or this command, reads it."""
    audits: Sequence[Sign] | None = None
    """What the last runs of fsck left that beat rang for: how many violations of each rule."""
    ran: Mapping[str, float | None] | None = None
    """Seconds since the last `sweep` and the last rolling `fsck` that beat rang for; None of one that left no sign."""
    spool: SpoolFinding | None = None
    """Of this machine; None also where there is none."""
    spool_dir: str
    unknown: Mapping[str, str]

    @property
    def is_well(self) -> bool:
        """Whether both servers do their part."""
        return not self.database and not self.redis

    @property
    def hushes(self) -> list[Hush]:
        """Callbacks that have fallen silent."""
        return hushes(self.learned) if self.learned else []

    @property
    def violations(self) -> int:
        """How many fsck found: in the last rolling run or in the last full one, whichever found more."""
        return max((round(sum(audit.facts.values())) for audit in self.audits or ()), default=0)


@dataclass(slots=True)
class Seldom:
    """Something whose reading is costly, read again only after a while."""

    read: Callable[[], Any]
    least: float = 0.0
    """Seconds it is told again in any case."""
    _value: Any = None
    _good_until: float = 0.0

    def __call__(self) -> Any:
        """The value as of now, or of a little while ago. Raises what the reading raises, and reads anew next time."""
        began = time.monotonic()
        if began >= self._good_until:
            self._value = self.read()
            ended = time.monotonic()
            self._good_until = ended + max(self.least, REST * (ended - began))
        return self._value


@dataclass(slots=True)
class Place:
    """One place things are found out at, on a thread of its own, for it may not answer at all."""

    name: str
    parts: Mapping[str, Callable[[], Any]]
    """By name, in the order they are looked at."""
    found: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    is_stuck: bool = False
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Set out, unless the last look is still under way: what hangs is not asked again and again."""
        self.is_stuck = self._thread is not None and self._thread.is_alive()
        if not self.is_stuck:
            self.found, self.unknown = {}, {}
            # A daemon: one that hangs must not keep the command from ending.
            self._thread = threading.Thread(target=self._look, args=(self.found, self.unknown), daemon=True)
            self._thread.start()

    def wait(self, until: float) -> None:
        """Until it is over or it is this late by the monotonic clock. What is missing then counts as not answered."""
        if self._thread is not None:
            self._thread.join(max(0.0, until - time.monotonic()))

    def outcome(self) -> tuple[dict[str, Any], dict[str, str]]:
        """What was found, and why the rest was not. Nothing of a look that was under way before this one: it is old."""
        if self.is_stuck and self._thread is not None and self._thread.is_alive():
            return {}, dict.fromkeys(self.parts, NO_ANSWER)
        found, unknown = dict(self.found), dict(self.unknown)  # copies: a look that is late may still be writing
        return found, {part: unknown.get(part, NO_ANSWER) for part in self.parts if part not in found}

    def _look(self, found: dict[str, Any], unknown: dict[str, str]) -> None:
        away = ""
        for name, look in self.parts.items():
            if away:
                unknown[name] = away
                continue
            try:
                found[name] = look()
            except StoreAway as exc:
                away = unknown[name] = str(exc)
            except Exception as exc:  # noqa: BLE001 - one part that breaks must not take the others from the screen
                unknown[name] = _in_words(exc)


class Lookout:
    """Looks at everything, as often as it is wanted. Raises `SettingsFault` when made, and nothing afterwards."""

    def __init__(self, desk: Desk, *, hours: int, hours_fresh_for: float = 0.0) -> None:
        """`hours` are how far back payments are looked at, and their figures are told again for `hours_fresh_for` seconds."""
        settings, tools = desk.settings, desk.tools
        self._accounts = tools.accounts
        self._account_faults = desk.account_faults
        self._people_faults = desk.people_faults
        self._rate = settings.ligdicash_rate
        self._pushes = tools.merchant is not None
        self._spool_dir = str(settings.spool_dir.absolute())
        database_url = settings.database_url.get_secret_value()

        def in_books(read: Callable[[Session], Any]) -> Any:
            with reading(tools.sessions) as session:
                return read(session)

        self._database = Place(
            DATABASE,
            {
                "stops": partial(in_books, off_now),
                "books": partial(in_books, partial(books_status, bounds=[tier.until for tier in AGE_TIERS])),
                "notices": partial(in_books, notices_status),
                "replays": partial(in_books, running_replays),
                DATABASE: Seldom(partial(look_at_database, database_url), least=SELDOM),
            },
        )
        # Apart from the rest: on big books it may take some seconds, and the others need not wait for it.
        self._hours = Place(
            HOURS, {"learned": Seldom(partial(read_learned, tools.sessions, hours=hours), least=hours_fresh_for)}
        )
        self._redis = Place(
            REDIS,
            {
                "queues": tools.queue.waiting,
                "lanes": lambda: tools.account(DEFAULT).budget.levels(),  # noqa: PLW0108 - its keys may change
                "breaker": lambda: tools.account(DEFAULT).breaker.view(),  # noqa: PLW0108 - so may these
                "accounts": lambda: [_look_at(account) for account in tools.all_accounts[1:]],
                "audits": lambda: _audits(tools.signs),
                "ran": lambda: _ran(tools.signs),
            },
        )
        spool = Spool(settings.spool_dir, max_mb=settings.spool_max_mb)
        self._spool = Place(SPOOL, {SPOOL: lambda: look_at_spool(spool) if settings.spool_dir.is_dir() else None})

    def look(self, *, within: float) -> Situation:
        """Everything that can be found out in so many seconds."""
        until = time.monotonic() + within
        places = (self._database, self._hours, self._redis, self._spool)
        for place in places:
            place.begin()
        for place in places:
            place.wait(until)
        found: dict[str, Any] = {}
        unknown: dict[str, str] = {}
        for place in places:
            there, missing = place.outcome()
            found |= there
            unknown |= missing
        return self._situation(found, unknown)

    def _situation(self, found: dict[str, Any], unknown: dict[str, str]) -> Situation:
        finding = found.pop(DATABASE, None)
        database = unknown.pop(DATABASE, "") or ("" if finding is None or finding.ok else finding.detail)
        redis = unknown.get("queues", "" if found.get("queues") is not None else AWAY)
        # With Redis away, each process goes by a guess of its own: that is not what the fleet does.
        for part, is_guess in (
            ("queues", False),
            ("audits", False),
            ("ran", False),
            ("lanes", not found.get("lanes")),
            ("breaker", "breaker" in found and not found["breaker"].is_shared),
            ("accounts", any(not one.breaker.is_shared or not one.lanes for one in found.get("accounts", ()))),
        ):
            if redis or is_guess:
                found.pop(part, None)
                unknown[part] = redis or unknown.get(part, AWAY)
        return Situation(
            database=database,
            redis=redis,
            rate=self._rate,
            pushes=self._pushes,
            spool_dir=self._spool_dir,
            account_faults=self._account_faults or self._accounts.faults,
            people_faults=self._people_faults,
            unknown=unknown,
            **found,
        )


def _look_at(account: Account) -> AccountLook:
    return AccountLook(
        account=account.name, rate=account.rate, lanes=account.budget.levels(), breaker=account.breaker.view()
    )


def _audits(signs: Signs) -> list[Sign]:
    return [sign for name in (WATCHED, WATCHED_IN_FULL) if (sign := signs.find(name))]


def _ran(signs: Signs) -> dict[str, float | None]:
    found = {name: signs.find(sign) for name, sign in (("sweep", SWEPT), ("fsck", WATCHED))}
    return {name: None if sign is None else sign.age for name, sign in found.items()}


def _in_words(exc: Exception) -> str:
    if isinstance(exc, ReconcilerError):
        return str(exc)
    if isinstance(exc, ProgrammingError) and getattr(exc.orig, "sqlstate", "") in OUR_TABLES_ARE_NOT_THERE:
        return OLD_TABLES
    return mask(f"unexpected {type(exc).__name__}: {exc}")
