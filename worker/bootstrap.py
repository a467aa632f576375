"""Settings in, Toolbox out: the one file that knows every concrete class."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from celery import Celery

from config.policy import Lengths
from config.settings import Environment, Settings, SettingsProblem, load_settings
from models.errors import SettingsFault
from models.session import Sessions, make_engine, make_sessions
from tasks.toolbox import Gateway, Merchant, Shop, Toolbox
from worker.breaker import FleetBreaker, FleetStore
from worker.budget import FleetBudget
from worker.fleet import Fleet, credential_name
from worker.ligdicash import wire
from worker.ligdicash.client import LigdicashClient
from worker.locks import RedisLocks, connect
from worker.merchant import HttpMerchant
from worker.queue import CeleryQueue
from worker.signs import RedisSigns

CALLS_IN_A_ROW = 12
"""Questions that each connection to the gateway asks for one message of the sweep, at least: so many that the wait for the
last answers is a small part of it."""


def settings_or_fault() -> Settings:
    """All settings; raises `SettingsFault` that names every variable at fault in one go."""
    try:
        return load_settings()
    except SettingsProblem as exc:
        raise SettingsFault("\n".join(exc.faults)) from None  # the cause may hold values


def build_sessions(settings: Settings) -> Sessions:
    """Sessions on a new engine. Call it in the process that uses them: sockets must not cross a fork."""
    return make_sessions(make_engine(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size))


def build_gateway(settings: Settings) -> Gateway:
    """The real client, or the same client pointed at the simulator."""
    return LigdicashClient(
        api_key=settings.ligdicash_api_key.get_secret_value(),
        api_token=settings.ligdicash_api_token.get_secret_value(),
        base_url=settings.ligdicash_base_url,
        connect_timeout=settings.ligdicash_connect_timeout,
        answer_timeout=settings.ligdicash_answer_timeout,
        pool_size=settings.ligdicash_concurrency,
        use_environment_proxy=settings.ligdicash_use_environment_proxy,
        refuse_simulator=settings.environment is Environment.PRODUCTION,
    )


def build_merchant(settings: Settings) -> Merchant | None:
    """Whoever takes notices; None when the settings name nobody."""
    if not settings.notice_url:
        return None
    keys = (settings.notice_secret.get_secret_value(), settings.notice_secret_previous.get_secret_value())
    return HttpMerchant(
        settings.notice_url,
        secrets=[key for key in keys if key],
        timeout=settings.notice_timeout,
        allow_private=settings.notice_allow_private,
    )


def build_toolbox(settings: Settings, app: Celery) -> Toolbox:
    """Everything a job may use. Opens no connection: each tool does on first use."""
    lengths = Lengths.from_settings(settings)
    redis = connect(settings.redis_url.get_secret_value())
    fleet = Fleet(redis)
    claim = max(settings.sweep_batch, CALLS_IN_A_ROW * settings.ligdicash_concurrency)
    credential = credential_name(settings.ligdicash_api_key.get_secret_value())
    return Toolbox(
        sessions=build_sessions(settings),
        gateway=build_gateway(settings),
        locks=RedisLocks(redis, life=lengths.lock),
        budget=FleetBudget(fleet, name=credential, rate=settings.ligdicash_rate),
        breaker=FleetBreaker(FleetStore(fleet, name=credential), probe_life=lengths.hard_limit),
        queue=CeleryQueue(app, recheck_batch=claim),
        signs=RedisSigns(redis),
        wire=wire,
        shop=Shop(
            callback_url=settings.callback_url,
            return_url=settings.return_url,
            cancel_url=settings.cancel_url,
            name=settings.store_name,
            url=settings.store_url,
        ),
        lengths=lengths,
        pending_after=timedelta(seconds=settings.pending_after),
        sweep_batch=claim,
        operators=settings.operator_ids,
        approval_above=settings.payout_approval_above,
        merchant=build_merchant(settings),
        asking=ThreadPoolExecutor(settings.ligdicash_concurrency, thread_name_prefix="ask"),
    )
