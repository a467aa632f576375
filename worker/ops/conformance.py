"""`reconciler conformance`: the gateway's manners, played at a merchant's callback handler. Needs none of our servers or settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from models.errors import Invalid
from worker.language import _
from worker.ops.options import JsonOption, duration

if TYPE_CHECKING:  # the command line reads this file at every start
    from worker.conformance.examination import Patience
    from worker.conformance.shop import CommandShop
    from worker.conformance.trial import Trial
    from worker.ligdicash.double import Double

FOUND_WRONG = 1

PAID = r"\b(completed|paid|settled)\b"


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(conformance)


def conformance(  # noqa: PLR0913 - each is an option of the command
    *,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Address of the callback handler.", show_default=False)
    ] = "",
    order: Annotated[
        str,
        typer.Option(
            metavar="COMMAND",
            help="Has your shop create a payin for order {id} over {amount} francs at the double. Run without a shell.",
        ),
    ] = "",
    state: Annotated[
        str, typer.Option(metavar="COMMAND", help="Prints what your shop makes of order {id}.", show_default=False)
    ] = "",
    paid: Annotated[
        str, typer.Option(metavar="REGEX", help="What is in that output when the order counts as paid.")
    ] = PAID,
    credited: Annotated[
        str,
        typer.Option(
            metavar="REGEX", help="Its one group is the sum in that output, francs: finds what is credited twice."
        ),
    ] = "",
    only: Annotated[list[str] | None, typer.Option(metavar="TRIAL", help="This trial; may be repeated.")] = None,
    host: Annotated[str, typer.Option(help="Address the double listens on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Its port: have your shop call http://127.0.0.1:8100 for LigdiCash.")
    ] = 8100,
    profile: Annotated[str, typer.Option(help="docs, or sdk-legacy for a shop on a vendor's SDK of 2024.")] = "docs",
    patience: Annotated[
        str, typer.Option(metavar="LENGTH", help="How long your shop may take to find out what no callback tells.")
    ] = "60s",
    trials: Annotated[bool, typer.Option("--trials", help="Only list the trials.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Examine a callback handler: play LigdiCash's real manners at it, and say in words what it got wrong.

    A double of LigdiCash listens on --port; your shop speaks to it with sim-key and sim-token. Leaves with 1 when something
    was wrong. docs/conformance.md shows how.
    """
    from worker.conformance.examination import Examination
    from worker.ops.conformance_view import print_results, print_trials, results_document
    from worker.ops.shown import print_json

    chosen = _chosen(only or [])
    if trials:
        print_trials(chosen)
        return
    _check_url(url)
    shop = _shop(order, state, paid=paid, credited=credited)
    with _double(host=host, port=port, profile=profile) as double:
        if shop is not None:
            shop = _told_where(shop, double)
        examination = Examination(double=double, url=url, shop=shop, patience=_patience(patience))
        with _progress() as tell:
            results = examination.hold(chosen, tell=tell)
    if as_json:
        print_json(results_document(results, had_shop=shop is not None))
    else:
        print_results(results, had_shop=shop is not None)
    if any(result.flaws for result in results):
        raise typer.Exit(FOUND_WRONG)


def _chosen(names: Sequence[str]) -> list[Trial]:
    from worker.conformance.trials import TRIALS

    known = {trial.name for trial in TRIALS}
    if unknown := sorted(set(names) - known):
        raise typer.BadParameter(
            _("there is no trial {names}; --trials lists them").format(names=", ".join(unknown)), param_hint="--only"
        )
    return [trial for trial in TRIALS if not names or trial.name in names]


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise typer.BadParameter(_("the address of the handler is needed: http://... or https://..."), param_hint="URL")


def _shop(order: str, state: str, *, paid: str, credited: str) -> CommandShop | None:
    from worker.conformance.shop import CommandShop, split_command

    if not order and not state:
        return None
    if not (order and state):
        raise typer.BadParameter(_("--order and --state are needed together"))
    sum_ = _pattern(credited, option="--credited") if credited else None
    if sum_ is not None and sum_.groups != 1:
        raise typer.BadParameter(_("one group is needed, around the sum"), param_hint="--credited")
    commands = {}
    for option, written in (("--order", order), ("--state", state)):
        try:
            commands[option] = split_command(written, needs="{id}")
        except Invalid as exc:
            raise typer.BadParameter(str(exc), param_hint=option) from None
    return CommandShop(
        order_command=commands["--order"],
        state_command=commands["--state"],
        paid=_pattern(paid, option="--paid"),
        credited=sum_,
    )


def _pattern(written: str, *, option: str) -> re.Pattern[str]:
    try:
        return re.compile(written, re.IGNORECASE)
    except re.error as exc:
        raise typer.BadParameter(_("no regular expression: {why}").format(why=exc), param_hint=option) from None


def _told_where(shop: CommandShop, double: Double) -> CommandShop:
    """The same, with commands that find the double and its keys in their environment."""
    keys = {"LIGDICASH_API_KEY": double.api_key, "LIGDICASH_API_TOKEN": double.api_token}
    return replace(shop, environment={"LIGDICASH_BASE_URL": double.base_url, **keys})


def _patience(written: str) -> Patience:
    from worker.conformance.examination import Patience

    slow = duration(written).total_seconds()
    return Patience(prompt=min(slow, Patience.prompt), slow=slow, calm=min(slow / 10, Patience.calm))


@contextmanager
def _double(*, host: str, port: int, profile: str) -> Iterator[Double]:
    import os

    from worker.ligdicash.double import running_double
    from worker.ligdicash.simulator.options import refuse_production

    refuse_production(os.environ)
    with running_double(host=host, port=port, profile=profile) as double:
        yield double


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr where that is a terminal: minutes may pass."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done, _all: None
        return
    columns = (TextColumn(_("trials")), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
