"""Finished sentences told anew: what the books and the rooms below say reaches a person in their language."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from models.answers import Answer, Said
from models.decisions import Books, judge
from models.errors import GatewayMisconfigured, GatewayRefused, Invalid
from models.order import InvoiceOrder, Item, check_order
from models.phone import gateway_form
from models.transaction import Status
from tasks.holes import HOLE_ADVICE
from tasks.record import ADVICE
from tasks.sweep import POISON_ADVICE
from worker.language import speaking
from worker.language.sentences import retold
from worker.ligdicash.sub_codes import CONFIRM, CREATE, NextStep
from worker.ligdicash.wire.confirm import read_confirm
from worker.ligdicash.wire.create import read_created
from worker.ops.sentences import ERRORS, told

NOON = datetime(2026, 5, 9, 12, tzinfo=UTC)
PATTERNS = ("no answer: {why}", "the answer is empty", "claims {word}", "completed over {amount} XOF")


def test_gaps_are_filled_with_what_stood_in_them():
    with speaking("fr"):
        assert retold("completed over 4999 XOF", PATTERNS) == "payée pour 4\u00a0999 XOF"
        assert retold("completed over 25,000 XOF", PATTERNS) == "payée pour 25\u00a0000 XOF"


def test_a_sentence_within_a_sentence_and_a_word_are_told_anew_too():
    with speaking("fr"):
        assert retold("no answer: the answer is empty", PATTERNS) == "pas de réponse : la réponse est vide"
        assert retold("no answer: Connection refused", PATTERNS) == "pas de réponse : Connection refused"
        assert retold("claims completed", PATTERNS) == "prétend « payée »"


def test_a_sentence_of_somebody_else_and_every_sentence_in_english_stay_as_they_are():
    assert retold("no answer: the answer is empty", PATTERNS) == "no answer: the answer is empty"
    with speaking("fr"):
        for sentence in ("refunded by hand, ask Awa", "they said: completed over 5 XOF", ""):
            assert retold(sentence, PATTERNS) == sentence


def test_braces_in_what_others_wrote_are_letters():
    with speaking("fr"):
        assert retold("no answer: {0} {why} {", PATTERNS) == "pas de réponse : {0} {why} {"


def answers():
    amounts, references = (None, 5000, 4999), ((), ("ORD-1",), ("ORD-2",))
    yield from (
        Answer(said=Said.COMPLETED, amount=amount, references=names) for amount, names in product(amounts, references)
    )
    yield from (Answer(said=said, trouble="the answer is empty") for said in Said if said is not Said.COMPLETED)


def reasons():
    for status, answer, after in product(Status, answers(), (-1, 1)):
        decided = NOON if status in (Status.COMPLETED, Status.NOTCOMPLETED) else None
        books = Books(status=status, amount=5000, transaction_id="ORD-1", decided_asked_at=decided)
        yield judge(books, answer, asked_at=NOON + timedelta(seconds=after)).reason


def test_whatever_the_books_make_of_an_answer_is_said_in_french():
    with speaking("fr"):
        assert [reason for reason in reasons() if told(reason) == reason] == []


@pytest.mark.parametrize("advice", [*ADVICE.values(), HOLE_ADVICE])
def test_every_case_says_in_french_what_to_do(advice):
    with speaking("fr"):
        french = told(f"completed, without our reference. {advice}")
    assert french.startswith("payée, sans notre référence. ")
    assert not set(advice.split(". ")) & set(french.split(". "))


def test_a_hole_and_poison_are_told_in_french():
    with speaking("fr"):
        assert told(HOLE_ADVICE).startswith("Aucune réponse")
        assert told(POISON_ADVICE).startswith("Personne n'a réussi")


@pytest.mark.parametrize(
    "order",
    [
        InvoiceOrder(transaction_id="ORD-1", amount=1),
        InvoiceOrder(transaction_id="", amount=5000),
        InvoiceOrder(transaction_id=" ORD-1", amount=5000),
        InvoiceOrder(
            transaction_id="ORD-1", amount=5000, items=(Item(name="Riz", quantity=1, unit_price=400, total_price=400),)
        ),
        InvoiceOrder(
            transaction_id="ORD-1", amount=5000, items=(Item(name=" ", quantity=1, unit_price=400, total_price=400),)
        ),
        InvoiceOrder(
            transaction_id="ORD-1", amount=5000, items=(Item(name="Riz", quantity=0, unit_price=400, total_price=0),)
        ),
    ],
)
def test_what_is_wrong_with_an_order_is_said_in_french(order):
    with pytest.raises(Invalid) as raised:
        check_order(order)
    with speaking("fr"):
        assert retold(str(raised.value), ERRORS) != str(raised.value)


@pytest.mark.parametrize("written", ["+226 70", "+226 7000 0000 0", "+229 97 00 00 0", "70 00 00 00", "5" * 50, "no"])
def test_what_is_wrong_with_a_phone_number_is_said_in_french(written):
    with pytest.raises(Invalid) as raised:
        gateway_form(written)
    with speaking("fr"):
        french = retold(str(raised.value), ERRORS)
    assert french != str(raised.value)
    assert "Benin" not in french
    assert " or " not in french


def refusal(code: str, **more: str) -> bytes:
    return json.dumps({"response_code": "01", "response_text": f"Echec (Code{code})", **more}).encode()


@pytest.mark.parametrize("more", [{}, {"response_text_details": "montant: 5 > 4"}])
def test_every_refusal_of_a_create_is_said_in_french_with_the_gateways_details_as_they_are(more):
    with speaking("fr"):
        for code in (*CREATE, "99"):
            with pytest.raises((GatewayRefused, GatewayMisconfigured)) as raised:
                read_created(200, refusal(code, **more))
            french = told(str(raised.value))
            assert french.startswith(f"LigdiCash a refusé la facture avec Code{code} : "), french
            assert "montant: 5 > 4" in french if more else "Détails" not in french
            assert not {row.meaning for row in CREATE.values() if row.meaning in french}, french
            assert not {step.value for step in NextStep if step.value in french}, french


def test_every_refusal_of_a_confirm_is_said_in_french():
    books = Books(status=Status.PENDING, amount=5000, transaction_id="ORD-1")
    with speaking("fr"):
        for code in CONFIRM:
            reason = judge(books, read_confirm(200, refusal(code)), asked_at=NOON).reason
            assert told(reason) != reason
            assert CONFIRM[code].meaning not in told(reason)
