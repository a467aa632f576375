"""A person at a real browser: they press keys and read. What the page asked for, and what the browser complained of, is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, sync_playwright

from tests.programs import WITHOUT_BROWSER, browser

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}

FOCUSED = r"""() => {
    const here = document.activeElement;
    const labels = here.labels ? Array.from(here.labels).map(one => one.innerText) : [];
    return [...labels, here.innerText || here.value || ''].join(' ').replace(/\s+/g, ' ').trim();
}"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
MOST_TABS = 120


@contextmanager
def running_browser() -> Iterator[Browser]:
    """One for many tests. Where the machine has none the tests are skipped, and the end of the run says so."""
    program = browser()
    if program is None:
        pytest.skip(WITHOUT_BROWSER)
    with sync_playwright() as playwright:
        options = {"executable_path": program.path, "args": list(FLAGS), "env": {**os.environ, **program.environment}}
        launched = playwright.chromium.launch(headless=True, timeout=60_000, **options)
        try:
            yield launched
        finally:
            launched.close()


@dataclass
class Person:
    """Somebody at one window."""

    context: BrowserContext
    page: Page
    url: str
    asked_for: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """The source of each page that `go` and `enter` led to."""

    def go(self, path: str) -> None:
        """Type an address of the console."""
        self.page.goto(f"{self.url}/console{path}")
        self._keep()

    def tab_to(self, name: str) -> None:
        """Press Tab until what has the focus is called so."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if name in self.page.evaluate(FOCUSED):
                return
        raise AssertionError(f"Tab never comes to {name!r} on {self.page.url}")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def enter(self, name: str) -> None:
        """Come to a link or a button by the keyboard, press Enter, and see the page it leads to."""
        self.tab_to(name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self._keep()

    def type(self, name: str, words: str) -> None:
        """Come to a box by the keyboard and fill it."""
        self.tab_to(name)
        self.page.keyboard.type(words)

    def read(self) -> str:
        """What stands on the page."""
        return self.page.inner_text("main")

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate(OVERFLOW))

    def stayed_at_home(self) -> None:
        """Nothing was asked of any other host, and the browser found nothing to complain of, the policy included."""
        assert {url for url in self.asked_for if not url.startswith((f"{self.url}/console", "data:"))} == set()
        assert self.complaints == []

    def _keep(self) -> None:
        while True:
            try:
                self.shown.append(self.page.content())
            except Error:  # it loads itself anew at this very moment
                self.page.wait_for_load_state()
            else:
                return


@contextmanager
def person_at(launched: Browser, url: str, *, patience: float = 60, **options: object) -> Iterator[Person]:
    """A new window with nothing remembered. `patience` is seconds for each page, and for whatever is waited for."""
    context = launched.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
    context.set_default_timeout(patience * 1000)
    someone = Person(context=context, page=context.new_page(), url=url)

    def asked(request: Request) -> None:
        someone.asked_for.append(request.url)

    def complained(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            someone.complaints.append(message.text)

    context.on("request", asked)
    someone.page.on("console", complained)
    someone.page.on("pageerror", lambda error: someone.complaints.append(str(error)))
    try:
        yield someone
    finally:
        context.close()
