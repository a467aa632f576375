"""The real client of the gateway, pointed at a simulator or a double that runs in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers import PATIENCE
from worker.ligdicash.client import LigdicashClient
from worker.ligdicash.double import Double
from worker.ligdicash.simulator.running import Simulator


@contextmanager
def client_to(simulator: Simulator | Double, *, refuse_simulator: bool = False) -> Iterator[LigdicashClient]:
    """With keys that it accepts, until the block ends."""
    client = LigdicashClient(
        api_key=simulator.api_key,
        api_token=simulator.api_token,
        base_url=simulator.base_url,
        connect_timeout=PATIENCE,
        answer_timeout=PATIENCE,
        pool_size=8,
        refuse_simulator=refuse_simulator,
    )
    try:
        yield client
    finally:
        client.close()
