"""The ringer: it gathers while the broker is slow, forgets what it cannot keep, and never stands in the way."""

from __future__ import annotations

import threading
import time

from tests.servers import PATIENCE
from tests.webdoor import until
from worker.web.ringer import Ringer


class SlowDoorbell:
    """Waits for leave before each ring returns."""

    def __init__(self) -> None:
        self.rung: list[list[int]] = []
        self.may_return = threading.Event()

    def __call__(self, ids) -> None:
        self.rung.append(list(ids))
        self.may_return.wait(PATIENCE)


def test_a_slow_doorbell_hears_of_all_that_came_meanwhile_at_once():
    doorbell = SlowDoorbell()
    ringer = Ringer(doorbell)
    ringer.start()
    ringer.ring([1])
    until(lambda: doorbell.rung)
    ringer.ring([2, 3])
    ringer.ring([4])
    doorbell.may_return.set()
    ringer.stop(patience=PATIENCE)
    assert doorbell.rung == [[1], [2, 3, 4]]


def test_a_full_backlog_forgets_the_rest():
    rung = []
    ringer = Ringer(rung.append, backlog=3)
    ringer.ring([1, 2])
    ringer.ring([3, 4])
    ringer.ring([5])
    ringer.start()
    ringer.stop(patience=PATIENCE)
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
    ringer.stop(patience=PATIENCE)
    assert rung == [[1], [2]]


def test_a_stop_does_not_wait_for_a_doorbell_that_hangs():
    doorbell = SlowDoorbell()
    ringer = Ringer(doorbell)
    ringer.start()
    ringer.ring([1])
    until(lambda: doorbell.rung)
    ringer.stop(patience=0.05)
    doorbell.may_return.set()


def test_the_first_is_rung_for_at_once_and_what_comes_in_the_rest_behind_it_together():
    rung = []
    ringer = Ringer(rung.append, rest=600)
    ringer.start()
    ringer.ring([1])
    until(lambda: rung)
    for number in range(2, 6):
        ringer.ring([number])
    assert rung == [[1]]
    ringer.stop(patience=PATIENCE)  # which ends the rest
    assert rung == [[1], [2, 3, 4, 5]]


def test_a_rest_is_no_shorter_than_it_has_to_be_and_ends_by_itself():
    rung = []
    ringer = Ringer(rung.append, rest=0.3)
    ringer.start()
    began = time.monotonic()
    ringer.ring([1])
    until(lambda: rung)
    ringer.ring([2])
    until(lambda: len(rung) == 2)
    assert time.monotonic() - began >= 0.3
    ringer.stop(patience=PATIENCE)
