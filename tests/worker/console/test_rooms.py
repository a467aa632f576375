"""The pages behind the gate: what they find, what they do in somebody's name, and what they say when somebody was quicker."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import text

from models.errors import TryAgain
from models.payout import PayoutOrder
from models.queries import search
from models.session import transaction
from models.transaction import Route
from tasks import foresee
from tasks.payouts import create
from tasks.record import record
from tests.fakes import completed, notcompleted
from tests.ledger import LANE, add_pending, answered, claim, knock, run, value
from tests.plans import add_failed, all_paid, let_wait, work_batch
from tests.worker.console.browser import Browser, OpenConsole, words_of
from worker.console.transactions import address_of
from worker.evidence import verify


def told(browser: Browser, answer) -> str:
    """What the page says that an action goes on to."""
    assert answer.status_code == 303, words_of(answer.text)
    page = browser.get(answer.headers["location"].removeprefix("/console"))
    return words_of(re.search(r'<p class="(?:notice|trouble)" role="status">.*?</p>', page.text, re.DOTALL)[0])


def past_the_guards(console: OpenConsole, statement: str, **parameters) -> None:
    """What the database lets nobody change."""
    with transaction(console.sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        step.session.execute(text(statement), parameters)


def waiting_case(console: OpenConsole) -> int:
    """ORD-1 was paid on other terms; its case."""
    [pk] = add_pending(console.sessions)
    record(console.tools, [answered(console.sessions, pk, completed(4000, "ORD-1"))], lane=LANE)
    run(console.sessions, "UPDATE transactions SET last_asked_at = NULL")
    return value(console.sessions, "SELECT id FROM cases")


def test_a_payment_is_found_by_whatever_somebody_has_in_hand(console, monkeypatch):
    pks = add_pending(console.sessions, 30)
    record(console.tools, [answered(console.sessions, pks[0], completed(5000, "REF-77"))], lane=LANE)
    past_the_guards(console, "UPDATE transactions SET amount = 7300 WHERE transaction_id = 'ORD-2'")
    order = PayoutOrder(transaction_id="OUT-1", amount=900, route=Route.MOBILE_MONEY, customer="22670112233")
    create(console.tools, order)
    knock(console.sessions, claim("ORD-3", external_id="EXT-5"), claim("ORD-4", customer="22670445566"))
    awa = console.person()

    def found(words: str, **more: str) -> set[str]:
        page = awa.call("GET", "/search", params={"q": words, **more}).text
        return set(re.findall(r'href="/console/(?:transactions|callbacks)/([^"]+)"', page))

    assert found("rd-30") == {"ORD-30"}
    assert found("REF-77") == {"ORD-1"}
    assert found("7 300") == {"ORD-2"}
    assert found("+226 70 11 22 33") == {"OUT-1"}
    assert found("EXT-5") == {"1"}
    assert found("+226 70 44 55 66") == {"2"}
    assert "226******33" in awa.get("/search?q=OUT-1").text
    assert "22670112233" not in awa.get("/search?q=OUT-1").text
    with monkeypatch.context() as patch:
        patch.setattr(search, "LOOK", 10)
        assert found("ORD-2") == {f"ORD-{n}" for n in (2, *range(22, 30))}
        assert "there are older ones" in awa.get("/search?q=nowhere").text
    first = found("ORD-")
    assert len(first - {"1", "2"}) == 25
    assert found("ORD-", after=str(pks[5])) == {f"ORD-{n}" for n in range(1, 6)}
    assert "past the end" in awa.get("/search?q=ORD-&after=1").text


@pytest.mark.parametrize("name", ["a/../b", "~41", "paid/evidence", "x?y=1&z#", " ORD ", "café/1"])
def test_a_payment_of_any_name_has_its_page_and_its_evidence(console, name):
    add_pending(console.sessions)
    past_the_guards(console, "UPDATE transactions SET transaction_id = :name", name=name)
    awa = console.person()
    assert awa.get(address_of(name).removeprefix("/console")).status_code == 200
    page = awa.get(address_of(name, page="/evidence").removeprefix("/console")).text
    file = re.search(r'class="button" href="/console([^"]+)"', page)[1].replace("&amp;", "&")
    taken = awa.get(file)
    proof = verify(taken.content)
    assert (proof.transaction_id, proof.faults) == (name, [])
    assert "seal=" + proof.seal in file
    other = awa.get(file[:-4] + "0000")
    assert other.status_code == 409
    assert "this is the file as of now, with another seal" in words_of(other.text)
    assert proof.seal in other.text, "and it can be taken from there"


def test_the_gateway_is_asked_from_the_page_and_not_twice_at_once(console):
    add_pending(console.sessions)
    console.fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    awa = console.person()
    assert "moved from pending to completed, settled 5,000 XOF" in told(awa, awa.post("/check", id="ORD-1"))
    assert "not asked: it was asked about" in told(awa, awa.post("/check", id="ORD-1"))


def test_a_plan_runs_as_it_was_reviewed_once_and_is_cancelled_once(console):
    add_failed(console.sessions, 3)
    add_pending(console.sessions, 3)
    all_paid(console.fakes.gateway, 3)
    awa, moussa = console.person(), console.person()
    ticked = awa.post("/callbacks/plan", which="ticked", callback=["1", "2"], ask="1")
    assert ticked.headers["location"] == "/console/replays/1"
    page = awa.get("/replays/1").text
    digest = re.search(r'name="hash" value="([0-9a-f]+)"', page)[1]
    assert "would settle" in page
    assert awa.post("/replays/1/run", hash="0" * 64, reason="late").status_code == 409
    assert "shows how far it is" in told(awa, awa.post("/replays/1/run", hash=digest, reason="late"))
    assert "Nothing was done: the plan is running already, by awa" in told(
        moussa, moussa.post("/replays/1/run", hash=digest, reason="late too")
    )
    let_wait(console.sessions)
    work_batch(console.tools, 1)
    assert "came as predicted" in awa.get("/replays/1").text
    assert "is over already (done)" in told(awa, awa.post("/replays/1/cancel", reason="no"))
    assert value(console.sessions, "SELECT run_by || ': ' || reason FROM replay_plans") == "awa: late"


def test_a_draft_that_was_cut_short_is_gone_on_with_from_its_page(console, monkeypatch):
    add_failed(console.sessions, 2)
    awa = console.person()

    def cut(*_more) -> None:
        raise TryAgain("the database went away")

    with monkeypatch.context() as patch:
        patch.setattr(foresee, "_choose", cut)
        assert awa.post("/callbacks/plan", which="all", outcome="failed").headers["location"] == "/console/replays/1"
    run(console.sessions, "UPDATE replay_plans SET leased_until = now()")
    assert "The draft was cut short" in awa.get("/replays/1").text
    assert awa.post("/replays/1/resume").headers["location"] == "/console/replays/1"
    assert value(console.sessions, "SELECT state || items FROM replay_plans") == "ready2"


def test_a_case_is_decided_in_ones_own_name_by_hand_only_with_its_number_and_not_twice(console):
    case = waiting_case(console)
    console.fakes.gateway.says("token-of-ORD-1", notcompleted())
    console.fakes.gateway.says("token-of-ORD-1", completed(4000, "ORD-1"))
    awa, other = console.person(), console.person("awa")
    by_hand = {"became": "completed", "amount": "4000", "reason": "the customer keeps it", "author": "somebody else"}
    assert "nothing was changed" in told(awa, awa.post(f"/cases/{case}/settle", **by_hand))
    assert awa.post(f"/cases/{case}/settle", **by_hand, override="1", confirm="no").status_code == 422
    run(console.sessions, "UPDATE transactions SET last_asked_at = NULL")
    assert "changed by hand" in told(awa, awa.post(f"/cases/{case}/settle", **by_hand, override="1", confirm=str(case)))
    assert "awa ended it" in told(
        other, other.post(f"/cases/{case}/settle", **by_hand, override="1", confirm=str(case))
    )
    assert "awa ended it" in told(other, other.post(f"/cases/{case}/end", reason="me too"))
    assert run(console.sessions, "SELECT author, amount FROM overrides") == [("awa", 4000)]


def test_a_payout_that_waits_is_approved_and_sent_once(console):
    tools = replace(console.tools, approval_above=100)
    create(tools, PayoutOrder(transaction_id="OUT-9", amount=900, route=Route.MOBILE_MONEY, customer="22670112233"))
    console.fakes.gateway.payouts.received = sent = []
    awa = console.person()
    assert "Approve and send 900 XOF" in awa.get("/cases/1").text
    assert "was handed to the gateway: 900 XOF" in told(awa, awa.post("/cases/1/approve", reason="salary"))
    again = awa.post("/cases/1/approve", reason="salary")
    assert (again.status_code, "approved by awa" in words_of(again.text)) == (409, True)
    assert awa.post("/cases/1/reject", reason="no").status_code == 409
    assert [order.transaction_id for order in sent] == ["OUT-9"]


def test_a_switch_that_somebody_else_threw_stays_in_their_words(console):
    awa, other = console.person(), console.person()
    assert "Nobody" not in told(awa, awa.post("/switches/notify/off", reason="their server is down", length="2h"))
    late = told(other, other.post("/switches/notify/off", reason="me too", length="7d"))
    assert "Nothing was changed: notify is off until" in late
    assert "by awa: their server is down" in late
    assert awa.post("/switches/receive/off", reason="x", length="2h").status_code == 404
    assert awa.post("/switches/sweep/off", reason="x", length="9d").status_code == 422
    assert "notify is on again" in told(other, other.post("/switches/notify/on"))
    assert "was on already" in told(awa, awa.post("/switches/notify/on"))
    assert run(console.sessions, "SELECT author, reason FROM stops") == [("awa", "their server is down")]
