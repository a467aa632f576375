"""Events have one documented shape, a name that never changes, and nothing in them that depends on when they are told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from models.event import AnswerEvidence, Event, OverrideEvidence, RefusalEvidence, RejectionEvidence, seq_of
from models.notice import NoticeKind
from models.transaction import Kind

GOLDEN = Path(__file__).parents[1] / "golden" / "events"
AT = datetime(2026, 5, 9, 7, 21, 7, 314159, UTC)

ANSWER = AnswerEvidence(
    check_id=97,
    asked_at=AT - timedelta(milliseconds=250),
    said="completed",
    amount=4200,
    reference="ORDER-42",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
)
COMPLETED = Event(
    account="default",
    seq=42,
    kind=NoticeKind.COMPLETED,
    at=AT,
    transaction_id="ORDER-42",
    amount=4200,
    settled_at=AT - timedelta(microseconds=159),
    evidence=ANSWER,
)
REFUSED = replace(
    COMPLETED,
    seq=46,
    kind=NoticeKind.REFUSED,
    transaction_id="REFUND-42",
    settled_at=None,
    evidence=RejectionEvidence(
        by="awa", reason="the customer has it already", made_at=AT - timedelta(microseconds=159)
    ),
    about=Kind.PAYOUT,
)
EVENTS = {
    "completed": COMPLETED,
    "notcompleted": replace(
        COMPLETED,
        seq=43,
        kind=NoticeKind.NOTCOMPLETED,
        settled_at=None,
        evidence=replace(ANSWER, said="notcompleted", amount=None, reference=""),
    ),
    "completed-by-override": replace(
        COMPLETED,
        seq=44,
        transaction_id="Commande n\u00b0 44",
        amount=4000,
        evidence=OverrideEvidence(override_id=3, by="awa", reason="re\u00e7u de l'op\u00e9rateur", made_at=AT),
    ),
    "without-evidence": replace(COMPLETED, seq=45, settled_at=None, evidence=None),
    "payout-rejected": REFUSED,
    "payout-refused-by-the-gateway": replace(
        REFUSED, seq=47, evidence=RefusalEvidence(reason="refused with Code05: amount out of range")
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_written_as_the_golden_file_has_it(name):
    golden = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    assert json.dumps(EVENTS[name].document(), indent=2, ensure_ascii=False) + "\n" == golden
    assert json.loads(EVENTS[name].body()) == json.loads(golden)
    assert EVENTS[name].body().isascii()


def test_every_golden_file_has_its_event():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(EVENTS)


def test_the_name_says_the_number_and_is_that_of_no_other_outcome():
    others = [
        replace(COMPLETED, account="other"),
        replace(COMPLETED, seq=43),
        replace(COMPLETED, transaction_id="ORDER-4"),
        replace(COMPLETED, kind=NoticeKind.NOTCOMPLETED),
    ]
    assert len({event.id for event in [COMPLETED, *others]}) == 5
    assert COMPLETED.id == "evt_42_58f6bf4ad81ca831"


def test_the_name_outlives_whatever_else_is_known_of_it():
    assert replace(COMPLETED, evidence=None, settled_at=None, at=AT + timedelta(days=1)).id == COMPLETED.id


def test_times_are_written_in_utc_wherever_they_were_read():
    there = replace(COMPLETED, at=AT.astimezone(timezone(timedelta(hours=5))))
    assert there.body() == COMPLETED.body()


def test_a_full_second_is_written_with_its_digits_too():
    assert replace(COMPLETED, at=AT.replace(microsecond=0)).document()["timestamp"] == "2026-05-09T07:21:07.000000Z"


@pytest.mark.parametrize(
    ("written", "seq"),
    [
        ("evt_42_ab", 42),
        ("42", None),
        ("evt_42", None),
        ("msg_42_ab", None),
        ("evt_-1_ab", None),
        ("evt_\u0664_ab", None),
    ],
)
def test_the_number_is_read_off_a_name(written, seq):
    assert seq_of(written) == seq


def test_the_number_of_every_name_is_its_own():
    assert [seq_of(event.id) for event in EVENTS.values()] == [event.seq for event in EVENTS.values()]


def test_the_manual_shows_events_as_they_are():
    manual = (Path(__file__).parents[2] / "docs" / "notices.md").read_text(encoding="utf-8")
    shown = [block.partition("```")[0] for block in manual.split("```json\n")[1:]]
    assert shown == [(GOLDEN / f"{name}.json").read_text(encoding="utf-8") for name in ("completed", "payout-rejected")]
