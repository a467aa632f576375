"""`reconciler conformance`: a shop driven by commands, what is said about it, and command lines that cannot work."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from tests.servers import free_port
from tests.worker.conformance.shops import PlantedShop, open_shop
from worker.language import VARIABLE
from worker.ligdicash.simulator.options import API_KEY, API_TOKEN
from worker.ops.command import app

QUICK = ("--patience", "60s")
READ = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"


@dataclass
class Elsewhere:
    """Where the command's double will be: the shop knows it before it is there."""

    base_url: str
    api_key: str = API_KEY
    api_token: str = API_TOKEN


def run(*argv, language="en"):
    """Without a desk: a command that looked for a setting or a server would fail."""
    env = {VARIABLE: language, "ENVIRONMENT": None, "LIGDICASH_API_KEY": None, "LIGDICASH_API_TOKEN": None}
    return CliRunner(env=env).invoke(app, ["conformance", *argv], prog_name="reconciler")


@contextmanager
def shop_and_options(*flaws):
    port = str(free_port())
    shop = PlantedShop(double=Elsewhere(f"http://127.0.0.1:{port}"), flaws=frozenset(flaws))
    with open_shop(shop):
        root = shop.url.removesuffix("/callback")
        reading = f"{sys.executable} -c '{READ}'"
        order, state = f"{reading} {root}/order/{{id}}/{{amount}}", f"{reading} {root}/state/{{id}}"
        yield [shop.url, "--port", port, "--order", order, "--state", state, "--credited", r"credited=(\d+)", *QUICK]


def test_a_shop_that_believes_callbacks_is_told_what_that_costs_and_what_mends_it():
    with shop_and_options("trusts callbacks") as options:
        result = run(*options, "--only", "forged", "--only", "forged-unknown")

    said = " ".join(result.stdout.split())
    assert result.exit_code == 1, result.output
    assert "WRONG forged: a forged callback says completed; nobody paid" in said
    assert "The shop counts it as paid. Callbacks are unsigned" in said
    assert "ask confirm with the token that you kept" in said
    assert "ok forged-unknown" in said
    assert "1 of 2 trials went wrong." in said
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_sound_shop_leaves_with_nothing_to_say_and_a_machine_gets_it_all():
    with shop_and_options() as options:
        result = run(*options, "--only", "json-alone", "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (document["ok"], document["books_examined"]) == (True, True)
    assert document["trials"] == [
        {
            "name": "json-alone",
            "expects": "paid",
            "flaws": [],
            "said": [],
            "paid": True,
            "credited": 4200,
            "asked": 1,
            "answers": [200],
        }
    ]


def test_without_commands_the_answers_alone_are_judged_in_french_too():
    with shop_and_options("answers 403") as options:
        result = run(*options[:3], *QUICK, "--only", "json-alone", language="fr")

    said = " ".join(result.stdout.split())
    assert result.exit_code == 1
    assert "FAUTE json-alone" in said
    assert "La réponse au callback a été 403." in said
    assert "Seules les réponses aux callbacks ont été jugées." in said


def test_a_shop_whose_command_fails_is_said_to_have_failed():
    with shop_and_options() as options:
        options[options.index("--order") + 1] = f"{sys.executable} -c 'import sys; sys.exit(\"no stock for {{id}}\")'"
        result = run(*options, "--only", "json-alone")

    assert result.exit_code == 1
    assert "no stock for CONF-" in result.output


def test_a_shop_that_cannot_be_asked_does_not_pass_for_one_that_is_right():
    with shop_and_options() as options:
        options[options.index("--state") + 1] = (
            f"{sys.executable} -c 'import sys; sys.exit(\"no such page for {{id}}\")'"
        )
        result = run(*options, "--only", "json-alone", "--only", "forged")

    said = " ".join(result.stdout.split())
    assert result.exit_code == 1
    assert "2 of 2 trials went wrong." in said
    assert "The shop did not say what became of the order" in said
    assert "no such page for CONF-" in said


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        ([], "address of the handler"),
        (["ftp://shop.example/"], "http://..."),
        (["http://127.0.0.1:9/", "--order", "order {id}"], "needed together"),
        (["http://127.0.0.1:9/", "--order", "order", "--state", "state {id}"], "{id}"),
        (
            ["http://127.0.0.1:9/", "--order", "order {id}", "--state", "state {id}", "--paid", "("],
            "regular expression",
        ),
        (["http://127.0.0.1:9/", "--order", "a {id}", "--state", "b {id}", "--credited", "x"], "one group"),
        (["http://127.0.0.1:9/", "--only", "levitation"], "levitation"),
        (["http://127.0.0.1:9/", "--patience", "soon"], "number with its unit"),
    ],
)
def test_a_command_line_that_cannot_work_is_refused_with_what_to_do(argv, named):
    result = run(*argv)

    assert result.exit_code == 2
    assert named in " ".join(result.output.replace("│", " ").split())


def test_the_trials_are_listed():
    assert "forged: a forged callback says completed; nobody paid" in run("--trials").stdout
