"""A person at the command line: the books are real, everything outside them is a stand-in with memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from models.session import Sessions
from tasks.toolbox import Toolbox
from tests.fakes import Fakes, settings_for, toolbox
from tests.ledger import open_books
from tests.servers import PATIENCE
from worker.language import VARIABLE, _, languages, speaking
from worker.ops.command import app
from worker.ops.desk import Desk
from worker.ops.situation import Place


def spoken() -> str:
    """The language that is spoken now, which a command would choose anew by what its environment asks for."""
    sentence = _("no invoices")
    for language in languages():
        with speaking(language):
            if _("no invoices") == sentence:
                return language
    raise AssertionError(sentence)


@dataclass
class Ops:
    """Runs commands on one set of books."""

    tools: Toolbox
    fakes: Fakes
    desk: Desk

    def run(self, *argv: str, stdin: bytes | None = None) -> Result:
        """Run one command; what it said and left with is in the result."""
        return CliRunner(env={VARIABLE: spoken()}).invoke(
            app, list(argv), obj=self.desk, input=stdin, prog_name="reconciler"
        )

    def say(self, *argv: str, stdin: bytes | None = None) -> str:
        """Run one command that must succeed; what it printed."""
        result = self.run(*argv, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def document(self, *argv: str) -> Any:
        """Run one command with --json; the document it printed."""
        return json.loads(self.say(*argv, "--json"))

    def fault(self, *argv: str, stdin: bytes | None = None) -> str:
        """Run one command that must fail with 1 and one line on stderr; that line."""
        result = self.run(*argv, stdin=stdin)
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        [line] = result.stderr.splitlines()
        return line


def at(sessions: Sessions) -> Ops:
    fakes = Fakes()
    tools = toolbox(sessions, fakes)
    url = sessions.kw["bind"].url.render_as_string(hide_password=False)
    return Ops(tools=tools, fakes=fakes, desk=Desk(settings=settings_for(url), tools=tools))


@pytest.fixture
def hurry(monkeypatch):
    """Gives a look at the situation a moment for these places only; the others are waited for, however slow the machine is."""
    wait = Place.wait

    def only(*names: str) -> None:
        def patiently(place: Place, until: float) -> None:
            wait(place, until if place.name in names else until + PATIENCE)

        monkeypatch.setattr(Place, "wait", patiently)

    return only


@pytest.fixture
def ops(sessions) -> Iterator[Ops]:
    with capture_logs():
        yield at(sessions)


@pytest.fixture
def ops_alone(database_url) -> Iterator[Ops]:
    """The same on a database of their own, for a test that changes its tables."""
    with open_books(database_url) as sessions, capture_logs():
        yield at(sessions)


@pytest.fixture
def ops_without_database() -> Iterator[Ops]:
    """Port 1 answers nobody."""
    nowhere = "postgresql://reconciler@127.0.0.1:1/books"
    with open_books(nowhere.replace("postgresql:", "postgresql+psycopg:")) as sessions, capture_logs():
        yield at(sessions)
