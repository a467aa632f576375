"""`up`, `demo`, `chaos` and `simulator`: commands that start servers. Each is imported when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SIMULATOR_PORT = "8100"


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(up)
    app.command()(demo)
    app.command()(chaos)
    # The simulator has an option for everything that can go wrong at a gateway, and reads them itself.
    app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
        simulator
    )


def up(
    *,
    data: Annotated[Path, typer.Option(help="Folder that keeps databases, secrets and logs.")] = Path(".reconciler"),
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Port of the API; that of last time, else 8000.", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 2,
) -> None:
    """Run everything on this machine until Ctrl-C: servers, API, workers and, unless the gateway is set, a simulator."""
    from rich.console import Console

    from worker.embedded.up import UpOptions, run_up

    raise typer.Exit(run_up(UpOptions(data=data, port=port, workers=workers), Console()))


def demo(
    *,
    invoices: Annotated[
        int, typer.Option(min=1, max=10_000, help="Invoices to create; with --all, orders of every kind.")
    ] = 300,
    seed: Annotated[int, typer.Option(help="Same seed, same story.")] = 1,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Also payins without the page, payouts and a second account, with what can go wrong there."
        ),
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="Folder to work in; a temporary one, removed afterwards.", show_default=False)
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the temporary folder.")] = False,
) -> None:
    """Start everything, drive it with real traffic and faults in the middle, and end with a ledger."""
    from rich.console import Console

    from worker.demo import DemoOptions, run_demo

    options = DemoOptions(invoices=invoices, seed=seed, everything=everything, data=data, keep=keep)
    raise typer.Exit(run_demo(options, Console()))


def chaos(
    *,
    seconds: Annotated[float, typer.Option(min=10, max=86_400, help="How long customers come.")] = 60,
    seed: Annotated[int, typer.Option(help="Same seed and length, same strikes and same story.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would strike when.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="Folder to work in; a temporary one, removed afterwards.", show_default=False)
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the temporary folder.")] = False,
) -> None:
    """Start everything, drive it with real traffic under a storm of faults, and end with a ledger and an audit."""
    from rich.console import Console

    from worker.chaos.run import ChaosOptions, print_schedule, run_chaos
    from worker.demo.stage import Place

    options = ChaosOptions(seconds=seconds, seed=seed, place=Place(data=data, keep=keep))
    if dry_run:
        print_schedule(options, Console())
        return
    raise typer.Exit(run_chaos(options, Console()))


def simulator(ctx: typer.Context) -> None:
    """Run the gateway's stand-in on port 8100; `simulator --help` lists what can be made to go wrong."""
    from worker.ligdicash.simulator.command import parse_options
    from worker.ligdicash.simulator.running import serve

    serve(parse_options(["--port", SIMULATOR_PORT, *ctx.args]))  # of a repeated option the last one counts
