"""One examination: everything is looked at side by side, and then judged in the order of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from config.policy import Lengths
from config.settings import Environment, Settings
from models.answers import Answer
from models.errors import SettingsFault
from models.queries.stops import StopLine, off_now
from models.session import Sessions, transaction
from tasks.toolbox import BreakerView, Sign, Toolbox
from worker.language import N_
from worker.ops.desk import Desk
from worker.ops.doctor import database, door, fleet, gateway, machine, redis_server
from worker.ops.doctor.clocks import Clock, judge_clocks
from worker.ops.doctor.database import Database, Revisions
from worker.ops.doctor.door import Address, Knock
from worker.ops.doctor.errand import Away, Errand
from worker.ops.doctor.finding import Finding, Name, bad, ok, unknown, warn
from worker.ops.doctor.fleet import AppLengths, Echoes
from worker.ops.doctor.machine import SpoolFacts
from worker.ops.doctor.redis_server import RedisFacts


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
        fix = N_("set it as README explains")
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
    address: Errand[Address]
    breaker: Errand[BreakerView]
    spool: Errand[SpoolFacts]
    files: Errand[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _SlowLooks:
    """What takes seconds, or asks others."""

    echoes: Errand[Echoes]
    knock: Errand[Knock]
    answer: Errand[Answer]


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
        address=Errand(lambda: door.look_up(settings.callback_url), within=door.WITHIN),
        breaker=Errand(tools.breaker.view, within=redis_server.WITHIN),
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
        fleet.judge_lengths(patient.lengths, ours),
        *_servers(patient, looks, workers={}),
        fleet.judge_beat(looks.beat.result(), sweep_every=patient.settings.sweep_every),
        judge_stops(looks.stops.result()),
        door.judge_address(looks.address.result(), is_production=_is_production(patient)),
        *_rest(looks),
    ]


def _thoroughly(patient: Patient, *, wait: float) -> list[Finding]:
    looks = _looks(patient, wait=wait)
    tools = patient.tools
    slow = _SlowLooks(
        echoes=Errand(lambda: fleet.look_for_workers(tools, within=wait), within=wait + fleet.MARGIN),
        knock=Errand(lambda: door.knock(patient.settings.callback_url), within=door.WITHIN),
        answer=Errand(lambda: gateway.ask_gateway(tools), within=patient.lengths.question + fleet.MARGIN),
    )
    ours: AppLengths = fleet.lengths_of(patient.app)
    redis, echoes, knock = looks.redis.result(), slow.echoes.result(), slow.knock.result()
    workers = fleet.worker_clocks(echoes, None if isinstance(redis, Away) else redis.clock)
    return [
        fleet.judge_lengths(patient.lengths, ours),
        *_servers(patient, looks, workers=workers),
        fleet.judge_workers(echoes, within=wait),
        fleet.judge_redelivery(echoes, ours),
        fleet.judge_beat(looks.beat.result(), sweep_every=patient.settings.sweep_every),
        judge_stops(looks.stops.result()),
        door.judge_address(looks.address.result(), is_production=_is_production(patient)),
        door.judge_knock(knock),
        door.judge_certificate(knock),
        gateway.judge_credentials(slow.answer.result()),
        *_rest(looks),
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


def _rest(looks: _Looks) -> list[Finding]:
    return [
        gateway.judge_breaker(looks.breaker.result()),
        machine.judge_spool(looks.spool.result()),
        machine.judge_open_files(looks.files.result()),
    ]


def judge_stops(seen: Sequence[StopLine] | Away) -> Finding:
    """Whether somebody switched something off."""
    if isinstance(seen, Away):
        return unknown(Name.SWITCHES, database.NOT_SEEN)
    if not seen:
        return ok(Name.SWITCHES, N_("everything is on"))
    told = "; ".join(f"{one.switch.value} ({one.author}: {one.reason})" for one in seen)
    fix = N_("goes on by itself; sooner by `reconciler switch on {first}`")
    return warn(Name.SWITCHES, N_("off: {stops}"), fix, stops=told, first=seen[0].switch.value)


def _is_production(patient: Patient) -> bool:
    return patient.settings.environment is Environment.PRODUCTION
