"""Sound books in which something is in every state there is, for tests that damage them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from models.answers import Answer, Said
from models.case import CaseKind
from models.errors import GatewayRefused, PayoutUnknown
from models.payout import PayoutOrder
from models.queries.cases import Signature, find_cases
from models.queries.record import NewCase, open_cases
from models.queries.replay.choice import TransactionChoice
from models.session import Sessions, transaction
from models.statement import Line, Terms
from models.transaction import Route, Status
from tasks.cases import ByHand, override
from tasks.intake import intake
from tasks.notify import notify
from tasks.payouts import create, reject
from tasks.reconcile import hold, keep
from tasks.record import record
from tasks.toolbox import Reply
from tests.fakes import Fakes, answers, completed, notcompleted, pending, toolbox
from tests.ledger import LANE, add_created, add_pending, answered, claim, knock, run, value
from tests.plans import approve, plan, run_to_the_end

TODAY = "account default on "
TODAY_OUT = "the same, money out"
"""How fsck names the sums of a day of these books; the day is for who knows it."""


def write_sound_books(sessions: Sessions) -> None:
    """ORD-1 completed, 2 not, 3 pending, 4 parked, 5 completed after all, 6 paid on other terms, 7 waits, 8 refused.

    By hand: ORD-9 completed over what really came, 10 not, and 11 refused. And payouts.
    """
    tools = toolbox(sessions)
    one, two, _, four, five, six = add_pending(sessions, 6)
    seven, eight, *rest = add_created(sessions, 5)
    record(tools, [answered(sessions, one, completed(5000, "ORD-1"))], lane=LANE)
    record(tools, [answered(sessions, two, notcompleted())], lane=LANE)
    decide_by_hand(sessions, *rest)
    write_sound_payouts(sessions)
    run(sessions, "UPDATE transactions SET created_at = created_at - interval '31 days' WHERE id = :pk", pk=four)
    record(tools, [answered(sessions, four, pending())], lane=LANE)
    for answer in (notcompleted(), completed(5000, "ORD-5")):
        run(sessions, "UPDATE transactions SET last_asked_at = NULL WHERE id = :pk", pk=five)
        record(tools, [answered(sessions, five, answer)], lane=LANE)
    record(tools, [answered(sessions, six, completed(4000, "ORD-6"))], lane=LANE)
    run(sessions, "UPDATE transactions SET status = 'refused', next_check_at = NULL WHERE id = :pk", pk=eight)
    read = knock(sessions, claim("ORD-3"), claim("ORD-8"), claim("ORD-99"), b"not a callback")
    intake(tools, read)
    knock(sessions, claim("ORD-7"))
    assert seven
    tell(sessions, {1: answers(200), 2: answers(410), 3: answers(500), 4: answers(204)})
    write_sound_plans(sessions)
    write_sound_differences(sessions)


def write_sound_differences(sessions: Sessions) -> None:
    """1 is a line about nothing in these books, 2 a line about ORD-1 over another sum."""
    today = datetime.now(UTC)
    days = {"start": today - timedelta(days=1), "end": today + timedelta(days=1)}
    terms = Terms(
        account="default", tolerance=timedelta(0), covered_from=days["start"], covered_until=days["end"], **days
    )
    by = Signature(author="awa", reason="the statement of today")
    for line in (Line(number=1, amount=5, reference="NOBODY"), Line(number=2, amount=5, reference="ORD-1")):
        differs = [found for found in hold(sessions, [line], terms) if found.line]
        assert keep(sessions, differs, account="default", file="statement.csv", by=by)


def write_sound_payouts(sessions: Sessions) -> None:
    """OUT-1 completed, 2 sent and unknown, 3 the same and by hand completed, 4 refused, 5 on its way, 6 rejected."""
    fakes = Fakes()
    tools = toolbox(sessions, fakes)
    faults = (None, PayoutUnknown("lost"), PayoutUnknown("lost"), GatewayRefused("no"), None)
    for number, fault in enumerate(faults, start=1):
        fakes.gateway.payouts.send_fault = fault
        with suppress(PayoutUnknown, GatewayRefused):
            create(tools, payout(number))
    record(tools, [answered(sessions, pk_of(sessions, "OUT-1"), Answer(said=Said.COMPLETED))], lane=LANE)
    with transaction(sessions) as step:
        [case] = [case for case in find_cases(step.session, range(20)) if case.transaction_id == "OUT-3"]
    by = Signature(author="awa", reason="paid, says the dashboard")
    assert override(tools, ByHand(case=case, new=Status.COMPLETED, amount=700), by)
    create(toolbox(sessions, fakes, approval_above=1), payout(6))
    reject(tools, "OUT-6", by)


def payout(number: int) -> PayoutOrder:
    return PayoutOrder(transaction_id=f"OUT-{number}", amount=700, route=OUT, customer="22670000000")


def pk_of(sessions: Sessions, transaction_id: str) -> int:
    return value(sessions, "SELECT id FROM transactions WHERE transaction_id = :ours", ours=transaction_id)


OUT = Route.MOBILE_MONEY


def tell(sessions: Sessions, replies: dict[int, Reply]) -> None:
    """Notice 1 is delivered, 2 given up with a case, 3 waits for its next try, 4 is delivered."""
    fakes = Fakes()
    fakes.merchant.says = lambda event: replies[event["seq"]]
    notify(toolbox(sessions, fakes, merchant=fakes.merchant))


def decide_by_hand(sessions: Sessions, nine: int, ten: int, eleven: int) -> None:
    """What two persons made of a mismatch, of a payment that nobody knows any more, and of a hole."""
    tools = toolbox(sessions)
    for pk in (nine, ten):
        run(sessions, "UPDATE transactions SET status = 'pending', token = 't' || id WHERE id = :pk", pk=pk)
    record(tools, [answered(sessions, nine, completed(4000, "ORD-9"))], lane=LANE)
    opened = [
        NewCase(kind=kind, detail="", transaction_pk=pk)
        for pk, kind in ((ten, CaseKind.TOKEN_REFUSED), (eleven, CaseKind.TOKEN_LOST))
    ]
    with transaction(sessions) as step:
        open_cases(step.session, opened)
        matters = {case.transaction_pk: case for case in find_cases(step.session, range(10))}
    awa = Signature(author="awa", reason="seen in the dashboard")
    for pk, new, amount in ((nine, "completed", 4000), (ten, "notcompleted", 0), (eleven, "refused", 0)):
        assert override(tools, ByHand(case=matters[pk], new=Status(new), amount=amount), awa)


def write_sound_plans(sessions: Sessions) -> None:
    """Plan 1 is done, 2 runs, 3 is ready; all about ORD-8, which nobody can ask about."""
    tools = toolbox(sessions)
    one, two, _ = (plan(tools, TransactionChoice(ids=("ORD-8",))) for _ in range(3))
    run_to_the_end(tools, one)
    approve(tools, two)
