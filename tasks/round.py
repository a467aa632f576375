"""One batch of questions on its way out: each in its turn, and what has to stay goes back to its row uncounted."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, wait
from dataclasses import replace
from datetime import timedelta

import structlog

from config import policy
from models.check import Lane
from models.errors import StoreAway
from models.queries import ask as asking
from models.queries.ask import Question
from models.queries.replay.aside import give_back_aside
from models.session import transaction
from models.transaction import Kind
from tasks.record import Answered
from tasks.toolbox import Account, Toolbox, Turn

log = structlog.get_logger()

PATIENT = (Lane.CALLBACK, Lane.PERSON)
"""Lanes in which somebody waits: a batch of theirs waits for its turn too. The others must not occupy a worker."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds between two looks at the budget. A turn may come sooner than it was told: another lane may fall silent."""

GATHER = 0.03
"""Seconds for which an answer may wait for others that are under way, to be recorded together. One alone never waits."""


class Round:
    """Asks one account within the time of a batch. `stop` ends it early; what went out by then is still waited for."""

    def __init__(
        self,
        tools: Toolbox,
        account: Account,
        *,
        lane: Lane,
        began: float,
        aside: bool = False,
        gather: float = GATHER,
    ) -> None:
        """`began` is when the questions were begun, by `time.monotonic()`; `aside`: nothing will be recorded."""
        self._tools = tools
        self._account = account
        self._gather_for = gather
        self._aside = aside
        self._lane = lane
        self._began = began
        self._turn = Turn(granted=0)
        self._turn_at = began
        self._stopped_for = 0.0
        self._waiting: dict[Future[Answered | None], Question] = {}
        self._unsent: dict[int, Question] = {}
        """What has not gone out, by id, with the leave that it has by now: as old as `_leave_at`, by `uptime`."""
        self._leave_at = tools.uptime() - (time.monotonic() - began)
        self._leave_lock = threading.Lock()
        self.unasked: list[Question] = []
        """What did not go out. Given back when the round is over."""

    def stop(self, seconds: float) -> None:
        """Let no more questions out, for so many seconds; 0 goes on."""
        self._stopped_for = seconds

    @property
    def is_stopped(self) -> bool:
        """Whether it was told to stop, and not yet to go on."""
        return self._stopped_for > 0

    def ask(self, questions: Sequence[Question]) -> Generator[list[Answered]]:
        """Yield answers by handfuls: all that came while the last handful was being recorded, or shortly after each other."""
        left = list(questions)
        self._unsent = {question.transaction_pk: question for question in questions}
        try:
            while left or self._waiting:
                pause = self._send(left)
                if handful := self._gather(pause):
                    yield handful
        finally:
            for future in self._waiting:  # nobody will record these: what has not gone out yet must not
                future.cancel()
        self._give_back()

    def _send(self, left: list[Question]) -> float | None:
        """Send out those of `left` whose turn it is; seconds until the next turn, None when none is left."""
        if left and time.monotonic() >= self._turn_at and not self._is_over:
            self._turn = self._account.budget.take(self._lane, len(left))
            for question in left[: self._turn.granted]:
                self._waiting[self._tools.asking.submit(self._question, question)] = question
            del left[: self._turn.granted]
            pause = min(max(self._turn.next_in, SHORTEST_PAUSE), LONGEST_PAUSE)
            self._turn_at = time.monotonic() + pause
        if self._is_over or self._lane not in PATIENT:
            self.unasked += left
            left.clear()
        return max(0.0, self._turn_at - time.monotonic()) if left else None

    @property
    def _is_over(self) -> bool:
        return self.is_stopped or time.monotonic() - self._began > self._tools.lengths.batch

    def _question(self, question: Question) -> Answered | None:
        """One question; None when the round was over before a thread was free for it, or somebody else asks by now."""
        mine = None if self._is_over else self._with_leave(question)
        if mine is None:
            return None
        gateway = self._account.gateway
        confirm = gateway.confirm_payout if mine.kind is Kind.PAYOUT else gateway.confirm
        return Answered(question=mine, answer=confirm(mine.token))

    def _with_leave(self, question: Question) -> Question | None:
        """The question as it goes out now; None when leave to ask ran out meanwhile, and somebody else has it.

        It may have waited for its turn, or its process stood still. So whoever comes too late asks the row again, for all that
        wait, and the time is corrected: the spacing, and what counts as later, go by when it went out.
        """
        with self._leave_lock:
            if self._tools.uptime() - self._leave_at > policy.LEAVE:
                self._renew()
            mine = self._unsent.pop(question.transaction_pk, None)
            waited = timedelta(seconds=self._tools.uptime() - self._leave_at)
        return replace(mine, asked_at=mine.asked_at + waited) if mine else None

    def _renew(self) -> None:
        at = self._tools.uptime()
        try:
            with transaction(self._tools.sessions) as step:
                asked_at = asking.renew(step.session, self._unsent.values())
        except StoreAway:  # nothing more goes out: no answer could be kept
            asked_at = {}
        self._unsent = {pk: replace(self._unsent[pk], asked_at=asked_at[pk]) for pk in asked_at}
        self._leave_at = at

    def _gather(self, pause: float | None) -> list[Answered]:
        """The answers that are there, after waiting for one and for those close behind it, or for the next turn."""
        if not self._waiting:
            time.sleep(pause or 0)
            return []
        done, others = wait(self._waiting, timeout=pause, return_when=FIRST_COMPLETED)
        # A transaction for each answer by itself would cost more than all the rest; but trouble is told at once.
        if done and others and not any(_is_trouble(future) for future in done):
            done, _ = wait(self._waiting, timeout=self._gather_for, return_when=ALL_COMPLETED)
        handful = []
        for future in done:
            question = self._waiting.pop(future)
            if error := future.exception():  # a bug of ours: this one is due again by its lease, the others go on
                log.error("question_failed", trace=question.trace, exc_info=error)
            elif answered := future.result():
                handful.append(answered)
            else:
                self.unasked.append(question)
        return handful

    def _give_back(self) -> None:
        mine = [self._unsent.get(question.transaction_pk, question) for question in self.unasked]
        if not mine:
            return
        if self._aside:
            with transaction(self._tools.sessions) as step:
                give_back_aside(step.session, mine)
            return
        if self._stopped_for:
            delay, spread = self._stopped_for, policy.PUT_OFF_SPREAD
        else:
            delay, spread = self._turn.next_in, self._turn.all_in - self._turn.next_in
        with transaction(self._tools.sessions) as step:
            asking.give_back(
                step.session,
                mine,
                wait=timedelta(seconds=delay),
                spread=timedelta(seconds=min(spread, policy.LONGEST_PUT_OFF)),
            )


def _is_trouble(future: Future[Answered | None]) -> bool:
    """Whether this question ended without an answer, so that others should perhaps not go out."""
    if future.exception():
        return True
    answered = future.result()
    return answered is not None and not answered.answer.said.is_an_answer
