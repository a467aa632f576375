"""Pages neither repeat nor skip a row, a history tells everything once, and looking changes nothing."""

from __future__ import annotations

import dataclasses

import pytest

from models.callback import Outcome
from models.case import CaseKind
from models.check import Lane
from models.errors import StoreAway
from models.queries.browse import Paging, find_callback, list_callbacks, list_invoices
from models.queries.history import find_history
from models.session import transaction
from models.transaction import Status
from tasks.confirm import confirm
from tasks.intake import intake
from tests.fakes import Fakes, completed, pending, toolbox
from tests.ledger import add_created, add_pending, claim, knock, let_pass, run


@pytest.fixture
def fakes():
    return Fakes()


@pytest.fixture
def tools(sessions, fakes):
    return toolbox(sessions, fakes)


def invoices(sessions, *, limit=2, status=None, **paging):
    with transaction(sessions) as step:
        return list_invoices(step.session, Paging(limit=limit, **paging), status=status)


def callbacks(sessions, *, limit=2, outcome=None, **paging):
    with transaction(sessions) as step:
        return list_callbacks(step.session, Paging(limit=limit, **paging), outcome=outcome)


def history(sessions, transaction_id="ORD-1", **more):
    with transaction(sessions) as step:
        return find_history(step.session, transaction_id, **more)


def every_page(look, sessions, **more):
    """The ids of all pages, following `next` to the end."""
    ids, after = [], None
    while True:
        page = look(sessions, after=after, **more)
        ids += [line.id for line in page.items]
        if page.next is None:
            return ids
        after = page.next


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_pages_put_together_are_the_whole_list_in_its_order(sessions, count, oldest_first):
    pks = add_pending(sessions, count) if count else []
    assert every_page(invoices, sessions, oldest_first=oldest_first) == (pks if oldest_first else pks[::-1])


def test_a_page_that_ends_exactly_at_the_end_names_no_next_page(sessions):
    add_pending(sessions, 2)
    page = invoices(sessions, limit=2)
    assert (len(page.items), page.next) == (2, None)


def test_an_invoice_made_between_two_pages_shifts_nothing(sessions):
    first, second, third, fourth = add_pending(sessions, 4)
    page = invoices(sessions)
    add_pending(sessions, 1)
    assert [line.id for line in page.items] == [fourth, third]
    assert [line.id for line in invoices(sessions, after=page.next).items] == [second, first]


def test_a_page_past_the_end_is_empty(sessions):
    [only] = add_pending(sessions)
    page = invoices(sessions, after=only)
    assert (page.items, page.next) == ((), None)


def test_a_status_chooses_its_invoices(sessions):
    [opened] = add_pending(sessions)
    [hole] = add_created(sessions)
    assert [line.id for line in invoices(sessions, status=Status.PENDING).items] == [opened]
    assert [line.id for line in invoices(sessions, status=Status.CREATED).items] == [hole]


def test_a_line_tells_open_cases_and_keeps_quiet_about_resolved_ones(sessions):
    [pk] = add_pending(sessions)
    for kind in ("mismatch", "parked"):
        run(sessions, "INSERT INTO cases (kind, transaction_pk, detail) VALUES (:kind, :pk, 'look')", kind=kind, pk=pk)
    run(sessions, "UPDATE cases SET resolved_at = now() WHERE kind = 'parked'")
    [line] = invoices(sessions).items
    assert line.open_cases == (CaseKind.MISMATCH,)


def test_callbacks_come_in_pages_and_by_outcome(sessions, tools):
    add_pending(sessions)
    ids = knock(sessions, claim("ORD-1"), b"gibberish", claim("ORD-1", "pending"))
    intake(tools, ids)
    assert every_page(callbacks, sessions) == ids[::-1]
    [unreadable] = callbacks(sessions, outcome=Outcome.UNREADABLE).items
    assert (unreadable.id, unreadable.size, unreadable.transaction_id) == (ids[1], 9, None)
    assert {line.transaction_id for line in callbacks(sessions, outcome=Outcome.MATCHED).items} == {"ORD-1"}


def test_a_callback_comes_with_its_bytes_and_its_cases(sessions, tools):
    ids = knock(sessions, b"gibberish\x00\xff")
    intake(tools, ids)
    with transaction(sessions) as step:
        found = find_callback(step.session, ids[0])
    assert found.body == b"gibberish\x00\xff"
    assert [case.kind for case in found.cases] == [CaseKind.UNREADABLE]


def test_a_callback_nobody_stored_is_none(sessions):
    with transaction(sessions) as step:
        assert find_callback(step.session, 1) is None


def test_a_repeat_is_the_same_body_about_the_same_transaction(sessions, tools):
    add_pending(sessions, 2)
    ids = knock(sessions, claim("ORD-1"), claim("ORD-2"), claim("ORD-1"), claim("ORD-1", "pending"))
    intake(tools, ids)
    with transaction(sessions) as step:
        repeats = [find_callback(step.session, i).repeats for i in ids]
    assert repeats == [None, None, ids[0], None]


def test_a_history_tells_callbacks_questions_settlement_and_notice(sessions, tools, fakes):
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", pending(), completed(5000, "ORD-1", operator_name="ORANGE BURKINA"))
    ids = knock(sessions, claim("ORD-1"), claim("ORD-1"))
    intake(tools, ids)
    confirm(tools, [pk], lane=Lane.CALLBACK)
    let_pass(sessions, 10)
    confirm(tools, [pk], lane=Lane.SWEEP)

    told = history(sessions)

    assert (told.invoice.status, told.invoice.asked, told.invoice.operator_name) == ("completed", 2, "ORANGE BURKINA")
    assert [(one.line.id, one.repeats) for one in told.callbacks] == [(ids[0], None), (ids[1], ids[0])]
    assert [(check.lane, check.said) for check in told.checks] == [("callback", "pending"), ("sweep", "completed")]
    assert (told.settlement.amount, told.settlement.check_id) == (5000, told.checks[1].id)
    assert [notice.kind for notice in told.notices] == ["completed"]
    assert told.cases == ()


def test_a_history_of_nobody_is_none(sessions):
    assert history(sessions, "nobody") is None


def test_a_long_history_keeps_the_newest_and_counts_the_rest(sessions, tools):
    add_pending(sessions)
    ids = knock(sessions, *(claim("ORD-1", "pending", n=n) for n in range(5)))
    intake(tools, ids)
    told = history(sessions, newest=2)
    assert [one.line.id for one in told.callbacks] == ids[-2:]
    assert told.callbacks_in_all == 5


def test_a_repeat_is_recognised_even_when_the_first_is_too_old_to_be_told(sessions, tools):
    add_pending(sessions)
    ids = knock(sessions, claim("ORD-1"), claim("ORD-1", "pending"), claim("ORD-1"))
    intake(tools, ids)
    [last] = history(sessions, newest=1).callbacks
    assert (last.line.id, last.repeats) == (ids[2], ids[0])


def test_a_history_holds_no_token_and_its_repr_no_payment_address(sessions):
    [pk] = add_pending(sessions)
    run(sessions, "UPDATE transactions SET payment_url = 'https://gateway.example/pay/secret' WHERE id = :pk", pk=pk)
    told = history(sessions)
    assert "token-of-ORD-1" not in str(dataclasses.asdict(told))
    assert "secret" not in repr(told)


def test_the_transaction_of_a_history_can_write_nothing(sessions):
    add_pending(sessions)
    with pytest.raises(StoreAway, match="read-only"), transaction(sessions) as step:
        find_history(step.session, "ORD-1")
        step.session.connection().exec_driver_sql("UPDATE transactions SET amount = 1")
