"""One look for the exporter: what `reconciler status` looks at, and some more that only counts and ages tell of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from models import migrate
from models.queries.accounts import AccountLoad, loads
from models.queries.cases import KindTotal, total_open
from models.queries.fsck.reading import reading
from models.queries.status import PayoutCount, payouts_status
from tasks.sweep import SWEPT
from tasks.toolbox import Sign, Toolbox
from tasks.watch import WATCHED, WATCHED_IN_FULL
from worker.ops.desk import Desk
from worker.ops.situation import SELDOM, Lookout, Place, Seldom, Situation

HOURS = 1
"""Of payments that are looked at, beside those it takes to hear a hush."""

LATE = timedelta(minutes=1)
"""As `status` counts what is overdue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything, as of `at`. What could not be found out is None."""

    at: datetime
    took: float
    """Seconds."""
    situation: Situation
    names: Sequence[str]
    """The accounts that are set up."""
    cases: Sequence[KindTotal] | None = None
    payouts: Sequence[PayoutCount] | None = None
    loads: Sequence[AccountLoad] | None = None
    migrations: Sequence[str] | None = None
    """Those the database lacks."""
    signs: Mapping[str, Sign] | None = None


class Watcher:
    """Looks when it is told to. Raises `SettingsFault` when made, and nothing afterwards."""

    def __init__(self, desk: Desk) -> None:
        tools = desk.tools
        url = desk.settings.database_url.get_secret_value()
        self._tools = tools
        self._lookout = Lookout(desk, hours=HOURS)

        def in_books(read: Callable[[Session], Any]) -> Any:
            with reading(tools.sessions) as session:
                return read(session)

        self._database = Place(
            "more",
            {
                "cases": Seldom(partial(in_books, total_open)),
                "payouts": partial(in_books, payouts_status),
                "loads": partial(in_books, partial(loads, late=LATE)),
                "migrations": Seldom(partial(migrate.pending, url), least=SELDOM),
            },
        )
        self._redis = Place("signs", {"signs": partial(_signs, tools)})

    def look(self, *, within: float) -> Look:
        """Everything that can be found out in so many seconds."""
        began = time.monotonic()
        for place in (self._database, self._redis):
            place.begin()
        situation = self._lookout.look(within=within)
        found: dict[str, Any] = {}
        for place in (self._database, self._redis):
            place.wait(began + within)
            found |= place.outcome()[0]
        return Look(
            at=datetime.now(UTC),
            took=time.monotonic() - began,
            situation=situation,
            names=self._tools.accounts.names,
            **found,
        )


def _signs(tools: Toolbox) -> dict[str, Sign]:
    found = {name: tools.signs.find(name) for name in (SWEPT, WATCHED, WATCHED_IN_FULL)}
    return {name: sign for name, sign in found.items() if sign is not None}
