"""Facts about one invoice, made up in a line: all is calm and pending unless said otherwise. Times are seconds ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from models.answers import Said
from models.case import CaseKind
from models.check import Lane
from models.queries.browse import CaseLine
from models.queries.history import CheckLine, History, InvoiceFacts, SettlementLine
from models.queries.overrides import OverrideLine
from models.queries.standing import Standing
from models.queries.stops import StopLine
from models.stop import Switch
from models.transaction import Kind, Mode, Status
from tasks.toolbox import BreakerState, BreakerView, LaneLevel, LockView
from worker.ops.why.facts import Claim, Facts, Fleet

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
AMOUNT = 5000


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def blank(kind: type, /, **values: Any) -> Any:
    """One of these with the values that matter, and nothing in all other places."""
    return kind(**{field.name: None for field in fields(kind)} | values)


def answer(said: Said, asked_ago: float = 20, *, amount: int | None = AMOUNT, reference: str = "ORD-1") -> CheckLine:
    return blank(
        CheckLine,
        id=1,
        lane=Lane.SWEEP,
        asked_at=ago(asked_ago),
        took=0.1,
        said=said,
        amount=amount,
        reference=reference,
    )


def claim(received_ago: float = 60, says: Said = Said.COMPLETED, amount: int | None = AMOUNT) -> Claim:
    return Claim(callback_id=7, received_at=ago(received_ago), says=says, amount=amount)


def stop(switch: Switch) -> StopLine:
    return StopLine(switch=switch, author="Awa", reason="audit", off_at=ago(600), until=ago(-600))


def override(status: Status, made_ago: float = 100) -> OverrideLine:
    return blank(OverrideLine, id=1, new=status, author="Awa", reason="seen at the bank", made_at=ago(made_ago))


def fleet(*, breaker: str = "closed", is_refused: bool = False, room: int = 50, held: bool = False) -> Fleet:
    return Fleet(
        lock=LockView(is_held=held, ends_in=20.0, holder="4711@host"),
        breaker=BreakerView(
            state=BreakerState(breaker), since=ago(90), until=ago(-30), reason="Echec (Code03)", is_refused=is_refused
        ),
        lanes=tuple(LaneLevel(lane=lane, room=room, granted=0) for lane in Lane),
        waiting={"fresh": 0},
    )


def facts(
    status: str = "pending",
    *,
    age: float = 600,
    due_in: float | None = 40,
    parked: bool = False,
    has_token: bool = True,
    begun_ago: float | None = None,
    looked_ago: float | None = None,
    answers: Sequence[CheckLine] = (),
    silences: int = 0,
    claims: Sequence[Claim] = (),
    called_ago: float | None = None,
    cases: Sequence[str] = (),
    settled_by: str = "",
    made: OverrideLine | None = None,
    stops: Sequence[StopLine] = (),
    fleet: Fleet | None = fleet(),  # noqa: B008 - it is frozen
    has_account: bool = True,
    unread: int = 0,
    kind: str = "invoice",
    mode: str = "hosted",
    sent_ago: float | None = None,
    queued_ago: float | None = None,
    approval: str | None = None,
    wait_ended_ago: float | None = None,
    waits_its_turn: bool = False,
) -> Facts:
    """`begun_ago` is a question without an answer so far, `looked_ago` one for a prediction alone, which never has one."""
    invoice = blank(
        InvoiceFacts,
        id=1,
        transaction_id="ORD-1",
        account="default",
        amount=AMOUNT,
        status=Status(status),
        has_token=has_token,
        refusal="the amount is too low",
        refusal_code="",
        mode=Mode(mode),
        asked_operator="",
        created_at=ago(age),
        final_at=ago(30) if status in ("completed", "notcompleted") else None,
        next_check_at=None if due_in is None else ago(-due_in),
        parked_at=ago(100) if parked else None,
        last_asked_at=_last(begun_ago if looked_ago is None else looked_ago, answers),
        asked=len(answers) + (begun_ago is not None),
        answered=len(answers),
        silences=silences,
        now=NOW,
        kind=Kind(kind),
        customer="22670000000" if kind == "payout" else None,
        sent_at=None if sent_ago is None else ago(sent_ago),
        queued_at=None if queued_ago is None else ago(queued_ago),
        wait_ended_at=None if wait_ended_ago is None else ago(wait_ended_ago),
        approval=approval,
        approval_by="Awa" if approval in ("approved", "rejected") else None,
        approval_why="she was paid by hand" if approval in ("approved", "rejected") else None,
        approval_at=ago(50) if approval in ("approved", "rejected") else None,
    )
    kinds = [CaseKind(kind) for kind in cases]
    history = blank(
        History,
        invoice=invoice,
        callbacks=tuple(claims),
        callbacks_in_all=len(claims),
        checks=tuple(answers),
        checks_in_all=len(answers),
        settlement=_settlement(settled_by),
        cases=tuple(blank(CaseLine, id=n, kind=kind, detail="look") for n, kind in enumerate(kinds, start=3)),
        overrides=() if made is None else (made,),
        notices=(),
    )
    return Facts(
        standing=Standing(
            history=history,
            nudged_at=None if called_ago is None else ago(called_ago),
            knocks=(),
            stops=tuple(stops),
            unread=unread,
            oldest_unread_at=None,
            waits_its_turn=waits_its_turn,
        ),
        claims=tuple(claims),
        fleet=fleet,
        has_account=has_account,
        first_check=timedelta(minutes=2),
        longest_question=timedelta(seconds=29),
    )


def _last(begun_ago: float | None, answers: Sequence[CheckLine]) -> datetime | None:
    """What the row keeps: when a question was begun and, of one with an answer, when it was over."""
    times = [check.asked_at + timedelta(seconds=check.took) for check in answers] + (
        [ago(begun_ago)] if begun_ago is not None else []
    )
    return max(times, default=None)


def _settlement(by: str) -> SettlementLine | None:
    if not by:
        return None
    return SettlementLine(
        check_id=1 if by == "check" else None,
        override_id=1 if by == "override" else None,
        amount=AMOUNT,
        settled_at=ago(30),
    )
