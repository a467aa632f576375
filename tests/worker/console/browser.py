"""A console on a real server, and somebody at a browser: cookies are kept, forms are found in pages and sent back."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import requests
from argon2 import PasswordHasher
from fastapi import FastAPI

from config.settings import Settings
from models.session import Sessions
from tasks.toolbox import Toolbox
from tests.fakes import Fakes, settings_for, toolbox
from tests.servers import PATIENCE
from tests.webdoor import serving
from worker.server import with_console

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Nobody guesses here; a hash of ours would be most of what these tests cost."""

AWA = f"awa:{CHEAP.hash(PASSWORD)}"
MOUSSA = f"moussa:{CHEAP.hash('another one altogether')}"

USUAL = {
    "console_users": f"{AWA}\n{MOUSSA}",
    "notice_url": "https://shop.example/notices",
    "notice_secret": "whsec_" + base64.b64encode(b"the key that signs the notices!!").decode(),
}

CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@dataclass
class Browser:
    """One person's browser. Follows no redirect by itself, so that each answer can be looked at."""

    url: str
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.http.trust_env = False

    def get(self, path: str = "/", **headers: str) -> requests.Response:
        """A page of the console."""
        return self.call("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, *, csrf: str | None = None, origin: str | None = None, **form: Any) -> requests.Response:
        """A form, with the token its page carries unless told otherwise, and as a browser says where it comes from."""
        token = self.csrf() if csrf is None else csrf
        return self.call("POST", path, data={"csrf": token, **form}, headers={"Origin": origin or self.url})

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """Anything at all."""
        address = self.url + ("/console" if path == "/" else f"/console{path}")
        return self.http.request(method, address, allow_redirects=False, timeout=PATIENCE, **more)

    def sign_in(self, person: str = "awa", password: str = PASSWORD, **form: str) -> requests.Response:
        """Name and password; the cookie of the answer is kept."""
        return self.post("/login", csrf="", person=person, password=password, **form)

    def csrf(self) -> str:
        """The token of this sign-in, out of a page."""
        found = CSRF.search(self.get().text)
        return found[1] if found else ""

    @property
    def cookie(self) -> str:
        """The secret in the cookie; empty when there is none."""
        return self.http.cookies.get("console", "")

    def close(self) -> None:
        """Leave no connection behind."""
        self.http.close()


def words_of(page: str) -> str:
    """What a person reads of a page: no tags, no entities, one blank between words."""
    body = re.sub(r"(?s)<head>.*?</head>", " ", page)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


@dataclass
class OpenConsole:
    """A running console and what is behind it."""

    url: str
    sessions: Sessions
    tools: Toolbox
    settings: Settings
    fakes: Fakes
    browsers: list[Browser] = field(default_factory=list)

    def browser(self) -> Browser:
        """A new one that knows nothing yet."""
        self.browsers.append(Browser(self.url))
        return self.browsers[-1]

    def person(self, name: str = "awa") -> Browser:
        """One that is signed in."""
        browser = self.browser()
        assert browser.sign_in(name).status_code == 303
        return browser


@contextmanager
def open_console(database_url: str, redis_url: str, sessions: Sessions, **settings: Any) -> Iterator[OpenConsole]:
    """A console with two people, on these servers; all else outside is a stand-in."""
    known = settings_for(database_url, redis_url, **(USUAL | settings))
    fakes = Fakes()
    tools = toolbox(sessions, fakes)
    app = FastAPI(redirect_slashes=False)
    with_console(app, known, tools)
    with serving(app) as url:
        console = OpenConsole(url=url, sessions=sessions, tools=tools, settings=known, fakes=fakes)
        try:
            yield console
        finally:
            for browser in console.browsers:
                browser.close()
