"""People at the console while something else is measured: each loads a page every two seconds, and one may sign in as often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import cycle

from bench.stage import until
from tests.worker.console.browser import Browser
from worker.passwords import hash_of

PEOPLE = 5
EVERY = 2.0
"""Seconds from one page of a person to their next, and from one sign-in to the next."""

NAMES = tuple(f"person-{number}" for number in range(PEOPLE))
COMES_AND_GOES = "person-who-signs-in"
PASSWORD = "a password of the bench"  # noqa: S105 - of databases that are gone afterwards

PAGES = ("/?live=1", "/search?q=OLD-77")
"""In turns: the first page, which loads itself anew, and a search for a part of an id, which looks at all it may look at."""


def entries() -> str:
    """CONSOLE_USERS of all of them. One hash, for each costs what a real one costs."""
    hashed = hash_of(PASSWORD)
    return "\n".join(f"{name}:{hashed}" for name in (*NAMES, COMES_AND_GOES))


@dataclass
class Company:
    """Everybody's browsers, and how long they waited: seconds of each page, of each sign-in."""

    url: str
    pages: list[float] = field(default_factory=list)
    sign_ins: list[float] = field(default_factory=list)
    _browsers: list[Browser] = field(default_factory=list)
    _trouble: list[str] = field(default_factory=list)

    def come(self) -> None:
        """Sign all of them in."""
        for name in NAMES:
            self._browsers.append(Browser(self.url))
            self._sign_in(self._browsers[-1], name)

    def go(self) -> None:
        """Leave no connection behind. Raises `SystemExit` when one of them was not served."""
        for browser in self._browsers:
            browser.close()
        if self._trouble:
            raise SystemExit(f"the console did not serve everybody: {self._trouble[0]}")

    @contextmanager
    def at_work(self, *, signing_in: bool) -> Iterator[None]:
        """Everybody is busy until the block ends, beginning when each has seen a page."""
        before, over = len(self.pages), threading.Event()
        crew = [self._person(browser, place, over) for place, browser in enumerate(self._browsers)]
        crew += [self._thread(self._come_and_go, 0.0, over)] * signing_in
        for one in crew:
            one.start()
        try:
            until(lambda: len(self.pages) >= before + PEOPLE or bool(self._trouble), what="everybody being at work")
            yield
        finally:
            over.set()
            for one in crew:
                one.join()

    def _person(self, browser: Browser, place: int, over: threading.Event) -> threading.Thread:
        """Half of them begin with the one page, half with the other."""
        pages = cycle(PAGES if place % 2 else PAGES[::-1])
        return self._thread(lambda: self._look(browser, next(pages)), place / PEOPLE, over)

    def _look(self, browser: Browser, page: str) -> None:
        began = time.perf_counter()
        answer = browser.call("GET", page.replace("/?", "?"))
        self.pages.append(time.perf_counter() - began)
        if answer.status_code != HTTPStatus.OK:
            self._trouble.append(f"{page} answered {answer.status_code}")

    def _come_and_go(self) -> None:
        browser = Browser(self.url)
        try:
            self._sign_in(browser, COMES_AND_GOES)
        finally:
            browser.close()

    def _sign_in(self, browser: Browser, name: str) -> None:
        began = time.perf_counter()
        answer = browser.sign_in(name, PASSWORD)
        self.sign_ins.append(time.perf_counter() - began)
        if answer.status_code != HTTPStatus.SEE_OTHER:
            self._trouble.append(f"the sign-in of {name} answered {answer.status_code}")

    @staticmethod
    def _thread(work: Callable[[], None], share: float, over: threading.Event) -> threading.Thread:
        """Works every so often, spread evenly over the time between."""

        def keep_at_it() -> None:
            due = time.monotonic() + EVERY * share
            while not over.wait(max(0.0, due - time.monotonic())):
                work()
                due = max(due + EVERY, time.monotonic())

        return threading.Thread(target=keep_at_it, daemon=True)


def median_ms(seconds: Sequence[float]) -> float:
    """The middle one, in milliseconds."""
    return sorted(seconds)[len(seconds) // 2] * 1e3
