"""`reconciler size`: what a rate needs and what is full first, with no server and no setting; nonsense is refused."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from worker.language import VARIABLE
from worker.ops.command import app

COMMON = ("--rate", "500", "--gateway-latency", "0.4")


def run(*argv, language="en"):
    """Without a desk: a command that looked for a setting or a server would fail."""
    env = {VARIABLE: language, "DATABASE_URL": None, "REDIS_URL": None}
    return CliRunner(env=env).invoke(app, ["size", *argv], prog_name="reconciler")


def test_it_says_processes_settings_and_what_is_full_first():
    result = run(*COMMON)
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "500 callbacks/s: 250 payments/s, 375 questions/s of 0.4 s each"
    for name in (
        "door processes",
        "worker processes",
        "LIGDICASH_CONCURRENCY",
        "LIGDICASH_RATE 750",
        "max_connections",
    ):
        assert [line for line in lines if line.startswith(name)], name
    first = lines[lines.index("Full first, as traffic grows:") + 3]
    assert first.startswith("160! pushing notices")


def test_no_line_is_wider_than_a_terminal():
    for language in ("en", "fr"):
        assert max(map(len, run(*COMMON, language=language).stdout.splitlines())) <= 80


def test_a_machine_gets_names_and_numbers():
    document = json.loads(run(*COMMON, "--json", language="fr").stdout)
    assert document["load"]["questions_in_flight"] == 150
    assert document["settings"]["LIGDICASH_RATE"] == 750
    assert document["full"][0] == {"part": "notices", "callbacks": 160.0}
    assert document["busy"] == 0.5


def test_where_nothing_is_pushed_notices_are_never_full():
    document = json.loads(run(*COMMON, "--application-latency", "0", "--json").stdout)
    assert "notices" not in [one["part"] for one in document["full"]]
    assert "!" not in run(*COMMON, "--application-latency", "0").stdout


def test_more_questions_for_each_payment_need_a_higher_rate():
    document = json.loads(run(*COMMON, "--questions-per-payment", "3", "--json").stdout)
    assert document["settings"]["LIGDICASH_RATE"] == 1500


def test_it_speaks_french():
    assert "Ce qui sature d'abord" in run(*COMMON, language="fr").stdout


@pytest.mark.parametrize(
    "argv",
    [
        ("--rate", "0", "--gateway-latency", "0.4"),
        ("--rate", "-5", "--gateway-latency", "0.4"),
        ("--rate", "nan", "--gateway-latency", "0.4"),
        ("--rate", "inf", "--gateway-latency", "0.4"),
        ("--rate", "1e9", "--gateway-latency", "0.4"),
        ("--rate", "fast", "--gateway-latency", "0.4"),
        ("--rate", "500", "--gateway-latency", "0"),
        ("--rate", "500", "--gateway-latency", "400"),
        (*COMMON, "--questions-per-payment", "0.5"),
        (*COMMON, "--application-latency", "-1"),
        ("--rate", "500"),
        ("--gateway-latency", "0.4"),
    ],
    ids=" ".join,
)
def test_nonsense_is_refused_with_the_name_of_the_option(argv):
    result = run(*argv)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "--" in result.stderr


def test_a_refusal_says_what_would_do():
    assert "a number from 0.001 to 100,000 is needed" in run("--rate", "nan", "--gateway-latency", "1").stderr
