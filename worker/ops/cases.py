"""`reconciler cases`: what a person must look at, and ending it with a name and a reason."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from models.case import CALLBACK_KINDS, CaseKind
from models.errors import Invalid
from worker.language import _
from worker.ops.desk import desk_of
from worker.ops.edge import WENT_WRONG
from worker.ops.options import (
    BIGGEST_ID,
    AfterOption,
    AuthorOption,
    JsonOption,
    LimitOption,
    OldestOption,
    ReasonOption,
    duration,
)

if TYPE_CHECKING:
    from models.queries.cases import Signature
    from tasks.toolbox import Toolbox
    from worker.ops.deciding import Decision

app = typer.Typer(help="Cases: what a person must look at, because no rule may decide it.", no_args_is_help=True)


class Became(StrEnum):
    """What a person may say became of an invoice."""

    COMPLETED = "completed"
    NOTCOMPLETED = "notcompleted"
    REFUSED = "refused"


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    kind: Annotated[CaseKind | None, typer.Option(help="Only those of this kind.", show_default=False)] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over, newest first.")] = False,
    limit: LimitOption = 50,
    after: AfterOption = None,
    oldest_first: OldestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Open cases: those about money first, the oldest day first, and of one day the largest sum.

    Callbacks that nobody can use are counted and not listed, for anybody can send
    any number; --kind lists them.
    """
    from models.queries.browse import Paging
    from models.queries.cases import list_cases, most_urgent, total_open
    from models.session import transaction
    from worker.ops.case_list_view import print_page, print_totals
    from worker.ops.shown import print_json

    paging = Paging(limit=limit, after=after, oldest_first=oldest_first)
    grouped = kind is None and not all_
    kinds = [kind] if kind else [one for one in CaseKind if all_ or one not in CALLBACK_KINDS]
    with transaction(desk_of(ctx).tools.sessions) as step:
        totals = total_open(step.session)
        if all_ or oldest_first or kind in CALLBACK_KINDS:
            page = list_cases(step.session, paging, kinds=kinds, ended=all_)
        else:
            page = most_urgent(step.session, paging, kinds=kinds)
    if as_json:
        print_json({"totals": totals, "items": page.items, "next": page.next})
        return
    if after is None:
        print_totals([total for total in totals if kind in (None, total.kind)], grouped=grouped)
    options = f"{f' --kind {kind.value}' if kind else ''}{' --all' * all_}{' --oldest-first' * oldest_first}"
    print_page(page, paging, again=f"reconciler cases list{options}")


@app.command()
def show(
    ctx: typer.Context,
    case_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=BIGGEST_ID, help="Id of the case.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """One case: what happened, the evidence of both sides, and what to do, with the commands."""
    from models.queries.history import find_history
    from models.session import transaction
    from worker.ops.case_view import case_document, print_case
    from worker.ops.deciding import find
    from worker.ops.shown import print_json

    tools = desk_of(ctx).tools
    [case] = find(tools, [case_id])
    with transaction(tools.sessions) as step:
        history = find_history(step.session, case.transaction_id) if case.transaction_id else None
    if as_json:
        print_json(case_document(case, history))
    else:
        print_case(case, history)


@app.command()
def resolve(  # noqa: PLR0913 - each is an option
    ctx: typer.Context,
    *,
    case_ids: Annotated[
        list[int] | None,
        typer.Argument(metavar="[ID...]", min=1, max=BIGGEST_ID, help="Ids as `cases list` shows them."),
    ] = None,
    reason: ReasonOption,
    author: AuthorOption,
    became: Annotated[
        Became | None,
        typer.Option("--as", help="What became of the payment. The gateway is asked first.", show_default=False),
    ] = None,
    amount: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=BIGGEST_ID,
            help="Whole francs (XOF) that really came in, or went out, with --as completed.",
            show_default=False,
        ),
    ] = None,
    override: Annotated[
        bool, typer.Option("--override", help="Change it whatever the gateway says, and answer for it for ever.")
    ] = False,
    kind: Annotated[
        CaseKind | None, typer.Option(help="End all open ones of this kind, instead of ids.", show_default=False)
    ] = None,
    older_than: Annotated[
        timedelta | None,
        typer.Option(
            parser=duration,
            metavar="DURATION",
            show_default=False,
            help="With --kind: only those opened so long ago: 12h, 1d.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --kind: do it, instead of only counting them.")] = False,
    as_json: JsonOption = False,
) -> None:
    """End cases, with a name and a reason; with --as, say what became of the payment.

    The gateway is then asked first: an answer that agrees settles or closes by
    evidence. If none agrees, nothing is changed, unless --override is given;
    fsck lists such a change for ever. What is settled stays settled.

    Leaves with 1 when a case was not ended.
    """
    from models.queries.cases import Signature
    from models.transaction import Status
    from worker.ops.deciding import Wanted, decide_all, end_plainly

    _check_usage(case_ids, became, amount=amount, override=override, kind=kind, with_kind=bool(older_than) or yes)
    by = Signature(author=_words(author, "--by"), reason=_words(reason, "--reason"))
    tools = desk_of(ctx).tools
    if kind is not None:
        _end_kind(tools, kind, by, older_than=older_than or timedelta(0), yes=yes, as_json=as_json)
        return
    wanted = became and Wanted(status=Status(became.value), amount=amount, override=override, by=by)
    ids = sorted(set(case_ids or ()))
    _tell(decide_all(tools, ids, wanted) if wanted else end_plainly(tools, ids, by), as_json=as_json)


def _tell(decisions: list[Decision], *, as_json: bool) -> None:
    from worker.ops.deciding_view import decision_document, print_decision
    from worker.ops.shown import print_json

    if as_json:
        print_json([decision_document(one) for one in decisions])
    else:
        for one in decisions:
            print_decision(one)
    if not all(one.is_done for one in decisions):
        raise typer.Exit(WENT_WRONG)


def _end_kind(
    tools: Toolbox, kind: CaseKind, by: Signature, *, older_than: timedelta, yes: bool, as_json: bool
) -> None:
    from models.queries.cases import count_old
    from models.session import transaction
    from tasks.cases import end_old
    from worker.ops.deciding_view import print_ended, print_old
    from worker.ops.shown import print_json

    with transaction(tools.sessions) as step:
        old = count_old(step.session, kind, older_than=older_than)
    if not as_json:
        print_old(old)
    ended = sum(end_old(tools, old, by)) if yes else 0
    if as_json:
        print_json({"open": old, "ended": ended, "is_done": yes})
    elif yes:
        print_ended(ended)
    else:
        typer.echo(_("nothing was changed; --yes ends them"))


def _check_usage(
    case_ids: list[int] | None,
    became: Became | None,
    *,
    amount: int | None,
    override: bool,
    kind: CaseKind | None,
    with_kind: bool,
) -> None:
    if bool(case_ids) == (kind is not None):
        raise typer.BadParameter(_("name the cases, or a --kind of them"))
    if kind is not None and became is not None:
        raise typer.BadParameter(_("--as is for cases that are named, not for a whole --kind"))
    if kind is None and with_kind:
        raise typer.BadParameter(_("--older-than and --yes go with --kind"))
    if override and became is None:
        raise typer.BadParameter(_("--override changes a status: say which, with --as"))
    if amount is not None and became is not Became.COMPLETED:
        raise typer.BadParameter(_("--amount goes with --as completed"))


def _words(text: str, option: str) -> str:
    """The same text without space around it. What is kept for ever has to say something, and be readable."""
    words = text.strip()
    if not words or not words.isprintable():
        raise Invalid(_("{option} needs words, on one line").format(option=option))
    return words
