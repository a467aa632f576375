"""`reconciler callbacks`: what knocked at the door, what became of it, and having it read again."""

from __future__ import annotations

from typing import Annotated

import typer

from models.callback import Outcome
from models.errors import NotFound
from worker.language import _, ngettext
from worker.ops.desk import desk_of
from worker.ops.options import BIGGEST_ID, AfterOption, JsonOption, LimitOption, OldestOption

app = typer.Typer(help="Callbacks as they were received, and what became of them.", no_args_is_help=True)

CallbackIds = Annotated[
    list[int], typer.Argument(metavar="ID...", min=1, max=BIGGEST_ID, help="Ids as `callbacks list` shows them.")
]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    outcome: Annotated[Outcome | None, typer.Option(help="Only those of this outcome.", show_default=False)] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    oldest_first: OldestOption = False,
    as_json: JsonOption = False,
) -> None:
    """One page of callbacks, newest first."""
    from models.queries.browse import Paging, list_callbacks
    from models.session import transaction
    from worker.ops.shown import print_json
    from worker.ops.tables import print_callbacks

    paging = Paging(limit=limit, after=after, oldest_first=oldest_first)
    with transaction(desk_of(ctx).tools.sessions) as step:
        page = list_callbacks(step.session, paging, outcome=outcome)
    if as_json:
        print_json(page)
    else:
        print_callbacks(page, paging)


@app.command()
def show(
    ctx: typer.Context,
    callback_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=BIGGEST_ID, help="Id of the callback.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """One callback as it came, with what became of it."""
    from models.queries.browse import find_callback
    from models.session import transaction
    from worker.ops.callback_view import callback_document, print_callback
    from worker.ops.shown import print_json

    with transaction(desk_of(ctx).tools.sessions) as step:
        found = find_callback(step.session, callback_id)
    if found is None:
        raise NotFound(_("there is no callback {callback_id}").format(callback_id=callback_id))
    if as_json:
        print_json(callback_document(found))
    else:
        print_callback(found)


@app.command()
def replay(ctx: typer.Context, callback_ids: CallbackIds, *, as_json: JsonOption = False) -> None:
    """Have callbacks read again, whatever became of them. All of them or, when one is unknown, none.

    Nothing is settled twice by it: reading leads to a question, and only the gateway's answer moves money, once.
    """
    from models.queries.receive import reopen_callbacks
    from models.session import transaction
    from worker.ops.shown import print_json

    tools = desk_of(ctx).tools
    wanted = sorted(set(callback_ids))
    with transaction(tools.sessions) as step:
        unknown = reopen_callbacks(step.session, wanted)
    if unknown:
        message = _("there is no callback {callback_ids}; none was replayed")
        raise NotFound(message.format(callback_ids=", ".join(str(i) for i in unknown)))
    rung = tools.queue.read_soon(wanted)
    if as_json:
        print_json({"replayed": wanted, "rung": rung})
        return
    count = len(wanted)
    if rung:
        told = ngettext(
            "opened 1 callback again: a worker reads it", "opened {count} callbacks again: a worker reads them", count
        )
    else:
        told = ngettext(
            "opened 1 callback again: the broker is away, so the next sweep reads it",
            "opened {count} callbacks again: the broker is away, so the next sweep reads them",
            count,
        )
    typer.echo(told.format(count=count))
