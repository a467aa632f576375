"""The Celery app: worker and beat. `celery -A worker worker` finds it through `worker.celery`."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init

from config.accounts import KnownAccounts
from config.celery_settings import celery_settings
from config.logs import set_up_logs
from config.settings import Settings
from tasks.job import provide_tools
from worker.bootstrap import build_toolbox, known_accounts, settings_or_fault

JOBS = (
    "tasks.intake",
    "tasks.confirm",
    "tasks.sweep",
    "tasks.notify",
    "tasks.replay",
    "tasks.watch",
    "tasks.listen",
    "tasks.echo",
)


def make_app(settings: Settings) -> Celery:
    """The app for these settings. Web and ops make theirs here too: a task without its app would seek a broker at AMQP's default."""
    app, _ = _make_app(settings)
    return app


def _make_app(settings: Settings) -> tuple[Celery, KnownAccounts]:
    app = Celery("reconciler", include=JOBS)
    app.conf.update(celery_settings(settings))
    known = known_accounts(settings)
    provide_tools(app, lambda: build_toolbox(settings, app, known))
    return app, known


def app_for_celery() -> Celery:
    """The app of a worker or beat process: with its logs, and with fresh tools in every forked child."""
    settings = settings_or_fault()
    app, known = _make_app(settings)

    # Celery keeps weak references to receivers unless told otherwise, and these are local.
    @setup_logging.connect(weak=False)
    def _our_logs(**_: Any) -> None:
        set_up_logs(settings)

    # The accounts cross the fork: a child that is born while their file has faults goes on with what its parent read.
    @worker_process_init.connect(weak=False)
    def _fresh_tools(**_: Any) -> None:
        provide_tools(app, lambda: build_toolbox(settings, app, known))

    return app
