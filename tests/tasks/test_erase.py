"""Erasing what one customer asks for: all that names them and is over goes, and nothing of anybody else."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import count

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.customer import customer_of
from models.errors import NotFound
from models.payout import PayoutOrder
from models.queries.cases import Signature
from models.queries.erasures import ErasureLine, list_erasures
from models.queries.events import events_after
from models.queries.retention import Things
from models.session import Sessions, transaction
from models.shelf import Shelf
from models.transaction import Route
from tasks import payouts
from tasks.erase import Kept, begin, carry_on, look
from tasks.intake import intake
from tasks.record import record
from tasks.watch import fsck
from tests.fakes import completed, notcompleted, toolbox
from tests.ledger import LANE, add_pending, answered, claim, knock, rewrite, run, value

AWA, MOUSSA = "22670000000", "22671111111"
BY = Signature(author="fanta", reason="her letter of 2 November")


def ids(sessions: Sessions, what: str) -> list[int]:
    return [number for (number,) in run(sessions, f"SELECT id FROM {what} ORDER BY id")]


def kept(sessions: Sessions, who: str = AWA) -> Kept:
    return look(sessions, customer_of(who))


def erase(sessions: Sessions, who: str = AWA, *, keeps_settled: bool = False, **how) -> dict[str, int]:
    """Ask for it and work it off, as the command does; how many rows of each shelf went."""
    begin(sessions, kept(sessions, who).things, BY, keeps_settled=keeps_settled)
    return {shelf.value: rows for shelf, rows in carry_on(sessions, rest=lambda _: None, **how).items() if rows}


def lines(sessions: Sessions) -> list[ErasureLine]:
    with transaction(sessions) as step:
        return list(reversed(list_erasures(step.session, limit=9, before=99)))


def pay(sessions: Sessions, *numbers: str, answer=completed) -> list[int]:
    """Invoices that each of these numbers paid, with a callback and the gateway's answer that name it."""
    tools, pks = toolbox(sessions), add_pending(sessions, len(numbers))
    run(sessions, "UPDATE transactions SET description = 'Pagne'")
    bodies = [claim(f"ORD-{pk}", customer=number) for pk, number in zip(pks, numbers, strict=True)]
    intake(tools, knock(sessions, *bodies))
    for pk, number in zip(pks, numbers, strict=True):
        body = json.dumps({"customer": number, "status": "as said"}).encode()
        said = answer(5000, f"ORD-{pk}", body=body) if answer is completed else answer(body=body)
        record(tools, [answered(sessions, pk, said)], lane=LANE)
    return pks


def test_all_that_is_theirs_goes_the_evidence_stays_and_nobody_elses_is_touched(sessions):
    pay(sessions, AWA, MOUSSA)
    intake(toolbox(sessions), knock(sessions, claim("ORD-2", customer=MOUSSA, note=f"not {AWA}"), claim("ORD-1")))
    both = ids(sessions, "callbacks")[2]
    with transaction(sessions) as step:
        told = [event.body() for event in events_after(step.session, "default", after=0, limit=9).events]
    proof = run(sessions, "SELECT said, amount, reference, sha256(body) FROM checks WHERE transaction_pk = 1")
    assert kept(sessions).things == Things(transactions=(1,), callbacks=(both,))

    assert erase(sessions) == {"callbacks": 3, "proofs": 1, "settled": 1}
    assert ids(sessions, "callbacks WHERE erased_at IS NULL") == [2]  # what names him alone
    assert run(sessions, "SELECT said, amount, reference, digest FROM checks WHERE transaction_pk = 1") == proof
    assert run(sessions, "SELECT id, description, erased_at IS NULL FROM transactions ORDER BY id") == [
        (1, "", False),
        (2, "Pagne", True),
    ]
    assert value(sessions, "SELECT count(*) FROM settlements") == 2
    with transaction(sessions) as step:
        assert [event.body() for event in events_after(step.session, "default", after=0, limit=9).events] == told
    assert list(fsck(sessions)) == []
    assert kept(sessions).things == Things()
    assert erase(sessions) == {}

    [line] = lines(sessions)  # nothing left to ask for writes down nothing
    assert (line.author, line.reason, line.transactions, line.waiting) == ("fanta", BY.reason, ("ORD-1",), ())
    assert (line.rows[Shelf.CALLBACKS], line.ended_at is not None) == (3, True)
    assert AWA not in str(run(sessions, "SELECT * FROM erasures, erasure_items"))


def test_a_callback_alone_makes_nothing_theirs_and_who_looks_may_know_more(sessions):
    pay(sessions, MOUSSA, MOUSSA, answer=notcompleted)
    rewrite(sessions, "UPDATE transactions SET mode = 'direct', payer = '226******00' WHERE id = 2")
    knocked = knock(sessions, claim("ORD-1", customer=AWA), claim("ORD-2", customer=AWA))
    intake(toolbox(sessions), knocked)
    found = kept(sessions)
    assert (found.things, found.fitting) == (Things(callbacks=tuple(knocked)), (2,))
    assert erase(sessions) == {"callbacks": 2}
    assert value(sessions, "SELECT count(*) FROM checks WHERE erased_at IS NULL") == 2
    assert look(sessions, customer_of(AWA), also=["ORD-2"]).things == Things(transactions=(2,))
    with pytest.raises(NotFound):
        look(sessions, customer_of(AWA), also=["ORD-9"])


def test_what_is_open_waits_and_goes_by_itself_once_it_is_over(sessions):
    tools = toolbox(sessions)
    order = PayoutOrder(transaction_id="OUT-1", amount=700, route=Route.MOBILE_MONEY, customer=AWA)
    payouts.create(tools, order)
    pay(sessions, AWA)
    knock(sessions, claim(None, customer=AWA))  # nobody has read it yet
    assert erase(sessions) == {"callbacks": 1, "proofs": 1, "settled": 1}
    [line] = lines(sessions)
    assert (line.waiting, len(line.waiting_callbacks), line.ended_at) == (("OUT-1",), 1, None)
    assert list(fsck(sessions)) == []
    assert erase(sessions) == {}
    assert [line.waiting for line in lines(sessions)] == [("OUT-1",)]  # what waits is not asked for a second time

    record(tools, [answered(sessions, 1, completed(700, "OUT-1"))], lane=LANE)
    run(sessions, "UPDATE callbacks SET outcome = 'unreadable', next_try_at = NULL WHERE outcome = 'received'")
    run(
        sessions,
        "INSERT INTO cases (kind, callback_id, detail, resolved_at, resolution)"
        " SELECT 'unreadable', id, '', now(), 'x' FROM callbacks WHERE outcome = 'unreadable'",
    )
    assert carry_on(sessions, rest=lambda _: None) == {Shelf.CALLBACKS: 1, Shelf.SETTLED: 1}
    assert all(line.ended_at for line in lines(sessions))
    assert run(sessions, "SELECT customer FROM transactions WHERE id = 1") == [("",)]
    assert list(fsck(sessions)) == []


class _Killed(BaseException):
    """The process is gone."""


def _deadly(*, after: int):
    """A rest in which the process is killed, after so many from which it came back."""
    rests = count(1)

    def rest(_: float) -> None:
        if next(rests) > after:
            raise _Killed

    return rest


def test_killed_at_any_step_it_goes_on_and_each_row_goes_once(sessions):
    pks = pay(sessions, *[AWA] * 12, answer=notcompleted)
    begin(sessions, kept(sessions).things, BY, keeps_settled=False)
    deaths = 0
    while not lines(sessions)[0].ended_at:  # each run comes one step further than the one before, and is then cut short
        with suppress(_Killed):
            carry_on(sessions, rest=_deadly(after=deaths))
        deaths += 1
    assert deaths > 5
    total = lines(sessions)[0].rows
    assert total == {Shelf.CALLBACKS: 12, Shelf.ANSWERS: 12, Shelf.PERSONS: 12, Shelf.PROOFS: 0, Shelf.SETTLED: 0}
    assert value(sessions, "SELECT count(*) FROM transactions WHERE erased_at IS NOT NULL") == len(pks)
    assert list(fsck(sessions)) == []


def test_what_is_settled_can_be_kept_for_the_accounts(sessions):
    pay(sessions, AWA)
    assert erase(sessions, keeps_settled=True) == {"callbacks": 1}
    assert value(sessions, "SELECT description FROM transactions") == "Pagne"
    assert list(fsck(sessions)) == []
    assert erase(sessions, keeps_settled=True) == {}
    assert erase(sessions) == {"proofs": 1, "settled": 1}


def test_the_database_refuses_to_erase_what_is_open_even_so(sessions):
    add_pending(sessions)
    with pytest.raises(DBAPIError, match="something about it is open"), transaction(sessions) as step:
        step.session.execute(text("UPDATE transactions SET customer = customer, erased_at = now(), description = ''"))
