"""Lets a schedule happen: each strike falls at its time and is over at its time, whatever else goes on."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import redis
import requests

from models.errors import ReconcilerError
from worker.chaos.schedule import Kind, Strike
from worker.chaos.strikes import Act, Blow

TROUBLES = (redis.RedisError, requests.RequestException, ReconcilerError, OSError)


class Storm:
    """Strikes in a thread of its own while its block lasts; what is under way when it is left is ended then.

    `struck` counts by kind what hit; `troubles` tells what could not be done. Both are complete after the block.
    """

    def __init__(
        self, schedule: Sequence[Strike], blows: Mapping[Kind, Blow], *, announce: Callable[[Strike], object]
    ) -> None:
        begins = [(strike.at, strike, self._begin) for strike in schedule]
        ends = [(strike.until, strike, self._end) for strike in schedule if strike.lasts]
        self._acts = sorted([*begins, *ends], key=lambda act: act[0])
        self._blows = blows
        self._announce = announce
        self._under_way: list[Strike] = []
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storm", daemon=True)
        self.struck: Counter[Kind] = Counter()
        self.troubles: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        for moment, strike, act in self._acts:
            if self._left.wait(max(0.0, began + moment - time.monotonic())):
                break
            act(strike)
        for strike in list(self._under_way):
            self._end(strike)

    def _begin(self, strike: Strike) -> None:
        self._announce(strike)
        if strike.lasts:
            self._under_way.append(strike)
        self.struck[strike.kind] += self._do(strike, self._blows[strike.kind].begin)

    def _end(self, strike: Strike) -> None:
        self._under_way.remove(strike)
        self._do(strike, self._blows[strike.kind].end)

    def _do(self, strike: Strike, act: Act) -> bool:
        """Whether it hit. A strike that fails must not spare the world the others, nor their ends."""
        try:
            return act() is not False
        except TROUBLES as exc:
            self.troubles.append(f"{strike.words}: {type(exc).__name__}"[:200])
            return False
