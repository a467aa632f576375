"""What a measurement ran on: figures of two machines cannot be compared, and those of one only if it was not busy otherwise."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import redis

from bench.stage import ROOT, Stage
from tests.servers import libpq

CPU_INFO = Path("/proc/cpuinfo")


def machine_of(stage: Stage) -> dict[str, str]:
    """Words and values, line by line; the servers are asked themselves."""
    with psycopg.connect(libpq(stage.servers.postgres_url), autocommit=True) as connection:
        version, fsync, commit = (
            _shown(connection, name) for name in ("server_version", "fsync", "synchronous_commit")
        )
    with redis.Redis.from_url(stage.redis_url) as client:
        info = client.info("server")
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "CPU": _cpu_model(),
        "memory": f"{psutil.virtual_memory().total / 1e9:.1f} GB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": f"{version}, fsync {fsync}, synchronous_commit {commit}",
        "Valkey": str(info.get("valkey_version") or info["redis_version"]),
    }


def moment() -> Mapping[str, str]:
    """When, and of which state of the source."""
    return {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "commit": _commit()}


def _shown(connection: psycopg.Connection, setting: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
    return str(row[0]) if row else "?"


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", CPU_INFO.read_text(), re.MULTILINE) if CPU_INFO.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _commit() -> str:
    """Short, with a plus where something is not committed; `unknown` outside a checkout."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return (commit + ("+" if changed else "")) or "unknown"


def _git(*argv: str) -> str:
    try:
        done = subprocess.run(("git", *argv), cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
