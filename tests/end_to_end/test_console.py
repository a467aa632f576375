"""The console as it is deployed: somebody with a phone's width and a keyboard, the real door, a worker, and the gateway's double."""

from __future__ import annotations

import re

import psycopg
import pytest

from tests.end_to_end.conftest import API_KEY, Up, eventually
from tests.end_to_end.test_up import fresh_id
from tests.servers import libpq
from tests.worker.console.chromium import PHONE, Person, person_at, running_browser

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

PATIENCE = 60
"""Seconds for what other processes have to do first, and for each page."""

CALLBACK = '{{"status": "completed", "transaction_id": "{name}", "operator_id": "11"}}'

LATE = """
    UPDATE callbacks SET attempts = 5, next_try_at = clock_timestamp()
    WHERE outcome = 'unmatched' AND position(convert_to(%s, 'UTF8') in body) > 0
"""
"""It was looked for all the time but the last one."""

FAILED = """
    SELECT r.id FROM callbacks r JOIN cases c ON c.callback_id = r.id
    WHERE r.outcome = 'orphan' AND position(convert_to(%s, 'UTF8') in r.body) > 0
"""
QUIET = "UPDATE transactions SET next_check_at = clock_timestamp() + interval '1 hour' WHERE transaction_id = %s"
"""The sweep does not come to it before the person does."""

CASE = "SELECT c.id FROM cases c JOIN transactions t ON t.id = c.transaction_pk WHERE t.transaction_id = %s"


def query(up: Up, statement: str, name: str) -> list[tuple[int, ...]]:
    """On the books of the running shape."""
    with psycopg.connect(libpq(up.settings()["DATABASE_URL"]), autocommit=True) as connection:
        cursor = connection.execute(statement, (name,))
        return cursor.fetchall() if cursor.description else []


def a_callback_that_failed(up: Up, name: str) -> tuple[int, str]:
    """Its number, and the token of the payment it names: that was registered after everybody had stopped looking for it."""
    up.call_back(CALLBACK.format(name=name).encode(), "application/json")

    def has_failed() -> bool:
        query(up, LATE, name)
        return bool(query(up, FAILED, name))

    eventually(has_failed, within=PATIENCE, what="the callback is an orphan")
    token = token_of(up.order(name))
    query(up, QUIET, name)
    up.decide(name)
    return query(up, FAILED, name)[0][0], token


def a_payment_over_another_amount(up: Up, name: str) -> tuple[int, str]:
    """The number of its case, and its token."""
    token = token_of(up.order(name))
    up.decide(name, twins="form-json", confirm_amount=1000)
    eventually(lambda: bool(query(up, CASE, name)), within=PATIENCE, what="the case is open")
    return query(up, CASE, name)[0][0], token


def token_of(order: dict[str, object]) -> str:
    return str(order["payment_url"]).rpartition("/")[2]


def sign_in(me: Person, password: str) -> None:
    me.go("")
    me.page.wait_for_selector("#person:focus")
    me.page.keyboard.type("me")
    me.type("Password", password)
    with me.page.expect_navigation():
        me.press("Enter")


def replays(me: Person, callback: int) -> None:
    """Plan, read, run, and see the page follow the workers to the end without a key being pressed."""
    me.enter("Callbacks")
    me.tab_to(f"Choose callback {callback}")
    me.press("Space")
    me.enter("Make a plan")
    me.page.get_by_text("would settle").first.wait_for()
    me.type("Why", "registered late")
    me.enter("Run the plan")
    me.page.get_by_text("came as predicted").wait_for()
    assert "settled 4,200 XOF" in me.read()


def throws_a_switch(me: Person) -> None:
    me.enter("Switches")
    me.tab_to("Switch it off for a while (Notices to your application)")
    me.press("Enter")
    me.type("Why", "the shop moves house")
    me.enter("Switch it off (Notices to your application)")
    assert "notify is off until" in me.read()
    me.enter("Switch it on again")
    assert "notify is on again" in me.read()


def test_whoever_has_only_a_keyboard_and_a_phone_works_through_a_morning_on_the_deployed_shape(up):
    late, odd = fresh_id(), fresh_id()
    callback, token_of_late = a_callback_that_failed(up, late)
    case, token_of_odd = a_payment_over_another_amount(up, odd)
    password = (up.data / "secrets" / "console-password").read_text().strip()
    with running_browser() as launched, person_at(launched, up.api, viewport=PHONE, patience=PATIENCE) as me:
        sign_in(me, password)
        assert re.search(r"\d+ things? needs? you", me.read())
        assert "paid over another amount" in me.read()

        me.enter("Search")
        me.page.wait_for_selector("#q:focus")
        me.page.keyboard.type(late)
        with me.page.expect_navigation():
            me.press("Enter")
        me.enter(late)
        assert me.overflow() <= 0
        assert "pending" in me.read()

        replays(me, callback)
        assert up.invoice(late)["status"] == "completed"
        me.go(f"/transactions/{late}")
        told = " ".join(me.read().split())
        assert f"callback {callback}, json: claims completed" in told
        assert "settled 4,200 XOF" in told

        me.enter("Cases")
        me.enter(f"Case {case}")
        up.decide(odd)  # the customer has paid the rest meanwhile
        me.tab_to("completed: the money moved")
        me.press("Space")
        me.tab_to("how much really came")
        me.press("Delete")  # what LigdiCash said before
        me.type("Why", "says the dashboard")
        me.enter("Ask, then decide")
        assert "ended by me" in me.read()
        assert up.invoice(odd)["status"] == "completed"

        throws_a_switch(me)

        me.enter("Sign out")
        me.go("/switches")
        assert "/console/login" in me.page.url
        me.stayed_at_home()
        shown = "\n".join(me.shown)

    assert late in shown
    log = (up.data / "logs" / "web.log").read_text()
    assert '"console_signed_in"' in log
    secrets = {"late": token_of_late, "odd": token_of_odd, "key": API_KEY, "password": password}
    secrets |= {name: up.settings()[name] for name in ("LIGDICASH_API_KEY", "LIGDICASH_API_TOKEN")}
    assert [name for name, secret in secrets.items() if secret in shown + log] == []
