"""Where we touch the world: doors, wiring, adapters.

`celery -A worker ...` looks for an attribute named `celery` here; it is made on first use, so that importing an adapter
needs no settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery


def __getattr__(name: str) -> Celery:
    if name == "celery":
        from config.settings import SettingsProblem
        from worker.app import app_for_celery

        try:
            app = app_for_celery()
        except SettingsProblem as exc:
            faults = "\n".join(exc.faults)
            raise SystemExit(f"reconciler cannot start, fix these settings:\n{faults}") from None
        globals()["celery"] = app
        return app
    raise AttributeError(f"module 'worker' has no attribute {name!r}")
