"""Works a plan off in a process of its own, which is killed with the answer to a question in its hands.

The gateway is a stand-in that says of every tenth transaction something else than paid.
"""

from __future__ import annotations

import logging
import os
import signal

import structlog

from models.answers import Answer
from tasks.replay import work_batch
from tests.fakes import FakeGateway, Fakes, completed, notcompleted, pending, toolbox
from tests.ledger import open_books, value


class TellingGateway(FakeGateway):
    """Knows every token there could be. What it says of one depends on its number alone. When it `kills` it does not say it."""

    kills = False

    def confirm(self, token: str) -> Answer:
        reference = token.removeprefix("token-of-")
        if self.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        others = {1: pending(), 2: notcompleted(), 3: completed(4000, reference)}
        number = int(reference.removeprefix("ORD-"))
        return others[number // 10 % 3 + 1] if number % 10 == 0 else completed(5000, reference)


def main(database_url: str, plan_id: int, most: int) -> None:
    """Work until so many are done, and on until a question is asked."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with open_books(database_url) as sessions:
        gateway = TellingGateway()
        tools = toolbox(sessions, Fakes(gateway=gateway))
        while work_batch(tools, plan_id):
            gateway.kills = value(sessions, "SELECT count(*) FROM replay_items WHERE done_at IS NOT NULL") >= most
