"""Sends a file in a process that can be killed.

With a limit it kills itself as the kernel would, in the middle of a call, when so many payouts were received from it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys

import structlog
from typer.testing import CliRunner

from tests.fakes import settings_for, toolbox
from tests.ledger import open_books
from tests.servers import PATIENCE
from worker.ligdicash.client import LigdicashClient
from worker.ligdicash.simulator.options import API_KEY, API_TOKEN
from worker.ops.command import app
from worker.ops.desk import Desk


def dying_after(real, limit):
    """The same; after so many calls, death before the reply is read."""
    calls = 0

    def call(order):
        nonlocal calls
        calls += 1
        accepted = real(order)
        if calls == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return accepted

    return call


def main(database_url: str, simulator_url: str, file: str, limit: int) -> None:
    """Runs the command as a person does."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with open_books(database_url) as sessions:
        client = LigdicashClient(
            api_key=API_KEY,
            api_token=API_TOKEN,
            base_url=simulator_url,
            connect_timeout=PATIENCE,
            answer_timeout=PATIENCE,
            pool_size=2,
            refuse_simulator=False,
        )
        client.send_payout = dying_after(client.send_payout, limit)
        desk = Desk(settings=settings_for(database_url), tools=toolbox(sessions, gateway=client))
        argv = ["payouts", "send", file, "--reason", "test", "--rate", "200", "--json"]
        result = CliRunner().invoke(app, argv, obj=desk, prog_name="reconciler")
        sys.stdout.write(result.stdout)
