"""The console in a real browser: by the keyboard alone, on a phone, in both languages, and without a word to any other host."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.case import CaseKind
from models.order import InvoiceOrder
from models.queries.record import NewCase, open_cases
from models.queries.stops import switch_off
from models.session import transaction
from models.stop import Switch
from tasks.intake import read
from tasks.invoices import create
from tasks.replay import work_batch
from tests.fakes import notcompleted
from tests.ledger import add_pending, claim, knock, run
from tests.plans import add_failed, all_paid, let_wait
from tests.worker.console.browser import PASSWORD, OpenConsole
from tests.worker.console.chromium import PHONE, Person, person_at, running_browser

LATE = 6
"""Payments whose callbacks came before anybody had registered them."""


@pytest.fixture(scope="module")
def launched() -> Iterator[object]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def late(console):
    """Callbacks failed, the payments they name were registered since, and one that waits has a case."""
    add_failed(console.sessions, LATE)
    pks = add_pending(console.sessions, LATE + 1)
    all_paid(console.fakes.gateway, LATE)
    console.fakes.gateway.says(f"token-of-ORD-{LATE + 1}", notcompleted())
    run(console.sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now() WHERE id = :pk", pk=pks[-1])
    with transaction(console.sessions) as step:
        open_cases(step.session, [NewCase(kind=CaseKind.PARKED, detail="silence", transaction_pk=pks[-1])])
    return console


def sign_in(person: Person, *, password: str = "Password") -> None:
    person.go("")
    person.page.wait_for_selector("#person:focus")
    person.page.keyboard.type("awa")
    person.type(password, PASSWORD)
    with person.page.expect_navigation():
        person.press("Enter")


def test_whoever_has_only_a_keyboard_replays_what_failed_ends_a_case_and_throws_a_switch(late, launched):
    with person_at(launched, late.url) as awa:
        sign_in(awa)
        awa.enter("Callbacks")
        assert "orphan" in awa.read()
        awa.tab_to("those ticked on this page")
        awa.press("ArrowDown")
        awa.enter("Make a plan")
        assert f"would settle {LATE}" in " ".join(awa.read().split())
        awa.type("Why", "registered late")
        awa.enter("Run the plan")
        assert "waiting for a worker" in awa.read()
        let_wait(late.sessions)  # the questions of the prediction are just over: the gateway wants its pause
        work_batch(late.tools, plan_of(awa))
        awa.page.get_by_text("came as predicted").wait_for()
        assert f"settled {LATE * 5000:,} XOF" in awa.read()

        awa.enter("Cases")
        awa.enter("Case ")
        awa.tab_to("completed: the money moved")
        awa.press("ArrowDown")
        awa.type("Why", "says the dashboard")
        awa.enter("Ask, then decide")
        assert "books agree: ORD-7 is notcompleted" in awa.read()
        assert "ended by awa" in awa.read()

        awa.enter("Switches")
        awa.tab_to("Switch it off for a while (Settling)")
        awa.press("Enter")
        awa.type("Why", "answers look wrong")
        awa.enter("Switch it off (Settling)")
        assert "settle is off until" in awa.read()
        awa.enter("Switch it on again")
        assert "settle is on again" in awa.read()
        awa.stayed_at_home()


def plan_of(person: Person) -> int:
    return int(person.page.url.rsplit("/", 1)[1].partition("?")[0])


LONG = "W" * 128

PAGES = (
    "",
    "/search?q=ORD",
    f"/search?q={LONG}",
    "/transactions/ORD-1",
    f"/transactions/{LONG}",
    "/callbacks",
    "/callbacks?outcome=all",
    "/callbacks/1",
    "/replays",
    "/replays/1",
    "/cases",
    "/cases/{case}",
    "/switches",
)


def write_long_words(console: OpenConsole) -> None:
    """Whatever others may choose, as one long word: an id, what a callback names, a reason."""
    create(console.tools, InvoiceOrder(transaction_id=LONG, amount=5000, description="D" * 200))
    read(console.tools, knock(console.sessions, claim(LONG), claim("Z" * 128)))
    with transaction(console.sessions) as step:
        switch_off(step.session, Switch.NOTIFY, author="awa", reason="R" * 300, length=timedelta(hours=1))


def test_every_page_fits_a_phone_and_speaks_french_there_whatever_long_words_others_wrote(late, launched):
    case = run(late.sessions, "SELECT id FROM cases WHERE kind = 'parked'")[0][0]
    write_long_words(late)
    with person_at(launched, late.url, viewport=PHONE, locale="fr-FR", has_touch=True) as awa:
        sign_in(awa, password="Mot de passe")
        awa.go("/callbacks")
        awa.page.get_by_role("button", name="Préparer un plan").wait_for()
        awa.page.get_by_label("tous ceux").check()
        awa.page.get_by_role("button", name="Préparer un plan").click()
        awa.page.get_by_text("serait réglé").first.wait_for()
        for path in PAGES:
            awa.go(path.format(case=case))
            assert awa.overflow() <= 0, path
            assert awa.page.get_attribute("html", "lang") == "fr"
        awa.stayed_at_home()
