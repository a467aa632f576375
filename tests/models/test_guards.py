"""What the database itself refuses, whatever the code above it does: each rule is broken on purpose, by plain SQL."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.transaction import LEGAL_MOVES, Status

INSERT = """
    INSERT INTO transactions (kind, transaction_id, amount, status, order_digest, next_check_at)
    VALUES ('invoice', :ours, :amount, :status, '\\x00', now()) RETURNING id
"""


@pytest.fixture
def engine(sessions):
    return sessions.kw["bind"]


def add(connection, *, ours="ORD-1", amount=5000, status="created") -> int:
    return connection.scalar(text(INSERT), {"ours": ours, "amount": amount, "status": status})


def move(connection, pk: int, status: str) -> None:
    connection.execute(
        text("UPDATE transactions SET status = :status, token = COALESCE(token, 't' || id) WHERE id = :pk"),
        {"pk": pk, "status": status},
    )


def check(connection, pk: int, *, said="completed", amount=5000, reference="ORD-1") -> int:
    return connection.scalar(
        text("""INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, amount, reference, body)
                VALUES (:pk, 'sweep', now(), 1, :said, :amount, :reference, '') RETURNING id"""),
        {"pk": pk, "said": said, "amount": amount, "reference": reference},
    )


def settle(connection, pk: int, check_id: int, *, amount=5000, account="default") -> None:
    connection.execute(
        text(
            "INSERT INTO settlements (transaction_pk, check_id, amount, account) VALUES (:pk, :check, :amount, :account)"
        ),
        {"pk": pk, "check": check_id, "amount": amount, "account": account},
    )


PATHS = {
    Status.CREATED: [],
    Status.REFUSED: [Status.REFUSED],
    Status.PENDING: [Status.PENDING],
    Status.COMPLETED: [Status.PENDING, Status.COMPLETED],
    Status.NOTCOMPLETED: [Status.PENDING, Status.NOTCOMPLETED],
}


@pytest.mark.parametrize(("old", "new"), [pair for pair in product(Status, Status) if pair[0] is not pair[1]])
def test_the_database_knows_the_same_legal_moves_as_the_code(engine, old, new):
    with engine.connect() as connection:
        pk = add(connection)
        for step in PATHS[old]:
            move(connection, pk, step)
        if (old, new) in LEGAL_MOVES:
            move(connection, pk, new)
        else:
            with pytest.raises(DBAPIError, match=f"a {old} transaction cannot become {new}"):
                move(connection, pk, new)


@pytest.mark.parametrize("status", ["completed", "notcompleted"])
@pytest.mark.parametrize(("mode", "payer"), [("hosted", ""), ("direct", "226******01"), ("wallet", "226******01")])
def test_of_what_has_no_token_a_person_may_find_out_what_became_unless_it_was_to_be_paid_on_a_page(
    engine, mode, payer, status
):
    with engine.connect() as connection:
        insert = INSERT.replace("(kind,", "(mode, payer, kind,").replace("('invoice',", "(:mode, :payer, 'invoice',")
        terms = {"ours": "ORD-1", "amount": 5000, "status": "created", "mode": mode, "payer": payer}
        connection.execute(text(insert), terms)
        found_out = text("UPDATE transactions SET status = :status")
        if mode == "hosted":
            with pytest.raises(DBAPIError, match="cannot become"):
                connection.execute(found_out, {"status": status})
        else:
            connection.execute(found_out, {"status": status})


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CREATED])
def test_a_transaction_begins_as_created(engine, status):
    with engine.connect() as connection, pytest.raises(DBAPIError, match="begins as created"):
        add(connection, status=status)


@pytest.mark.parametrize("amount", [0, -5])
def test_an_amount_is_positive(engine, amount):
    with engine.connect() as connection, pytest.raises(DBAPIError, match="positive_amount"):
        add(connection, amount=amount)


@pytest.mark.parametrize(
    "statement",
    [
        "amount = 4000",
        "transaction_id = 'ORD-2'",
        "account = 'other'",
        "kind = 'payout'",
        "mode = 'direct'",
        "payer = '226******00'",
        "asked_operator = '12'",
    ],
)
def test_the_terms_of_a_transaction_never_change(engine, statement):
    with engine.connect() as connection:
        add(connection)
        with pytest.raises(DBAPIError, match="never change"):
            connection.execute(text(f"UPDATE transactions SET {statement}"))


@pytest.mark.parametrize(
    ("mode", "payer", "rule"),
    [("cash", "226******00", "known_mode"), ("direct", "", "payer"), ("hosted", "226", "payer")],
)
def test_a_payin_has_a_mode_we_know_and_a_payer_where_the_mode_has_one(engine, mode, payer, rule):
    insert = INSERT.replace("(kind,", "(mode, payer, kind,").replace("('invoice',", "(:mode, :payer, 'invoice',")
    with engine.connect() as connection, pytest.raises(DBAPIError, match=rule):
        connection.execute(
            text(insert), {"ours": "ORD-1", "amount": 5000, "status": "created", "mode": mode, "payer": payer}
        )


def test_an_open_transaction_has_a_next_check_or_is_parked(engine):
    with engine.connect() as connection:
        add(connection)
        with pytest.raises(DBAPIError, match="never_quiet"):
            connection.execute(text("UPDATE transactions SET next_check_at = NULL"))


def test_completed_without_a_settlement_cannot_be_committed(engine):
    with pytest.raises(DBAPIError, match="completed without a settlement"), engine.begin() as connection:
        pk = add(connection)
        move(connection, pk, "pending")
        move(connection, pk, "completed")


def completed(connection) -> int:
    pk = add(connection)
    move(connection, pk, "pending")
    move(connection, pk, "completed")
    return pk


def test_a_settlement_that_rests_on_its_evidence_is_taken(engine):
    with engine.begin() as connection:
        pk = completed(connection)
        settle(connection, pk, check(connection, pk))


@pytest.mark.parametrize(
    "evidence", [{"said": "pending"}, {"amount": 4000}, {"amount": None}, {"reference": "ORD-9"}, {"reference": ""}]
)
def test_a_settlement_without_that_evidence_is_refused(engine, evidence):
    with engine.connect() as connection:
        pk = completed(connection)
        proof = check(connection, pk, **evidence)
        with pytest.raises(DBAPIError, match="does not justify"):
            settle(connection, pk, proof)


@pytest.mark.parametrize("terms", [{"amount": 4000}, {"account": "other"}])
def test_a_settlement_on_other_terms_than_its_transaction_is_refused(engine, terms):
    with engine.connect() as connection:
        pk = completed(connection)
        proof = check(connection, pk)
        with pytest.raises(DBAPIError, match="does not justify"):
            settle(connection, pk, proof, **terms)


def test_the_evidence_of_one_transaction_settles_no_other(engine):
    with engine.connect() as connection:
        pk = completed(connection)
        other = add(connection, ours="ORD-2")
        with pytest.raises(DBAPIError, match="does not justify"):
            settle(connection, pk, check(connection, other))


def test_a_pending_transaction_is_not_settled(engine):
    with engine.connect() as connection:
        pk = add(connection)
        move(connection, pk, "pending")
        with pytest.raises(DBAPIError, match="does not justify"):
            settle(connection, pk, check(connection, pk))


def test_nothing_is_settled_twice(engine):
    with engine.connect() as connection:
        pk = completed(connection)
        settle(connection, pk, check(connection, pk))
        with pytest.raises(DBAPIError, match="pk_settlements"):
            settle(connection, pk, check(connection, pk))


@pytest.mark.parametrize(
    "change",
    [
        "said = 'completed'",
        "amount = 5000",
        "reference = 'ORD-1'",
        "asked_at = now()",
        "lane = 'person'",
        "transaction_pk = transaction_pk + 1",
    ],
)
def test_what_the_gateway_answered_is_never_rewritten(engine, change):
    with engine.connect() as connection:
        check(connection, add(connection), said="pending", amount=None, reference="")
        with pytest.raises(DBAPIError, match="never rewritten"):
            connection.execute(text(f"UPDATE checks SET {change}"))


def test_the_verbatim_answer_of_an_open_payment_is_not_erased(engine):
    with engine.connect() as connection:
        check(connection, add(connection))
        with pytest.raises(DBAPIError, match="something about its transaction is open"):
            connection.execute(text("UPDATE checks SET body = '', digest = sha256(body), erased_at = now()"))


def test_the_evidence_of_a_settlement_cannot_be_removed(engine):
    with engine.connect() as connection:
        pk = completed(connection)
        settle(connection, pk, check(connection, pk))
        with pytest.raises(DBAPIError, match="fk_settlements_check_id"):
            connection.execute(text("DELETE FROM checks"))


@pytest.mark.parametrize("statement", ["UPDATE settlements SET amount = amount", "DELETE FROM settlements"])
def test_a_settlement_is_final(engine, statement):
    with engine.connect() as connection:
        pk = completed(connection)
        settle(connection, pk, check(connection, pk))
        with pytest.raises(DBAPIError, match="never changed or removed"):
            connection.execute(text(statement))


def override(connection, pk: int, *, about: int | None = None, new="completed", amount=4000, author="awa") -> int:
    """A change by hand, because of a case about `about`, or about the transaction itself."""
    case = connection.scalar(
        text("INSERT INTO cases (kind, transaction_pk, detail) VALUES ('mismatch', :pk, '') RETURNING id"),
        {"pk": about or pk},
    )
    return connection.scalar(
        text("""INSERT INTO overrides (transaction_pk, case_id, old_status, new_status, amount, author, reason)
                VALUES (:pk, :case, 'pending', :new, :amount, :author, 'x') RETURNING id"""),
        {"pk": pk, "case": case, "new": new, "amount": amount, "author": author},
    )


def settle_by_hand(connection, pk: int, override_id: int | None, *, amount=4000, account="default") -> None:
    connection.execute(
        text(
            "INSERT INTO settlements (transaction_pk, override_id, amount, account) VALUES (:pk, :hand, :amount, :account)"
        ),
        {"pk": pk, "hand": override_id, "amount": amount, "account": account},
    )


def test_a_settlement_that_a_person_answers_for_is_taken_over_another_amount(engine):
    with engine.begin() as connection:
        pk = completed(connection)
        settle_by_hand(connection, pk, override(connection, pk))


@pytest.mark.parametrize("terms", [{"amount": 5000}, {"account": "other"}])
def test_a_settlement_on_other_terms_than_its_override_is_refused(engine, terms):
    with engine.connect() as connection:
        pk = completed(connection)
        made = override(connection, pk)
        with pytest.raises(DBAPIError, match="does not justify"):
            settle_by_hand(connection, pk, made, **terms)


def test_an_override_that_says_otherwise_settles_nothing(engine):
    with engine.connect() as connection:
        pk = completed(connection)
        made = override(connection, pk, new="notcompleted", amount=0)
        with pytest.raises(DBAPIError, match="does not justify"):
            settle_by_hand(connection, pk, made)


def test_the_override_of_one_transaction_settles_no_other(engine):
    with engine.connect() as connection:
        pk = completed(connection)
        other = add(connection, ours="ORD-2")
        made = override(connection, other)
        with pytest.raises(DBAPIError, match="does not justify"):
            settle_by_hand(connection, pk, made)


def test_a_pending_transaction_is_not_settled_by_hand_either(engine):
    with engine.connect() as connection:
        pk = add(connection)
        move(connection, pk, "pending")
        made = override(connection, pk)
        with pytest.raises(DBAPIError, match="does not justify"):
            settle_by_hand(connection, pk, made)


def test_a_settlement_rests_on_one_ground_alone(engine):
    with engine.connect() as connection:
        pk = completed(connection)
        with pytest.raises(DBAPIError, match="does not justify"):
            settle_by_hand(connection, pk, None)
    with engine.connect() as connection:
        pk = completed(connection)
        proof, made = check(connection, pk), override(connection, pk, amount=5000)
        with pytest.raises(DBAPIError, match="one_ground"):
            connection.execute(
                text("INSERT INTO settlements VALUES (:pk, :proof, 'default', 5000, now(), :made)"),
                {"pk": pk, "proof": proof, "made": made},
            )


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ({"author": ""}, "answered_for"),
        ({"amount": 0}, "amount_of_money_that_moved"),
        ({"new": "notcompleted"}, "amount_of_money_that_moved"),
    ],
)
def test_an_override_names_who_answers_for_it_and_what_moved(engine, terms, rule):
    with engine.connect() as connection:
        pk = completed(connection)
        with pytest.raises(DBAPIError, match=rule):
            override(connection, pk, **terms)


def test_an_override_belongs_to_a_case_about_its_transaction(engine):
    with engine.connect() as connection:
        pk = completed(connection)
        other = add(connection, ours="ORD-2")
        with pytest.raises(DBAPIError, match="is not about transaction"):
            override(connection, pk, about=other)


@pytest.mark.parametrize("statement", ["UPDATE overrides SET reason = 'y'", "DELETE FROM overrides"])
def test_an_override_is_final(engine, statement):
    with engine.connect() as connection:
        override(connection, completed(connection))
        with pytest.raises(DBAPIError, match="never changed or removed"):
            connection.execute(text(statement))
