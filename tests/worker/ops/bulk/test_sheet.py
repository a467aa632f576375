"""A file of payouts is read whole: every fault is told with its line, and what is well is an order."""

from __future__ import annotations

import pytest

from models.transaction import Route
from worker.ops.bulk.sheet import Fault, Rules, read_sheet

NAMELESS = "column 4 of the heading has no name; take it out, with what stands below it"
HEADING = "transaction_id,route,customer,amount,top_up_wallet,description"
GOOD = "OUT-{n},mobile_money,22670000000,5000,,thanks"
NOT_UTF8 = "the file is not text in UTF-8: save it as CSV UTF-8"
QUOTE = "a quotation mark is not closed, or stands where none may be"

PLANTED = {
    17: ("OUT-17,mobile_money,22670000000,5 000,,", "amount", "must be whole francs, in digits alone, not '5 000'"),
    512: ("OUT-512,mobile_money,22670000000,19,,", "amount", "amount must be from 20 to 1,000,000 XOF, not 19"),
    513: (
        "OUT-513,mobile_money,70000000,5000,,",
        "customer",
        "the phone number must begin with its country code, as in +226 70 00 00 00",
    ),
    2000: ("OUT-9,mobile_money,22670000000,5000,,", "transaction_id", "is there already, on line 9"),
    4711: ("OUT-4711,cash,22670000000,5000,,", "route", "must be wallet or mobile_money, not 'cash'"),
    7000: ("OUT-7000,wallet,22670000000,5000,,", "top_up_wallet", "is empty, and no --top-up-wallet says which one"),
    8000: ("OUT-8000,mobile_money,22670000000,5000,1,", "top_up_wallet", "must be empty on the route mobile_money"),
    9000: ("OUT-9000,mobile_money", "", "the line has 2 cells, and the heading has 6"),
    10_001: (" ,mobile_money,22670000000,5000,,a\tb", "", ""),
}


def read(text, *, encoding="utf-8", **rules):
    return read_sheet(text.encode(encoding), Rules(**rules))


def whats(sheet):
    return [fault.what for fault in sheet.faults]


def test_every_fault_of_ten_thousand_lines_is_told_with_its_line():
    lines = [PLANTED[n][0] if n in PLANTED else GOOD.format(n=n) for n in range(2, 10_002)]
    sheet = read("\n".join([HEADING, *lines]))
    one_each = {Fault(line=n, column=column, what=what) for n, (_, column, what) in PLANTED.items() if what}
    of_the_last = {(fault.line, fault.column) for fault in set(sheet.faults) - one_each}
    assert one_each <= set(sheet.faults)
    assert of_the_last == {(10_001, "transaction_id"), (10_001, "description")}
    assert len(sheet.rows) == 10_000 - len(PLANTED)


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_what_spreadsheets_write_is_read(separator, encoding, end):
    text = f'{HEADING}\nOUT-1, Wallet,+226 70 00 00 00,5000,0,"é, ; \nè"\n\n'.replace("\nè", " è").replace(
        "Wallet", "wallet"
    )
    text = text.replace('"é, ;  è"', '"é~"').replace(",", separator).replace("é~", "é, ; è").replace("\n", end)
    sheet = read(text, encoding=encoding)
    assert sheet.faults == []
    [row] = sheet.rows
    assert (row.line, row.order.route, row.order.stays_in_wallet) == (2, Route.WALLET, False)
    assert (row.order.customer, row.order.amount, row.order.description) == ("22670000000", 5000, "é, ; è")


def test_what_a_line_leaves_out_the_options_say():
    sheet = read("transaction_id,customer,amount\nOUT-1,22670000000,5000", route=Route.WALLET, stays_in_wallet=True)
    assert [(row.order.route, row.order.stays_in_wallet) for row in sheet.rows] == [(Route.WALLET, True)]
    assert whats(read("transaction_id,customer,amount\nOUT-1,22670000000,5000")) == [
        "is empty, and no --route says which one"
    ]


def test_a_line_after_a_text_of_many_lines_keeps_its_number():
    text = f'{HEADING}\nOUT-1,mobile_money,22670000000,5000,,"a\nb\nc"\nOUT-2,mobile_money,22670000000,x,,'
    assert [(fault.line, fault.column) for fault in read(text).faults] == [(2, "description"), (5, "amount")]


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        (b"", [(1, "the file is empty")]),
        (b"\xef\xbb\xbf\r\n \r\n", [(1, "the file is empty")]),
        (HEADING.encode() + b"\n\n", [(1, "there is no order below the heading")]),
        (HEADING.encode() + b"\nOUT-1,\xe9", [(2, NOT_UTF8)]),
        (HEADING.encode("utf-16"), [(1, NOT_UTF8)]),
        (HEADING.encode("utf-16-le"), [(1, NOT_UTF8)]),
        (HEADING.encode() + b'\nOUT-1,"x', [(2, QUOTE)]),
        (b'"', [(1, QUOTE)]),
        (b"customer,amount,customer\n", [(1, "the column is there twice"), (1, "the column is missing")]),
        (b"transaction_id;customer;amount;;\nOUT-1;22670000000;5000;;\n", [(1, NAMELESS)]),
    ],
    ids=[
        "nothing",
        "blank",
        "heading",
        "latin",
        "utf-16",
        "utf-16-bare",
        "quote",
        "quote-alone",
        "columns",
        "nameless",
    ],
)
def test_what_is_no_sheet_of_payouts_says_so(raw, faults):
    assert [(fault.line, fault.what) for fault in read_sheet(raw, Rules()).faults] == faults


def test_a_misspelt_column_is_a_fault_and_not_the_default():
    [fault] = read(
        "transaction_id,customer,amount,rout\nOUT-1,22670000000,5000,wallet", route=Route.MOBILE_MONEY
    ).faults
    assert fault.column == "rout"


def test_a_country_without_an_operator_of_the_project_is_a_fault():
    text = f"{HEADING}\nOUT-1,mobile_money,22997000000,5000,,\nOUT-2,wallet,22997000000,5000,1,"
    [fault] = read(text, operators=("11",)).faults
    assert (fault.line, fault.column) == (2, "customer")
