"""One examination: everything is looked at side by side, and then judged in the order of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from redis import Redis

from config.policy import Lengths
from config.settings import Environment, Settings, people_file
from models.answers import Answer
from models.errors import SettingsFault
from models.queries.accounts import AccountLoad
from models.queries.stops import StopLine, off_now
from models.session import Sessions, transaction
from tasks.toolbox import BreakerView, Sign, Toolbox
from worker.language import N_
from worker.ops.desk import Desk
from worker.ops.doctor import accounts, database, door, fleet, gateway, machine, redis_server
from worker.ops.doctor.clocks import Clock, judge_clocks
from worker.ops.doctor.console import judge_console
from worker.ops.doctor.database import Database, Revisions
from worker.ops.doctor.door import Address, Knock
from worker.ops.doctor.errand import Away, Errand
from worker.ops.doctor.finding import Finding, Name, bad, ok, unknown, warn
from worker.ops.doctor.fleet import AppLengths, Echoes
from worker.ops.doctor.machine import SpoolFacts
from worker.ops.doctor.redis_server import RedisFacts

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined."""

    settings: Settings
    tools: Toolbox
    app: Any
    redis: Redis
    lengths: Lengths


def examine(desk: Desk, *, quick: bool, wait: float) -> list[Finding]:
    """All findings, in the order of the report. Raises nothing for what it finds.

    `wait` is seconds that workers and beat have to show that they are there; `quick` asks neither them nor others.
    """
    try:
        settings = desk.settings
        patient = _patient(desk)
    except SettingsFault as exc:
        fix = N_("set it as docs/settings.md explains")
        return [bad(Name.SETTINGS, N_("{fault}"), fix, fault=fault) for fault in str(exc).splitlines()]
    environment = settings.environment.value
    return [
        ok(Name.SETTINGS, N_("complete, for {environment}"), environment=environment),
        *(_briefly(patient) if quick else _thoroughly(patient, wait=wait)),
    ]


def _patient(desk: Desk) -> Patient:
    from worker.app import make_app
    from worker.locks import connect

    settings = desk.settings
    return Patient(
        settings=settings,
        tools=desk.tools,
        app=make_app(settings),
        redis=connect(settings.redis_url.get_secret_value()),
        lengths=Lengths.from_settings(settings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looks:
    """What is looked at however little time there is: all under way at once."""

    database: Errand[Database]
    revisions: Errand[Revisions]
    redis: Errand[RedisFacts]
    beat: Errand[Sign | None]
    stops: Errand[list[StopLine]]
    addresses: dict[str, Errand[Address]]
    """By account."""
    loads: Errand[list[AccountLoad]]
    breakers: dict[str, Errand[BreakerView]]
    """By account."""
    spool: Errand[SpoolFacts]
    files: Errand[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _SlowLooks:
    """What takes seconds, or asks others."""

    echoes: Errand[Echoes]
    knocks: dict[str, Errand[Knock]]
    """By account."""
    answers: dict[str, Errand[Answer]]
    """By account."""


def _looks(patient: Patient, *, wait: float) -> _Looks:
    settings, tools = patient.settings, patient.tools
    url = settings.database_url.get_secret_value()
    every = settings.sweep_every
    return _Looks(
        database=Errand(lambda: database.look_at_database(tools.sessions), within=database.WITHIN),
        revisions=Errand(lambda: database.look_at_revisions(url), within=database.WITHIN),
        redis=Errand(lambda: redis_server.look_at_redis(patient.redis), within=redis_server.WITHIN),
        beat=Errand(lambda: fleet.look_for_beat(tools, sweep_every=every, wait=wait), within=wait + fleet.MARGIN),
        stops=Errand(lambda: _stops(tools.sessions), within=database.WITHIN),
        addresses={
            one.name: Errand(partial(door.look_up, one.shop.callback_url, one.name), within=door.WITHIN)
            for one in tools.all_accounts
        },
        loads=Errand(lambda: accounts.look_at_loads(tools.sessions), within=database.WITHIN),
        breakers={one.name: Errand(one.breaker.view, within=redis_server.WITHIN) for one in tools.all_accounts},
        spool=Errand(
            lambda: machine.look_at_spool(settings.spool_dir, max_mb=settings.spool_max_mb), within=machine.WITHIN
        ),
        files=Errand(machine.open_files, within=machine.WITHIN),
    )


def _stops(sessions: Sessions) -> list[StopLine]:
    with transaction(sessions) as step:
        return off_now(step.session)


def _briefly(patient: Patient) -> list[Finding]:
    looks = _looks(patient, wait=0.0)
    ours = fleet.lengths_of(patient.app)
    return [
        _judge_accounts(patient, looks),
        fleet.judge_lengths(patient.lengths, ours),
        *_servers(patient, looks, workers={}),
        fleet.judge_beat(looks.beat.result(), sweep_every=patient.settings.sweep_every),
        judge_stops(looks.stops.result()),
        *_addresses(patient, looks),
        *_rest(patient, looks),
    ]


def _thoroughly(patient: Patient, *, wait: float) -> list[Finding]:
    looks = _looks(patient, wait=wait)
    tools = patient.tools
    slow = _SlowLooks(
        echoes=Errand(lambda: fleet.look_for_workers(tools, within=wait), within=wait + fleet.MARGIN),
        knocks={
            one.name: Errand(partial(door.knock, one.shop.callback_url), within=door.WITHIN)
            for one in tools.all_accounts
        },
        answers={
            one.name: Errand(partial(gateway.ask_gateway, one), within=patient.lengths.question + fleet.MARGIN)
            for one in tools.all_accounts
        },
    )
    ours: AppLengths = fleet.lengths_of(patient.app)
    redis, echoes = looks.redis.result(), slow.echoes.result()
    workers = fleet.worker_clocks(echoes, None if isinstance(redis, Away) else redis.clock)
    return [
        _judge_accounts(patient, looks),
        fleet.judge_lengths(patient.lengths, ours),
        *_servers(patient, looks, workers=workers),
        fleet.judge_workers(echoes, within=wait),
        fleet.judge_redelivery(echoes, ours),
        fleet.judge_beat(looks.beat.result(), sweep_every=patient.settings.sweep_every),
        judge_stops(looks.stops.result()),
        *_addresses(patient, looks),
        *_for_each(door.judge_knock, slow.knocks),
        *_for_each(door.judge_certificate, _one_of_each_host(patient, slow.knocks)),
        *_for_each(gateway.judge_credentials, slow.answers),
        *_rest(patient, looks),
    ]


def _servers(patient: Patient, looks: _Looks, *, workers: dict[str, Clock]) -> list[Finding]:
    seen, redis = looks.database.result(), looks.redis.result()
    clocks: dict[str, Clock] = {}
    if not isinstance(seen, Away):
        clocks["PostgreSQL"] = seen.clock
    if not isinstance(redis, Away):
        clocks["Redis"] = redis.clock
    clocks |= workers
    return [
        *database.judge_database(seen),
        database.judge_revisions(looks.revisions.result()),
        database.judge_connections(seen, pool_size=patient.settings.database_pool_size),
        *redis_server.judge_redis(redis),
        judge_clocks(clocks, sweep_every=patient.settings.sweep_every),
    ]


def _addresses(patient: Patient, looks: _Looks) -> list[Finding]:
    return _for_each(partial(door.judge_address, is_production=_is_production(patient)), looks.addresses)


def _one_of_each_host(patient: Patient, knocks: Mapping[str, Errand[Knock]]) -> Mapping[str, Errand[Knock]]:
    """The first account at each host: the others there show the same certificate."""
    first: dict[str, str] = {}
    for one in patient.tools.all_accounts:
        first.setdefault(urlsplit(one.shop.callback_url).netloc, one.name)
    return {name: knocks[name] for name in first.values() if name in knocks}


def _rest(patient: Patient, looks: _Looks) -> list[Finding]:
    settings = patient.settings
    return [
        *_for_each(gateway.judge_breaker, looks.breakers),
        machine.judge_spool(looks.spool.result()),
        machine.judge_open_files(looks.files.result()),
        judge_console(
            settings.console_people,
            is_in_file=people_file() is not None,
            is_production=_is_production(patient),
            host=settings.web_host,
        ),
    ]


def _for_each(judge: Callable[[Found | Away], Finding], seen: Mapping[str, Errand[Found]]) -> list[Finding]:
    """One finding for each account, with its name where there are several."""
    findings = {name: judge(errand.result()) for name, errand in seen.items()}
    return [replace(found, account=name if len(findings) > 1 else "") for name, found in findings.items()]


def judge_stops(seen: Sequence[StopLine] | Away) -> Finding:
    """Whether somebody switched something off."""
    if isinstance(seen, Away):
        return unknown(Name.SWITCHES, database.NOT_SEEN)
    if not seen:
        return ok(Name.SWITCHES, N_("everything is on"))
    told = "; ".join(f"{one.switch.value} ({one.author}: {one.reason})" for one in seen)
    fix = N_("goes on by itself; sooner by `reconciler switch on {first}`")
    return warn(Name.SWITCHES, N_("off: {stops}"), fix, stops=told, first=seen[0].switch.value)


def _judge_accounts(patient: Patient, looks: _Looks) -> Finding:
    known = patient.tools.accounts
    return accounts.judge_accounts(known.names, known.faults, looks.loads.result())


def _is_production(patient: Patient) -> bool:
    return patient.settings.environment is Environment.PRODUCTION
