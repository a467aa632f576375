"""Every status times every answer: each verdict is held against a table written down by hand from the rules, not from the code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from models.answers import Answer, Said
from models.case import CaseKind
from models.decisions import Books, Verdict, When, judge
from models.transaction import LEGAL_MOVES, Status

NOON = datetime(2026, 5, 9, 12, tzinfo=UTC)
OURS = "ORD-2025-00042"

# A cell says what moves, which case opens, when the gateway is asked again, and after "or" the case once it is too old
# to be asked again. "affirm" moves nothing, and what is asked earlier has less to say from then on. "paid" is completed with our amount and our reference, "doubtful" is completed with anything else.
IN_TIME = """
    heard         pending                     completed           notcompleted
    paid          settle                      nothing             settle late_success
    doubtful      mismatch slowly or parked   contradiction       mismatch or parked
    notcompleted  close                       contradiction       affirm
    pending       by_age or parked            contradiction       by_age or parked
    unknown       by_age or parked            nothing             by_age or parked
    not_found     by_age or token_refused     nothing             by_age or token_refused
    refused       soon                        soon                soon
    silence       soon                        soon                soon
"""

# An answer to a question that is not younger than the one which decided the status. Nothing decides `pending`.
LATE = """
    heard         pending                     completed           notcompleted
    paid          settle                      nothing             contradiction soon
    doubtful      mismatch slowly or parked   nothing             mismatch or parked
    notcompleted  close                       nothing             nothing
    pending       by_age or parked            nothing             nothing
    unknown       by_age or parked            nothing             nothing
    not_found     by_age or token_refused     nothing             nothing
    refused       soon                        soon                soon
    silence       soon                        soon                soon
"""

NO_TOKEN = "by_age or token_lost"
"""Created or refused: there is nothing to ask with, so an answer about it moves nothing."""

MOVES = {"settle": Status.COMPLETED, "close": Status.NOTCOMPLETED}


def columns(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def cells(table: str) -> dict[tuple[str, str], str]:
    heading, *lines = [columns(line) for line in table.strip().splitlines()]
    return {(heard, status): cell for heard, *row in lines for status, cell in zip(heading[1:], row, strict=True)}


CELLS = {"in time": cells(IN_TIME), "late": cells(LATE)}


@dataclass(frozen=True)
class Situation:
    """One status, one answer, and when it was asked."""

    status: Status
    said: Said
    amount: int | None
    references: tuple[str, ...]
    asked: str

    @property
    def heard(self) -> str:
        if self.said is not Said.COMPLETED:
            return self.said.value
        return "paid" if self.amount == 5000 and self.references[:1] == (OURS,) else "doubtful"

    @property
    def expected(self) -> str:
        if self.status in (Status.CREATED, Status.REFUSED):
            return NO_TOKEN
        late = self.asked in ("before the decision", "at the same instant")
        return CELLS["late" if late else "in time"][self.heard, self.status.value]

    @property
    def verdict(self) -> Verdict:
        decided = None if self.asked == "nothing decided" else NOON
        books = Books(status=self.status, amount=5000, transaction_id=OURS, decided_asked_at=decided)
        answer = Answer(said=self.said, amount=self.amount, references=self.references)
        return judge(books, answer, asked_at=NOON + timedelta(microseconds=ASKED[self.asked]))


ASKED = {"before the decision": -1, "at the same instant": 0, "after the decision": 1, "nothing decided": 0}
AMOUNTS = (5000, 4999, 5001, None)
REFERENCES = ((OURS,), (OURS, "ORD-7"), ("ORD-7",), ("ORD-7", OURS), ())

EVERYTHING = [Situation(*parts) for parts in product(Status, Said, AMOUNTS, REFERENCES, ASKED)]


def told(verdict: Verdict) -> str:
    """The verdict in the words of the table."""
    move = next((word for word, status in MOVES.items() if status is verdict.move), "")
    words = [
        move or ("affirm" if verdict.affirms else ""),
        verdict.case or "",
        "" if verdict.when is When.NEVER else verdict.when,
    ]
    first = " ".join(word for word in words if word) or "nothing"
    return first + (f" or {verdict.last_resort}" if verdict.last_resort else "")


def test_every_status_times_every_answer_is_judged_as_the_rules_say():
    wrong = {one: told(one.verdict) for one in EVERYTHING if told(one.verdict) != one.expected}
    assert wrong == {}


def test_every_cell_of_the_rules_was_walked_and_no_situation_is_left_out():
    walked = {(one.expected, one.heard, one.status) for one in EVERYTHING}
    assert {expected for expected, *_ in walked} == {NO_TOKEN, *CELLS["in time"].values(), *CELLS["late"].values()}
    heard = {said.value for said in Said} - {"completed"} | {"paid", "doubtful"}
    assert {(h, s) for _, h, s in walked} == set(product(heard, Status))
    assert len(set(EVERYTHING)) == len(Status) * len(Said) * 4 * 5 * 4


def test_money_moves_only_by_completed_with_our_amount_and_our_reference_first():
    settled = [one for one in EVERYTHING if one.verdict.move is Status.COMPLETED]
    assert settled
    for one in settled:
        assert (one.said, one.amount, one.references[0]) == (Said.COMPLETED, 5000, OURS)


def test_completed_is_never_moved():
    assert {one.verdict.move for one in EVERYTHING if one.status is Status.COMPLETED} == {None}


def test_every_move_is_legal_and_is_not_asked_about_again():
    for one in EVERYTHING:
        verdict = one.verdict
        if verdict.move is not None:
            assert (one.status, verdict.move) in LEGAL_MOVES
            assert verdict.when is When.NEVER


def test_what_is_open_and_stays_open_is_asked_about_again():
    for one in EVERYTHING:
        verdict = one.verdict
        if one.status in (Status.CREATED, Status.PENDING) and verdict.move is None:
            assert verdict.when is not When.NEVER


def test_what_may_come_to_its_last_tier_names_a_case_for_it_and_what_waits_for_a_person_has_one_now():
    for one in EVERYTHING:
        verdict = one.verdict
        if verdict.when in (When.BY_AGE, When.SLOWLY):
            assert verdict.last_resort is not None
        if verdict.when is When.SLOWLY:
            assert verdict.case is not None


def test_an_answer_that_says_nothing_of_the_payment_moves_nothing_opens_nothing_and_is_asked_for_again_soon():
    for one in EVERYTHING:
        if not one.said.is_an_answer and one.status not in (Status.CREATED, Status.REFUSED):
            verdict = one.verdict
            assert (verdict.move, verdict.case, verdict.last_resort, verdict.when) == (None, None, None, When.SOON)


def test_every_verdict_gives_its_reason():
    assert all(one.verdict.reason.strip() for one in EVERYTHING)


@pytest.mark.parametrize("kind", [CaseKind.CALLED_BACK, CaseKind.ORPHAN, CaseKind.UNREADABLE])
def test_no_answer_opens_a_case_that_is_about_callbacks(kind):
    assert not [one for one in EVERYTHING if kind in (one.verdict.case, one.verdict.last_resort)]
