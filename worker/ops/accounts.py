"""`reconciler accounts`: the LigdiCash projects of this installation, and how each does. Shows no secret."""

from __future__ import annotations

from datetime import timedelta

import typer

from worker.ops.desk import desk_of
from worker.ops.options import JsonOption

LATE = timedelta(minutes=1)
"""As in `reconciler status`."""


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(accounts)


def accounts(ctx: typer.Context, *, as_json: JsonOption = False) -> None:
    """LigdiCash projects that are set up here, how each is asked, and what waits for it in the books.

    An account that has payments in the books and is not set up any more is listed too. Keys are never shown; the short name
    of each pair changes when a key does.
    """
    from models.queries.accounts import loads
    from models.queries.fsck.reading import reading
    from worker.ops.accounts_view import lines_of, print_accounts
    from worker.ops.shown import print_json

    tools = desk_of(ctx).tools
    with reading(tools.sessions) as session:
        waiting = loads(session, late=LATE)
    lines = lines_of(tools.all_accounts, waiting)
    if as_json:
        print_json({"accounts": lines, "faults": list(tools.accounts.faults)})
    else:
        print_accounts(lines, tools.accounts.faults)
