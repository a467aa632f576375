"""What was settled, for a person, a spreadsheet, a browser and a machine; periods that cannot be are told in one sentence."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from openpyxl import load_workbook
from typer import BadParameter

from models.report import Days
from tests.ledger import run
from tests.settled import put_settled_at
from worker.language import speaking
from worker.ops.days import days_of

NOON = datetime(2025, 11, 26, 12, tzinfo=UTC)
FORMULA = "=HYPERLINK(1)"
TODAY = date(2026, 3, 1)


def filled(ops):
    sessions = ops.tools.sessions
    put_settled_at(sessions, NOON, 3, operator=FORMULA)
    put_settled_at(sessions, NOON.replace(day=27), prefix="@x", amount=1_200_000, by_hand=True)
    put_settled_at(sessions, NOON, prefix="OUT-", kind="payout", amount=100)
    return ops


@pytest.fixture
def books(ops):
    return filled(ops)


def test_a_person_sees_groups_that_add_up_and_what_is_not_known(books):
    said = books.say("report", "--from", "2025-11-26", "--to", "2025-11-27", "--by", "day")
    rows = [line.split() for line in said.splitlines() if line.startswith(("2025", "all"))]
    assert rows == [
        ["2025-11-26", "3", "15,000", "1", "100"],
        ["2025-11-27", "1", "1,200,000", "1", "1,200,000"],
        ["all", "4", "1,215,000", "1", "1,200,000", "1", "100"],
    ]
    assert "Checked: the groups come to what 5 settlements do, 1,215,100 XOF" in " ".join(said.split())
    assert "no answer of LigdiCash names one" in " ".join(said.split())
    assert max(map(len, said.splitlines())) <= 80
    with speaking("fr"):
        assert "regroupements" in books.say("report", "2025-11")


def test_a_period_without_settlements_is_told_so(books):
    said = books.say("report", "2025-01")
    assert "nothing was settled" in said
    assert books.say("report", "2025-01", "--format", "csv").count("\n") == 1
    assert "<table" not in books.say("report", "2025-01", "--format", "html")


def test_a_csv_has_stable_columns_and_steers_no_spreadsheet(books):
    with speaking("fr"):
        groups = books.say("report", "2025-11", "--format", "csv")
        lines = books.say("report", "2025-11", "--format", "csv", "--lines")
    assert groups.splitlines()[0].startswith("first_day,last_day,by,group,in_count,in_francs,out_count,out_francs,")
    found = {row["group"]: row for row in csv.DictReader(io.StringIO(groups))}
    assert (found["'" + FORMULA]["in_count"], found["'" + FORMULA]["in_francs"]) == ("3", "15000")
    each = list(csv.DictReader(io.StringIO(lines)))
    assert sum(int(row["francs"]) for row in each) == 1_215_100
    assert [row["transaction_id"] for row in each if row["by_hand"] == "true"] == ["'@x1"]
    assert each[0]["settled_at"] == "2025-11-26T12:00:00Z"


def test_a_spreadsheet_has_numbers_as_numbers_and_dates_as_dates(books, tmp_path):
    file = tmp_path / "november.xlsx"
    books.say("report", "2025-11", "--lines", "--output", str(file))
    book = load_workbook(file)
    report, each = book["report"], book["settlements"]
    assert report.freeze_panes == each.freeze_panes == "A2"
    assert [cell.value for cell in report[report.max_row]][3:8] == ["TOTAL", 4, 1_215_000, 1, 100]
    assert report["A2"].value == datetime(2025, 11, 1)  # noqa: DTZ001 - a sheet knows no zones
    assert {cell.data_type for cell in report["D"]} == {"s"}
    settled = list(each.iter_rows(min_row=2, values_only=True))
    assert settled[0][0] == datetime(2025, 11, 26, 12)  # noqa: DTZ001 - the same
    assert sum(row[8] for row in settled) == 1_215_100
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_page_stands_alone_and_runs_nothing(books):
    for period in ("2025-11-26", "2025-11", "2025-11-26 2026-03-01"):
        first, _, last = period.partition(" ")
        words = ["--from", first, "--to", last] if last else [period]
        page = books.say("report", *words, "--format", "html")
        assert "<svg" in page
        assert "<script" not in page
        assert "http" not in page.replace("http://www.w3.org/", "").replace("http-equiv", "")


def test_a_machine_is_told_the_same(books):
    document = books.document("report", "2025-11", "--by", "direction")
    assert document["settlements"] == {"count": 5, "francs": 1_215_100}
    assert (document["adds_up"], document["fees"], document["is_over"]) == (True, None, True)
    assert document["total"]["in_by_hand"] == {"count": 1, "francs": 1_200_000}


def test_figures_that_do_not_add_up_are_told_and_the_command_leaves_with_1(ops_alone):
    books = filled(ops_alone)
    run(books.tools.sessions, "ALTER TABLE transactions DISABLE TRIGGER ALL")
    run(books.tools.sessions, "ALTER TABLE settlements DISABLE TRIGGER ALL")
    run(books.tools.sessions, "DELETE FROM transactions WHERE transaction_id = 'ORD-1'")
    for words in ([], ["--json"], ["--format", "html"]):
        result = books.run("report", "2025-11", *words)
        assert result.exit_code == 1
        assert "Does not add up: 1 settlement over 5,000 XOF" in " ".join(result.stderr.split())


# -- periods -----------------------------------------------------------------------------------------------------------

PERIODS = {
    ("", "", ""): ("2026-02-28", "2026-02-28"),
    ("today", "", ""): ("2026-03-01", "2026-03-01"),
    ("last-month", "", ""): ("2026-02-01", "2026-02-28"),
    ("this-month", "", ""): ("2026-03-01", "2026-03-01"),
    ("2024-02", "", ""): ("2024-02-01", "2024-02-29"),
    ("2025-12", "", ""): ("2025-12-01", "2025-12-31"),
    ("2026-02-03", "", ""): ("2026-02-03", "2026-02-03"),
    ("", "2026-02-03", ""): ("2026-02-03", "2026-02-03"),
    ("", "2026-02-03", "2026-02-05"): ("2026-02-03", "2026-02-05"),
}


@pytest.mark.parametrize("words", PERIODS)
def test_a_period_is_what_its_words_say(words):
    first, last = (date.fromisoformat(day) for day in PERIODS[words])
    assert days_of(*words, today=TODAY) == Days(first, last)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("", "2026-02-05", "2026-02-03"), "the last day, 2026-02-03, is before the first one, 2026-02-05"),
        (("", "", "2026-02-03"), "--to needs --from"),
        (("", "2026-02-30", ""), "'2026-02-30' is no day"),
        (("", "03/02/2026", ""), "is no day: write it as 2026-11-26"),
        (("2026-13", "", ""), "is no day"),
        (("soon", "", ""), "'soon' is no period: yesterday, today, last-month, this-month"),
        (("today", "2026-02-03", ""), "not both"),
        (("", "1990-01-01", "2026-01-01"), "at most"),
    ],
)
def test_a_period_that_cannot_be_is_told_in_one_sentence(words, said):
    with pytest.raises(BadParameter, match=said.replace("(", r"\(")):
        days_of(*words, today=TODAY)
