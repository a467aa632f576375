"""The data folder of `reconciler up`: one supervisor at a time, secrets made once, ports remembered."""

from __future__ import annotations

import fcntl
import json
import os
import random
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import Self, TextIO

from models.errors import SettingsFault

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 30_000)
"""Below the ports Linux (32768 up) and macOS (49152 up) hand to outgoing connections. A client that keeps calling a
stopped server on one of those can end up connected to itself, and then the server cannot have its port back."""


class DataFolder:
    """A folder that belongs to this process until `close`, or until the process ends in whatever way.

    Reads and writes only small files of its own: `lock`, `ports.json`, `secrets/`. Making one does nothing; `open` does.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: TextIO | None = None

    @property
    def logs(self) -> Path:
        """Where children write what they have to say."""
        return self.path / "logs"

    def open(self) -> Self:
        """Make the folder if need be and take it; raises `SettingsFault` when another process has it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+", encoding="ascii")
        except OSError as exc:
            raise SettingsFault(f"the folder {self.path} cannot be used: {exc.strerror}") from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            with lock:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
            raise SettingsFault(
                f"the folder {self.path} is in use by process {holder}: stop that one, or choose another folder"
            ) from exc
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock
        return self

    def close(self) -> None:
        """Let another process have the folder. The lock file stays: removing it would let two in."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def has_secret(self, name: str) -> bool:
        """Whether the secret was made before."""
        return self._secret_file(name).exists()

    def secret(self, name: str, *, prefix: str = "") -> str:
        """The secret of that name: 256 random bits in hex, made the first time and readable by the owner alone."""
        file = self._secret_file(name)
        if not file.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            write_privately(file, prefix + secrets.token_hex(32))
        return file.read_text(encoding="ascii").strip()

    def _secret_file(self, name: str) -> Path:
        return self.path / "secrets" / name

    def port(self, name: str, *, preferred: int = 0) -> int:
        """A free port for `name`: the one it had last time, else `preferred`, else any; remembered."""
        ports = self._ports()
        others = {port for owner, port in ports.items() if owner != name}
        wishes = [port for port in (ports.get(name, 0), preferred) if port]
        candidates = [*wishes, *random.sample(PORTS, k=50)]  # not a secret
        for port in candidates:
            if port not in others and is_free(port):
                return self.remember_port(name, port)
        raise SettingsFault(f"no free port between {PORTS.start} and {PORTS.stop} on {LOOPBACK}")

    def remember_port(self, name: str, port: int) -> int:
        """Have `port` find this one next time."""
        write_privately(self.path / "ports.json", json.dumps({**self._ports(), name: port}))
        return port

    def _ports(self) -> dict[str, int]:
        with suppress(OSError, ValueError):
            stored = json.loads((self.path / "ports.json").read_text(encoding="ascii"))
            return {str(name): int(port) for name, port in stored.items()}
        return {}


def write_privately(file: Path, text: str) -> None:
    """Write a file that only its owner may read; whole or not at all, even when killed midway."""
    building = file.with_name(f".{file.name}.new")
    building.unlink(missing_ok=True)
    with os.fdopen(os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    building.replace(file)


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now; connections of a former one that still linger do not count."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
