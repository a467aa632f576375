"""A statement at the command line: planted differences are found, add up to the file, and become cases once."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from openpyxl import load_workbook

from tests.ledger import add_pending, all_at_once, cases, count
from tests.settled import put_settled_at
from tests.worker.ops.reconcile.planted import HEADING, plant
from worker.language import speaking

NOON = datetime(2025, 11, 26, 12, tzinfo=UTC)
WAITS = "ORD-322"
"""The row after all these."""

WAYS = (("in", "Entrée"), ("out", "Sortie"))
PLANTED = {"only_there": 3, "only_here": 2, "amount": 2, "status": 1, "direction": 1, "account": 1, "twice": 2}


@pytest.fixture
def books(ops):
    """Three hundred settlements of one day, some of them payouts, one of another account; and one that is pending."""
    sessions = ops.tools.sessions
    put_settled_at(sessions, NOON, 300)
    put_settled_at(sessions, NOON, 20, prefix="OUT-", kind="payout", amount=700)
    put_settled_at(sessions, NOON, prefix="SHOP-", account="shop")
    add_pending(sessions)
    return ops


@pytest.fixture
def statement(tmp_path):
    file = tmp_path / "relevé.csv"
    text = plant(invoices=300, payouts=20, at=NOON, counts=PLANTED, pending=WAITS, elsewhere="SHOP-1", seed=5)
    file.write_bytes(text.encode("cp1252"))
    return file


def found(document):
    return {name: one["lines"] or one["settlements"] for name, one in document["sums"].items()}


def reconciled(ops, *argv, code=1):
    result = ops.run("reconcile", *map(str, argv))
    assert result.exit_code == code, result.output
    return result


def test_every_planted_difference_is_found_and_the_sums_are_the_files(books, statement):
    document = json.loads(reconciled(books, statement, "--json").stdout)
    assert found(document) == {"matched": 315, "unpaid": 1, **PLANTED}
    assert document["adds_up"] is True
    assert document["unreadable"] == [
        {"line": document["lines"] + 1, "column": "Montant", "what": "must be whole francs, not 'douze'"}
    ]
    lines = statement.read_bytes().decode("cp1252").splitlines()[1:]
    assert document["lines"] == len(lines)
    francs = [int(line.split(";")[3].replace(" ", "")) for line in lines if "douze" not in line]
    assert sum(document["total"]["statement"].values()) == sum(francs)
    told = [line.split(";") for line in lines]
    fees = {
        way: sum(int(cells[4] or 0) for cells in told if cells[6] == word and "Pay" in cells[5]) for way, word in WAYS
    }
    assert document["fees"] == fees


def test_a_person_sees_the_table_and_each_difference_on_80_columns_in_both_languages(books, statement):
    said = reconciled(books, statement, "--limit", 3).stdout
    assert max(map(len, said.splitlines())) <= 80
    assert "Checked: these" in said
    assert "12 differences, " in said
    assert "cannot be read" in said
    with speaking("fr"):
        told = reconciled(books, statement).stdout
    assert "12 différences" in told


def test_how_it_is_read_is_shown_without_asking_the_books(ops_without_database, statement):
    said = ops_without_database.say("reconcile", str(statement), "--dry-run")
    assert "CSV in cp1252, cells separated by ';'" in " ".join(said.split())
    assert "guessed" in said
    document = json.loads(ops_without_database.say("reconcile", str(statement), "--dry-run", "--json"))
    assert document["columns"]["reference"] == "Réf. marchand"
    assert [fault["column"] for fault in document["faults"]] == ["Montant"]


def test_the_result_is_a_file_too(books, statement, tmp_path):
    rows = list(csv.DictReader(io.StringIO(reconciled(books, statement, "--format", "csv").stdout)))
    assert [row["result"] for row in rows if row["result"] == "unreadable"] == ["unreadable"]
    assert len(rows) == sum(PLANTED.values()) + 1
    file = tmp_path / "result.xlsx"
    reconciled(books, statement, "-o", file)
    book = load_workbook(file)
    assert book["differences"].max_row == len(rows) + 1
    assert book["summary"][book["summary"].max_row][0].value == "TOTAL"


def test_a_difference_is_a_case_once_however_often_and_by_how_many_it_is_found(books, statement):
    def reconcile():
        return books.run("reconcile", str(statement), "--cases", "--reason", "November", "--by", "awa")

    # One after the other: the runner of commands swaps the streams of the process.
    assert "12 cases opened; see" in reconcile().stdout
    books.say("cases", "resolve", "1", "--reason", "found it")
    again = reconcile().stdout
    assert "0 cases opened; 12 had one before" in again
    assert cases(books.tools.sessions).count("statement") == 11
    assert count(books.tools.sessions, "differences") == 12
    assert "clean" in books.run("fsck", "--since", "15m").stdout or "difference" not in books.run("fsck").stdout


def test_two_who_find_the_same_at_the_same_time_open_one_case(books):
    from models.queries.cases import Signature
    from models.statement import Line
    from tasks.reconcile import hold, keep
    from worker.ops.reconcile.terms import terms_of

    lines = [Line(number=n, amount=n, reference=f"NOBODY-{n}", at=NOON) for n in range(1, 30)]
    terms = terms_of(lines, None, account="default", tolerance=timedelta(0))
    sessions, by = books.tools.sessions, Signature(author="awa", reason="x")
    findings = hold(sessions, lines, terms)

    def once():
        return keep(sessions, findings, account="default", file="x.csv", by=by)

    opened = [number for ids in all_at_once(once, once, once) for number in ids]
    assert len(opened) == len(set(opened)) == count(sessions, "differences")


def test_a_case_tells_both_sides_and_what_to_do(books, statement):
    books.run("reconcile", str(statement), "--cases", "--reason", "November", "--by", "awa")
    listed = books.document("cases", "list", "--kind", "statement")
    assert listed["totals"][0]["open"] == 12
    by_match = {item["statement"]["match"]: item for item in listed["items"]}
    said = {match: " ".join(books.say("cases", "show", str(item["id"])).split()) for match, item in by_match.items()}
    assert "a statement of the gateway has it, and the books do not. Found by awa" in said["only_there"]
    assert f"relevé.csv, line {by_match['only_there']['statement']['line']}" in said["only_there"]
    assert "no line about it in relevé.csv" in said["only_here"]
    assert f"reconciler invoices check {WAITS} --now" in said["status"]
    assert "ORD-" in said["amount"]
    with speaking("fr"):
        assert "comparer" in books.say("cases", "list", "--kind", "statement")
        assert "deux fois là-bas" in books.say("cases", "show", str(by_match["twice"]["id"]))


def test_a_file_that_is_read_wrongly_does_not_flood_the_cases(books, tmp_path):
    file = tmp_path / "wrong.csv"
    file.write_text(HEADING + "".join(f"26/11/2025;N{n};Q{n};5;0;Payé;in\n" for n in range(150)))
    words = (str(file), "--cases", "--reason", "x")
    result = books.run("reconcile", *words)
    assert (result.exit_code, count(books.tools.sessions, "differences")) == (1, 0)
    assert "differences would be as many cases" in result.stderr
    assert books.run("reconcile", *words, "--yes").exit_code == 1
    assert count(books.tools.sessions, "differences") > 150


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cases"], "say why"),
        (["--reason", "x"], "go with --cases"),
        (["--zone", "Africa/Nowhere"], "there is no time zone"),
        (["--from", "2025-11-27", "--to", "2025-11-26"], "is before the first one"),
        (["--column", "amount"], "write it as amount=Montant"),
        (["--column", "size=Montant"], "is no field of a statement"),
        (["--column", "amount=Nulle part"], "no heading with the columns"),
        (["-o", "result.docx"], "say with --format"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_read(ops_without_database, statement, words, said):
    result = ops_without_database.run("reconcile", str(statement), *words)
    assert result.exit_code in {1, 2}
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_a_statement_without_dates_needs_the_days_to_be_said(books, tmp_path):
    file = tmp_path / "undated.csv"
    file.write_text("Ref;Montant\nORD-1;5000\n")
    assert "no line has a date" in books.run("reconcile", str(file)).stderr
    document = json.loads(reconciled(books, file, "--from", "2025-11-26", "--json").stdout)
    assert found(document) == {"matched": 1, "only_here": 319}
