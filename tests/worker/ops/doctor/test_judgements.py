"""What the doctor makes of what it sees: every check in every grade, from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config.policy import Lengths
from models.account import DEFAULT
from models.answers import Answer, Said
from models.queries.accounts import AccountLoad
from models.queries.server import ServerFacts
from models.queries.stops import StopLine
from models.stop import Switch
from tasks.toolbox import BreakerState, BreakerView, Sign
from tests.fakes import LENGTHS
from worker.ops.doctor import database, door, fleet, gateway, machine, redis_server
from worker.ops.doctor.accounts import judge_accounts
from worker.ops.doctor.checkup import judge_stops
from worker.ops.doctor.clocks import Clock, judge_clocks, read_clock
from worker.ops.doctor.console import judge_console
from worker.ops.doctor.database import Database, Revisions
from worker.ops.doctor.door import Address, Knock
from worker.ops.doctor.errand import Away
from worker.ops.doctor.finding import Finding, Grade, Name
from worker.ops.doctor.fleet import AppLengths, Echoes
from worker.ops.doctor.machine import SpoolFacts
from worker.ops.doctor.redis_server import RedisFacts

OK, WARN, BAD, UNKNOWN = Grade.OK, Grade.WARN, Grade.BAD, Grade.UNKNOWN
SAME = Clock(ahead=0, blur=0.001)
AWAY = Away("it is away")
SERVER = ServerFacts(
    version="18.1",
    version_number=180_001,
    is_standby=False,
    is_read_only=False,
    isolation="read committed",
    fsync="on",
    synchronous_commit="on",
    full_page_writes="on",
    connections=10,
    connections_at_most=97,
)
REDIS = RedisFacts(clock=SAME, version="7.2.4", policy="noeviction", memory=1, appends=True, saves=True)
OURS = AppLengths(visibility=44, longest=29)
SPOOL = SpoolFacts(folder="/spool", exists=True, limit=2**30, free=2**40)
NIGHTS = datetime(2026, 11, 25, tzinfo=UTC)
STOP = StopLine(switch=Switch.SETTLE, author="awa", reason="x", off_at=NIGHTS, until=NIGHTS)
URL = "https://pay.example.com/api/callback/ligdicash"
GOOD_HASH = "$argon2id$v=19$m=47104,t=2,p=1$wi0E7Ffkwz1spFdKtoCGfA$NxudDy6sfQKokJ9dPI8ySNAWqBUVe9Z+fpotlSDpjnU"
PUBLIC = Address(url=URL, addresses=("8.8.8.8",))


def server(**changes):
    return database.judge_database(Database(server=replace(SERVER, **changes), clock=SAME))


def accounts(*loads):
    return [judge_accounts(["default", "shop"], [], loads)]


def connections(**changes):
    return [database.judge_connections(Database(server=replace(SERVER, **changes), clock=SAME), pool_size=5)]


def console(people, *, is_in_file=False, is_production=True, host="0.0.0.0"):
    return [judge_console(people, is_in_file=is_in_file, is_production=is_production, host=host)]


def redis(**changes):
    return redis_server.judge_redis(replace(REDIS, **changes))


def clocks(sweep_every=2.0, **ahead):
    return [judge_clocks({n: Clock(ahead=a, blur=0.1) for n, a in ahead.items()}, sweep_every=sweep_every)]


def signs(*queues, **facts):
    return {queue: Sign(age=0, ahead=0, facts=facts) for queue in queues}


def workers(*heard):
    return [fleet.judge_workers(Echoes(sent=("callbacks", "fresh"), heard=signs(*heard)), within=10)]


def redelivery(**facts):
    return [fleet.judge_redelivery(Echoes(sent=("fresh",), heard=signs("fresh", **facts)), OURS)]


def beat(age):
    return [fleet.judge_beat(Sign(age=age, ahead=0, facts={}), sweep_every=2)]


def address(url=URL, *addresses, is_production=True, account=DEFAULT):
    seen = Address(url=url, addresses=addresses or ("8.8.8.8",), account=account)
    return [door.judge_address(seen, is_production=is_production)]


def knocked(**facts):
    seen = Knock(**{"is_https": True, **facts})
    return [door.judge_knock(seen), door.judge_certificate(seen)]


def credentials(said, **facts):
    return [gateway.judge_credentials(Answer(said=said, **facts))]


def spool(**changes):
    return [machine.judge_spool(replace(SPOOL, **changes))]


def lengths(ours=OURS, **changes):
    return [fleet.judge_lengths(replace(LENGTHS, **changes), ours)]


OPEN = BreakerView(state=BreakerState.OPEN, since=NIGHTS, until=NIGHTS, reason="it refuses us", held_back=3)

TABLE = [
    (lengths(), Name.LENGTHS, OK),
    (lengths(lock=60), Name.LENGTHS, BAD),
    (lengths(AppLengths(visibility=29, longest=29)), Name.LENGTHS, BAD),
    (server(), Name.DATABASE, OK),
    (server(version_number=130_021, version="13.21"), Name.DATABASE, BAD),
    (server(is_standby=True), Name.DATABASE, BAD),
    (server(is_read_only=True), Name.DATABASE, BAD),
    (database.judge_database(AWAY), Name.DATABASE, BAD),
    (server(), Name.ISOLATION, OK),
    (server(isolation="serializable"), Name.ISOLATION, BAD),
    (database.judge_database(AWAY), Name.ISOLATION, UNKNOWN),
    (server(), Name.DURABILITY, OK),
    (server(synchronous_commit="remote_apply"), Name.DURABILITY, OK),
    (server(fsync="off"), Name.DURABILITY, BAD),
    (server(synchronous_commit="off"), Name.DURABILITY, BAD),
    (server(full_page_writes="off"), Name.DURABILITY, BAD),
    (database.judge_database(AWAY), Name.DURABILITY, UNKNOWN),
    ([database.judge_revisions(Revisions(missing=()))], Name.MIGRATIONS, OK),
    ([database.judge_revisions(Revisions(missing=("0006",)))], Name.MIGRATIONS, BAD),
    ([database.judge_revisions(Revisions(missing=(), is_newer=True))], Name.MIGRATIONS, WARN),
    ([database.judge_revisions(AWAY)], Name.MIGRATIONS, UNKNOWN),
    (connections(), Name.CONNECTIONS, OK),
    (connections(connections=80), Name.CONNECTIONS, WARN),
    (connections(connections=91), Name.CONNECTIONS, BAD),
    ([database.judge_connections(AWAY, pool_size=5)], Name.CONNECTIONS, UNKNOWN),
    (redis(), Name.REDIS, OK),
    (redis(version="6.0.9"), Name.REDIS, BAD),
    (redis(is_replica=True), Name.REDIS, BAD),
    (redis_server.judge_redis(AWAY), Name.REDIS, BAD),
    (redis(version=None), Name.REDIS, OK),
    (redis(version=None), Name.EVICTION, UNKNOWN),
    (redis(), Name.EVICTION, OK),
    (redis(policy="volatile-lru"), Name.EVICTION, WARN),
    (redis(policy="allkeys-lru"), Name.EVICTION, BAD),
    (redis(policy="allkeys-random"), Name.EVICTION, BAD),
    (redis_server.judge_redis(AWAY), Name.EVICTION, UNKNOWN),
    (redis(), Name.MEMORY, OK),
    (redis(memory=69, memory_at_most=100), Name.MEMORY, OK),
    (redis(memory=70, memory_at_most=100), Name.MEMORY, WARN),
    (redis(memory=90, memory_at_most=100), Name.MEMORY, BAD),
    (redis(), Name.PERSISTENCE, OK),
    (redis(appends=False), Name.PERSISTENCE, WARN),
    (redis(appends=False, saves=False), Name.PERSISTENCE, WARN),
    (redis(is_broken=True), Name.PERSISTENCE, BAD),
    (clocks(), Name.CLOCKS, UNKNOWN),
    (clocks(database=0.9), Name.CLOCKS, OK),
    (clocks(database=1.5), Name.CLOCKS, WARN),
    (clocks(database=3.5), Name.CLOCKS, BAD),
    (clocks(database=-3.5), Name.CLOCKS, BAD),
    (clocks(database=2, redis=-2), Name.CLOCKS, BAD),
    (clocks(sweep_every=0.2, database=0.6), Name.CLOCKS, BAD),
    (workers("callbacks", "fresh"), Name.WORKERS, OK),
    (workers("callbacks"), Name.WORKERS, BAD),
    (workers(), Name.WORKERS, BAD),
    ([fleet.judge_workers(AWAY, within=10)], Name.WORKERS, UNKNOWN),
    (redelivery(visibility=44, longest=29), Name.REDELIVERY, OK),
    (redelivery(), Name.REDELIVERY, OK),
    (redelivery(visibility=25, longest=20), Name.REDELIVERY, BAD),
    (redelivery(visibility=90, longest=60), Name.REDELIVERY, BAD),
    ([fleet.judge_redelivery(AWAY, OURS)], Name.REDELIVERY, UNKNOWN),
    (beat(3), Name.BEAT, OK),
    (beat(18), Name.BEAT, BAD),
    ([fleet.judge_beat(None, sweep_every=2)], Name.BEAT, BAD),
    ([fleet.judge_beat(AWAY, sweep_every=2)], Name.BEAT, UNKNOWN),
    ([judge_stops([])], Name.SWITCHES, OK),
    ([judge_stops([STOP])], Name.SWITCHES, WARN),
    ([judge_stops(AWAY)], Name.SWITCHES, UNKNOWN),
    (address(), Name.CALLBACK_URL, OK),
    (address("https://pay.example.com/callback"), Name.CALLBACK_URL, BAD),
    (address(URL.replace("https", "http")), Name.CALLBACK_URL, BAD),
    (address(URL.replace("https", "http"), is_production=False), Name.CALLBACK_URL, OK),
    (address(URL, "8.8.8.8", "10.0.0.7"), Name.CALLBACK_URL, BAD),
    (address(URL, "fe80::1%eth0"), Name.CALLBACK_URL, BAD),
    ([door.judge_address(Address(url=URL, addresses=()), is_production=True)], Name.CALLBACK_URL, BAD),
    ([door.judge_address(AWAY, is_production=True)], Name.CALLBACK_URL, UNKNOWN),
    (address(f"{URL}/shop", account="shop"), Name.CALLBACK_URL, OK),
    (address(f"{URL}/shoe", account="shop"), Name.CALLBACK_URL, BAD),
    (knocked(status=405, days_left=60), Name.DOOR, OK),
    (knocked(status=404, days_left=60), Name.DOOR, BAD),
    (knocked(status=502, days_left=60), Name.DOOR, BAD),
    (knocked(trouble="connection refused"), Name.DOOR, BAD),
    (knocked(certificate_trouble="certificate has expired"), Name.DOOR, UNKNOWN),
    ([door.judge_knock(AWAY)], Name.DOOR, BAD),
    (knocked(status=405, days_left=60), Name.CERTIFICATE, OK),
    (knocked(status=405, days_left=13), Name.CERTIFICATE, WARN),
    (knocked(status=405, days_left=2), Name.CERTIFICATE, BAD),
    (knocked(certificate_trouble="certificate has expired"), Name.CERTIFICATE, BAD),
    (knocked(trouble="connection refused"), Name.CERTIFICATE, UNKNOWN),
    (knocked(is_https=False, status=405), Name.CERTIFICATE, OK),
    (credentials(Said.NOT_FOUND, sub_code="02"), Name.CREDENTIALS, OK),
    (credentials(Said.REFUSED, sub_code="00"), Name.CREDENTIALS, BAD),
    (credentials(Said.REFUSED, trouble="the gateway answered HTTP 403"), Name.CREDENTIALS, BAD),
    (credentials(Said.SILENCE, trouble="no answer"), Name.CREDENTIALS, BAD),
    (credentials(Said.UNKNOWN, sub_code="03"), Name.CREDENTIALS, WARN),
    (credentials(Said.PENDING), Name.CREDENTIALS, BAD),
    (credentials(Said.COMPLETED), Name.CREDENTIALS, BAD),
    ([gateway.judge_credentials(AWAY)], Name.CREDENTIALS, UNKNOWN),
    (accounts(AccountLoad(account="shop", asked_about=3, overdue=0)), Name.ACCOUNTS, OK),
    (accounts(AccountLoad(account="gone", asked_about=3, overdue=1)), Name.ACCOUNTS, BAD),
    ([judge_accounts(["default"], ["x: is empty"], [])], Name.ACCOUNTS, BAD),
    ([judge_accounts(["default"], [], AWAY)], Name.ACCOUNTS, UNKNOWN),
    ([gateway.judge_breaker(BreakerView(state=BreakerState.CLOSED))], Name.BREAKER, OK),
    ([gateway.judge_breaker(OPEN)], Name.BREAKER, WARN),
    ([gateway.judge_breaker(AWAY)], Name.BREAKER, UNKNOWN),
    (spool(), Name.SPOOL, OK),
    (spool(exists=False), Name.SPOOL, OK),
    (spool(used=2**30), Name.SPOOL, BAD),
    (spool(free=2**20), Name.SPOOL, BAD),
    (spool(free=2**29), Name.SPOOL, WARN),
    (spool(apart=1), Name.SPOOL, WARN),
    ([machine.judge_spool(AWAY)], Name.SPOOL, BAD),
    ([machine.judge_open_files(10_000)], Name.OPEN_FILES, OK),
    ([machine.judge_open_files(1024)], Name.OPEN_FILES, WARN),
    ([machine.judge_open_files(AWAY)], Name.OPEN_FILES, UNKNOWN),
    (console({}), Name.CONSOLE, OK),
    (console({}, is_in_file=True), Name.CONSOLE, WARN),
    (console({"awa": GOOD_HASH}), Name.CONSOLE, OK),
    (console({"awa": GOOD_HASH}, is_production=False, host="127.0.0.1"), Name.CONSOLE, OK),
    (console({"awa": GOOD_HASH}, is_production=False), Name.CONSOLE, WARN),
    (console({"awa": GOOD_HASH, "moussa": GOOD_HASH.replace("m=47104", "m=8")}), Name.CONSOLE, WARN),
    (console({"awa": GOOD_HASH.replace("m=47104", "m=1048576")}), Name.CONSOLE, WARN),
]


def told(finding: Finding) -> str:
    found, fix = finding.in_english()
    return f"{found}; {fix}"


@pytest.mark.parametrize(("findings", "name", "grade"), TABLE)
def test_what_is_seen_is_graded(findings, name, grade):
    [finding] = [one for one in findings if one.name is name]
    found, fix = finding.in_english()
    assert finding.grade is grade, found
    assert found
    assert bool(fix) is (grade in (WARN, BAD)), "whatever is wrong says what mends it, and nothing else does"
    assert "{" not in found + fix


def test_every_check_is_in_the_table():
    assert {name for _, name, _ in TABLE} == set(Name) - {Name.SETTINGS}


def test_the_night_run_may_take_longer_than_the_visibility_timeout():
    """It is acknowledged before it begins; any other task of that length would be given away."""
    assert fleet.judge_lengths(LENGTHS, AppLengths(visibility=44, longest=29)).grade is OK


def test_lengths_out_of_order_are_named():
    broken = Lengths(question=13, batch=6, soft_limit=24, hard_limit=29, lock=60, lease=39, visibility=44, retry=49)
    assert "lock (60 s) must be shorter than lease (39 s)" in told(fleet.judge_lengths(broken, OURS))


def test_two_clocks_are_named_with_what_lies_between_them():
    [finding] = clocks(PostgreSQL=90)
    assert told(finding).startswith("this machine and PostgreSQL are 89.9 s apart")


def test_a_slow_answer_makes_no_clock_wrong():
    times = iter([100.0, 110.0])
    clock = read_clock(lambda: 101.0, local=lambda: next(times))
    assert clock == Clock(ahead=-4.0, blur=5.0)
    assert judge_clocks({"database": clock}, sweep_every=2).grade is OK


def test_a_refusal_says_what_its_code_means():
    [finding] = credentials(Said.REFUSED, sub_code="01")
    assert "taking payments is not activated for this merchant" in told(finding)


def test_the_workers_clocks_are_held_against_this_machines():
    heard = {"fresh": Sign(age=0, ahead=60, facts={})}
    seen = fleet.worker_clocks(Echoes(sent=("fresh",), heard=heard), Clock(ahead=-1, blur=0.1))
    assert seen == {"worker (fresh)": Clock(ahead=59, blur=0.1)}
