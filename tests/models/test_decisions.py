"""What every answer means in every status: the table is walked in full, nothing is left to chance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from models.answers import Answer, Said
from models.case import CaseKind
from models.decisions import Books, Verdict, When, judge
from models.transaction import LEGAL_MOVES, Status

NOON = datetime(2026, 5, 9, 12, tzinfo=UTC)
OURS = "ORD-2025-00042"
GOOD = Answer(said=Said.COMPLETED, amount=5000, references=(OURS,))
OTHER_AMOUNT = Answer(said=Said.COMPLETED, amount=4999, references=(OURS,))
OTHER_REFERENCE = Answer(said=Said.COMPLETED, amount=5000, references=("ORD-1",))


def books(status: Status) -> Books:
    decided = NOON if status in (Status.COMPLETED, Status.NOTCOMPLETED) else None
    return Books(status=status, amount=5000, transaction_id=OURS, decided_asked_at=decided)


def verdict(status: Status, answer: Answer, *, after: float = 1) -> Verdict:
    """The verdict on an answer to a question asked `after` seconds past the one that justified the status."""
    return judge(books(status), answer, asked_at=NOON + timedelta(seconds=after))


# One line per cell of the table: status, answer, then move, case, when.
TABLE = [
    (Status.PENDING, GOOD, Status.COMPLETED, None, When.NEVER),
    (Status.PENDING, OTHER_AMOUNT, None, CaseKind.MISMATCH, When.SLOWLY),
    (Status.PENDING, OTHER_REFERENCE, None, CaseKind.MISMATCH, When.SLOWLY),
    (Status.PENDING, Answer(said=Said.NOTCOMPLETED), Status.NOTCOMPLETED, None, When.NEVER),
    (Status.PENDING, Answer(said=Said.PENDING), None, None, When.BY_AGE),
    (Status.PENDING, Answer(said=Said.UNKNOWN), None, None, When.BY_AGE),
    (Status.PENDING, Answer(said=Said.NOT_FOUND), None, None, When.BY_AGE),
    (Status.PENDING, Answer(said=Said.REFUSED), None, None, When.SOON),
    (Status.PENDING, Answer(said=Said.SILENCE), None, None, When.SOON),
    (Status.COMPLETED, GOOD, None, None, When.NEVER),
    (Status.COMPLETED, OTHER_AMOUNT, None, CaseKind.CONTRADICTION, When.NEVER),
    (Status.COMPLETED, OTHER_REFERENCE, None, CaseKind.CONTRADICTION, When.NEVER),
    (Status.COMPLETED, Answer(said=Said.NOTCOMPLETED), None, CaseKind.CONTRADICTION, When.NEVER),
    (Status.COMPLETED, Answer(said=Said.PENDING), None, CaseKind.CONTRADICTION, When.NEVER),
    (Status.COMPLETED, Answer(said=Said.UNKNOWN), None, None, When.NEVER),
    (Status.COMPLETED, Answer(said=Said.NOT_FOUND), None, None, When.NEVER),
    (Status.COMPLETED, Answer(said=Said.REFUSED), None, None, When.SOON),
    (Status.COMPLETED, Answer(said=Said.SILENCE), None, None, When.SOON),
    (Status.NOTCOMPLETED, GOOD, Status.COMPLETED, CaseKind.LATE_SUCCESS, When.NEVER),
    (Status.NOTCOMPLETED, OTHER_AMOUNT, None, CaseKind.MISMATCH, When.NEVER),
    (Status.NOTCOMPLETED, OTHER_REFERENCE, None, CaseKind.MISMATCH, When.NEVER),
    (Status.NOTCOMPLETED, Answer(said=Said.NOTCOMPLETED), None, None, When.NEVER),
    (Status.NOTCOMPLETED, Answer(said=Said.PENDING), None, None, When.BY_AGE),
    (Status.NOTCOMPLETED, Answer(said=Said.UNKNOWN), None, None, When.BY_AGE),
    (Status.NOTCOMPLETED, Answer(said=Said.NOT_FOUND), None, None, When.BY_AGE),
    (Status.NOTCOMPLETED, Answer(said=Said.REFUSED), None, None, When.SOON),
    (Status.NOTCOMPLETED, Answer(said=Said.SILENCE), None, None, When.SOON),
]


@pytest.mark.parametrize(("status", "answer", "move", "case", "when"), TABLE)
def test_each_cell_of_the_table(status, answer, move, case, when):
    found = verdict(status, answer)
    assert (found.move, found.case, found.when) == (move, case, when)
    assert found.reason


def test_the_table_has_a_line_for_every_status_that_can_be_asked_about_and_every_answer():
    asked = {(status, answer.said) for status, answer, *_ in TABLE}
    assert asked == set(product((Status.PENDING, Status.COMPLETED, Status.NOTCOMPLETED), Said))


@pytest.mark.parametrize("status", [Status.CREATED, Status.REFUSED])
@pytest.mark.parametrize("said", Said)
def test_what_the_gateway_never_made_is_moved_by_no_answer(status, said):
    found = judge(books(status), Answer(said=said, amount=5000, references=(OURS,)), asked_at=NOON)
    assert found.move is None


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("answer", [GOOD, OTHER_AMOUNT, *(Answer(said=said) for said in Said)])
@pytest.mark.parametrize("after", [-60, 0, 60])
def test_no_verdict_asks_for_an_illegal_move(status, answer, after):
    found = verdict(status, answer, after=after)
    assert found.move is None or (status, found.move) in LEGAL_MOVES


@pytest.mark.parametrize("said", [Said.NOTCOMPLETED, Said.PENDING])
def test_an_older_answer_that_arrives_late_does_not_speak_against_completed(said):
    assert verdict(Status.COMPLETED, Answer(said=said), after=-5).case is None


def test_an_older_completed_moves_nothing_once_it_was_said_to_have_failed_but_somebody_is_told():
    found = verdict(Status.NOTCOMPLETED, GOOD, after=-5)
    assert (found.move, found.case, found.when) == (None, CaseKind.CONTRADICTION, When.SOON)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(said=Said.COMPLETED, references=(OURS,)), "without a readable amount"),
        (Answer(said=Said.COMPLETED, amount=5000), "without our reference"),
        (Answer(said=Said.COMPLETED, amount=1, references=(OURS,)), "over 1 XOF; 5000 XOF expected"),
        (OTHER_REFERENCE, "'ORD-1'"),
    ],
)
def test_completed_without_full_evidence_settles_nothing_and_says_what_is_missing(answer, says):
    found = verdict(Status.PENDING, answer)
    assert found.move is None
    assert found.case is CaseKind.MISMATCH
    assert says in found.reason


def test_the_first_reference_counts_and_a_second_one_cannot_make_up_for_it():
    answer = Answer(said=Said.COMPLETED, amount=5000, references=("somebody-else", OURS))
    assert verdict(Status.PENDING, answer).move is None


@pytest.mark.parametrize(
    ("said", "case"),
    [
        (Said.PENDING, CaseKind.PARKED),
        (Said.UNKNOWN, CaseKind.PARKED),
        (Said.NOT_FOUND, CaseKind.TOKEN_REFUSED),
    ],
)
def test_what_is_asked_about_by_age_names_the_case_of_its_last_tier(said, case):
    assert verdict(Status.PENDING, Answer(said=said)).last_resort is case


@pytest.mark.parametrize("said", Said)
def test_only_what_speaks_of_the_payment_is_an_answer(said):
    assert said.is_an_answer is (said not in (Said.REFUSED, Said.SILENCE))


@pytest.mark.parametrize(
    ("amount", "case"), [(4000, None), (5000, CaseKind.CONTRADICTION), (None, CaseKind.CONTRADICTION)]
)
def test_what_was_settled_by_hand_is_held_against_what_was_received_and_not_against_the_invoice(amount, case):
    received = Books(
        status=Status.COMPLETED, amount=5000, transaction_id=OURS, decided_asked_at=NOON, settled_amount=4000
    )
    later = Answer(said=Said.COMPLETED, amount=amount, references=(OURS,))
    found = judge(received, later, asked_at=NOON + timedelta(seconds=1))
    assert (found.move, found.case, found.when) == (None, case, When.NEVER)
