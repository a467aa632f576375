"""The words: sentences that a support agent can act on, times and lengths, and the same in French."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path
from string import Formatter

import pytest

from models.answers import Said
from models.stop import Switch
from tests.worker.ops.why.build import NOW, ago, answer, claim, facts, fleet, stop
from worker.language import _, ngettext, speaking
from worker.ops import why
from worker.ops.why import texts
from worker.ops.why.diagnosis import diagnose
from worker.ops.why.hindrance import Obstacle
from worker.ops.why.lengths import at, each, in_words
from worker.ops.why.payout_texts import PAYOUT_TEXTS
from worker.ops.why.situation import Hearsay, Situation
from worker.ops.why.timing import Asking, Rule
from worker.ops.why.wording import put_in_words


def words(**given):
    made_up = facts(**given)
    return put_in_words(made_up, diagnose(made_up))


PENDING = answer(Said.PENDING)
SAME_IN_FRENCH = {("budget",), ("callbacks",), ("{callbacks}.",), ("{n} minute", "{n} minutes")}


def test_a_callback_that_the_gateway_denies_is_called_forged_or_early():
    told = words(answers=[PENDING], claims=[claim(60)])
    assert told.answer == "Pending: a callback says paid, LigdiCash does not. Only LigdiCash counts."
    assert "forged, or came too early" in told.why
    assert told.you_can[0] == "Do not deliver yet."


def test_a_pending_payment_names_the_tier_the_next_question_and_the_end():
    told = words(answers=[PENDING])
    assert told.next == "We ask LigdiCash at 12:00:40 UTC, in 40 seconds."
    assert told.rule == (
        "At its age we ask every minute until 12:20:00 UTC, then every 10 minutes. With nothing final by "
        "2026-12-25 11:50 UTC it is parked, and a person gets a case."
    )
    assert told.settles.startswith('LigdiCash answers "completed" over exactly 5,000 XOF for ORD-1.')


@pytest.mark.parametrize(
    ("heard", "words_for_it"),
    [
        ({"amount": 4000}, "but over 4,000 XOF instead of 5,000 XOF"),
        ({"amount": None}, "without an amount that can be read; 5,000 XOF are expected"),
        ({"reference": ""}, "but without naming our id"),
        ({"reference": "OR\x1bD-2"}, 'but for "OR\\x1bD-2", which is not our id'),
    ],
)
def test_a_mismatch_says_what_does_not_match(heard, words_for_it):
    told = words(answers=[answer(Said.COMPLETED, **heard)], cases=["mismatch"])
    assert told.answer == f"A person must decide: LigdiCash says paid, {words_for_it}."
    assert told.you_can[-1] == "Work on what is open for a person:\nreconciler cases show 3"


def test_silence_is_counted_and_the_last_word_before_it_is_told():
    told = words(answers=[answer(Said.PENDING, 300), answer(Said.SILENCE)], silences=4)
    assert told.answer == "Not known: LigdiCash does not answer. 4 questions in a row without an answer."
    assert 'Its last word about this payment, 5 minutes ago, was "pending".' in told.why


def test_an_open_breaker_says_since_when_and_why():
    told = words(answers=[answer(Said.REFUSED)], silences=1, fleet=fleet(breaker="open", is_refused=True))
    [held_up] = told.held_up
    assert held_up == (
        'Nobody asks since 11:58:30 UTC: LigdiCash refuses us ("Echec (Code03)"). Next try: 12:00:30 UTC. Every payment '
        "waits for that."
    )
    assert told.next == (
        "Nothing goes out before LigdiCash is back: one question tries at 12:00:30 UTC, and the others follow."
    )


def test_a_switch_that_is_off_has_its_author_its_reason_and_its_end():
    told = words(answers=[PENDING], stops=[stop(Switch.SWEEP)])
    assert told.held_up == (
        'Asking by ourselves is switched off since 11:50:00 UTC, until 12:10:00 UTC, by Awa: "audit".',
    )
    assert told.next.startswith("Nothing happens by itself until asking is switched on again.")


def test_a_command_stands_alone_in_its_line_and_survives_a_shell():
    given = facts(answers=[PENDING])
    object.__setattr__(given.invoice, "transaction_id", "ORD 1; rm -rf '")
    told = put_in_words(given, diagnose(given))
    assert told.you_can[-1].split("\n")[1] == "reconciler invoices check 'ORD 1; rm -rf '\"'\"''"


@pytest.mark.parametrize(
    ("seconds", "length", "interval"),
    [
        (0, "0 seconds", "every 0 seconds"),
        (1, "1 second", "every second"),
        (60, "1 minute", "every minute"),
        (61, "61 seconds", "every 61 seconds"),
        (120.4, "2 minutes", "every 2 minutes"),
        (600, "10 minutes", "every 10 minutes"),
        (3600, "1 hour", "every hour"),
        (5400, "90 minutes", "every 90 minutes"),
        (86_400, "1 day", "every day"),
        (200_000, "2 days", "every 2 days"),
    ],
)
def test_lengths_are_said_in_whole_units(seconds, length, interval):
    assert (in_words(timedelta(seconds=seconds)), each(timedelta(seconds=seconds))) == (length, interval)


def test_a_time_of_another_day_has_its_date():
    assert at(ago(60), now=NOW) == "11:59:00 UTC"
    assert at(ago(86_400), now=NOW) == "2026-11-24 12:00 UTC"


def test_there_are_words_for_every_code():
    assert set(texts.TEXTS) | set(PAYOUT_TEXTS) == set(Situation)
    assert set(Situation) - set(PAYOUT_TEXTS) == {Situation.CREATING, Situation.TOKEN_LOST}
    assert set(texts.RULES) == set(Rule)
    assert set(texts.NEXT) == set(Asking)
    assert set(texts.OBSTACLES) == set(Obstacle)
    assert set(texts.CALLBACKS) == set(Hearsay)


def messages():
    """Every text of this part that goes through a catalog: one form, or two."""
    calls = (node for path in Path(why.__file__).parent.glob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    named = (
        node for node in calls if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "N_", "ngettext")
    )
    return {tuple(part.value for part in node.args if isinstance(part, ast.Constant)) for node in named} - {()}


def gaps(text):
    return {name for _text, name, *_rest in Formatter().parse(text) if name}


def test_french_has_words_for_everything_with_the_same_gaps():
    with speaking("fr"):
        told = {f: [_(f[0])] if len(f) == 1 else [ngettext(*f, count) for count in (1, 2)] for f in messages()}
    assert {forms for forms, texts_for_it in told.items() if texts_for_it == list(forms)} <= SAME_IN_FRENCH
    for forms, texts_for_it in told.items():
        assert [gaps(text) for text in texts_for_it] == [gaps(form) for form in forms], forms


def test_french_is_said_in_french():
    with speaking("fr"):
        told = words(answers=[PENDING], claims=[claim(60)])
    assert told.answer == "En attente : un callback dit « payé », LigdiCash dit que non. Seul LigdiCash compte."
    assert "dans 40 secondes" in told.next
