"""Celery's options as data, each with its reason. Measured on Celery 5.7.0 with Redis and Valkey; see docs/decisions.

The broker is a doorbell: any message may be lost or doubled, the rows are due by themselves.
"""

from __future__ import annotations

import os
from typing import Any

from celery.schedules import crontab
from kombu import Exchange, Queue

from config import hush, policy, retention
from config.policy import Lengths
from config.settings import Settings

READ = "reconciler.read_callbacks"
ASK = "reconciler.ask"
SWEEP = "reconciler.sweep"
WATCH = "reconciler.watch"
ECHO = "reconciler.echo"
LISTEN = "reconciler.listen"
NOTIFY = "reconciler.notify"
REPLAY = "reconciler.replay"
PRUNE = "reconciler.prune"
SEND = "reconciler.send"

CALLBACKS = "callbacks"
"""Queue: stored callbacks to read, and to ask about."""
FRESH = "fresh"
"""Queue: other questions somebody waits for: a person's, and those that were too many for the reader of their callbacks."""
RECHECK = "recheck"
"""Queue: questions the sweep asks, replays, and payouts that waited while sending was off. A long one must not delay a fresh callback."""
NOTICES = "notices"
"""Queue: notices to deliver. A worker of its own can take it: `celery -A worker worker -Q notices`."""
CONTROL = "control"
"""Queue: the sweep itself, and fsck."""

NIGHT = crontab(hour="3", minute="0")
"""When fsck runs in full, UTC."""

QUIET_HOURS = crontab(hour="0-2,4", minute="*/5")
"""When somebody looks whether there is something to erase, UTC: at night where LigdiCash works, and not beside that fsck, for
each of them keeps a slot of the pool from settling."""

NIGHT_LIMIT = 30 * 60
"""Seconds such a run may take: it reads every row. Meanwhile it keeps one slot of the pool from settling."""


def celery_settings(settings: Settings) -> dict[str, Any]:
    """All options of the app. `celery -A worker worker` needs no further flags."""
    lengths = Lengths.from_settings(settings)
    return {
        "broker_url": settings.redis_url.get_secret_value(),
        "broker_transport_options": _transport(lengths),
        **MESSAGES,
        **PUBLISHING,
        **WORKING,
        # The full fsck of the night holds one slot for as long as it takes: another must go on settling, on one core too.
        "worker_concurrency": max(2, os.cpu_count() or 1),
        # With REMAP_SIGTERM=SIGQUIT a stop lets running tasks end, then hands the rest back to the broker at once.
        "worker_soft_shutdown_timeout": lengths.soft_limit,
        # The gateway's timeouts end first, then the soft limit speaks, then the hard one. Prefork only.
        "task_soft_time_limit": lengths.soft_limit,
        "task_time_limit": lengths.hard_limit,
        # Delivering has nothing to do with the gateway's timeouts.
        "task_annotations": {
            NOTIFY: {"soft_time_limit": lengths.telling.soft_limit, "time_limit": lengths.telling.hard_limit}
        },
        "beat_schedule": {
            # An old sweep is worth nothing: it expires, so that a stopped worker does not wake to thousands.
            "sweep": {
                "task": SWEEP,
                "schedule": settings.sweep_every,
                "options": {"expires": 2 * settings.sweep_every},
            },
            "watch": {
                "task": WATCH,
                "schedule": policy.WATCH_EVERY,
                "args": [policy.WATCH_BACK.total_seconds()],
                "options": {"expires": policy.WATCH_EVERY.total_seconds()},
            },
            "listen": {
                "task": LISTEN,
                "schedule": hush.EVERY,
                "options": {"expires": hush.EVERY.total_seconds()},
            },
            "prune": {
                "task": PRUNE,
                "schedule": QUIET_HOURS,
                "options": {
                    "expires": 240,
                    "soft_time_limit": retention.TURN_LIMIT,
                    "time_limit": retention.TURN_LIMIT + 60,
                },
            },
            "watch_in_full": {
                "task": WATCH,
                "schedule": NIGHT,
                "options": {"expires": NIGHT_LIMIT, "soft_time_limit": NIGHT_LIMIT, "time_limit": NIGHT_LIMIT + 60},
            },
        },
        # Beat looks at its table this often; the default of 5 s would stretch a shorter period.
        "beat_max_loop_interval": settings.sweep_every,
    }


def _transport(lengths: Lengths) -> dict[str, Any]:
    return {
        # Longer than any task may run, short enough that a dead worker's messages come back soon.
        "visibility_timeout": lengths.visibility,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # Its default of 300 s would block all restoring that long when a worker dies in the middle of it.
        "unacked_mutex_expire": 20,
        # Without a read timeout a half-open connection hangs a worker for ever; with it and no retry, the message
        # popped right afterwards is dropped.
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_timeout": True,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.2,
        # One list per queue instead of four: we use no priorities, and BRPOP then names a quarter of the keys.
        "priority_steps": [0],
        "global_keyprefix": "reconciler:",
        "client_name": "reconciler",
    }


MESSAGES: dict[str, Any] = {
    # Nobody reads results; a result backend costs a subscription per message and has deadlocked beats.
    "result_backend": None,
    "task_ignore_result": True,
    # Only JSON: a pickle from the broker would be code.
    "task_serializer": "json",
    "accept_content": ["json"],
    "enable_utc": True,
    "timezone": "UTC",
    "task_queues": [
        Queue(name, Exchange(name), routing_key=name) for name in (CALLBACKS, FRESH, RECHECK, NOTICES, CONTROL)
    ],
    "task_default_queue": CONTROL,
    # By queue name: routing by exchange silently drops what no worker has bound yet.
    "task_routes": {
        READ: {"queue": CALLBACKS},
        ASK: {"queue": FRESH},
        SWEEP: {"queue": CONTROL},
        WATCH: {"queue": CONTROL},
        LISTEN: {"queue": CONTROL},
        PRUNE: {"queue": CONTROL},
        NOTIFY: {"queue": NOTICES},
        REPLAY: {"queue": RECHECK},
        SEND: {"queue": RECHECK},
    },
    "task_create_missing_queues": False,
}

PUBLISHING: dict[str, Any] = {
    # The row is stored already: a message that does not get through at once is not worth waiting for.
    "broker_connection_timeout": 3,
    "broker_pool_acquire_timeout": 3,
    "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2},
    # A worker waits for its broker as long as it takes; the sweep's rows wait too.
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
}

WORKING: dict[str, Any] = {
    # A message leaves the broker when its work is done, not when it begins, also when the child is killed.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    # A task that fails is not delivered again: its rows are due by themselves, a poisonous message would loop.
    "task_acks_on_failure": True,
    "task_acks_on_timeout": True,
    # Fewer messages at risk per crash, fair spreading; measured to cost nothing.
    "worker_prefetch_multiplier": 1,
    # An acknowledgement on Redis is by key and survives a reconnect: let running tasks end.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_max_tasks_per_child": 5000,
    "worker_max_memory_per_child": 300_000,
    "worker_send_task_events": False,
    # Logs are ours (config.logs); Celery must not take over the root logger.
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
}
