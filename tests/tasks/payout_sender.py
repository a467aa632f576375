"""Sends OUT-1 in a process that kills itself at a step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from models.account import DEFAULT
from models.payout import PayoutOrder
from models.transaction import Route
from tasks import payouts
from tasks.toolbox import Toolbox
from tests.fakes import toolbox
from tests.ledger import open_books
from worker.ligdicash.client import LigdicashClient
from worker.ligdicash.simulator.options import API_KEY, API_TOKEN

ORDER = PayoutOrder(transaction_id="OUT-1", amount=5000, route=Route.MOBILE_MONEY, customer="22670000000")


def die(*_: Any, **__: Any) -> None:
    """As the kernel does it when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(real: Callable[..., Any]) -> Callable[..., Any]:
    """The same, and then death."""

    def call(*args: Any, **kwargs: Any) -> Any:
        real(*args, **kwargs)
        die()

    return call


def client_of(url: str) -> LigdicashClient:
    """The real client; it dies where it is told to."""
    return LigdicashClient(
        api_key=API_KEY,
        api_token=API_TOKEN,
        base_url=url,
        connect_timeout=5,
        answer_timeout=5,
        pool_size=2,
        refuse_simulator=False,
    )


def arm(step: str, tools: Toolbox) -> None:
    """Have the process die there."""
    gateway = tools.account(DEFAULT).gateway
    match step:
        case "stored":
            payouts.books.mark_sent = die
        case "marked":
            gateway.send_payout = die
        case "accepted":
            gateway.send_payout = dying_after(gateway.send_payout)
        case "recorded":
            payouts._finish = dying_after(payouts._finish)


def main(database_url: str, simulator_url: str, step: str) -> None:
    """Never returns."""
    with open_books(database_url) as sessions:
        tools = toolbox(sessions, gateway=client_of(simulator_url))
        arm(step, tools)
        payouts.create(tools, ORDER)
