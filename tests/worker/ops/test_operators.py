"""The list of operators: fits the terminal, marks the project's own, says what is not known, and needs no server."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from models.operators import OPERATORS
from tests.fakes import settings_for
from worker.language import VARIABLE
from worker.ops.command import app
from worker.ops.desk import Desk

NOWHERE = "postgresql://reconciler@127.0.0.1:1/books"


def run(*argv, project="", language="en"):
    """Run the command of a project with these operators; on a machine where nothing else answers."""
    desk = Desk(settings=settings_for(NOWHERE, ligdicash_operators=project))
    environment = {VARIABLE: language, "COLUMNS": "80"}
    return CliRunner(env=environment).invoke(app, ["operators", *argv], obj=desk, prog_name="reconciler")


def say(*argv, **options):
    result = run(*argv, **options)
    assert result.exit_code == 0, result.output
    return result.stdout


def rows(said):
    return [line.split() for line in said.partition("\n\n")[0].splitlines()[2:]]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("project", ["", "11,12"], ids=["unknown", "known"])
def test_every_operator_is_listed_and_the_table_fits_eighty_columns(language, project):
    table = say(project=project, language=language).partition("\n\n")[0]
    assert max(map(len, table.splitlines())) <= 80
    listed = [line.split()[0] for line in table.splitlines()[2:]]
    assert [word for word in listed if word.isdecimal()] == [operator.id for operator in OPERATORS]


def test_one_country_can_be_asked_for_however_its_code_is_written():
    assert (
        [row[0] for row in rows(say("--country", "ml"))] == [row[0] for row in rows(say("--country", "ML"))] == ["18"]
    )


def test_a_country_without_operators_is_told_with_those_there_are():
    result = run("--country", "FR")
    assert result.exit_code == 2
    assert "no operator is known there; there are BJ, BF" in result.stderr


def test_the_operators_of_the_project_are_marked():
    said = say("--country", "BF", project="12")
    assert [("yes" in row) for row in rows(said) if row[0].isdecimal()] == [False, True]
    assert "yours" in said


def test_without_the_setting_nothing_is_marked_and_a_line_says_why():
    said = say()
    assert "yours" not in said
    assert "Which operators your project has is not known: set LIGDICASH_OPERATORS." in said


def test_an_id_that_is_not_known_is_named():
    said = say(project="11,77,78")
    assert "LIGDICASH_OPERATORS has ids that are not known here: 77, 78. So no number is refused." in said


def test_what_no_page_says_is_a_question_mark_that_is_explained():
    said = say("--country", "CD")
    [row] = rows(said)
    assert row == ["34", "DR", "Congo", "243", "Orange", "?", "?", "?"]
    assert "?: no page of LigdiCash that we know of says it." in said


def test_what_a_customer_dials_is_told_with_a_gap_for_the_amount():
    assert "Orange (Burkina Faso): the code to dial is *144*4*6*AMOUNT#" in say("--country", "BF")
    french = say("--country", "BF", language="fr")
    assert "Orange (Burkina Faso) : le code à composer est *144*4*6*MONTANT#" in french


def test_the_document_has_the_facts_and_says_null_where_nothing_is_known():
    document = json.loads(say("--country", "BF", "--json", project="11,77"))
    assert document["operators"][0] == {
        "id": "11",
        "name": "Orange",
        "gateway_name": "ORANGE BURKINA",
        "country": "BF",
        "dialling": "226",
        "validation": "ussd_otp",
        "fallback": None,
        "minimum": 10,
        "maximum": 2_000_000,
        "ussd": "*144*4*6*{amount}#",
        "in_project": True,
    }
    assert (document["project"], document["project_unknown"]) == (["11", "77"], ["77"])
    unknown = json.loads(say("--country", "CD", "--json"))
    assert (unknown["operators"][0]["validation"], unknown["operators"][0]["in_project"]) == (None, None)
    assert (unknown["project"], unknown["project_unknown"]) == (None, [])


def test_a_machine_without_any_settings_lists_them_too(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    result = CliRunner(env={VARIABLE: "en"}).invoke(app, ["operators"], prog_name="reconciler")
    assert result.exit_code == 0, result.output
    assert "The settings are not in order here" in result.stdout
