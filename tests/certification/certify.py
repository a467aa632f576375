"""Plays every step on a handful of stages at once: nearly all of the time is waiting."""

from __future__ import annotations

import queue
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.certification.stage import Played, Stage, open_stage
from tests.certification.steps import Step
from tests.servers import TEMPLATE, Servers, create_database, drop_database, fresh_name, reachable_folder
from worker.ligdicash.simulator.running import running_simulator

STAGES = 7


def certify(servers: Servers, steps: Collection[Step]) -> list[Played]:
    """All of these steps, played; each stage takes the next one as soon as its books balance."""
    waiting: queue.SimpleQueue[Step] = queue.SimpleQueue()
    for step in sorted(steps, key=lambda step: -step.within):
        waiting.put(step)
    with reachable_folder() as folder, running_simulator() as simulator, ThreadPoolExecutor(STAGES) as threads:
        playing = [
            threads.submit(_play, servers, waiting, folder / f"stage-{number}", number, simulator.base_url)
            for number in range(1, STAGES + 1)
        ]
        return [played for stage in playing for played in stage.result()]


def _play(
    servers: Servers, waiting: queue.SimpleQueue[Step], folder: Path, number: int, simulator_url: str
) -> list[Played]:
    database = fresh_name()
    address = create_database(servers.postgres_url, database, template=TEMPLATE)
    redis_url = servers.redis_url.removesuffix("/0") + f"/{number}"
    with open_stage(folder, database_url=address, redis_url=redis_url, simulator_url=simulator_url) as stage:
        played = _play_all(stage, waiting)
    drop_database(servers.postgres_url, database)
    return played


def _play_all(stage: Stage, waiting: queue.SimpleQueue[Step]) -> list[Played]:
    played = []
    with suppress(queue.Empty):
        while True:
            played.append(stage.play(waiting.get_nowait()))
    return played
