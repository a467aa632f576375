"""`reconciler status`: whether all is well, on one screen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from worker.ops.desk import Desk, desk_of
from worker.ops.edge import WENT_WRONG
from worker.ops.options import JsonOption

if TYPE_CHECKING:
    from models.queries.status import BooksStatus
    from tasks.toolbox import BreakerView, LaneLevel, Toolbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything the command looks at. A server that is gone leaves its part empty and says why."""

    database: str
    """What is wrong with it; empty when nothing is."""
    redis: str
    queues: dict[str, int] | None
    books: BooksStatus | None
    rate: float
    lanes: list[LaneLevel]
    breaker: BreakerView

    @property
    def is_well(self) -> bool:
        """Whether both servers do their part."""
        return not self.database and not self.redis


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(status)


def status(ctx: typer.Context, *, as_json: JsonOption = False) -> None:
    """Whether all is well: servers, queues, what is open or overdue, the call budget, the breaker.

    Leaves with 1 when the database or Redis cannot be used.
    """
    from worker.ops.shown import print_json
    from worker.ops.status_view import print_situation

    situation = look(desk_of(ctx))
    if as_json:
        print_json({"ok": situation.is_well, **asdict(situation)})
    else:
        print_situation(situation)
    if not situation.is_well:
        raise typer.Exit(WENT_WRONG)


def look(desk: Desk) -> Situation:
    """Look at everything, once. Raises `SettingsFault` and nothing else."""
    from worker.web.health import look_at_database

    tools = desk.tools
    finding = look_at_database(desk.settings.database_url.get_secret_value())
    books, trouble = _books(tools) if finding.ok else (None, finding.detail)
    queues = tools.queue.waiting()
    return Situation(
        database=trouble,
        redis="" if queues is not None else "cannot be reached",
        queues=queues,
        books=books,
        rate=desk.settings.ligdicash_rate,
        lanes=tools.budget.levels(),
        breaker=tools.breaker.view(),
    )


def _books(tools: Toolbox) -> tuple[BooksStatus | None, str]:
    from config.policy import AGE_TIERS
    from models.errors import StoreAway
    from models.queries.status import books_status
    from models.session import transaction

    try:
        with transaction(tools.sessions) as step:
            return books_status(step.session, bounds=[tier.until for tier in AGE_TIERS]), ""
    except StoreAway as exc:
        return None, str(exc)
