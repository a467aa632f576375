"""`reconciler why` at the command line: real books of every kind, 80 columns, two languages, and nothing touched."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from models.check import Lane
from models.errors import GatewayRefused, OutcomeUnknown
from models.queries.standing import find_standing
from models.queries.stops import switch_off
from models.session import transaction
from models.stop import Switch
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.toolbox import Heard
from tests.fakes import completed, notcompleted, pending, silence, with_own
from tests.ledger import add_created, add_pending, claim, knock, let_pass, run
from tests.servers import patient
from worker.breaker import FleetBreaker, FleetStore
from worker.budget import FleetBudget
from worker.fleet import Fleet
from worker.language import languages, speaking
from worker.locks import RedisLocks, connect
from worker.ops.desk import Desk
from worker.ops.why.hindrance import Obstacle
from worker.ops.why.situation import Hearsay, Situation
from worker.ops.why.timing import Asking, Rule

DOCUMENTED = (Path(__file__).parents[4] / "docs" / "why.md").read_text()


def said(ops, *answers, lane=Lane.SWEEP):
    """One invoice about which the gateway was asked this often, and said so."""
    [pk] = add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", *answers)
    for _ in answers:
        confirm(ops.tools, [pk], lane=lane)
        let_pass(ops.tools.sessions, 10)
    return pk


def everything_in(client):
    return {key: client.dump(key) for key in client.scan_iter()}


def situation(ops, transaction_id="ORD-1"):
    return ops.document("why", transaction_id)["situation"]


def test_a_question_that_took_its_time_is_answered_all_the_same(ops):
    said(ops, replace(pending(), took=0.4))
    assert ops.document("why", "ORD-1")["asking"] in ("waiting", "due")


def test_the_same_answer_again_and_again_is_told_in_three_lines(ops):
    said(ops, *[pending()] * 12)
    shown = ops.say("why", "ORD-1")
    assert shown.count("asked: still pending") == 2
    assert "asked 10 times more: still pending" in shown


def test_a_create_whose_reply_is_awaited(ops):
    add_created(ops.tools.sessions)
    assert situation(ops) == "creating"
    assert "Without a reply by" in ops.say("why", "ORD-1")


def test_a_create_whose_reply_was_lost(ops):
    ops.fakes.gateway.create_fault = OutcomeUnknown("the connection broke")
    ops.run("invoices", "create", "--amount", "700", "--transaction-id", "order-1")
    document = ops.document("why", "order-1")
    assert (document["situation"], document["needs_person"], document["would_settle"]) == ("token_lost", True, None)


def test_an_order_the_gateway_refused(ops):
    ops.fakes.gateway.create_fault = GatewayRefused("the amount is too low")
    ops.run("invoices", "create", "--amount", "700", "--transaction-id", "order-1")
    assert situation(ops, "order-1") == "refused"
    assert '"the amount is too low"' in ops.say("why", "order-1")


def test_an_invoice_nobody_was_asked_about(ops):
    ops.say("invoices", "create", "--amount", "700", "--transaction-id", "order-1")
    shown = ops.say("why", "order-1")
    assert "Pending: LigdiCash has not been asked yet." in shown
    assert re.search(r"We ask LigdiCash at .* UTC, in (2 minutes|1?\d\d seconds)", shown)


def test_a_callback_that_was_read_and_not_asked_about(ops):
    add_pending(ops.tools.sessions)
    intake(ops.tools, knock(ops.tools.sessions, claim("ORD-1")))
    document = ops.document("why", "ORD-1")
    assert (document["situation"], document["rule"]["code"]) == ("called_back", "after_callback")
    assert document["callbacks"]["worth"] == "new"


@pytest.mark.parametrize(
    ("body", "found"),
    [(claim("ORD-1"), "claimed"), (claim("ORD-1", amount=1), "claimed_otherwise"), (claim("ORD-1", "pending"), "gateway_pending")],
)  # fmt: skip
def test_a_callback_is_held_against_what_the_gateway_says(ops, body, found):
    [pk] = add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", pending())
    intake(ops.tools, knock(ops.tools.sessions, body))
    confirm(ops.tools, [pk], lane=Lane.CALLBACK)
    assert situation(ops) == found


def test_a_callback_that_waits_to_be_read_is_told_of(ops):
    add_pending(ops.tools.sessions)
    knock(ops.tools.sessions, claim("ORD-1"))
    assert "1 callback has not been read yet" in " ".join(ops.say("why", "ORD-1").split())
    assert ops.document("why", "ORD-1")["callbacks"]["unread"] == 1


def test_silences_after_an_answer(ops):
    said(ops, pending(), silence(), silence())
    shown = " ".join(ops.say("why", "ORD-1").split())
    assert "2 questions in a row without an answer" in shown
    assert 'was "pending"' in shown


def test_another_amount_than_ours(ops):
    said(ops, completed(4000, "ORD-1"))
    shown = " ".join(ops.say("why", "ORD-1").split())
    assert "LigdiCash says paid, but over 4,000 XOF instead of 5,000 XOF." in shown
    assert "reconciler cases show 1" in shown


def test_a_settled_one_and_a_failed_one(ops):
    said(ops, completed(5000, "ORD-1"))
    assert situation(ops) == "settled"
    assert "Paid: 5,000 XOF are in the books, once." in ops.say("why", "ORD-1")


def test_a_failed_one(ops):
    said(ops, notcompleted())
    assert situation(ops) == "failed"
    assert "A failure is provisional" in ops.say("why", "ORD-1")


def test_an_overdue_one_that_nobody_works(ops):
    add_pending(ops.tools.sessions, due_in=-600)
    document = ops.document("why", "ORD-1")
    assert document["asking"] == "overdue"
    assert [one["obstacle"] for one in document["hindrances"]] == ["nobody_claims"]


def test_one_that_is_being_asked_about_right_now(ops):
    [pk] = add_pending(ops.tools.sessions)
    shown = []
    ops.fakes.gateway.during_confirm = lambda _token: shown.append(ops.say("why", "ORD-1"))
    confirm(ops.tools, [pk], lane=Lane.SWEEP)
    told = " ".join(shown[0].split())
    assert re.search(r"LigdiCash was asked \d+ seconds? ago, by 4711@elsewhere, and its answer is awaited\.", told)
    assert "held by 4711@elsewhere, for 20 seconds at most" in shown[0]


def test_what_a_person_switched_off_is_told_with_author_reason_and_end(ops):
    said(ops, pending())
    with transaction(ops.tools.sessions) as step:
        for switch in (Switch.SETTLE, Switch.SWEEP):
            switch_off(step.session, switch, author="Awa", reason="audit", length=timedelta(hours=1))
    shown = " ".join(ops.say("why", "ORD-1").split())
    assert "Settling is switched off since" in shown
    assert 'by Awa: "audit"' in shown
    stops = ops.document("why", "ORD-1")["stops"]
    assert {(stop["switch"], stop["author"]) for stop in stops} == {("settle", "Awa"), ("sweep", "Awa")}


def test_without_redis_it_answers_and_says_what_it_cannot_know(ops):
    said(ops, pending())
    ops.fakes.locks.is_away = True
    shown = ops.say("why", "ORD-1")
    assert "Pending: LigdiCash says that the payment is not finished." in shown
    assert shown.count("cannot be told: Redis does not answer") == 4
    document = ops.document("why", "ORD-1")
    assert {document[name] for name in ("lock", "breaker", "budget", "queues")} == {None}


@pytest.mark.parametrize("name", ["nobody", "no\x1b[2Jbody", "\udcff"])
def test_an_unknown_invoice_is_one_line(ops, name):
    assert ops.fault("why", name) == f"error: there is no invoice or payout {name!r}"


def test_without_the_database_it_is_one_line(ops_without_database):
    assert ops_without_database.fault("why", "ORD-1").startswith("error: the database cannot be reached")


@pytest.mark.parametrize("language", languages())
def test_it_fits_80_columns_in_every_language(ops, language):
    name = "Z" * 255
    ops.say("invoices", "create", "--amount", "2000000", "--transaction-id", name)
    token = f"token-1-of-{name}"
    ops.fakes.gateway.says(token, silence(), completed(1, name))
    intake(ops.tools, knock(ops.tools.sessions, claim(name)))
    for _ in range(2):
        confirm(ops.tools, [1], lane=Lane.PERSON)
        let_pass(ops.tools.sessions, 10)
    with speaking(language):
        shown = ops.say("why", name)
    lines = shown.splitlines()
    assert max(len(line) for line in lines[1:]) <= 80  # the first is the id itself, never broken
    assert "token-1" not in shown
    assert token not in json.dumps(ops.document("why", name))


def test_what_a_forger_wrote_cannot_steer_the_terminal(ops):
    said(ops, completed(5000, "\x1b[2JORD"))
    assert "\x1b" not in ops.say("why", "ORD-1")


def test_the_document_is_in_english_whatever_is_spoken(ops):
    said(ops, pending())
    english = ops.document("why", "ORD-1")["words"]["answer"]
    with speaking("fr"):
        assert ops.document("why", "ORD-1")["words"]["answer"] == english


def test_the_document_has_the_members_that_its_page_promises(ops):
    said(ops, pending())
    document = ops.document("why", "ORD-1")
    assert document["format"] == 1
    promised = re.findall(
        r"^\| `(\w+)` \|", DOCUMENTED.partition("## The document")[2].partition("## ")[0], re.MULTILINE
    )
    assert promised == list(document)
    assert document["would_settle"] == {"said": "completed", "amount": 5000, "reference": "ORD-1"}
    assert document["rule"]["every_seconds"] == 10
    assert [check["said"] for check in document["history"]["checks"]] == ["pending"]


@pytest.mark.parametrize("code", [*Situation, *Rule, *Asking, *Obstacle, *Hearsay])
def test_every_code_is_on_the_page(code):
    assert f"| `{code.value}` |" in DOCUMENTED


def test_it_asks_nothing_takes_nothing_and_tells_nobody(ops):
    said(ops, pending())
    before = (list(ops.fakes.gateway.asked), list(ops.fakes.budget.taken), list(ops.fakes.breaker.heard))
    rows = run(ops.tools.sessions, "SELECT xmin::text, ctid::text FROM transactions")
    ops.say("why", "ORD-1")
    assert (ops.fakes.gateway.asked, ops.fakes.budget.taken, ops.fakes.breaker.heard) == before
    assert (ops.fakes.locks.held, ops.fakes.queue.asked, ops.fakes.queue.read) == (set(), [], [])
    assert run(ops.tools.sessions, "SELECT xmin::text, ctid::text FROM transactions") == rows


def test_the_books_are_read_in_a_transaction_that_cannot_write(ops):
    add_pending(ops.tools.sessions)
    with transaction(ops.tools.sessions) as step:
        assert find_standing(step.session, "ORD-1") is not None
        assert step.session.scalar(text("SHOW transaction_read_only")) == "on"
        assert step.session.scalar(text("SHOW transaction_isolation")) == "repeatable read"


def test_redis_is_left_as_it_was_and_its_holder_is_named(ops, redis_url):
    pk = said(ops, pending())
    with connect(patient(redis_url)) as client, capture_logs():
        fleet = Fleet(client)
        locks, budget = RedisLocks(client, life=30), FleetBudget(fleet, name="us", rate=50)
        breaker = FleetBreaker(FleetStore(fleet, name="us"), probe_life=29)
        breaker.report(Heard(refusals=1, reason="the address is not allowed"))
        budget.take(Lane.SWEEP, 5)
        locks.take([pk])
        before = everything_in(client)
        tools = with_own(replace(ops.tools, locks=locks), ops.fakes, budget=budget, breaker=breaker)
        ops.desk = Desk(settings=ops.desk.settings, tools=tools)
        document = ops.document("why", "ORD-1")
        assert everything_in(client) == before
    assert document["lock"]["is_held"] is True
    assert re.fullmatch(r"\d+@.+", document["lock"]["holder"])
    [hindrance] = document["hindrances"]
    assert (hindrance["obstacle"], hindrance["reason"]) == ("refused", "the address is not allowed")
    assert len(before) >= 3
