"""Recorded callbacks: each event in JSON and in all three form encodings says the same thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.answers import CallbackContent, Said
from worker.ligdicash.wire import read_callback

GOLDEN = Path(__file__).parents[2] / "golden" / "callbacks"
ENCODINGS = {
    "json": "application/json",
    "text.form": "application/x-www-form-urlencoded",
    "flat.form": "application/x-www-form-urlencoded",
    "indexed.form": "application/x-www-form-urlencoded",
}

EXPECTED = {
    "payin-completed": CallbackContent(
        claims=Said.COMPLETED,
        references=("ART5A7044E5",),
        amount=4200,
        operator_id="11",
        operator_name="ORANGE BURKINA",
        request_id="P2777636082026",
    ),
    "payin-pending": CallbackContent(
        claims=Said.PENDING, references=("ART5A7044E5",), amount=4200, request_id="P2777636082027"
    ),
    "payin-nocompleted": CallbackContent(
        claims=Said.NOTCOMPLETED,
        references=("COMMANDE-2026-17", "COMMANDE-2026-17P1-88"),
        amount=4200,
        operator_id="18",
        operator_name="ORANGE MALI",
        request_id="P2777636082026",
    ),
    "payin-plain-object": CallbackContent(
        claims=Said.COMPLETED,
        references=("ORD 7/é",),
        amount=100,
        operator_id="11",
        operator_name="ORANGE BURKINA",
        request_id="P2777636082026",
    ),
    "payout-completed": CallbackContent(
        claims=Said.COMPLETED,
        references=("502d36d2086249118198d06780b1c9fd",),
        amount=100,
        operator_id="12",
        operator_name="MOOV AFRICA BURKINA",
    ),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("event", EXPECTED)
def test_every_encoding_of_an_event_reads_the_same(event, encoding):
    body = (GOLDEN / f"{event}.{encoding}").read_bytes()
    assert read_callback(ENCODINGS[encoding], body) == EXPECTED[event]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("event", EXPECTED)
@pytest.mark.parametrize("claimed", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
def test_a_wrong_content_type_changes_nothing(event, encoding, claimed):
    body = (GOLDEN / f"{event}.{encoding}").read_bytes()
    assert read_callback(claimed, body) == EXPECTED[event]


def test_every_file_belongs_to_an_expected_event():
    assert {path.name for path in GOLDEN.iterdir()} == {
        f"{event}.{encoding}" for event in EXPECTED for encoding in ENCODINGS
    }
