"""The Celery app: worker and beat. `celery -A worker worker` finds it through `worker.celery`.

Jobs and tools are imported where they are needed: beat needs neither, for it rings by name, and holds a third less without.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging, worker_process_init

from config.accounts import KnownAccounts
from config.celery_settings import celery_settings
from config.logs import set_up_logs
from config.settings import Settings, load_settings, secret_files
from worker.metrics.celery_side import Counting

if TYPE_CHECKING:
    from tasks.meter import Meter

JOBS = (
    "tasks.intake",
    "tasks.confirm",
    "tasks.sweep",
    "tasks.notify",
    "tasks.queued",
    "tasks.replay",
    "tasks.watch",
    "tasks.listen",
    "tasks.prune",
    "tasks.echo",
)


def make_app(settings: Settings) -> Celery:
    """The app for these settings. Web and ops make theirs here too: a task without its app would seek a broker at AMQP's default."""
    from worker.bootstrap import known_accounts

    app = _app(settings, include=JOBS)
    give_tools(app, settings, known_accounts(settings))
    return app


def give_tools(app: Celery, settings: Settings, known: KnownAccounts, *, meter: Meter | None = None) -> None:
    """Have the app's tools built anew, on their first use: after a fork, never before."""
    from tasks.job import provide_tools
    from worker.bootstrap import build_toolbox

    provide_tools(app, lambda: build_toolbox(settings, app, known, meter=meter))


def app_for_celery() -> Celery:
    """The app of a worker or beat process, with its logs. Raises `SettingsProblem`.

    A worker gets its jobs, and fresh tools in every forked child. The accounts cross the fork: a child that is born while
    their file has faults goes on with what its parent read.
    """
    settings = load_settings()
    known = KnownAccounts(settings, own_files=secret_files())
    app = _app(settings)
    counting = Counting(settings)

    # Celery keeps weak references to receivers unless told otherwise, and these are local.
    @setup_logging.connect(weak=False)
    def _our_logs(**_: Any) -> None:
        set_up_logs(settings)

    @celeryd_init.connect(weak=False)
    def _our_jobs(**_: Any) -> None:
        for job in JOBS:
            app.loader.import_task_module(job)
        give_tools(app, settings, known, meter=counting.of_worker())
        # Forked children share what is here by now until somebody writes to it, and the garbage collector writes to all
        # that it looks at: after its first full collection a child had 63 MB to itself, and 36 MB with this.
        gc.collect()
        gc.freeze()

    @worker_process_init.connect(weak=False)
    def _fresh_tools(**_: Any) -> None:
        give_tools(app, settings, known, meter=counting.meter)

    return app


def _app(settings: Settings, *, include: tuple[str, ...] = ()) -> Celery:
    app = Celery("reconciler", include=include)
    app.conf.update(celery_settings(settings))
    return app
