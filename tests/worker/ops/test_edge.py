"""The command as a process: help needs nothing, every fault is a line and an exit code, and no secret gets out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.errors import GatewayMisconfigured, NeedsHuman
from tests.forked import reconciler
from tests.ledger import open_books
from worker.ops.desk import Desk

PASSWORD = "p4ssw0rd-of-the-database"
COMPLETE = {
    "ENVIRONMENT": "development",
    "LIGDICASH_API_KEY": "key-for-tests",
    "LIGDICASH_API_TOKEN": "token-for-tests",
    "RECONCILER_API_KEY": "a-key-for-tests-only-0123456789",
    "CALLBACK_URL": "https://pay.example.com/api/callback/ligdicash",
    "DATABASE_URL": f"postgresql://reconciler:{PASSWORD}@127.0.0.1:1/books",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


@pytest.fixture
def command(tmp_path):
    """Runs the command as a process of its own, in a folder without a `.env`, with these settings and no others."""

    def run(*argv, **settings):
        done = reconciler(*argv, env=settings, cwd=tmp_path)
        return done.returncode, done.stdout, done.stderr

    return run


def test_help_needs_no_settings_and_no_terminal(command):
    code, said, complaint = command("--help")
    assert (code, complaint) == (0, "")
    for name in ("migrate", "sweep", "up", "demo", "simulator", "invoices", "callbacks"):
        assert name in said
    assert "\x1b" not in said


def test_version_is_one_line(command):
    code, said, _ = command("--version")
    assert code == 0
    assert said.startswith("reconciler")
    assert said.count("\n") == 1


def test_missing_settings_are_a_line_each_and_exit_code_2(command):
    code, said, complaint = command("invoices", "list")
    assert (code, said) == (2, "")
    lines = complaint.splitlines()
    assert "error: DATABASE_URL: is not set" in lines
    assert "error: LIGDICASH_API_KEY: is not set" in lines
    assert all(line.startswith("error: ") for line in lines)


def test_an_unreachable_database_is_one_line_and_its_password_stays_in(command):
    code, said, complaint = command("--debug", "invoices", "list", **COMPLETE)
    assert (code, said) == (1, "")
    assert "Traceback" in complaint
    assert PASSWORD not in complaint
    code, said, complaint = command("invoices", "list", **COMPLETE)
    assert (code, said) == (1, "")
    assert complaint.startswith("error: the database cannot be reached")
    assert complaint.count("\n") == 1


def test_a_mistyped_command_is_a_matter_of_usage(command):
    code, _, complaint = command("invoice", "list")
    assert code == 2
    assert "invoices" in complaint
    assert "Traceback" not in complaint


class BrokenDesk(Desk):
    """Its tools break when they are taken up."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    @property
    def tools(self):
        raise self.error


@pytest.fixture
def broken(ops):
    """The same person, whose tools break with this error."""
    return lambda error: replace(ops, desk=BrokenDesk(error))


def test_a_surprise_is_one_line_that_says_how_to_learn_more(broken):
    line = broken(ValueError("two\nlines")).fault("invoices", "list")
    assert line == "error: unexpected ValueError: two lines; `reconciler --debug ...` shows where"


def test_debug_shows_where_a_surprise_came_from(broken):
    result = broken(ValueError("boo")).run("--debug", "invoices", "list")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1] == "error: unexpected ValueError: boo"


@pytest.mark.parametrize("argv", [(), ("--debug",)])
def test_secrets_in_a_fault_are_masked(broken, argv):
    error = NeedsHuman("postgresql://u:hush@db and token=hush and Bearer hush")
    result = broken(error).run(*argv, "invoices", "list")
    assert "error: postgresql://u:***@db and token=*** and Bearer ***" in result.stderr
    assert "hush" not in result.stderr


def test_trouble_with_the_gateways_credentials_is_not_a_settings_fault(broken):
    assert broken(GatewayMisconfigured("wrong key", sub_code="00")).fault("invoices", "list") == "error: wrong key"


def test_tables_that_are_not_there_are_one_line_with_the_remedy(ops, empty_database_url):
    with open_books(empty_database_url) as sessions:
        line = replace(ops, desk=Desk(tools=replace(ops.tools, sessions=sessions))).fault("invoices", "list")
    assert line == "error: the database lacks tables or columns of this version; run `reconciler migrate`"
