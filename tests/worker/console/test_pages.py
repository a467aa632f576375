"""What the console gives every room: trouble in words, messages that are said once, nothing that slips through."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from models.errors import Conflict, Invalid, NotFound, StoreAway
from tests.worker.console.books import PLAIN_TOKEN, TOKEN
from tests.worker.console.browser import open_console, words_of
from worker.console import app as console_app
from worker.console.forms import FORM
from worker.console.rooms import Action, Page, all_rooms
from worker.language import _

TROUBLE = {
    "invalid": (Invalid("amount: must be a whole number"), 422),
    "conflict": (Conflict("the same id was used before"), 409),
    "away": (StoreAway("the database cannot be reached or is too busy: connection refused"), 503),
    "missing": (NotFound(f"there is no invoice token={PLAIN_TOKEN}"), 404),
    "bug": (RuntimeError(f"a secret inside: {TOKEN}"), 500),
}


def breaks(visit):
    raise TROUBLE[visit.text("how")][0]


def leaks(visit):
    told = f'{TOKEN} and {{"invoiceToken": "{PLAIN_TOKEN}"}} and <b>bold</b> and Bearer {PLAIN_TOKEN}'
    return visit.show("trouble.html", title="Leaks", told=told)


def acts(visit):
    amount = visit.form.whole("amount", least=1)
    return visit.go_to("/", told=_("no invoices") + f" {visit.person} {amount} {visit.form.all('tick')}")


ROOM = [Page("/breaks/{how}", breaks), Page("/leaks", leaks), Action("/acts", acts)]


@pytest.fixture
def console(database_of_consoles, redis_url, monkeypatch):
    """With a room of ours besides the real ones."""
    url, sessions = database_of_consoles
    monkeypatch.setattr(console_app, "all_rooms", lambda: [*all_rooms(), ROOM])
    with open_console(url, redis_url, sessions) as opened:
        yield opened


def test_a_slash_at_the_end_of_an_address_does_no_harm(console):
    awa = console.person()
    for path, meant in (("/?live=1", "/console?live=1"), ("/cases/?kind=parked", "/console/cases?kind=parked")):
        answer = awa.http.get(f"{awa.url}/console{path}", allow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, meant)
    assert awa.get("/nowhere/").status_code == 404


def test_trouble_is_a_page_in_words_without_a_traceback(console):
    awa = console.person()
    with capture_logs() as lines:
        answers = {how: awa.get(f"/breaks/{how}") for how in TROUBLE}
    for how, (error, status) in TROUBLE.items():
        told = words_of(answers[how].text)
        assert answers[how].status_code == status, how
        assert ("Overview" in told) == (how != "bug")
        assert not [bad for bad in ("Traceback", "secret inside", TOKEN, PLAIN_TOKEN) if bad in answers[how].text]
        assert str(error)[1:20] in told or how == "bug"
    assert "The log of this server says what." in words_of(answers["bug"].text)
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["console_broke"]


def test_what_a_page_lets_slip_is_masked_and_escaped_all_the_same(console):
    html = console.person().get("/leaks").text
    assert TOKEN not in html
    assert PLAIN_TOKEN not in html
    assert "***" in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html


def test_an_action_is_signed_goes_on_to_a_page_and_is_told_of_once(console):
    awa = console.person()
    awa.post("/language", language="fr", next="/console")
    answer = awa.post("/acts", amount="5000", tick=["a", "b", ""])
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    said = "aucune facture awa 5000 ['a', 'b']"
    assert said in words_of(awa.get().text)
    assert said not in words_of(awa.get().text)


def test_a_field_that_is_wrong_is_named_and_nothing_is_done(console):
    awa = console.person()
    for amount in ("0", "-5", "5.5", "5 000", "\u0665", "9" * 40):
        answer = awa.post("/acts", amount=amount)
        assert answer.status_code == 422, amount
        assert "Amount: a whole number is needed" in words_of(answer.text)
    for form in (b"csrf=%ff%fe", b"a=%00", b"&".join([b"a=1"] * 1001)):
        headers = {"Origin": awa.url, "Content-Type": FORM}
        assert awa.call("POST", "/acts", data=form, headers=headers).status_code == 400, form[:20]
    assert awa.get("?kind=%ff").status_code == 400


def test_reading_has_no_way_to_act(console):
    awa = console.person()
    for path in ("/acts", "/logout"):
        assert awa.get(path).status_code == 404, path
    assert awa.post("/leaks").status_code == 404
    assert awa.call("PUT", "/leaks").status_code == 405
    assert awa.get().status_code == 200
