"""What is due: claimed oldest first, by one sweeper only, for a while only, at a cost that does not grow with the table."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from models.queries import due
from models.queries.due import ClaimedCallback
from models.session import transaction
from tests.ledger import LEASE, add_created, add_pending, all_at_once, due_in, knock, let_pass, row, run


def claim(sessions, limit=200):
    with transaction(sessions) as step:
        return due.claim_transactions(step.session, until=due.now(step.session), limit=limit, lease=LEASE)


def claim_callbacks(sessions, limit=200):
    with transaction(sessions) as step:
        return due.claim_callbacks(step.session, until=due.now(step.session), limit=limit, lease=LEASE)


def test_the_longest_overdue_are_claimed_first(sessions):
    pks = add_pending(sessions, 5, due_in=60)
    for place, pk in enumerate(pks):
        run(
            sessions,
            "UPDATE transactions SET next_check_at = now() - :by WHERE id = :pk",
            pk=pk,
            by=timedelta(seconds=place),
        )
    assert claim(sessions, limit=2) == pks[3:]
    assert claim(sessions, limit=2) == pks[1:3]
    assert claim(sessions, limit=2) == pks[:1]


def test_what_is_not_due_yet_is_left_alone(sessions):
    add_pending(sessions, due_in=60)
    assert claim(sessions) == []


def test_what_became_due_after_the_sweep_began_waits_for_the_next(sessions):
    with transaction(sessions) as step:
        began = due.now(step.session)
    add_pending(sessions, due_in=0)
    with transaction(sessions) as step:
        assert due.claim_transactions(step.session, until=began, limit=10, lease=LEASE) == []


def test_a_claimed_row_is_due_again_when_its_lease_is_over(sessions):
    [pk] = add_pending(sessions, due_in=-1)
    assert claim(sessions) == [pk]
    assert claim(sessions) == []
    assert 38 < due_in(sessions, pk) <= 39
    let_pass(sessions, 40)
    assert claim(sessions) == [pk]


def test_sweepers_that_race_never_share_a_row_and_leave_none(sessions):
    pks = add_pending(sessions, 2000, due_in=-1)

    def sweep():
        mine = []
        while batch := claim(sessions, limit=50):
            mine += batch
        return mine

    shares = all_at_once(*[sweep] * 4)
    leftover = sweep()  # a claim may come back short while others hold rows; what it leaves stays due
    everything = [pk for share in [*shares, leftover] for pk in share]
    assert sorted(everything) == pks


def test_a_row_somebody_holds_is_skipped_without_waiting(sessions):
    first, second = add_pending(sessions, 2, due_in=-1)
    with transaction(sessions) as holder:
        holder.session.execute(text("SELECT 1 FROM transactions WHERE id = :pk FOR UPDATE"), {"pk": first})
        assert claim(sessions) == [second]


def test_final_rows_without_a_date_are_never_claimed_and_dated_ones_are(sessions):
    [pk] = add_pending(sessions, due_in=-1)
    run(sessions, "UPDATE transactions SET status = 'notcompleted', next_check_at = NULL")
    assert claim(sessions) == []
    run(sessions, "UPDATE transactions SET next_check_at = now()")
    assert claim(sessions) == [pk]


def park(sessions, limit=10):
    with transaction(sessions) as step:
        return list(due.park_holes(step.session, limit=limit))


def test_a_create_without_a_reply_is_parked_after_its_grace_and_never_claimed(sessions):
    [hole] = add_created(sessions)
    assert park(sessions) == []
    let_pass(sessions, 121)
    assert claim(sessions) == []
    assert park(sessions) == [hole]
    assert row(sessions, hole).parked_at is not None
    assert due_in(sessions, hole) is None
    assert park(sessions) == []


def test_what_has_a_token_is_no_hole(sessions):
    add_pending(sessions, due_in=-1)
    assert park(sessions) == []


def test_claiming_a_callback_leases_it_and_counts_no_attempt(sessions):
    [callback] = knock(sessions, b"{}")
    assert claim_callbacks(sessions) == []
    let_pass(sessions, 6)
    assert claim_callbacks(sessions) == [ClaimedCallback(id=callback, attempts=0)]
    assert claim_callbacks(sessions) == []
    let_pass(sessions, 40)
    assert claim_callbacks(sessions) == [ClaimedCallback(id=callback, attempts=0)]


def test_sweepers_that_race_never_share_a_callback_and_leave_none(sessions):
    ids = knock(sessions, *[b"{}"] * 2000)
    let_pass(sessions, 6)

    def sweep():
        mine = []
        while batch := claim_callbacks(sessions, limit=50):
            mine += [claimed.id for claimed in batch]
        return mine

    shares = all_at_once(*[sweep] * 4)
    leftover = sweep()  # a claim may come back short while others hold rows; what it leaves stays due
    everything = [callback for share in [*shares, leftover] for callback in share]
    assert sorted(everything) == ids


def test_a_callback_somebody_holds_is_skipped_without_waiting(sessions):
    first, second = knock(sessions, b"{}", b"{}")
    let_pass(sessions, 6)
    with transaction(sessions) as holder:
        holder.session.execute(text("SELECT 1 FROM callbacks WHERE id = :pk FOR UPDATE"), {"pk": first})
        assert claim_callbacks(sessions) == [ClaimedCallback(id=second, attempts=0)]


def plan(sessions, statement, mode):
    """The plan of a claim of 50 rows, as it really ran, rolled back."""
    session = sessions()
    try:
        session.execute(text(f"SET LOCAL plan_cache_mode = {mode}"))
        # Prepared in SQL: only so can it be told which kind of plan to make. Drivers prepare what they run often.
        numbered = statement.text.replace(":until", "$1").replace(":limit", "$2").replace(":lease", "$3")
        numbered = numbered.replace(":called_back", "FALSE").replace(":answers", "'{}'")
        session.connection().exec_driver_sql(f"PREPARE claim (timestamptz, bigint, interval) AS {numbered}")
        explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE claim (clock_timestamp(), 50, '39 s')"
        [found] = session.connection().exec_driver_sql(explain).scalar_one()
        session.connection().exec_driver_sql("DEALLOCATE claim")
        return found["Plan"]
    finally:
        session.rollback()
        session.close()


def nodes(node):
    yield node
    for inner in node.get("Plans", []):
        yield from nodes(inner)


def fill(sessions, total):
    """A table in which one row in ten is open, and all open ones are due."""
    add_pending(sessions, total, due_in=-60)
    run(sessions, "UPDATE transactions SET status = 'notcompleted', next_check_at = NULL WHERE id % 10 <> 0")
    run(sessions, "UPDATE transactions SET next_check_at = next_check_at - id * interval '1 ms' WHERE id % 10 = 0")
    with sessions.kw["bind"].connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE transactions"))


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_a_claim_reads_the_index_of_due_rows_and_costs_the_same_in_a_table_twenty_times_as_long(sessions, mode):
    buffers = {}
    for total, more in ((1_000, 1_000), (20_000, 19_000)):
        fill(sessions, more)
        found = plan(sessions, due.CLAIM_TRANSACTIONS, mode)
        scans = [node for node in nodes(found) if "Scan" in node["Node Type"]]
        assert "Seq Scan" not in {node["Node Type"] for node in scans}
        [inner] = [node for node in scans if node.get("Index Name") == "ix_transactions_due"]
        assert inner["Actual Rows"] <= 51
        buffers[total] = sum(node["Shared Hit Blocks"] + node["Shared Read Blocks"] for node in scans)
    assert buffers[20_000] <= 2 * buffers[1_000]


@pytest.mark.parametrize("limit", [1, 7])
def test_no_claim_takes_more_than_its_limit(sessions, limit):
    add_pending(sessions, 20, due_in=-1)
    add_created(sessions, 20)
    knock(sessions, *[b"{}"] * 20)
    let_pass(sessions, 121)
    assert len(claim(sessions, limit=limit)) == limit
    assert len(park(sessions, limit=limit)) == limit
    assert len(claim_callbacks(sessions, limit=limit)) == limit
