"""A stage: door, worker and beat as real processes over a database and a Redis of their own, played on step by step."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import redis
import requests
from sqlalchemy import text

from config.celery_settings import CALLBACKS, FRESH, RECHECK
from config.policy import INTAKE_GRACE, Lengths
from config.settings import settings_from
from models.queries import stops
from models.queries.ledger import Ending, count_callbacks, endings
from models.session import Sessions, transaction
from models.stop import Switch
from models.transaction import Status
from tasks.watch import fsck
from tests.certification import merchant
from tests.certification.left import count_messages
from tests.certification.mortal import Aim, become
from tests.certification.steps import LEARNED_BY, OUT_OF_QUEUE, PAYOUT_SCENES, Healer, Left, Scene, Step
from tests.certification.table import STEPS
from tests.forked import Forked
from tests.ledger import open_books, run
from worker.demo.receiver import Receiver, events_written
from worker.embedded.child import Child
from worker.embedded.programs import Programs, Setup, deployed
from worker.embedded.shape import Shape
from worker.locks import PREFIX
from worker.web.spool.header import HEADER_BYTES

SETTINGS = {
    "LIGDICASH_CONNECT_TIMEOUT": "0.5",
    "LIGDICASH_ANSWER_TIMEOUT": "1",
    "LIGDICASH_API_KEY": "sim-key",
    "LIGDICASH_API_TOKEN": "sim-token",
    "ENVIRONMENT": "development",
    "PENDING_AFTER": "20",
    "RECONCILER_API_KEY": "a-key-for-tests-only-0123456789",
    "WEB_PORT": "0",
}
"""Gateway timeouts far shorter than the defaults: the leases that follow from them are what the healing waits for."""

AT_ONCE = 3
"""So many times the same order comes again, all at once."""

QUIET_LOOKS = 15
"""Looks in a row, 50 ms apart."""

HANGING = """
    SELECT pid, query_start FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND ltrim(query, E' \\n') LIKE 'INSERT INTO callbacks%'
    ORDER BY 2
"""

BUSY = 60.0
"""Seconds in which what must come comes, on a busy machine. How long the books may take is the step's to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One step, played, and what was not as its row says."""

    step: Step
    faults: tuple[str, ...]


@dataclass
class Stage:
    """One running shape. Plays one step after another; each begins and ends with balanced books."""

    shape: Shape
    aim: Aim
    sessions: Sessions
    redis: redis.Redis
    simulator_url: str
    lock_life: float
    receiver: Receiver
    _quiet_looks: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def play(self, step: Step) -> Played:
        """Let the process die at the step and wait until the books balance without it."""
        ours = f"CERT-{next(self._numbers)}-{step.name.replace(' ', '-')}"
        self._set(step, ours)
        pid, left = self._until(self.aim.struck, within=BUSY, what=f"{step.name}: the process is struck")
        began = time.monotonic()
        self._until(lambda: not _is_alive(pid), within=BUSY, what=f"{step.name}: the process is dead")
        received = self._received(ours)
        self._help(step, ours)
        self._until(lambda: self._balances(step, ours), within=step.within + BUSY, what=f"{step.name}: balanced books")
        seconds = time.monotonic() - began
        self._wait_for_quiet(step)
        self.shape.wait_ready(step.program)
        self._until(self._is_told, within=BUSY, what=f"{step.name}: every notice is delivered")
        faults = (*self._faults(step, ours, left, seconds), *_otherwise_received(step, received, self._received(ours)))
        return Played(step=step, faults=faults)

    # --- before the death -------------------------------------------------------------------------------------------

    def _set(self, step: Step, ours: str) -> None:
        """Bring an invoice to the step."""
        if step.scene in (Scene.ORDERED, Scene.PAID_OUT):
            self.aim.lay(step, ours)
            try:
                self._order(step, ours)
            except requests.ConnectionError:
                return
            raise AssertionError(f"{step.name}: the order was answered")
        if step.scene in OUT_OF_QUEUE:
            self._queue(step, ours)
            return
        self._order(step, ours)
        if step.scene is Scene.UNRUNG:
            self._pay_unrung(step, ours)
            return
        self.aim.lay(step, ours)
        if step.scene in (Scene.AWAY, Scene.BACK):
            self._pay_with_the_database_away(step, ours)
            return
        if step.keeps_still:
            self._hold_still()
        self._pay(ours, called_back=step.scene is Scene.CALLED_BACK)

    def _queue(self, step: Step, ours: str) -> None:
        """Ordered while sending is off; the aim lies when it goes on."""
        with transaction(self.sessions) as stop:
            stops.switch_off(stop.session, Switch.SEND, author="awa", reason=step.name, length=timedelta(hours=1))
        self._order(step, ours)
        self.aim.lay(step, ours)
        with transaction(self.sessions) as stop:
            stops.switch_on(stop.session, Switch.SEND, author="awa")

    def _pay_with_the_database_away(self, step: Step, ours: str) -> None:
        """Away for writing only: what is left must be seen even so.

        It comes back when the door's own commit has failed and the spool alone has the callback, or the door is dead.
        """
        with transaction(self.sessions) as away:
            away.session.execute(text("LOCK TABLE callbacks IN SHARE ROW EXCLUSIVE MODE"))
            self._pay(ours, called_back=True)
            commit, *_ = self._until(self._hanging, within=BUSY, what=f"{step.name}: a hanging commit")
            is_over = self.aim.struck if step.scene is Scene.AWAY else lambda: commit not in self._hanging()
            self._until(is_over, within=BUSY, what=f"{step.name}: the door gives up its commit, or dies")
            self._until(self._is_something_spooled, within=BUSY, what=f"{step.name}: something lies in the spool")

    def _hanging(self) -> list[tuple[int, datetime]]:
        """Statements of others on our database that wait for a lock to store callbacks."""
        return run(self.sessions, HANGING)

    def _is_something_spooled(self) -> bool:
        files = Path(self.shape.environment["SPOOL_DIR"]).glob("*.spool")
        return any(file.stat().st_size > HEADER_BYTES for file in files)

    def _pay_unrung(self, step: Step, ours: str) -> None:
        """The door dies before it rings; then the aim is the sweep."""
        self.aim.lay(STEPS["answered"], ours)
        self._pay(ours, called_back=True)
        self._until(self.aim.struck, within=BUSY, what=f"{step.name}: the door is struck before")
        self.aim.lay(step, ours)

    def _hold_still(self) -> None:
        """Freeze the worker, and wait until its question to the broker is over: it would take a message into its sleep."""
        self.shape.pause("worker")
        url = self.shape.environment["REDIS_URL"]
        self._until(lambda: not _listens(url), within=BUSY, what="the frozen worker takes no messages")

    def _order(self, step: Step, ours: str) -> None:
        what, body = "invoices", merchant.invoice(ours)
        if step.scene in PAYOUT_SCENES:
            to = merchant.NOBODYS if step.scene is Scene.TURNED_DOWN else merchant.TO
            what, body = "payouts", merchant.payout(ours, to=to)
        merchant.post(f"{self.shape.api_url}/v1/{what}", body, key=SETTINGS["RECONCILER_API_KEY"])

    def _pay(self, ours: str, *, called_back: bool) -> None:
        # One callback, not the usual two: its twin must not heal what a lost one leaves.
        body = {"status": "completed", "callbacks": {"twins": "form-only" if called_back else "none"}}
        merchant.post(f"{self.simulator_url}/_sim/transactions/{ours}/decide", body, key="")

    # --- after it ---------------------------------------------------------------------------------------------------

    def _help(self, step: Step, ours: str) -> None:
        """What the world outside does without being asked."""
        if step.keeps_still:
            self.shape.resume("worker")
        if step.scene in OUT_OF_QUEUE and step.healer is not Healer.PERSON:
            self._wait_until_it_is_out(step, ours)
        if step.healer is Healer.MERCHANT or step.scene in PAYOUT_SCENES:
            self.shape.wait_ready("web")
            with ThreadPoolExecutor(AT_ONCE) as merchants:  # who loses patience, and asks again and again
                list(merchants.map(lambda _: self._order_again(step, ours), range(AT_ONCE)))
        if step.healer is Healer.MERCHANT or (step.scene is Scene.QUEUED and step.healer is not Healer.PERSON):
            self._pay(ours, called_back=True)
        if step.healer is Healer.PERSON:
            self._bring_forward(ours)

    def _bring_forward(self, ours: str) -> None:
        """Nobody sits here for two minutes: the row's date comes sooner."""
        run(self.sessions, "UPDATE transactions SET next_check_at = now() WHERE transaction_id = :ours", ours=ours)

    def _wait_until_it_is_out(self, step: Step, ours: str) -> None:
        if step.healer is Healer.SWEEP_SENDS:
            self._bring_forward(ours)
        self._until(
            lambda: self._ending(ours).status is not Status.CREATED,
            within=step.within + 30,
            what=f"{step.name}: it is out of the queue",
        )

    def _order_again(self, step: Step, ours: str) -> None:
        """What was told as refused is not taken up again."""
        try:
            self._order(step, ours)
        except requests.HTTPError as exc:
            if step.healer is not Healer.SWEEP_TELLS or exc.response.status_code != HTTPStatus.CONFLICT:
                raise

    def _received(self, ours: str) -> int:
        """How often the gateway was told of this payout, by its own count."""
        reply = requests.get(f"{self.simulator_url}/_sim/payouts", timeout=BUSY)
        return int(reply.json()["received"].get(ours, 0))

    def _balances(self, step: Step, ours: str) -> bool:
        ending = self._ending(ours)
        if step.healer is Healer.TOLD_AGAIN and not self._is_told():
            return False
        if step.healer is Healer.PERSON:
            return ending.open_cases == ("token_lost",) and ending.is_armed
        if step.healer is Healer.SWEEP_TELLS:
            return ending.status is Status.REFUSED and self._is_told()
        unread = self._count("received")
        return ending.status is Status.COMPLETED and not unread

    def _is_told(self) -> bool:
        """Whether every notice is delivered, and the application has each by its id."""
        [(left,)] = run(self.sessions, "SELECT count(*) FROM notices WHERE state <> 'delivered'")
        return not left and {event_id for _, event_id in events_written(self.sessions)} == set(self.receiver.received)

    def _wait_for_quiet(self, step: Step) -> None:
        """Until no message is left. Looked at again and again: one that is being taken is for an instant nowhere."""
        self._quiet_looks = 0

        def is_quiet() -> bool:
            left = count_messages(self.redis, CALLBACKS, FRESH, RECHECK)
            self._quiet_looks = 0 if left else self._quiet_looks + 1
            return self._quiet_looks >= QUIET_LOOKS

        self._until(is_quiet, within=90, what=f"{step.name}: no message is left")

    def _faults(self, step: Step, ours: str, left: Left, seconds: float) -> Iterator[str]:
        if seconds > step.within:
            yield f"balanced after {seconds:.1f} s, not within {step.within:g} s"
        yield from _differences(step.left, left)
        ending = self._ending(ours)
        if step.healer is Healer.SWEEP_TELLS:
            yield from _not_just_told(ending)
        elif step.healer is not Healer.PERSON:
            yield from _unbalanced(ending)
            yield from self._not_as_said(step, ending, ours)
        if others := self._count("unmatched", "orphan", "unreadable"):
            yield f"{others} callbacks ended otherwise than matched"
        yield from (f"fsck: {violation}" for violation in fsck(self.sessions))
        yield from self._lasting_locks()

    def _not_as_said(self, step: Step, ending: Ending, ours: str) -> Iterator[str]:
        """Whether the one the table names made it good."""
        if ending.learned_by not in LEARNED_BY[step.healer]:
            yield f"learned by {ending.learned_by}, which is not {step.healer}"
        if step.healer is Healer.SWEEP_READS and self._age(ours) < INTAKE_GRACE.total_seconds():
            yield f"settled {self._age(ours):.1f} s after the callback: too soon for the sweep"

    def _age(self, ours: str) -> float:
        statement = """SELECT extract(epoch FROM s.settled_at - c.received_at)::float8 FROM transactions t
            JOIN settlements s ON s.transaction_pk = t.id JOIN callbacks c ON c.transaction_pk = t.id
            WHERE t.transaction_id = :ours"""
        return run(self.sessions, statement, ours=ours)[0][0]

    def _lasting_locks(self) -> Iterator[str]:
        for key in self.redis.scan_iter(f"{PREFIX}*"):
            if not 0 < (left := self.redis.pttl(key) / 1000) <= self.lock_life:
                yield f"a lock would last {left:g} s"

    def _ending(self, ours: str) -> Ending:
        with self.sessions() as session:
            return endings(session, [ours])[0]

    def _count(self, *outcomes: str) -> int:
        with self.sessions() as session:
            found = count_callbacks(session)
        return sum(found.get(outcome, 0) for outcome in outcomes)

    def _until(self, found: Callable[[], Any], *, within: float, what: str) -> Any:
        deadline = time.monotonic() + within
        while not (value := found()):
            assert time.monotonic() < deadline, f"not within {within:g} s: {what}; started again: {self.shape.restarts}"
            time.sleep(0.05)
        return value


def _otherwise_received(step: Step, by_then: int, in_the_end: int) -> Iterator[str]:
    if step.received is not None and step.received != (by_then, in_the_end):
        yield f"the gateway was told {by_then} times by then and {in_the_end} in the end, not {step.received}"


def _differences(said: Left, found: Left) -> Iterator[str]:
    if said.to_read is None:
        found = replace(found, to_read=None)
    if said.to_ask is None:
        found = replace(found, to_ask=None)
    if said.is_moving:
        found = replace(found, is_locked=said.is_locked, invoice=found.invoice.partition(",")[0])
    if said != found:
        yield f"left {found}, said {said}"


def _unbalanced(ending: Ending) -> Iterator[str]:
    once = {"settlements": ending.settlements, "notices": ending.notices}
    yield from (f"{number} {what}" for what, number in once.items() if number != 1)
    if ending.proof != Status.COMPLETED or ending.settled_amount != ending.amount or ending.open_cases:
        yield f"unbalanced: {ending}"


def _not_just_told(ending: Ending) -> Iterator[str]:
    if ending.settlements or ending.notices != 1 or ending.open_cases:
        yield f"not just told: {ending}"


def _is_alive(pid: int) -> bool:
    """Whether any thread of it is left: the first may be gone while another still holds the sockets."""
    tasks = Path(f"/proc/{pid}/task")
    try:
        states = [(task / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] for task in tasks.iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return tasks.exists() and _is_alive(pid)
    return any(state not in "ZX" for state in states)


@contextmanager
def open_stage(folder: Path, *, database_url: str, redis_url: str, simulator_url: str) -> Iterator[Stage]:
    """A stage with its programs running."""
    environment = {"PATH": os.environ["PATH"], **SETTINGS, "DATABASE_URL": database_url, "REDIS_URL": redis_url}
    environment |= {"LIGDICASH_BASE_URL": simulator_url, "SPOOL_DIR": str(folder / "spool")}
    folder.mkdir()
    aim = Aim(folder)
    with Receiver() as receiver, open_books(database_url) as sessions, redis.Redis.from_url(redis_url) as client:
        environment |= receiver.settings
        client.flushdb()
        with Shape(folder / "data", settings_env=environment, programs=lambda setup: _mortal(setup, aim)) as shape:
            shape.start(lambda _: None)
            lock_life = Lengths.from_settings(settings_from(shape.environment)).lock
            yield Stage(shape, aim, sessions, client, simulator_url, lock_life, receiver)


def _mortal(setup: Setup, aim: Aim) -> Programs:
    """The programs of the deployed shape, each able to die; the tables are there already."""
    programs = deployed(setup)
    nothing = replace(programs.migrate, argv=("true",))
    return Programs(nothing, tuple(_with_steps(child, setup, aim) for child in programs.children))


def _with_steps(child: Child, setup: Setup, aim: Aim) -> Child:
    _, _, *module = child.argv

    def start(child: Child, log: Path) -> Forked:
        return Forked(become, child.name, aim.folder, *module, env=child.env, cwd=child.cwd, log=log)

    ready = (lambda: _listens(setup.redis_url)) if child.name == "worker" else child.ready
    return replace(child, start=start, ready=ready, ready_within=90)


def _listens(redis_url: str) -> bool:
    """Whether a worker waits for messages in this numbered database: the server is shared with other stages."""
    number = redis_url.rpartition("/")[2]
    with redis.Redis.from_url(redis_url) as client:
        return any("b" in entry["flags"] and entry["db"] == number for entry in client.client_list())
