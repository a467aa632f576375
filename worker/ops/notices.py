"""`reconciler notices`: what your application is told, how far that got, and having it told again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from models.account import DEFAULT
from models.errors import NotFound
from models.event import seq_of
from models.notice import NoticeState
from worker.language import _, ngettext
from worker.ops.desk import desk_of
from worker.ops.options import BIGGEST_ID, AccountOption, AfterOption, JsonOption, LimitOption, OldestOption

if TYPE_CHECKING:
    from tasks.toolbox import Toolbox

app = typer.Typer(help="Notices to your application, and how far telling them got.", no_args_is_help=True)

NoticeName = Annotated[str, typer.Argument(metavar="SEQ|ID", help="Number of the notice, or id of its event.")]
NoticeNames = Annotated[
    list[str] | None, typer.Argument(metavar="[SEQ|ID]...", help="Numbers of notices, or ids of their events.")
]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    state: Annotated[NoticeState | None, typer.Option(help="Only those in this state.", show_default=False)] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    oldest_first: OldestOption = False,
    account: AccountOption = DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """One page of notices, newest first."""
    from models.queries.browse import Paging
    from models.queries.notice_lines import list_notices
    from models.session import transaction
    from worker.ops.notices_view import print_notices
    from worker.ops.shown import print_json

    paging = Paging(limit=limit, after=after, oldest_first=oldest_first)
    tools = desk_of(ctx).tools
    with transaction(tools.sessions) as step:
        page = list_notices(step.session, account, paging, state=state)
    if as_json:
        print_json(page)
    else:
        print_notices(page, paging, pushes=tools.merchant is not None)


@app.command()
def show(
    ctx: typer.Context, notice: NoticeName, *, account: AccountOption = DEFAULT, as_json: JsonOption = False
) -> None:
    """One notice: every try to deliver it, and the event as it is sent."""
    from models.queries.notice_lines import find_notice
    from models.session import transaction
    from worker.ops.notices_view import notice_document, print_notice
    from worker.ops.shown import print_json

    seq = _seq(notice)
    tools = desk_of(ctx).tools
    with transaction(tools.sessions) as step:
        found = find_notice(step.session, account, seq)
    if found is None or not _is_meant(notice, found.event.id):
        raise NotFound(_("there is no notice {name}").format(name=notice))
    if as_json:
        print_json(notice_document(found))
    else:
        print_notice(found, pushes=tools.merchant is not None)


@app.command()
def resend(
    ctx: typer.Context,
    notices: NoticeNames = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All that were given up, of every account.")] = False,
    account: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of this account alone.", show_default="default; with --failed, every account"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Deliver notices again, by the same ids. All of them or, when one is unknown, none.

    An application that deduplicates by id handles nothing twice. One that was left alone, or said it was gone, is told again.
    """
    from models.queries.fsck.notices import accounts as told_accounts
    from models.queries.notice_lines import event_ids, send_again
    from models.session import transaction
    from worker.ops.shown import print_json

    if not notices and not failed:
        raise typer.BadParameter(_("which? Give numbers or ids, or --failed for all that were given up"))
    tools = desk_of(ctx).tools
    wanted = {name: _seq(name) for name in notices or []}
    with transaction(tools.sessions) as step:
        known = event_ids(step.session, account or DEFAULT, list(wanted.values()))
        unknown = [name for name, seq in wanted.items() if seq not in known or not _is_meant(name, known[seq])]
        if unknown:
            raise NotFound(_("there is no notice {name}; none was sent again").format(name=", ".join(unknown)))
        told = {account or DEFAULT: send_again(step.session, account or DEFAULT, list(wanted.values()), failed=failed)}
        if failed and account is None:
            others = [name for name in told_accounts(step.session) if name != DEFAULT]
            told |= {name: send_again(step.session, name, [], failed=True) for name in others}
    sent = [seq for seqs in told.values() for seq in seqs]
    what_next, rung = _ring(tools)
    if as_json:
        print_json({"resent": sent, "of_account": told, "rung": rung})
        return
    count = ngettext("1 notice is due again", "{count} notices are due again", len(sent)).format(count=len(sent))
    sentence = _("{count}: {what_next}").format(count=count, what_next=what_next)
    typer.echo(sentence if sent else _("no notice was given up"))


def _ring(tools: Toolbox) -> tuple[str, bool]:
    """What happens to them now, in a sentence; and whether a worker was rung for."""
    from models.queries.stops import is_off
    from models.session import transaction
    from models.stop import Switch

    if tools.merchant is None:
        return _("but NOTICE_URL is not set, so nothing is pushed; GET /v1/events tells them"), False
    with transaction(tools.sessions) as step:
        is_stopped = is_off(step.session, Switch.NOTIFY)
    if is_stopped:
        return _("but telling is switched off; they go out when it is on again"), False
    if tools.queue.deliver_soon():
        return _("a worker delivers now"), True
    return _("the broker is away, so the next sweep sees to it"), False


def _seq(name: str) -> int:
    """The number in it. Raises `NotFound` for what is neither a number nor an id of ours."""
    seq = int(name) if name.isascii() and name.isdecimal() and len(name) < len(str(BIGGEST_ID)) else seq_of(name)
    if seq is None or not 0 < seq <= BIGGEST_ID:
        text = _("there is no notice {name}; give its number, or the id of its event")
        raise NotFound(text.format(name=name[:100]))
    return seq


def _is_meant(name: str, event_id: str) -> bool:
    """An id names one event only: after a restored backup another may have its number."""
    return seq_of(name) is None or name == event_id
