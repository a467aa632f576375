"""`fsck` at the command line: a line per violation with what to do, totals at the end, and an exit code to rely on."""

from __future__ import annotations

import json

import pytest

from tasks.record import record
from tests.fakes import completed
from tests.ledger import LANE, add_pending, answered, claim, knock, run


@pytest.fixture
def books(ops):
    """One settled transaction, one that waits, and a callback."""
    pks = add_pending(ops.tools.sessions, 2)
    record(ops.tools, [answered(ops.tools.sessions, pks[0], completed(5000, "ORD-1"))], lane=LANE)
    knock(ops.tools.sessions, claim("ORD-2"))
    return ops


def forget_the_notice(ops) -> None:
    run(ops.tools.sessions, "DELETE FROM notices")
    run(ops.tools.sessions, "DELETE FROM notice_counters")


def make_overdue(ops, number: int) -> None:
    add_pending(ops.tools.sessions, number, due_in=-3600)


def test_sound_books_are_clean_and_the_rows_are_told(books):
    said = books.say("fsck")
    assert said.startswith("clean; looked at 2 transactions, 1 callbacks, 1 notices, 1 tellings in ")
    assert said.endswith(" s\n")


def test_progress_goes_to_stderr_a_line_for_each_kind_where_no_bar_can_move(books):
    result = books.run("fsck")
    assert result.stderr.splitlines() == [
        "transactions: 2 rows",
        "callbacks: 1 rows",
        "notices: 1 rows",
        "tellings: 1 rows",
    ]


def test_a_violation_is_one_line_with_what_to_do_and_ends_in_1(books):
    forget_the_notice(books)
    result = books.run("fsck")
    assert result.exit_code == 1
    line, total = result.stdout.splitlines()
    assert line.startswith("broken: untold  transaction ORD-1  completed, without the notice that tells it; tell the ")
    assert total.startswith("1 violations; looked at 2 transactions")


def test_a_machine_gets_one_object_a_line_and_the_totals_last(books):
    forget_the_notice(books)
    result = books.run("fsck", "--json")
    assert result.exit_code == 1
    violation, totals = [json.loads(line) for line in result.stdout.splitlines()]
    assert violation["rule"] == "untold"
    assert violation["subject"] == "transaction ORD-1"
    assert set(violation) == {"rule", "subject", "detail", "advice"}
    assert totals["violations"] == {"untold": 1}
    assert totals["rows"]["transactions"] == 2
    assert totals["seconds"] >= 0


def test_no_violation_is_left_out_in_silence(books):
    make_overdue(books, 5)
    result = books.run("fsck", "--limit", "3")
    lines = result.stdout.splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["overdue"] * 3
    assert lines[3] == "overdue: 5 violations, the first 3 are shown; --limit shows more"
    assert lines[4].startswith("5 violations; ")


def test_looking_back_a_little_finds_what_is_open_and_what_moved(books):
    assert books.say("fsck", "--since", "15m").startswith(
        "clean; looked at 1 open transactions, 0 overridden transactions, 1 answers, "
    )
    forget_the_notice(books)
    assert "untold  transaction ORD-1" in books.run("fsck", "--since", "15m").stdout


@pytest.mark.parametrize("written", ["15", "m", "-5m", "1.5h", "0m", "5 minutes", "9999999d"])
def test_a_length_without_a_plain_number_and_unit_is_refused(books, written):
    result = books.run("fsck", f"--since={written}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "90s" in result.stderr


def change_by_hand(ops) -> None:
    """ORD-2 completed over 4,000 XOF by a person, without a question."""
    run(ops.tools.sessions, "INSERT INTO cases (kind, transaction_pk, detail) VALUES ('mismatch', 2, '')")
    ops.fakes.breaker.wait = 30
    ops.say(
        *("cases", "resolve", "1", "--as", "completed", "--amount", "4000", "--override"),
        *("--by", "awa", "--reason", "seen in the dashboard"),
    )


def test_what_was_changed_by_hand_has_a_section_of_its_own_and_is_no_violation(books):
    change_by_hand(books)
    section, line, total = books.say("fsck").splitlines()
    assert section == "overrides: 1"
    assert line.startswith("  1  ORD-2  pending to completed, 4,000 XOF received, by awa, ")
    assert line.endswith(" UTC: seen in the dashboard")
    assert total.startswith("clean; ")
    assert books.say("fsck", "--since", "15m").startswith("overrides: 1\n")


def test_a_machine_gets_each_change_by_hand_and_how_many(books):
    change_by_hand(books)
    override, totals = [json.loads(line) for line in books.say("fsck", "--json").splitlines()]
    assert override["override"]["transaction_id"] == "ORD-2"
    assert (override["override"]["amount"], override["override"]["author"]) == (4000, "awa")
    assert (totals["overrides"], totals["violations"]) == (1, {})


def test_of_many_changes_by_hand_some_are_shown_and_all_are_counted(books):
    change_by_hand(books)
    run(
        books.tools.sessions,
        """INSERT INTO overrides (transaction_pk, case_id, old_status, new_status, amount, author, reason, made_at)
           SELECT 2, 1, 'pending', 'notcompleted', 0, 'awa', 'x', now() - interval '2 days' FROM generate_series(1, 4)""",
    )
    said = books.say("fsck", "--limit", "2").splitlines()
    assert said[0] == "overrides: 5, the first 2 are shown; --limit shows more"
    assert len(said) == 4


def test_a_transaction_id_cannot_steer_the_terminal(ops_alone):
    make_overdue(ops_alone, 1)
    run(ops_alone.tools.sessions, "ALTER TABLE transactions DISABLE TRIGGER transactions_keep_terms")
    run(ops_alone.tools.sessions, "UPDATE transactions SET transaction_id = 'ORD' || chr(27) || '[2J'")
    said = ops_alone.run("fsck").stdout
    assert "transaction ORD\\x1b[2J" in said
    assert "\x1b" not in said


def test_without_a_database_it_is_one_line(ops_without_database):
    assert ops_without_database.fault("fsck").startswith("error: the database cannot be reached")


def test_before_the_migration_it_says_so(ops_alone):
    run(ops_alone.tools.sessions, "ALTER TABLE callbacks DROP COLUMN reopened_at")
    result = ops_alone.run("fsck")
    assert result.exit_code == 1
    assert "run `reconciler migrate`" in result.stderr
