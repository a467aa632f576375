"""The ringer: it gathers while the broker is slow, forgets what it cannot keep, and never stands in the way."""

from __future__ import annotations

import threading
import time

from tests.webdoor import until
from worker.web.ringer import Ringer


class SlowDoorbell:
    """Waits for leave before each ring returns."""

    def __init__(self) -> None:
        self.rung: list[list[int]] = []
        self.may_return = threading.Event()

    def __call__(self, ids) -> None:
        self.rung.append(list(ids))
        self.may_return.wait(10)


def test_a_slow_doorbell_hears_of_all_that_came_meanwhile_at_once():
    doorbell = SlowDoorbell()
    ringer = Ringer(doorbell)
    ringer.start()
    ringer.ring([1])
    until(lambda: doorbell.rung)
    ringer.ring([2, 3])
    ringer.ring([4])
    doorbell.may_return.set()
    ringer.stop()
    assert doorbell.rung == [[1], [2, 3, 4]]


def test_a_full_backlog_forgets_the_rest():
    rung = []
    ringer = Ringer(rung.append, backlog=3)
    ringer.ring([1, 2])
    ringer.ring([3, 4])
    ringer.ring([5])
    ringer.start()
    ringer.stop()
    assert rung == [[1, 2, 3]]


def test_a_doorbell_that_breaks_is_rung_again_next_time():
    rung = []

    def breaks_once(ids):
        rung.append(list(ids))
        if len(rung) == 1:
            raise RuntimeError("broken")

    ringer = Ringer(breaks_once)
    ringer.start()
    ringer.ring([1])
    until(lambda: rung)
    ringer.ring([2])
    ringer.stop()
    assert rung == [[1], [2]]


def test_a_stop_does_not_wait_for_a_doorbell_that_hangs():
    doorbell = SlowDoorbell()
    ringer = Ringer(doorbell)
    ringer.start()
    ringer.ring([1])
    until(lambda: doorbell.rung)
    ringer.stop(patience=0.05)
    doorbell.may_return.set()


def test_after_a_rest_it_rings_at_once_and_under_load_for_many_together():
    rung = []
    ringer = Ringer(rung.append, rest=0.3)
    ringer.start()
    began = time.monotonic()
    ringer.ring([1])
    until(lambda: rung)
    assert time.monotonic() - began < 0.25
    for number in range(2, 6):
        ringer.ring([number])
    until(lambda: len(rung) == 2)
    ringer.stop()
    assert rung == [[1], [2, 3, 4, 5]]
    assert time.monotonic() - began >= 0.3
