"""Nobody gets in without the password, stays in after leaving, or is made to send a form by somebody else."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import pytest
import redis
from structlog.testing import capture_logs

from config.settings import SettingsProblem
from tests.fakes import settings_for
from tests.servers import patient
from tests.webdoor import NOWHERE
from tests.worker.console.browser import AWA, PASSWORD, Browser, open_console, words_of
from worker.console import attempts, sign_ins
from worker.console.attempts import FREE, Attempts, wait_after
from worker.console.sign_ins import IDLE, LONGEST, SignIns
from worker.locks import connect

FOREIGN = [{"Sec-Fetch-Site": where} for where in ("cross-site", "same-site", "none")]
PEOPLE = {"awa": "one hash", "moussa": "another"}


def people():
    """Those who may sign in now."""
    return PEOPLE


def test_name_and_password_open_the_console_and_a_cookie_that_only_it_can_read(console):
    awa = console.browser()
    answer = awa.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("console=")
    assert all(part in cookie for part in ("HttpOnly", "Path=/", "SameSite=strict"))
    assert "awa" in words_of(awa.get().text)


def test_anything_else_opens_nothing_and_does_not_tell_which_was_wrong(console):
    stranger = console.browser()
    for person, password in (("awa", "wrong"), ("awa", ""), ("nobody", PASSWORD), ("", "")):
        answer = stranger.sign_in(person, password)
        assert answer.status_code == 403, person
        assert "This name and this password do not belong together." in words_of(answer.text)
        assert not password or password not in answer.text
    assert not stranger.cookie
    assert stranger.get().status_code == 303


def test_a_stolen_cookie_is_worth_nothing_once_its_owner_signed_out(console):
    awa = console.person()
    thief = console.browser()
    thief.http.cookies.set("console", awa.cookie)
    assert thief.get().status_code == 200
    assert awa.post("/logout").headers["location"] == "/console/login"
    assert thief.get().headers["location"] == "/console/login?next=%2Fconsole"
    assert thief.post("/logout", csrf="").status_code == 303


def test_every_sign_in_has_an_id_of_its_own_and_ends_the_one_before(console):
    awa = console.person()
    before = awa.cookie
    thief = console.browser()
    thief.http.cookies.set("console", before)
    assert awa.sign_in().status_code == 303
    assert awa.cookie != before
    assert thief.get().status_code == 303
    # Nor does an id that somebody else chose become one.
    planted = console.browser()
    planted.http.cookies.set("console", "chosen-by-somebody-else")
    planted.sign_in()
    assert "chosen-by-somebody-else" not in planted.http.cookies.values()[-1]


def test_a_form_with_a_forged_token_or_that_of_another_sign_in_does_nothing(console):
    awa, moussa = console.person(), console.browser()
    moussa.sign_in("moussa", "another one altogether")
    for token in ("", "0" * 64, moussa.csrf(), "é"):
        answer = awa.post("/logout", csrf=token)
        assert answer.status_code == 403
        assert "Nothing was done" in words_of(answer.text)
    assert awa.get().status_code == 200


def test_a_form_of_another_site_does_nothing_whatever_it_brings(console):
    awa = console.person()
    data = {"csrf": awa.csrf(), "person": "awa", "password": PASSWORD}
    for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, *FOREIGN):
        headers = {"Origin": awa.url} | origin if "Sec-Fetch-Site" in origin else origin
        for path in ("/logout", "/login", "/language", "/anything"):
            answer = awa.call("POST", path, data=data, headers=headers)
            assert answer.status_code == 403, (path, origin)
            assert "did not come from a page of this console" in words_of(answer.text)
    assert awa.get().status_code == 200


def test_a_browser_that_says_same_origin_is_believed_though_its_origin_is_null(console):
    """Pages that send no referrer have none: so it is with ours."""
    awa = console.person()
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    assert awa.call("POST", "/logout", data={"csrf": awa.csrf()}, headers=headers).status_code == 303


def test_a_form_that_comes_after_the_sign_in_ended_says_that_nothing_was_done(console):
    awa = console.person()
    token = awa.csrf()
    with redis.Redis.from_url(console.settings.redis_url.get_secret_value()) as client:
        client.flushdb()
    assert awa.get().status_code == 303, "an emptied Redis signs everybody out"
    answer = awa.post("/anything", csrf=token)
    assert answer.headers["location"] == "/console/login?why=signed-out"
    assert "nothing was done" in words_of(awa.get("/login?why=signed-out").text)


def test_the_gate_leads_back_to_where_one_was_going_and_never_elsewhere(console):
    awa = console.browser()
    wanted = awa.get("/nowhere?kind=mismatch").headers["location"]
    assert wanted == "/console/login?next=%2Fconsole%2Fnowhere%3Fkind%3Dmismatch"
    assert 'value="/console/nowhere?kind=mismatch"' in awa.get(wanted.removeprefix("/console")).text
    assert awa.sign_in(next="/console/nowhere?kind=mismatch").headers["location"] == "/console/nowhere?kind=mismatch"
    for elsewhere in (
        "https://evil.example",
        "//evil.example",
        "/console//evil",
        "/consoles",
        "/console/\\evil",
        "/v1",
    ):
        assert awa.sign_in(next=elsewhere).headers["location"] == "/console", elsewhere


def test_a_link_on_another_site_is_asked_for_anew_so_that_the_browser_gives_its_cookie(console):
    stranger = console.browser()
    answer = stranger.get("/nowhere?kind=mismatch", Sec_Fetch_Site="cross-site")
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/console/nowhere?kind=mismatch">' in answer.text


def test_ten_wrong_passwords_slow_the_eleventh_and_the_right_one_too(console):
    stranger = console.browser()
    for _ in range(FREE):
        assert stranger.sign_in("awa", "wrong").status_code == 403
    answer = stranger.sign_in("awa", "wrong")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 3
    assert "wait" in words_of(answer.text)
    assert stranger.sign_in("awa", PASSWORD).status_code == 429
    assert stranger.sign_in("nobody", "wrong").status_code == 429, "the address waits, whoever it says it is"


def test_waits_grow_and_have_a_ceiling():
    waits = [wait_after(failures, longest=30) for failures in range(FREE - 1, FREE + 7)]
    assert waits == [0, 2, 4, 8, 16, 30, 30, 30]
    assert wait_after(10**6, longest=900) == 900


@pytest.fixture
def fleet(redis_url):
    clients = [connect(patient(redis_url)), connect(patient(redis_url))]
    yield clients
    for client in clients:
        client.close()


def test_somebody_who_guesses_from_many_addresses_does_not_lock_out_whom_they_guess_at(fleet):
    here, elsewhere = Attempts(fleet[0]), Attempts(fleet[1])
    here.succeeded("awa", "203.0.113.1")
    for place in range(FREE + 20):
        elsewhere.failed("awa", f"198.51.100.{place}")
    assert 0 < here.wait("awa", "192.0.2.1") <= attempts.LONGEST_OF_PERSON
    assert here.wait("awa", "203.0.113.1") == 0, "from there she signed in lately"
    assert here.wait("moussa", "192.0.2.1") == 0


def test_a_colleague_at_the_same_address_guesses_no_faster_by_signing_in_between(fleet):
    here = Attempts(fleet[0])
    here.succeeded("awa", "203.0.113.1")
    for _ in range(FREE):
        here.failed("awa", "203.0.113.1")
        here.succeeded("moussa", "203.0.113.1")
    assert 0 < here.wait("awa", "203.0.113.1") <= attempts.LONGEST_OF_PERSON
    assert here.wait("moussa", "203.0.113.1") == 0


def test_one_network_of_ipv6_counts_as_one_address_on_every_door(fleet):
    here, elsewhere = Attempts(fleet[0]), Attempts(fleet[1])
    for place in range(FREE):
        here.failed(f"somebody {place}", f"2001:db8::{place + 1:x}")
    assert elsewhere.wait("awa", "2001:db8::ffff") > 0
    assert elsewhere.wait("awa", "2001:db8:0:1::1") == 0


def test_an_address_of_ipv4_is_one_of_its_own_also_where_it_comes_as_ipv6(fleet):
    here = Attempts(fleet[0])
    for place in range(FREE):
        here.failed(f"somebody {place}", "::ffff:198.51.100.1")
    assert here.wait("awa", "198.51.100.1") > 0
    assert here.wait("awa", "::ffff:198.51.100.2") == 0


@pytest.fixture
def away():
    client = connect("redis://127.0.0.1:1/0")
    yield client
    client.close()


def test_with_redis_away_a_door_counts_by_itself(away):
    here = Attempts(away)
    for _ in range(FREE):
        assert here.wait("awa", "203.0.113.1") == 0
        here.failed("awa", "203.0.113.1")
    assert here.wait("awa", "203.0.113.1") > 0
    here.succeeded("awa", "203.0.113.1")
    assert here.wait("awa", "203.0.113.1") == 0


def test_with_a_redis_that_hangs_somebody_signs_in_and_is_let_in_within_seconds(console):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        hangs = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        with open_console(NOWHERE, hangs, console.sessions) as other:
            awa, began = other.browser(), time.monotonic()
            awa.post("/login", csrf="", person="awa", password=PASSWORD)
            assert awa.get("/nowhere").status_code == 404, "whoever is not signed in is led to the gate"
            assert time.monotonic() - began < 6, "with two seconds each time it takes twelve"


def test_with_redis_away_whoever_signed_in_here_stays_and_whoever_signs_out_is_out(away):
    here = SignIns(away, people)
    begun = here.begin("awa", PEOPLE["awa"])
    with capture_logs() as lines:
        found = here.find(begun.id)
    assert (found.person, found.csrf) == ("awa", begun.csrf)
    assert [line["event"] for line in lines] == ["console_redis_away"], "one that hangs is waited for once"
    here.end(begun.id)
    assert here.find(begun.id) is None


def test_a_sign_in_that_ended_while_redis_was_away_is_over_everywhere_once_it_is_back(fleet, away):
    here, elsewhere = SignIns(fleet[0], people), SignIns(fleet[1], people)
    begun = here.begin("awa", PEOPLE["awa"])
    here._redis = away
    here.end(begun.id)
    assert elsewhere.find(begun.id) is not None
    here._redis = fleet[0]
    assert here.find(begun.id) is None
    assert elsewhere.find(begun.id) is None


def test_a_page_that_is_under_way_does_not_bring_back_a_sign_in_that_was_ended_meanwhile(fleet):
    here, elsewhere = SignIns(fleet[0], people), SignIns(fleet[1], people)
    begun = here.begin("awa", PEOPLE["awa"])
    there = elsewhere.find(begun.id)
    here.end(begun.id)
    for door in (elsewhere, here):
        door.tell(there, "a sentence")
        assert [found for each in (here, elsewhere) if (found := each.find(begun.id))] == []


def test_a_sign_in_ends_when_nobody_uses_it_and_after_a_working_day_however_busy(fleet, monkeypatch):
    here = SignIns(fleet[0], people)
    now = time.time()

    def at(seconds):
        monkeypatch.setattr(sign_ins.time, "time", lambda: now + seconds)

    at(0)
    idle, busy = here.begin("awa", PEOPLE["awa"]), here.begin("awa", PEOPLE["awa"])
    at(IDLE - 1)
    assert here.find(idle.id, is_activity=False), "a page that loads itself is nobody's activity"
    assert here.find(busy.id)
    at(IDLE + 1)
    assert here.find(idle.id) is None
    for half in range(2, 24):
        at(half * 1800)
        assert here.find(busy.id), half
    at(LONGEST + 1)
    assert here.find(busy.id) is None


def test_a_new_password_and_a_name_taken_out_end_their_sign_ins_alone(fleet):
    here = SignIns(fleet[0], people)
    awa, moussa, gone = (
        here.begin("awa", PEOPLE["awa"]),
        here.begin("moussa", PEOPLE["moussa"]),
        here.begin("awa", PEOPLE["awa"]),
    )
    later = SignIns(fleet[1], lambda: PEOPLE | {"awa": "a new hash"})
    assert later.find(awa.id) is None
    assert later.find(moussa.id).person == "moussa"
    assert SignIns(fleet[1], lambda: {"moussa": "another"}).find(gone.id) is None


def test_what_redis_keeps_is_not_what_the_cookie_holds(fleet):
    begun = SignIns(fleet[0], people).begin("awa", PEOPLE["awa"])
    kept = {key: fleet[0].get(key) for key in fleet[0].scan_iter()}
    assert kept
    assert not [key for key, value in kept.items() if begun.id.encode() in key + value or begun.csrf.encode() in value]
    assert begun.id not in repr(begun)
    assert replace(begun, id="another").csrf != begun.csrf


def test_in_production_the_cookie_is_bound_to_https_and_to_this_host(console, redis_url):
    production = {"environment": "production", "ligdicash_base_url": "https://gateway.example"}
    with open_console(NOWHERE, redis_url, console.sessions, **production) as other:
        cookie = other.browser().sign_in().headers["set-cookie"]
        warned = [words_of(other.browser().get("/login", **said).text) for said in ({}, {"Sec_Fetch_Site": "none"})]
    assert cookie.startswith("__Host-console=")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "Path=/", "SameSite=strict"))
    assert "Domain" not in cookie
    assert ["over http nobody can sign in" in told for told in warned] == [True, False]


def test_sign_ins_are_logged_without_a_password_or_what_may_be_one(console):
    with capture_logs() as lines:
        console.person()
        console.browser().sign_in("my-secret-in-the-wrong-box", "wrong")
        console.browser().sign_in("awa", "wrong-secret")
    told = [(line["event"], line["person"]) for line in lines if line["event"].startswith("console_sign")]
    assert told == [("console_signed_in", "awa"), ("console_sign_in_refused", ""), ("console_sign_in_refused", "awa")]
    assert "secret" not in str(lines)


def test_a_flood_of_sign_ins_is_bounded_and_the_rest_of_the_door_goes_on(console):
    """One thread checks passwords, however many come."""
    browsers: list[Browser] = [console.browser() for _ in range(30)]
    statuses: list[int] = []
    crowd = [
        threading.Thread(target=lambda each=each: statuses.append(each.sign_in("awa", "wrong").status_code))
        for each in browsers
    ]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert len(statuses) == 30
    assert set(statuses) <= {403, 429, 503}
    assert 1 <= statuses.count(403) <= FREE


@pytest.mark.parametrize(
    ("people", "why"),
    [
        ("awa:secret", "entry 1 is not name:hash"),
        (AWA.replace("$argon2id", ""), "entry 1 is not name:hash"),
        (f"{AWA} awa:{AWA.partition(':')[2]}", "entry 2 is a person who is there already"),
    ],
    ids=["clear", "half", "twice"],  # a hash is another one in each process
)
def test_people_that_cannot_be_right_are_a_fault_that_repeats_no_hash(people, why):
    with pytest.raises(SettingsProblem) as caught:
        settings_for(NOWHERE, console_users=people)
    assert f"CONSOLE_USERS: {why}" in str(caught.value)
    assert "argon2id$" not in str(caught.value)


def test_people_stand_in_a_file_one_a_line_with_remarks():
    known = settings_for(
        NOWHERE, console_users=f"# the shop\n{AWA}\n\n  # the bank\n  moussa:{AWA.partition(':')[2]}  \n"
    )
    assert list(known.console_people) == ["awa", "moussa"]
