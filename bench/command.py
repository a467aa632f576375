"""Runs one of our commands as a process of its own, for what it says and what it costs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.fakes import API_KEY, CALLBACK_URL
from tests.servers import libpq


@dataclass(frozen=True)
class Ran:
    """What it printed, the seconds it took, and what the system counted."""

    said: str
    seconds: float
    usage: resource.struct_rusage

    @property
    def cpu(self) -> float:
        """Seconds of CPU of its own process."""
        return self.usage.ru_utime + self.usage.ru_stime

    @property
    def peak_mb(self) -> float:
        """Its peak memory."""
        return self.usage.ru_maxrss / 1024


def run_command(url: str, *argv: str, leaves_with: int = 0) -> Ran:
    """Run `reconciler` on these books, without Redis or gateway; raises `SystemExit` when it leaves with another code."""
    env = {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "development",
        "LIGDICASH_API_KEY": "key",
        "LIGDICASH_API_TOKEN": "token",
        "LIGDICASH_BASE_URL": "http://127.0.0.1:1",
        "RECONCILER_API_KEY": API_KEY,
        "CALLBACK_URL": CALLBACK_URL,
        "DATABASE_URL": libpq(url),
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "worker.ops", *argv], env=env, stdout=subprocess.PIPE, text=True
    ) as ran:
        said = ran.stdout.read() if ran.stdout else ""
        _, status, usage = os.wait4(ran.pid, 0)
        ran.returncode = os.waitstatus_to_exitcode(status)
    if ran.returncode != leaves_with:
        raise SystemExit(f"{' '.join(argv)} left with {ran.returncode}:\n{said}")
    return Ran(said, time.perf_counter() - began, usage)
