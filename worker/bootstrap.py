"""Settings in, Toolbox out: the one file that knows every concrete class."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from celery import Celery

from config.accounts import AccountSettings, KnownAccounts
from config.policy import Lengths
from config.retention import Retention
from config.settings import Environment, Settings, SettingsProblem, load_settings, secret_files
from models.errors import SettingsFault
from models.session import Sessions, make_engine, make_sessions
from tasks.meter import Meter, Unmetered
from tasks.toolbox import Account, Gateway, Merchant, Shop, Toolbox
from worker.accounts import LiveAccounts
from worker.breaker import FleetBreaker, FleetStore
from worker.budget import FleetBudget
from worker.fleet import Fleet, credential_name
from worker.ligdicash import wire
from worker.ligdicash.client import LigdicashClient
from worker.locks import RedisLocks, connect
from worker.merchant import HttpMerchant
from worker.otp_limit import FleetOtpLimit, OtpRules
from worker.queue import CeleryQueue
from worker.signs import RedisSigns

CALLS_IN_A_ROW = 12
"""Questions that each connection to the gateway asks for one message of the sweep, at least: so many that the wait for the
last answers is a small part of it."""


def settings_or_fault(**overrides: object) -> Settings:
    """All settings; raises `SettingsFault` that names every variable at fault in one go. `overrides` win over variables."""
    try:
        return load_settings(**overrides)
    except SettingsProblem as exc:
        raise SettingsFault("\n".join(exc.faults)) from None  # the cause may hold values


def build_sessions(settings: Settings) -> Sessions:
    """Sessions on a new engine. Call it in the process that uses them: sockets must not cross a fork."""
    return make_sessions(make_engine(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size))


def known_accounts(settings: Settings) -> KnownAccounts:
    """The accounts of these settings, and where to look for news of them. Opens nothing, and may cross a fork.

    Raises `SettingsFault` when a file of theirs went bad since the settings were read.
    """
    try:
        return KnownAccounts(settings, own_files=secret_files())
    except SettingsProblem as exc:
        raise SettingsFault("\n".join(exc.faults)) from None


def build_gateway(settings: Settings, account: AccountSettings) -> Gateway:
    """The real client with the keys of this account, or the same client pointed at the simulator."""
    return LigdicashClient(
        api_key=account.api_key.get_secret_value(),
        api_token=account.api_token.get_secret_value(),
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


def build_account(settings: Settings, account: AccountSettings, fleet: Fleet) -> Account:
    """The tools of one account. The budget goes by its name and outlives its keys; the breaker goes by the keys."""
    keys = credential_name(account.api_key.get_secret_value(), account.api_token.get_secret_value())
    probe_life = Lengths.from_settings(settings).hard_limit
    return Account(
        name=account.name,
        gateway=build_gateway(settings, account),
        budget=FleetBudget(fleet, name=account.name, rate=account.rate),
        breaker=FleetBreaker(FleetStore(fleet, name=f"{account.name}:{keys}"), probe_life=probe_life),
        shop=Shop(
            callback_url=account.callback_url,
            return_url=account.return_url,
            cancel_url=account.cancel_url,
            name=account.store_name,
            url=account.store_url,
        ),
        rate=account.rate,
        keys=keys,
        operators=account.operators,
    )


def build_toolbox(
    settings: Settings, app: Celery, known: KnownAccounts | None = None, *, meter: Meter | None = None
) -> Toolbox:
    """Everything a job may use. Opens no connection: each tool does on first use. `known` are accounts read earlier.

    Without a `meter` nothing is counted.
    """
    lengths = Lengths.from_settings(settings)
    redis = connect(settings.redis_url.get_secret_value())
    fleet = Fleet(redis)
    claim = max(settings.sweep_batch, CALLS_IN_A_ROW * settings.ligdicash_concurrency)
    return Toolbox(
        sessions=build_sessions(settings),
        accounts=LiveAccounts(known or known_accounts(settings), lambda one: build_account(settings, one, fleet)),
        locks=RedisLocks(redis, life=lengths.lock),
        queue=CeleryQueue(app, recheck_batch=claim),
        signs=RedisSigns(redis),
        otps=FleetOtpLimit(
            fleet,
            OtpRules(a_minute=settings.wallet_otps_a_minute),
            secret=settings.reconciler_api_key.get_secret_value(),
        ),
        wire=wire,
        lengths=lengths,
        pending_after=timedelta(seconds=settings.pending_after),
        sweep_batch=claim,
        retention=Retention.from_settings(settings),
        approval_above=settings.payout_approval_above,
        merchant=build_merchant(settings),
        meter=meter or Unmetered(),
        asking=ThreadPoolExecutor(settings.ligdicash_concurrency, thread_name_prefix="ask"),
    )
