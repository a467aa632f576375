"""`reconciler metrics`: how the books and Redis stand, told to Prometheus once for the whole fleet."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated

import typer

from worker.language import _
from worker.ops.desk import desk_of
from worker.ops.edge import WENT_WRONG
from worker.ops.upkeep import until_told

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from worker.ops.desk import Desk

USUAL_PORT = 9464


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(metrics)


def metrics(
    ctx: typer.Context,
    *,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Where to listen; METRICS_PORT, else 9464.", show_default=False),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print what would be told now, and leave.")] = False,
) -> None:
    """Tell Prometheus how the books and Redis stand, at /metrics on a port of its own, until Ctrl-C or SIGTERM.

    One is enough for the whole fleet. It reads when it is asked, every few seconds at most.
    """
    from prometheus_client import generate_latest

    from worker.metrics.serve import serve

    desk = desk_of(ctx)
    desk.look_only()
    if once:
        typer.echo(generate_latest(registry_of(desk)).decode(), nl=False)
        return
    desk.let_logs_through()
    address = desk.settings.model_copy(update={"metrics_port": port or desk.settings.metrics_port or USUAL_PORT})
    server = serve(registry_of(desk), address)
    if server is None:
        raise typer.Exit(WENT_WRONG)
    where = f"http://{address.metrics_host}:{address.metrics_port}/metrics"
    typer.echo(_("metrics at {where} until Ctrl-C").format(where=where), err=True)
    over = threading.Event()
    with until_told(over):
        over.wait()
    server.shutdown()


def registry_of(desk: Desk) -> CollectorRegistry:
    """What the exporter tells. Raises `SettingsFault`; reads nothing yet."""
    from worker.metrics.metric import Process
    from worker.metrics.serve import new_registry
    from worker.ops.exporter.collector import BooksCollector
    from worker.ops.exporter.look import Watcher

    registry = new_registry(Process.EXPORTER)
    registry.register(BooksCollector(Watcher(desk)))
    return registry
