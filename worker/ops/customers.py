"""`reconciler customers`: what is kept about one customer, and erasing it when they ask for that."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import Invalid
from worker.language import _
from worker.ops.desk import desk_of
from worker.ops.options import BIGGEST_ID, AfterOption, AuthorOption, JsonOption, LimitOption

if TYPE_CHECKING:
    from models.customer import Customer
    from tasks.toolbox import Toolbox
    from worker.ops.customers_view import Dossier

app = typer.Typer(
    help="What is kept about one customer, by phone number, e-mail or name, and erasing it on their request.",
    no_args_is_help=True,
)

WhoArgument = Annotated[
    str,
    typer.Argument(
        metavar="WHO",
        help="A phone number with its country code, an e-mail address, or a name; - reads it from the input.",
        show_default=False,
    ),
]

AlsoOption = Annotated[
    list[str] | None,
    typer.Option(
        "--also",
        metavar="TRANSACTION_ID",
        help="A payment that you know to be theirs, though the books do not; may be repeated.",
        show_default=False,
    ),
]


@app.command()
def show(ctx: typer.Context, who: WhoArgument, *, also: AlsoOption = None, as_json: JsonOption = False) -> None:
    """What is kept about one customer: which payments, callbacks, answers, notices and cases, since when, and what names them.

    Every callback and answer is read once, so that it takes its time on large books. Changes nothing.
    """
    from worker.ops.customers_view import dossier_document, print_dossier
    from worker.ops.shown import print_json

    found = _look(desk_of(ctx).tools, _customer(who), also=also)
    if as_json:
        print_json(dossier_document(found))
    else:
        print_dossier(found)


@app.command()
def erase(  # noqa: PLR0913 - each is an option
    ctx: typer.Context,
    who: WhoArgument,
    *,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", metavar="TEXT", help="Why, for whoever reads the books later. Never who.", show_default=False
        ),
    ] = "",
    author: AuthorOption,
    also: AlsoOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    keep_settled: Annotated[
        bool,
        typer.Option(
            "--keep-settled",
            help="Leave whom settled payments name, and the wording that proves them: for the accounts.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase now what names one customer, as `reconciler prune` does when its time is over. It cannot be undone.

    What proves settlements stays: sums, references, decisions, times, hashes. What is open is remembered, and goes by itself
    once it is over. Stopped at any moment, the same command goes on.
    """
    from models.customer import Sort
    from worker.ops.customers_view import dossier_document, print_plan
    from worker.ops.shown import print_json

    tools, customer = desk_of(ctx).tools, _customer(who)
    if customer.sort is Sort.NAME:
        raise Invalid(
            _("many bear one name: erase by the phone number or the e-mail address that `customers show` finds")
        )
    if not dry_run:
        _must_be_answered_for(customer, reason=reason, author=author)
    found = _look(tools, customer, also=also)
    if as_json and dry_run:
        print_json({"dry_run": True, **dossier_document(found)})
        return
    if not as_json:
        print_plan(found, keeps_settled=keep_settled)
    if dry_run:
        typer.echo(_("Nothing was changed."))
        return
    _ask_once_more(found, yes=yes)
    _erase(tools, found, by=(author.strip(), reason.strip()), keeps_settled=keep_settled, as_json=as_json)


@app.command()
def erasures(
    ctx: typer.Context, *, limit: LimitOption = 20, after: AfterOption = None, as_json: JsonOption = False
) -> None:
    """What was erased on request, newest first: when, by whom, why, and what still waits. Never for whom."""
    from models.queries.erasures import list_erasures
    from models.session import transaction
    from worker.ops.customers_view import erasure_document, print_erasures
    from worker.ops.shown import print_json

    with transaction(desk_of(ctx).tools.sessions) as step:
        lines = list_erasures(step.session, limit=limit + 1, before=BIGGEST_ID if after is None else after)
    lines, further = lines[:limit], lines[limit - 1].id if len(lines) > limit else None
    if as_json:
        print_json({"items": [erasure_document(line) for line in lines], "next": further})
    else:
        print_erasures(lines, further=further)


def _customer(who: str) -> Customer:
    from models.customer import customer_of

    return customer_of(sys.stdin.readline() if who == "-" else who)


def _must_be_answered_for(customer: Customer, *, reason: str, author: str) -> None:
    for option, said in (("--reason", reason), ("--by", author)):
        if not said.strip() or not said.isprintable():
            raise typer.BadParameter(_("some words on one line are needed"), param_hint=option)
        if customer.is_named_in(said):
            raise typer.BadParameter(_("it is kept for ever, and names the customer"), param_hint=option)


def _look(tools: Toolbox, customer: Customer, *, also: list[str] | None) -> Dossier:
    from tasks.erase import look
    from worker.ops.customers_view import dossier, looking

    with looking() as told:
        kept = look(tools.sessions, customer, also=also or (), told=told)
    return dossier(tools.sessions, customer, kept)


def _ask_once_more(found: Dossier, *, yes: bool) -> None:
    """Nothing to lose asks nothing."""
    if yes or not found.kept.things:
        return
    if not sys.stdin.isatty():
        raise Invalid(_("nobody is there to be asked whether it is meant: say --yes"))
    typer.confirm(_("Erase it? It cannot be undone"), abort=True, err=True)


def _erase(tools: Toolbox, found: Dossier, *, by: tuple[str, str], keeps_settled: bool, as_json: bool) -> None:
    from models.queries.cases import Signature
    from tasks.erase import begin, carry_on
    from worker.ops.customers_view import erasing, print_erased, result_document, results
    from worker.ops.prune import until_told
    from worker.ops.shown import print_json

    signed = Signature(author=by[0], reason=by[1])
    asked = begin(tools.sessions, found.kept.things, signed, keeps_settled=keeps_settled)
    with until_told() as is_wanted, erasing() as told:
        erased = carry_on(tools.sessions, told=told, is_wanted=is_wanted)
        stopped = not is_wanted()
    result = results(tools.sessions, asked, erased, stopped=stopped)
    if as_json:
        print_json(result_document(found, result))
    else:
        print_erased(result)
