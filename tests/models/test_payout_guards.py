"""What the database itself refuses about payouts, whatever the code above it does: each rule is broken by plain SQL."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.transaction import FOUND_OUT_MOVES, LEGAL_MOVES, Status

INSERT = """
    INSERT INTO transactions (kind, transaction_id, amount, status, order_digest, next_check_at, {columns})
    VALUES ('{kind}', 'OUT-1', 5000, 'created', '\\x00', now(), {values}) RETURNING id
"""


@pytest.fixture
def connection(sessions):
    with sessions.kw["bind"].connect() as connection:
        yield connection


def run(connection, statement, **parameters):
    return connection.execute(text(statement), parameters)


def add(connection, kind="payout", columns="route, customer", values="'mobile_money', '22670000000'") -> int:
    return run(connection, INSERT.format(kind=kind, columns=columns, values=values)).scalar_one()


def mark(connection):
    run(connection, "UPDATE transactions SET sent_at = now()")


def move(connection, status):
    run(
        connection,
        """UPDATE transactions SET status = :status, token = CASE WHEN :status = 'pending' THEN 't' ELSE token END,
           sent_at = CASE WHEN :status <> 'refused' THEN sent_at END""",
        status=status,
    )


@pytest.mark.parametrize(
    ("kind", "columns", "values"),
    [
        ("payout", "description", "''"),
        ("payout", "route", "'mobile_money'"),
        ("payout", "customer", "'22670000000'"),
        ("payout", "route, customer", "'wallet', '22670000000'"),
        ("payout", "route, customer, stays_in_wallet", "'mobile_money', '22670000000', true"),
        ("invoice", "route", "'wallet'"),
        ("invoice", "customer", "'22670000000'"),
        ("invoice", "stays_in_wallet", "false"),
    ],
)
def test_a_payout_has_its_way_and_an_invoice_has_none(connection, kind, columns, values):
    with pytest.raises(DBAPIError, match="payout_has_its_way"):
        add(connection, kind, columns, values)


def test_a_route_is_one_of_two(connection):
    with pytest.raises(DBAPIError, match="known_route"):
        add(connection, values="'pigeon', '22670000000'")


def test_a_payout_is_stored_before_it_is_marked(connection):
    with pytest.raises(DBAPIError, match="stored before it is marked"):
        add(connection, columns="route, customer, sent_at", values="'mobile_money', '22670000000', now()")


def test_what_waits_in_the_queue_is_a_payout_and_is_not_marked_as_sent(connection):
    add(connection)
    run(connection, "UPDATE transactions SET queued_at = now()")
    with pytest.raises(DBAPIError, match="queued_unsent"), connection.begin_nested():
        mark(connection)
    with pytest.raises(DBAPIError, match="queued_unsent"):
        add(connection, "invoice", "queued_at", "now()")


@pytest.mark.parametrize("change", ["route = 'wallet'", "customer = '22670000001'", "stays_in_wallet = true"])
def test_where_the_money_goes_never_changes(connection, change):
    add(connection)
    with pytest.raises(DBAPIError, match="never change"):
        run(connection, f"UPDATE transactions SET {change}")


@pytest.mark.parametrize("status", ["pending", "completed", "notcompleted"])
def test_nothing_becomes_of_a_payout_that_was_not_sent(connection, status):
    add(connection)
    with pytest.raises(DBAPIError, match=r"sent_first|cannot become"):
        move(connection, status)


def test_a_payout_that_was_not_sent_has_no_token(connection):
    add(connection)
    with pytest.raises(DBAPIError, match="sent_first"):
        run(connection, "UPDATE transactions SET token = 't'")


@pytest.mark.parametrize("again", ["now() + interval '1 s'", "NULL"])
def test_the_mark_is_set_once_and_does_not_just_go(connection, again):
    add(connection)
    mark(connection)
    with pytest.raises(DBAPIError, match=r"marked as sent before|goes only with a refusal"):
        run(connection, f"UPDATE transactions SET sent_at = {again}")


def test_the_mark_goes_with_a_refusal_and_comes_again_with_the_next_try(connection):
    add(connection)
    for _ in range(2):
        mark(connection)
        move(connection, "refused")
        move(connection, "created")
    mark(connection)


@pytest.mark.parametrize("status", ["refused", "pending"])
def test_only_what_is_created_is_marked(connection, status):
    add(connection)
    if status == "pending":
        mark(connection)
    move(connection, status)
    with pytest.raises(DBAPIError, match=r"not marked as sent|marked as sent before"):
        run(connection, "UPDATE transactions SET sent_at = now() + interval '1 s'")


def test_the_mark_of_a_payout_with_a_token_stays(connection):
    add(connection)
    mark(connection)
    run(connection, "UPDATE transactions SET token = 't'")
    with pytest.raises(DBAPIError, match="goes only with a refusal"):
        run(connection, "UPDATE transactions SET sent_at = NULL, status = 'refused'")


def test_what_was_refused_by_hand_keeps_its_mark_and_is_not_taken_up_again(connection):
    add(connection)
    mark(connection)
    run(connection, "UPDATE transactions SET status = 'refused'")
    with pytest.raises(DBAPIError, match="is not taken up again"):
        run(connection, "UPDATE transactions SET status = 'created'")


PATHS = {
    Status.CREATED: [],
    Status.REFUSED: [Status.REFUSED],
    Status.PENDING: [Status.PENDING],
    Status.COMPLETED: [Status.PENDING, Status.COMPLETED],
    Status.NOTCOMPLETED: [Status.PENDING, Status.NOTCOMPLETED],
}


@pytest.mark.parametrize(("old", "new"), [pair for pair in product(Status, Status) if pair[0] is not pair[1]])
def test_the_database_knows_the_same_moves_of_a_sent_payout_as_the_code(connection, old, new):
    add(connection)
    mark(connection)
    for step in PATHS[old]:
        move(connection, step)
    if (old, new) in FOUND_OUT_MOVES:
        move(connection, new)
    else:
        with pytest.raises(DBAPIError, match=f"a {old} transaction cannot become {new}|goes only with a refusal"):
            move(connection, new)


def test_a_sent_payout_has_two_more_moves_than_an_invoice():
    assert {(Status.CREATED, Status.COMPLETED), (Status.CREATED, Status.NOTCOMPLETED)} == FOUND_OUT_MOVES - LEGAL_MOVES


def settle(connection, *, amount, reference, said="completed"):
    pk = add(connection)
    mark(connection)
    move(connection, "pending")
    move(connection, "completed")
    check = run(
        connection,
        """INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, amount, reference, body)
           VALUES (:pk, 'sweep', now(), 1, :said, :amount, :reference, '') RETURNING id""",
        pk=pk,
        said=said,
        amount=amount,
        reference=reference,
    ).scalar_one()
    run(
        connection,
        "INSERT INTO settlements (transaction_pk, check_id, amount, account) VALUES (:pk, :check, 5000, 'default')",
        pk=pk,
        check=check,
    )


@pytest.mark.parametrize("amount", [None, 5000])
@pytest.mark.parametrize("reference", ["", "OUT-1"])
def test_a_payout_is_settled_by_an_answer_that_names_nothing_but_ours(connection, amount, reference):
    settle(connection, amount=amount, reference=reference)
    connection.commit()


@pytest.mark.parametrize(
    "evidence",
    [
        {"amount": 4000, "reference": ""},
        {"amount": None, "reference": "OUT-9"},
        {"amount": None, "reference": "", "said": "pending"},
    ],
    ids=["another sum", "another id", "pending"],
)
def test_an_answer_that_names_what_is_not_ours_settles_no_payout(connection, evidence):
    with pytest.raises(DBAPIError, match="does not justify"):
        settle(connection, **evidence)
