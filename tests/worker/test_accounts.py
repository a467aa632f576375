"""Accounts with real clients and a real Valkey: keys change while everything runs, and each has its own budget and breaker."""

from __future__ import annotations

import threading
import time

import pytest
from structlog.testing import capture_logs

from config.accounts import KnownAccounts
from models.account import DEFAULT
from models.answers import Said
from models.check import Lane
from tasks.toolbox import BreakerState, Heard
from tests.config.test_accounts import Clock, replace_file
from tests.fakes import settings_for
from tests.servers import PATIENCE, patient
from tests.webdoor import until
from tests.worker.ligdicash.scripted_gateway import ScriptedGateway, message
from worker.accounts import LiveAccounts
from worker.bootstrap import build_account
from worker.budget import PREFIX
from worker.fleet import Fleet
from worker.locks import connect

PENDING = message({"response_code": "00", "status": "pending"})
FILE = '[shop]\napi_key = "{key}"\napi_token = "token-of-the-shop"\nrate = {rate}\n'
REFUSAL = Heard(refusals=1, reason="Code03")
MANY = 1_000_000


@pytest.fixture(autouse=True)
def logs():
    with capture_logs() as entries:
        yield entries


class Gateway(ScriptedGateway):
    """Says pending to all, and remembers with which key it was asked. `hold` keeps its answers back."""

    def __init__(self):
        super().__init__(self._answer)
        self.go_on = threading.Event()
        self.go_on.set()

    def _answer(self, stream, _asked):
        self.go_on.wait(PATIENCE)
        stream.sendall(PENDING)

    @property
    def keys(self):
        return [asked.headers["apikey"] for asked in self.asked]


@pytest.fixture
def gateway():
    with Gateway() as running:
        yield running


class Process:
    """One process of the fleet: its own view of the file, its own clients."""

    def __init__(self, settings, client):
        self.clock = Clock()
        self.client = client
        fleet = Fleet(client)
        self.accounts = LiveAccounts(
            KnownAccounts(settings, clock=self.clock), lambda one: build_account(settings, one, fleet)
        )

    def __getitem__(self, name):
        return self.accounts.find(name)

    def looks(self):
        """A second goes by, so that the next use looks at the file."""
        self.clock.now += 1


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "accounts.toml"
    found.write_text(FILE.format(key="first-key", rate=50))
    return found


@pytest.fixture
def start(path, gateway, redis_url):
    with connect(patient(redis_url)) as client:
        settings = settings_for(
            "postgresql://nobody@127.0.0.1:1/x",
            redis_url,
            ligdicash_base_url=gateway.url,
            ligdicash_accounts_file=str(path),
        )
        yield lambda: Process(settings, client)


@pytest.fixture
def process(start):
    return start()


def rotate(path, process, key="second-key", *, rate=50):
    replace_file(path, FILE.format(key=key, rate=rate))
    process.looks()


def test_each_account_is_asked_with_its_own_key(process, gateway):
    for name in (DEFAULT, "shop"):
        assert process[name].gateway.confirm("token").said is Said.PENDING
    assert gateway.keys == ["key-for-tests", "first-key"]


def test_a_new_key_is_used_from_the_next_question_on_without_a_restart(path, process, gateway):
    process["shop"].gateway.confirm("token")
    before = process["shop"].keys
    rotate(path, process)
    process["shop"].gateway.confirm("token")
    assert gateway.keys == ["first-key", "second-key"]
    assert process["shop"].keys != before


def test_a_question_that_is_out_is_finished_by_the_client_that_asked_it(path, process, gateway):
    gateway.go_on.clear()
    old, answers = process["shop"].gateway, []
    asking = threading.Thread(target=lambda: answers.append(old.confirm("token")))
    asking.start()
    until(lambda: gateway.asked)
    rotate(path, process)
    assert process["shop"].gateway is not old
    gateway.go_on.set()
    asking.join(PATIENCE)
    assert [answer.said for answer in answers] == [Said.PENDING]


def test_an_account_that_did_not_change_keeps_its_client(path, process):
    own = process[DEFAULT]
    rotate(path, process)
    assert process["shop"].keys
    assert process[DEFAULT] is own


def test_a_faulty_file_changes_nothing_and_is_told(path, process):
    shop = process["shop"]
    replace_file(path, "[shop]\n")
    process.looks()
    assert process["shop"] is shop
    assert list(process.accounts.faults) == [
        "LIGDICASH_ACCOUNTS_FILE: [shop] api_key: give it, or api_key_file",
        "LIGDICASH_ACCOUNTS_FILE: [shop] api_token: give it, or api_token_file",
    ]


def test_an_account_that_is_taken_away_is_not_found_any_more(path, process):
    replace_file(path, "")
    process.looks()
    assert (list(process.accounts.names), process["shop"]) == ([DEFAULT], None)


def test_the_breakers_of_two_accounts_know_nothing_of_each_other(process):
    process["shop"].breaker.report(REFUSAL)
    assert process["shop"].breaker.room() == 0
    assert process[DEFAULT].breaker.room() is None
    assert process[DEFAULT].breaker.leave(5).wait == 0


def stop_the_inflow(process):
    """Until the next look at a budget: as if it had been written to in an hour."""
    for name in process.client.scan_iter(f"{PREFIX}*"):
        if process.client.type(name) == b"hash" and process.client.hexists(name, "at"):
            process.client.hset(name, "at", time.time() + 3600)


def test_the_budgets_of_two_accounts_know_nothing_of_each_other(process):
    while process["shop"].budget.take(Lane.SWEEP, MANY).granted:
        pass
    stop_the_inflow(process)
    assert process["shop"].questions(Lane.SWEEP) == 0
    assert process[DEFAULT].questions(Lane.SWEEP) > 10


def test_a_new_key_finds_a_closed_breaker_and_the_old_ones_stays_as_it_was(path, start):
    """A process that has not looked yet still asks with the old key: what it hears says nothing about the new one."""
    ahead, behind = start(), start()
    old = behind["shop"].breaker
    old.report(REFUSAL)
    assert ahead["shop"].breaker.room() == 0
    rotate(path, ahead)
    assert ahead["shop"].breaker.view().state is BreakerState.CLOSED
    old.report(REFUSAL)
    assert ahead["shop"].breaker.room() is None
    assert behind["shop"].breaker.room() == 0


def test_a_new_key_finds_the_budget_as_the_old_one_left_it(path, process):
    replace_file(path, FILE.format(key="slow-key", rate=0.1))
    process.looks()
    while process["shop"].budget.take(Lane.SWEEP, MANY).granted:
        pass
    rotate(path, process, rate=0.1)
    stop_the_inflow(process)
    assert process["shop"].budget.room(Lane.SWEEP) == 0


def test_whoever_uses_an_account_while_it_changes_gets_one_or_the_other(path, process):
    found, over = [], threading.Event()

    def use():
        while not over.is_set():
            found.append(process["shop"])

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    for number in range(20):
        rotate(path, process, f"key-number-{number}")
        process["shop"]
    over.set()
    for user in users:
        user.join(PATIENCE)
    assert None not in found
    assert process["shop"].keys == process["shop"].keys


def test_no_secret_is_in_the_log(path, process, logs):
    process["shop"]
    rotate(path, process, "secret-key-of-the-shop")
    process["shop"]
    assert [line["event"] for line in logs] == ["accounts_read"]
    assert "secret" not in str(logs)
