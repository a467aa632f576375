"""Record answers: evidence, verdict, move, settlement, notice and next check, all in one transaction per handful."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.orm import Session

from config import policy
from models.answers import Answer, Said
from models.case import CaseKind
from models.check import Lane
from models.decisions import Verdict, When, hold_back, judge
from models.errors import TryAgain
from models.queries import record as recording
from models.queries import stops
from models.queries.ask import Question, Subject, lock_subjects
from models.queries.record import Move, NewCase, NewCheck, NextCheck
from models.session import transaction
from models.stop import Switch
from models.transaction import Kind, Status
from tasks.meter import MovedOne
from tasks.toolbox import Toolbox

log = structlog.get_logger()

NOT_THE_ANSWERS_FAULT = (TryAgain, SoftTimeLimitExceeded)
"""What stops a whole handful: the database is gone, or the task's time is over."""

ADVICE = {
    CaseKind.MISMATCH: "Nothing was settled. Compare with the gateway's dashboard, then credit or refund by hand.",
    CaseKind.LATE_SUCCESS: "It was settled. The order may have been given up meanwhile: deliver, or refund.",
    CaseKind.CONTRADICTION: "Nothing moved. Ask LigdiCash support which is true, with the evidence of both answers.",
    CaseKind.TOKEN_REFUSED: "Look the payment up in the gateway's dashboard, or ask LigdiCash support.",
    CaseKind.PARKED: "Nothing final in all this time. A callback would wake it up; else look it up in the dashboard.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question with its answer."""

    question: Question
    answer: Answer

    @property
    def over_at(self) -> datetime:
        """When the answer was here, or was waited for no longer."""
        return self.question.asked_at + timedelta(seconds=self.answer.took)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One answer with what it means and what is done about it."""

    answered: Answered
    subject: Subject
    verdict: Verdict
    wait: timedelta | None
    parks: bool

    @property
    def case(self) -> CaseKind | None:
        """What a person has to look at, if anything."""
        return self.verdict.case or (self.verdict.last_resort if self.parks else None)


def record(tools: Toolbox, answers: Sequence[Answered], *, lane: Lane) -> None:
    """Record all of them together; should that fail, each alone, so that one bad item never fails its batch.

    Raises `StoreAway` when the database is gone: then nothing was recorded and every row is due again by its lease.
    """
    try:
        _record(tools, answers, lane=lane)
    except NOT_THE_ANSWERS_FAULT:
        raise
    except Exception:
        log.exception("handful_not_recorded", count=len(answers))
        for answered in answers:
            _record_alone(tools, answered, lane=lane)


def _record_alone(tools: Toolbox, answered: Answered, *, lane: Lane) -> None:
    """Record one answer as it is, or, when the tables won't have it, that there was one nobody can use."""
    try:
        _record(tools, [answered], lane=lane)
    except NOT_THE_ANSWERS_FAULT:
        raise
    except Exception as exc:
        log.exception("answer_not_recorded", trace=answered.question.trace)
        trouble = f"the answer could not be recorded as it is ({type(exc).__name__})"
        answer = Answer(said=Said.UNKNOWN, trouble=trouble, body=answered.answer.body)
        try:
            _record(tools, [replace(answered, answer=answer)], lane=lane)
        except NOT_THE_ANSWERS_FAULT:
            raise
        except Exception:
            log.exception("answer_left_to_the_lease", trace=answered.question.trace)


def _record(tools: Toolbox, answers: Sequence[Answered], *, lane: Lane) -> None:
    by_id = {answered.question.transaction_pk: answered for answered in answers}
    with transaction(tools.sessions) as step:
        subjects = lock_subjects(step.session, sorted(by_id))
        judged = [_judge(subject, by_id[subject.id], jitter=tools.draw()) for subject in subjects]
        judged = _hold_back(step.session, judged, jitter=tools.draw())
        check_ids = _keep_evidence(step.session, judged, lane=lane)
        won, announced = _move(step.session, judged, check_ids)
        recording.schedule(step.session, [_next_check(one) for one in judged])
        recording.open_cases(step.session, [case for one in judged if (case := _case(one, check_ids))])
        recording.add_notices(step.session, won, accounts={one.subject.id: one.subject.account for one in judged})
        if won and tools.merchant is not None:
            step.after_commit.append(tools.queue.deliver_soon)
    _tell(judged, lane)
    by_pk = {one.subject.id: one for one in judged}
    tools.meter.moved([_moved(by_pk[one.transaction_pk], one, announced, lane=lane) for one in won])


def _judge(subject: Subject, answered: Answered, *, jitter: float) -> Judged:
    asked_at = answered.question.asked_at
    verdict = judge(subject.books, answered.answer, asked_at=asked_at)
    if subject.held_asked_at is not None and asked_at < subject.held_asked_at:
        verdict = hold_back(verdict, why="a later answer was held back before it, and may say something else")
    return _planned(subject, answered, verdict, jitter=jitter)


def _hold_back(session: Session, judged: Sequence[Judged], *, jitter: float) -> list[Judged]:
    """The same while settling is on; while it is off, nothing that moves.

    From then on, whoever switches it off waits until this transaction is over: once they have the database's word, no
    move commits any more. Costs nothing where nothing would move.
    """
    if not any(one.verdict.move for one in judged):
        return list(judged)
    stop = stops.keep_on(session, Switch.SETTLE)
    if stop is None:
        return list(judged)
    why = f"settling is switched off by {stop.author}"
    return [
        _planned(one.subject, one.answered, hold_back(one.verdict, why=why), jitter=jitter) if one.verdict.move else one
        for one in judged
    ]


def _planned(subject: Subject, answered: Answered, verdict: Verdict, *, jitter: float) -> Judged:
    wait = _wait(verdict, subject, answered, jitter=jitter)
    parks = wait is None and verdict.when is not When.NEVER
    return Judged(answered=answered, subject=subject, verdict=verdict, wait=wait, parks=parks)


def _wait(verdict: Verdict, subject: Subject, answered: Answered, *, jitter: float) -> timedelta | None:
    """How long until the next question; None for never by itself."""
    settled = (verdict.move or subject.books.status) is Status.COMPLETED
    if not settled and _is_outdated(subject, answered.question):
        return max(timedelta(0), answered.over_at + timedelta(seconds=policy.SPACING) - subject.now)
    if verdict.when is When.NEVER:
        return None
    if verdict.when is When.SOON:
        return timedelta(seconds=policy.after_silence_in(subject.silences + 1, age=subject.age, jitter=jitter))
    if verdict.when is When.HELD:
        return timedelta(seconds=policy.held_back_in(subject.age, jitter=jitter))
    tiers = policy.PAYOUT_TIERS if subject.books.kind is Kind.PAYOUT else policy.AGE_TIERS
    by_age = policy.ask_again_in(subject.age, tiers=tiers)
    if by_age is None:
        return None
    return timedelta(seconds=max(by_age, policy.MISMATCH_EVERY) if verdict.when is When.SLOWLY else by_age)


def _is_outdated(subject: Subject, question: Question) -> bool:
    """Whether this answer is not the last word, not even a notcompleted.

    A callback came while we were asking, or a later answer was held back and waits to be given again.
    """
    marks = (subject.nudged_at, subject.held_asked_at)
    return any(mark is not None and mark > question.asked_at for mark in marks)


def _keep_evidence(session: Session, judged: Sequence[Judged], *, lane: Lane) -> dict[int, int]:
    return recording.record_checks(
        session,
        [
            NewCheck(
                transaction_pk=one.subject.id,
                lane=lane,
                asked_at=one.answered.question.asked_at,
                answer=one.answered.answer,
                reason=one.verdict.reason,
            )
            for one in judged
        ],
    )


def _move(
    session: Session, judged: Sequence[Judged], check_ids: dict[int, int]
) -> tuple[list[Move], dict[int, float | None]]:
    """Move what the verdicts move, and settle; those that did move, which alone may be told to anybody.

    And of the settled ones, how many seconds after their first callback.
    """
    wanted = [
        Move(
            transaction_pk=one.subject.id,
            old=one.subject.books.status,
            new=one.verdict.move,
            check_id=check_ids[one.subject.id],
            asked_at=one.answered.question.asked_at,
            answer=one.answered.answer,
        )
        for one in judged
        if one.verdict.move is not None
    ]
    moved = recording.move(session, wanted)
    won = [one for one in wanted if one.transaction_pk in moved]
    announced = recording.settle(session, [one for one in won if one.new is Status.COMPLETED])
    said_again = {one.subject.id for one in judged if one.verdict.affirms}
    recording.close_parking_cases(session, moved | said_again, resolution="the gateway gave a final answer")
    return won, announced


def _moved(one: Judged, move: Move, announced: dict[int, float | None], *, lane: Lane) -> MovedOne:
    return MovedOne(
        account=one.subject.account,
        kind=one.subject.books.kind,
        status=move.new,
        lane=lane,
        amount=one.subject.books.amount,
        after_creation=one.subject.age,
        after_callback=announced.get(move.transaction_pk),
    )


def _next_check(one: Judged) -> NextCheck:
    return NextCheck(
        transaction_pk=one.subject.id,
        asked_at=one.answered.question.asked_at,
        over_at=one.answered.over_at,
        wait=one.wait,
        park=one.parks,
        answered=one.answered.answer.said.is_an_answer,
        affirms=one.verdict.affirms,
        held=one.verdict.when is When.HELD,
    )


def _case(one: Judged, check_ids: dict[int, int]) -> NewCase | None:
    if one.case is None:
        return None
    detail = f"{one.verdict.reason}. {ADVICE[one.case]}"
    return NewCase(kind=one.case, detail=detail, transaction_pk=one.subject.id, check_id=check_ids[one.subject.id])


def _tell(judged: Sequence[Judged], lane: Lane) -> None:
    """One line for each answer; and one alarm for all that say the gateway refuses us, since they say it of every payment."""
    for one in judged:
        level = log.warning if one.case else log.info
        level(
            "answered",
            trace=one.answered.question.trace,
            transaction_id=one.subject.books.transaction_id,
            lane=lane.value,
            said=one.answered.answer.said.value,
            reason=one.verdict.reason,
            moved_to=one.verdict.move.value if one.verdict.move else None,
            case=one.case.value if one.case else None,
        )
    refused = [one for one in judged if one.answered.answer.said is Said.REFUSED]
    if refused:
        log.error("gateway_refuses_us", count=len(refused), reason=refused[0].verdict.reason)
