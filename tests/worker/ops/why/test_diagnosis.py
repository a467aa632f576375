"""The explanation is a pure function of the facts: a table of what comes to what, and a walk through all combinations."""

from __future__ import annotations

from itertools import product
from string import Formatter

import pytest

from models.answers import Said
from models.stop import Switch
from models.transaction import Approval, Status
from tests.worker.ops.why.build import answer, claim, facts, fleet, override, stop
from worker.language import languages, speaking
from worker.ops.why import texts, wording
from worker.ops.why.diagnosis import diagnose
from worker.ops.why.hindrance import Obstacle
from worker.ops.why.payout_texts import PAYOUT_TEXTS
from worker.ops.why.situation import Hearsay, Situation
from worker.ops.why.timing import Asking, Rule
from worker.ops.why.wording import put_in_words

PENDING, SILENCE, COMPLETED = answer(Said.PENDING), answer(Said.SILENCE), answer(Said.COMPLETED)
REFUSED = {"answers": [answer(Said.REFUSED)], "silences": 1}
DAYS = 86_400

TABLE = [
    # before the gateway knows it
    ({"status": "created", "has_token": False}, "creating", "reply_to_create", "waiting"),
    ({"status": "created", "has_token": False, "due_in": None, "parked": True}, "token_lost", "no_token", "never"),
    ({"status": "refused", "has_token": False, "due_in": None}, "refused", "nothing_there", "never"),
    # nothing heard yet
    ({"age": 30, "due_in": 90}, "not_asked_yet", "first_check", "waiting"),
    ({"age": 121, "due_in": -1}, "not_asked_yet", "first_check", "due"),
    ({"begun_ago": 2}, "first_question", "by_age", "under_way"),
    ({"begun_ago": 35, "due_in": 4}, "first_question", "by_age", "asker_gone"),
    ({"called_ago": 1, "claims": [claim(1)]}, "called_back", "after_callback", "waiting"),
    ({"called_ago": 1, "claims": [claim(1)], "answers": [PENDING]}, "called_back", "after_callback", "waiting"),
    ({"called_ago": 1, "claims": [claim(1)], "parked": True, "due_in": 4}, "called_back", "after_callback", "waiting"),
    # by the last answer
    ({"answers": [PENDING]}, "gateway_pending", "by_age", "waiting"),
    ({"answers": [PENDING], "begun_ago": 1}, "gateway_pending", "by_age", "under_way"),
    ({"answers": [PENDING], "looked_ago": 9}, "gateway_pending", "by_age", "waiting"),
    ({"answers": [PENDING], "claims": [claim(60)]}, "claimed", "by_age", "waiting"),
    ({"answers": [PENDING], "claims": [claim(60, amount=1)]}, "claimed_otherwise", "by_age", "waiting"),
    ({"answers": [PENDING], "claims": [claim(60, Said.PENDING)]}, "gateway_pending", "by_age", "waiting"),
    ({"answers": [SILENCE], "silences": 1}, "no_answer", "no_answer", "waiting"),
    ({"answers": [answer(Said.PENDING, 90), SILENCE], "silences": 1}, "no_answer", "no_answer", "waiting"),
    ({"answers": [answer(Said.UNKNOWN)]}, "not_understood", "by_age", "waiting"),
    ({"answers": [answer(Said.NOT_FOUND)]}, "not_found", "by_age", "waiting"),
    (REFUSED, "refused_alone", "no_answer", "waiting"),
    (REFUSED | {"fleet": fleet(breaker="open")}, "refused_alone", "no_answer", "waiting"),
    (REFUSED | {"fleet": fleet(breaker="open", is_refused=True)}, "refuses_us", "no_answer", "waiting"),
    (REFUSED | {"fleet": None}, "refuses_us", "no_answer", "waiting"),
    ({"answers": [answer(Said.COMPLETED, amount=4000)], "cases": ["mismatch"]}, "mismatch", "mismatch", "waiting"),
    ({"answers": [answer(Said.COMPLETED, amount=None)]}, "mismatch", "mismatch", "waiting"),
    ({"answers": [answer(Said.COMPLETED, reference="ORD-2")]}, "mismatch", "mismatch", "waiting"),
    ({"answers": [answer(Said.COMPLETED, 90, amount=4000), SILENCE], "silences": 1}, "mismatch", "no_answer", "waiting"),
    ({"answers": [COMPLETED]}, "not_applied", "held_back", "waiting"),
    ({"answers": [answer(Said.NOTCOMPLETED)]}, "not_applied", "held_back", "waiting"),
    # parked
    ({"due_in": None, "parked": True, "answers": [PENDING], "cases": ["parked"]}, "parked", "parked", "parked"),
    ({"due_in": None, "parked": True, "answers": [answer(Said.NOT_FOUND)]}, "parked_not_found", "parked", "parked"),
    ({"due_in": None, "parked": True, "answers": [SILENCE], "cases": ["token_refused"]}, "parked_not_found", "parked", "parked"),
    ({"due_in": None, "parked": True, "answers": [answer(Said.COMPLETED, amount=1)]}, "mismatch", "parked", "parked"),
    # late, or by nobody
    ({"answers": [answer(Said.PENDING, 300)], "due_in": -240}, "gateway_pending", "by_age", "overdue"),
    ({"answers": [answer(Said.PENDING, 300)], "due_in": 30}, "gateway_pending", "by_age", "stalled"),
    ({"age": 700, "due_in": 30}, "not_asked_yet", "first_check", "stalled"),
    ({"called_ago": 200, "claims": [claim(200)], "due_in": 20}, "called_back", "after_callback", "stalled"),
    ({"answers": [answer(Said.SILENCE, 150)], "silences": 4, "due_in": 20}, "no_answer", "no_answer", "waiting"),
    ({"answers": [PENDING], "age": 31 * DAYS, "due_in": 5}, "gateway_pending", "by_age", "waiting"),
    ({"status": "refused", "has_token": False, "due_in": None, "claims": [claim()]}, "refused", "nothing_there", "never"),
    (
        {"status": "refused", "has_token": False, "due_in": None, "claims": [claim()], "mode": "direct"},
        "refused_doubted",
        "never_again",
        "never",
    ),
    # decided
    ({"status": "completed", "due_in": None, "settled_by": "check"}, "settled", "completed_stays", "never"),
    ({"status": "completed", "due_in": None, "settled_by": "override", "made": override(Status.COMPLETED)}, "settled_by_hand", "completed_stays", "never"),
    ({"status": "completed", "due_in": None, "settled_by": "check", "cases": ["late_success"]}, "settled_late", "completed_stays", "never"),
    ({"status": "completed", "due_in": None, "settled_by": "check", "cases": ["contradiction"]}, "settled_disputed", "completed_stays", "never"),
    ({"status": "notcompleted", "due_in": None}, "failed", "failure_is_provisional", "never"),
    (
        {"status": "notcompleted", "due_in": None, "made": override(Status.NOTCOMPLETED)},
        "failed_by_hand",
        "failure_is_provisional",
        "never",
    ),
    (
        {"status": "notcompleted", "due_in": None, "made": override(Status.NOTCOMPLETED), "answers": [answer(Said.NOTCOMPLETED)]},
        "failed",
        "failure_is_provisional",
        "never",
    ),
    ({"status": "notcompleted", "due_in": 4, "called_ago": 1}, "failed_asked_again", "after_callback", "waiting"),
    ({"status": "notcompleted", "answers": [PENDING]}, "failed_asked_again", "by_age", "waiting"),
    ({"status": "notcompleted", "due_in": None, "cases": ["mismatch"]}, "failed_disputed", "failure_is_provisional", "never"),
]  # fmt: skip

PAYOUT = {"kind": "payout"}
UNSENT = PAYOUT | {"status": "created", "has_token": False}
SENT = PAYOUT | {"sent_ago": 600}
TABLE += [
    (UNSENT | {"approval": "awaiting", "due_in": None, "parked": True, "cases": ["approval"]}, "awaiting_approval", "approval_first", "never"),
    (UNSENT | {"queued_ago": 600}, "queued", "switch_first", "waiting"),
    (UNSENT | {"queued_ago": 600, "due_in": -2}, "queued", "switch_first", "due"),
    (UNSENT | {"queued_ago": 600, "approval": "approved", "due_in": -200}, "queued", "switch_first", "overdue"),
    (UNSENT | {"queued_ago": 600, "due_in": -200, "waits_its_turn": True}, "queued", "switch_first", "due"),
    (UNSENT, "not_sent", "sender_has", "waiting"),
    (UNSENT | {"due_in": -1}, "not_sent", "sender_has", "due"),
    (UNSENT | {"due_in": -100}, "not_sent", "sender_has", "overdue"),
    (UNSENT | {"sent_ago": 3}, "sending", "reply_to_sending", "waiting"),
    (UNSENT | {"sent_ago": 300, "due_in": None, "parked": True, "cases": ["token_lost"]}, "sent_unknown", "never_again", "never"),
    (UNSENT | {"status": "refused", "due_in": None}, "refused", "nothing_there", "never"),
    (UNSENT | {"status": "refused", "due_in": None, "wait_ended_ago": 60}, "refused_later", "nothing_there", "never"),
    (UNSENT | {"status": "refused", "due_in": None, "claims": [claim()]}, "refused_doubted", "never_again", "never"),
    (UNSENT | {"status": "refused", "due_in": None, "approval": "rejected"}, "rejected", "nothing_there", "never"),
    (SENT | {"age": 9 * DAYS, "sent_ago": 5, "due_in": 25}, "not_asked_yet", "first_check", "waiting"),
    (SENT | {"answers": [PENDING]}, "gateway_pending", "by_age", "waiting"),
    (SENT | {"answers": [PENDING], "claims": [claim(60)]}, "claimed", "by_age", "waiting"),
    (SENT | {"answers": [answer(Said.COMPLETED, amount=None, reference="")]}, "not_applied", "held_back", "waiting"),
    (SENT | {"answers": [answer(Said.COMPLETED, amount=1, reference="")]}, "mismatch", "mismatch", "waiting"),
    (SENT | {"answers": [SILENCE], "silences": 1}, "no_answer", "no_answer", "waiting"),
    (SENT | {"due_in": None, "parked": True, "answers": [PENDING], "cases": ["parked"]}, "parked", "parked", "parked"),
    (SENT | {"status": "completed", "due_in": None, "settled_by": "check"}, "settled", "completed_stays", "never"),
    (SENT | {"status": "notcompleted", "due_in": None}, "failed", "failure_is_provisional", "never"),
]  # fmt: skip


@pytest.mark.parametrize("given", [row[0] for row in TABLE])
def test_no_sentence_about_them_has_a_gap(given):
    """An empty value would leave one: `asked  ago`."""
    made_up = facts(**given)
    diagnosis = diagnose(made_up)
    values = wording._values(made_up, diagnosis)
    text = (PAYOUT_TEXTS if made_up.is_payout else texts.TEXTS)[diagnosis.situation]
    said = [
        text.answer,
        text.why,
        text.settles,
        *text.can,
        wording._rule(made_up, diagnosis.plan),
        wording._next(made_up, diagnosis),
    ]
    for sentence in [*said, texts.CALLBACKS[diagnosis.hearsay]]:
        assert all(values[name] for _, name, *_ in Formatter().parse(sentence) if name), sentence


@pytest.mark.parametrize(("given", "situation", "rule", "asking"), TABLE)
def test_these_facts_come_to_this(given, situation, rule, asking):
    found = diagnose(facts(**given))
    assert (found.situation, found.plan.rule, found.asking) == (situation, rule, asking)


def test_the_table_has_every_situation_every_rule_and_every_state_of_the_next_question():
    assert {row[1] for row in TABLE} == set(Situation)
    assert {row[2] for row in TABLE} == set(Rule)
    assert {row[3] for row in TABLE} == set(Asking)


LATE = {"answers": [answer(Said.PENDING, 300)], "due_in": -240}
STALLED = {"answers": [answer(Said.PENDING, 300)], "due_in": 30}

HINDERED = [
    ({}, []),
    ({"stops": [stop(Switch.SETTLE)]}, ["settle_off"]),
    ({"stops": [stop(Switch.SWEEP)]}, ["sweep_off"]),
    ({"stops": [stop(Switch.NOTIFY), stop(Switch.REPLAY)]}, []),
    ({"stops": [stop(Switch.SWEEP)], "called_ago": 1}, []),
    ({"stops": [stop(Switch.SWEEP)], "status": "created", "has_token": False}, []),
    ({"stops": [stop(Switch.SETTLE), stop(Switch.SWEEP)], "status": "completed", "due_in": None}, []),
    ({"stops": [stop(Switch.SETTLE)], "due_in": None, "parked": True}, ["settle_off"]),
    ({"fleet": fleet(breaker="open", is_refused=True)}, ["refused"]),
    ({"fleet": fleet(breaker="probing")}, ["silent"]),
    ({"fleet": None}, ["not_known"]),
    ({"has_account": False}, ["no_account"]),
    ({"has_account": False, "fleet": None}, ["no_account"]),
    (LATE | {"has_account": False}, ["no_account"]),
    ({"has_account": False, "status": "completed", "due_in": None}, []),
    ({"fleet": None, "status": "completed", "due_in": None}, []),
    ({"fleet": fleet(room=0)}, []),
    (LATE | {"fleet": fleet(room=0)}, ["budget"]),
    (LATE, ["nobody_claims"]),
    (LATE | {"fleet": None}, ["not_known", "nobody_claims"]),
    (LATE | {"stops": [stop(Switch.SWEEP)]}, ["sweep_off"]),
    (LATE | {"stops": [stop(Switch.SETTLE)]}, ["settle_off", "nobody_claims"]),
    (LATE | {"fleet": fleet(breaker="open")}, ["silent"]),
    ({"status": "created", "has_token": False, "due_in": -100}, ["nobody_claims"]),
    (UNSENT | {"stops": [stop(Switch.SEND), stop(Switch.SWEEP)]}, ["send_off"]),
    (UNSENT | {"stops": [stop(Switch.SEND)], "approval": "awaiting", "due_in": None, "parked": True}, ["send_off"]),
    (UNSENT | {"queued_ago": 9, "has_account": False, "due_in": -200}, ["no_account"]),
    (UNSENT | {"stops": [stop(Switch.SEND)], "sent_ago": 3}, []),
    (SENT | {"stops": [stop(Switch.SEND)]}, []),
    (STALLED, ["nobody_asks"]),
    (STALLED | {"fleet": fleet(breaker="open", is_refused=True)}, ["refused"]),
]


@pytest.mark.parametrize(("given", "obstacles"), HINDERED)
def test_this_is_in_the_way(given, obstacles):
    found = diagnose(facts(**({"answers": [PENDING]} | given)))
    assert [hindrance.obstacle.value for hindrance in found.hindrances] == obstacles


def test_the_table_has_every_obstacle():
    assert {obstacle for _, obstacles in HINDERED for obstacle in obstacles} == set(Obstacle)


HEARD = [
    ({}, "none"),
    ({"status": "created", "has_token": False, "claims": [claim()]}, "cannot_be_asked"),
    ({"called_ago": 5, "claims": [claim(5)], "answers": [PENDING]}, "new"),
    ({"claims": [claim(60, amount=1)], "answers": [PENDING]}, "odd_amount"),
    ({"claims": [claim(60, amount=4000)], "answers": [answer(Said.COMPLETED, amount=4000)]}, "in_line"),
    ({"claims": [claim(60)], "answers": [answer(Said.COMPLETED, amount=4000)]}, "differs"),
    ({"claims": [claim(60)], "answers": [PENDING]}, "denied"),
    ({"claims": [claim(60, amount=None)], "answers": [PENDING]}, "denied"),
    ({"claims": [claim(60)], "answers": [PENDING, answer(Said.SILENCE, 5)]}, "denied"),
    ({"claims": [claim(60)], "answers": [answer(Said.PENDING, 90), SILENCE]}, "unanswered"),
    ({"claims": [claim(60)], "answers": [SILENCE]}, "unanswered"),
    ({"claims": [claim(60)], "answers": [COMPLETED], "status": "completed", "due_in": None}, "in_line"),
    ({"claims": [claim(5)], "answers": [COMPLETED], "status": "completed", "due_in": None}, "in_line"),
    ({"claims": [claim(60, Said.NOTCOMPLETED)], "answers": [PENDING]}, "in_line"),
]


@pytest.mark.parametrize(("given", "worth"), HEARD)
def test_the_callbacks_are_worth_this(given, worth):
    assert diagnose(facts(**given)).hearsay == worth


def test_the_table_has_every_kind_of_hearsay():
    assert {worth for _, worth in HEARD} == set(Hearsay)


def test_the_tier_says_when_it_thins_out_and_when_it_is_parked():
    plan = diagnose(facts(age=600, answers=[PENDING])).plan
    assert (plan.every.total_seconds(), plan.then_every.total_seconds()) == (60, 600)
    assert (plan.thins_at - facts().now).total_seconds() == 1200
    assert (plan.parks_at - facts().now).total_seconds() == 30 * DAYS - 600


def test_a_payout_has_tiers_of_its_own_that_count_from_when_it_was_sent():
    plan = diagnose(facts(age=9 * DAYS, answers=[PENDING], **(SENT | {"sent_ago": 300}))).plan
    assert (plan.every.total_seconds(), plan.then_every.total_seconds()) == (30, 60)
    assert (plan.parks_at - facts().now).total_seconds() == 30 * DAYS - 300


def test_what_would_settle_it_is_exact_and_nothing_settles_what_cannot_be_asked_about():
    deciding = diagnose(facts(answers=[PENDING])).deciding
    assert (deciding.said, deciding.amount, deciding.reference) == ("completed", 5000, "ORD-1")
    assert diagnose(facts("created", has_token=False)).deciding is None
    assert diagnose(facts("completed", due_in=None)).deciding is None


ANSWERS = [
    [],
    *([answer(said)] for said in Said),
    [answer(Said.COMPLETED, amount=1)],
    [PENDING, answer(Said.SILENCE, 5)],
]
DATES = [{"due_in": 30}, {"due_in": -5}, {"due_in": -500}, {"due_in": None, "parked": True}, {"due_in": None}]
MORE = [
    {},
    {"has_token": False},
    {"begun_ago": 1, "claims": [claim()]},
    {"begun_ago": 300, "silences": 9},
    {"called_ago": 1, "claims": [claim(1, amount=None)], "unread": 2},
    {"claims": [claim(amount=1)], "cases": ["mismatch", "contradiction"]},
    {"age": 40 * DAYS, "made": override(Status.COMPLETED), "settled_by": "override"},
    {"fleet": None, "cases": ["token_refused"]},
    {"fleet": fleet(breaker="open", held=True), "stops": [stop(switch) for switch in Switch]},
    {"fleet": fleet(room=0), "claims": [claim(says=Said.UNKNOWN)]},
]
WAYS = [
    {},
    PAYOUT,
    SENT,
    PAYOUT | {"queued_ago": 9, "approval": "approved"},
    *(PAYOUT | {"approval": word} for word in Approval),
]


@pytest.mark.parametrize("language", languages())
def test_whatever_the_facts_there_is_a_whole_explanation(language):
    with speaking(language):
        for status, dates, answers, more, way in product(Status, DATES, ANSWERS, MORE, WAYS):
            given = facts(status.value, answers=answers, **(dates | more | way))
            words = put_in_words(given, diagnose(given))
            said = [words.answer, words.why, words.next, words.rule, words.settles, words.callbacks, *words.you_can]
            for sentence in [*said, *words.held_up]:
                assert sentence, (status, dates, answers, more, way)
                assert "{" not in sentence
