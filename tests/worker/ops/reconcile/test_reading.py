"""A statement is read as people and spreadsheets write it; whatever cannot be is told with its line, and none is lost."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook

from models.errors import Invalid, Unreadable
from models.statement import Direction
from worker.language import speaking
from worker.language.sentences import retold
from worker.ops.reconcile.cells import read_moment, read_sum
from worker.ops.reconcile.columns import mapping
from worker.ops.reconcile.reading import FAULTS, Options, read_statement

NBSP, NARROW, MINUS = chr(0xA0), chr(0x202F), chr(0x2212)

# -- cells -------------------------------------------------------------------------------------------------------------

SUMS = {
    "1000": 1000,
    "1 000": 1000,
    f"1{NBSP}000 FCFA": 1000,
    f"12{NARROW}345{NARROW}678": 12_345_678,
    "1.000,00": 1000,
    "1,000.00": 1000,
    "1.000": 1000,
    "1,000": 1000,
    "1.000.000": 1_000_000,
    "1000,00": 1000,
    "1000.0": 1000,
    "1000.000": 1000,
    "1'000": 1000,
    "1000 FCFA": 1000,
    "1000F": 1000,
    "XOF 1 000": 1000,
    "1 000 F CFA": 1000,
    "+500": 500,
    "-500": -500,
    f"{MINUS}1 500 XOF": -1500,
    "(500)": -500,
    "500-": -500,
    "0": 0,
    "": None,
    "  ": None,
    4200: 4200,
    99.0: 99,
    None: None,
}


@pytest.mark.parametrize("written", SUMS)
def test_a_sum_is_read_as_it_is_written(written):
    assert read_sum(written) == SUMS[written]


@pytest.mark.parametrize(
    "written",
    ["12,50", "1.5", "1 00", "10 00", "1e3", "abc", "1,000.50", "1.000.00", "--", "1.2,3.4", "9" * 13, 4.5, "5 EUR"],
)
def test_what_is_no_whole_sum_is_never_made_one(written):
    with pytest.raises(Unreadable, match="must be whole francs"):
        read_sum(written)


MOMENTS = {
    "26/11/2026": datetime(2026, 11, 26, tzinfo=UTC),
    "26/11/26 14:05": datetime(2026, 11, 26, 14, 5, tzinfo=UTC),
    "26-11-2026 14:05:09": datetime(2026, 11, 26, 14, 5, 9, tzinfo=UTC),
    "26.11.2026 à 14h05": datetime(2026, 11, 26, 14, 5, tzinfo=UTC),
    "2026-11-26": datetime(2026, 11, 26, tzinfo=UTC),
    "2026-11-26T14:05:09Z": datetime(2026, 11, 26, 14, 5, 9, tzinfo=UTC),
    "2026-11-26 14:05:09.123456+01:00": datetime(2026, 11, 26, 13, 5, 9, tzinfo=UTC),
    "2026-05-09 07:20:23+00": datetime(2026, 5, 9, 7, 20, 23, tzinfo=UTC),
    "": None,
}


@pytest.mark.parametrize("written", MOMENTS)
def test_a_moment_is_read_as_it_is_written(written):
    assert read_moment(written, zone=ZoneInfo("UTC"), month_first=False) == MOMENTS[written]


def test_a_moment_without_a_zone_is_of_the_users():
    at = read_moment("26/11/2026 00:30", zone=ZoneInfo("Africa/Niamey"), month_first=False)
    assert at == datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    assert read_moment("11/26/2026", zone=ZoneInfo("UTC"), month_first=True) == datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize("written", ["11/26/2026", "31/02/2026", "26 novembre", "20261126", "2026-13-01", "45987"])
def test_what_is_no_moment_is_never_made_one(written):
    with pytest.raises(Unreadable, match="must be a date"):
        read_moment(written, zone=ZoneInfo("UTC"), month_first=False)


# -- files -------------------------------------------------------------------------------------------------------------


def read(folder: Path, content: bytes | str, *, columns: tuple[str, ...] = (), name="statement.csv", **more):
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_statement(file, Options(mapped=mapping(None, columns), **more))


FRENCH = "Date;Réf. marchand;Id transaction;Montant (FCFA);Frais;Statut;Sens;Téléphone\r\n"
ROW = f"26/11/2026 14:05;ORD-1;P1;1{NBSP}000;25;Réussi;Entrée;226\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_french_statement_is_understood_whatever_its_encoding(tmp_path, encoding):
    statement = read(tmp_path, f"Relevé du mois\r\n\r\n{FRENCH}{ROW}".encode(encoding))
    [line] = statement.lines
    assert (line.number, line.amount, line.fee, line.is_paid) == (4, 1000, 25, True)
    assert (line.gateway_id, line.reference, line.direction) == ("P1", "ORD-1", Direction.IN)
    assert line.at == datetime(2026, 11, 26, 14, 5, tzinfo=UTC)
    assert (statement.source.separator, statement.heading.unused, statement.faults) == (";", ["Téléphone"], [])


def test_an_english_statement_with_commas_is_understood_too(tmp_path):
    text = 'request_id,transaction_id,amount,created at,status\nP1,ORD-1,"1,000",2026-11-26T00:00:00Z,completed\n'
    [line] = read(tmp_path, text).lines
    assert (line.gateway_id, line.reference, line.amount) == ("P1", "ORD-1", 1000)


def test_in_and_out_may_have_a_column_each_or_a_sign(tmp_path):
    two = read(tmp_path, "Référence;Débit;Crédit\nA;;500\nB;700;\nC;1;1\nD;;\n")
    assert [(line.direction, line.amount) for line in two.lines] == [(Direction.IN, 500), (Direction.OUT, 700)]
    assert [(fault.line, fault.what) for fault in two.faults] == [
        (4, "has a sum in and a sum out"),
        (5, "must be whole francs, not ''"),
    ]
    signed = read(tmp_path, "Référence;Montant\nA;500\nB;-700\n")
    assert [(line.direction, line.amount) for line in signed.lines] == [(None, 500), (Direction.OUT, 700)]


def test_a_spreadsheet_is_read_with_its_own_numbers_and_dates(tmp_path):
    book = Workbook()
    sheet = book.active
    for row in (
        ["Relevé"],
        ["Montant", "Référence", "Date", "Request ID"],
        [1000, 42, datetime(2026, 11, 26, 14, 5), "P1"],  # noqa: DTZ001 - a sheet knows no zones
        [12.5, "ORD-2", "26/11/2026", "P2"],
    ):
        sheet.append(row)
    file = tmp_path / "statement.xlsx"
    book.save(file)
    statement = read_statement(file, Options(mapped=mapping(None, ())))
    [line] = statement.lines
    assert (line.amount, line.reference, line.at) == (1000, "42", datetime(2026, 11, 26, 14, 5, tzinfo=UTC))
    assert [(fault.line, fault.column) for fault in statement.faults] == [(4, "Montant")]


def test_the_users_word_goes_before_any_guess(tmp_path):
    toml = tmp_path / "columns.toml"
    toml.write_text('[columns]\namount = "Net"\nstatus = "Z"\n[status]\n"Réglé !" = "paid"\n"Bof" = "unpaid"\n')
    file = tmp_path / "statement.csv"
    file.write_text("Montant;Net;Ref;Z\n1;500;A;Réglé !\n1;600;B;bof\n1;700;C;?\n", encoding="utf-8")
    statement = read_statement(file, Options(mapped=mapping(toml, ())))
    assert [(line.amount, line.is_paid) for line in statement.lines] == [(500, True), (600, False)]
    [fault] = statement.faults
    assert (fault.line, fault.column) == (4, "Z")
    over = read_statement(file, Options(mapped=mapping(toml, ["amount=Montant"])))
    assert over.lines[0].amount == 1


def test_a_guessed_column_of_words_nobody_knows_is_not_taken_for_the_direction(tmp_path):
    statement = read(tmp_path, "Ref;Montant;Type\nA;5;Mobile Money\n")
    assert statement.lines[0].direction is None
    assert statement.unknown_words == {"Mobile Money"}
    assert read(tmp_path, "Ref;Montant;Type\nA;5;Mobile Money\n", columns=("direction=Type",)).lines == []


def test_a_fee_that_was_taken_off_can_be_added_again(tmp_path):
    text = "Ref;Montant;Frais;Sens\nA;975;25;in\nB;500;10;out\n"
    assert [line.amount for line in read(tmp_path, text, net=True).lines] == [1000, 500]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("a;b\n1;2\n", "an amount and an id can be made out.*widest row is: a, b"),
        (b"\xd0\xcf\x11\xe0old", "is an old .xls"),
        (b"PK\x03\x04broken", "is not XLSX that can be read"),
        (b"\x00\x01\x02\x00", "is neither text nor XLSX"),
    ],
)
def test_a_file_that_is_no_statement_is_refused_in_one_sentence(tmp_path, content, said):
    with pytest.raises(Invalid, match=said):
        read(tmp_path, content)


def test_no_line_is_lost_however_broken_the_others_are(tmp_path):
    """Whatever quotation marks, cells and bytes stand in a file, each line is a line or a fault, and the sound ones are read."""
    draw = random.Random(7)
    broken = [
        'x;"5 inches;P;1',
        "too;many;cells;1;2;3;4;5",
        '"',
        '"";"";"";""',
        "TOTAL;;;12 000",
        "a\x07b;ORD;P;5",
        "R;;;5;",
    ]
    lines, sound = ["when;reference;request id;amount"], 0
    for number in range(400):
        if draw.random() < 0.3:
            lines.append(draw.choice(broken))
        else:
            lines.append(f'2026-11-26;"ORD-{number}";P{number};1 000')
            sound += 1
    statement = read(tmp_path, "\n".join(lines), columns=("date=when",))
    assert len(statement.lines) == sound
    assert sum(line.amount for line in statement.lines) == 1000 * sound
    seen = {line.number for line in statement.lines} | {fault.line for fault in statement.faults}
    with speaking("fr"):
        assert [fault.what for fault in statement.faults if retold(fault.what, FAULTS) == fault.what] == []
    blank = {number for number, text in enumerate(lines, start=1) if text == '"";"";"";""'}
    assert seen | blank == set(range(2, len(lines) + 1))


def test_a_cell_may_go_over_lines_when_its_marks_are_closed(tmp_path):
    statement = read(tmp_path, 'Ref;Montant;Note\nA;5;"two\nlines; and a mark"\nB;6;x\n')
    assert [(line.number, line.reference) for line in statement.lines] == [(2, "A"), (4, "B")]
