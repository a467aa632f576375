"""A real PostgreSQL from a wheel: one machine, survives crashes, and is not replicated.

It listens on 127.0.0.1 only and asks for a password of 256 random bits (scram-sha-256), because on a machine with
several users loopback alone keeps nobody out. No unix socket: its path may be at most 107 bytes long, and data folders
are deeper than that.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT
from typing import Self

import psycopg

from models.errors import NeedsHuman, SettingsFault
from worker.embedded.account import Account, account_for, can_enter, run_as
from worker.embedded.child import Child
from worker.embedded.folder import LOOPBACK, DataFolder, write_privately
from worker.embedded.leftover import stop_leftover
from worker.embedded.wheels import SHARED, postgres_programs, world_readable_folder
from worker.language import _

USER = DATABASE = "reconciler"
SECRET = "postgres-password"  # noqa: S105 - the name of the file
INITDB = (
    *("--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8"),
    # The builtin provider sorts the same on every machine; the C library's sorting changes with its version.
    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
)
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # pays off in long analytical queries, of which there are none here
}
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def _quiet(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPostgres:
    """A database cluster on disk and how to run it. Made by `prepare`; runs nothing itself, `child()` is for a supervisor."""

    programs: Path
    data: Path
    port: int
    account: Account | None
    fsync: bool
    password: str = field(repr=False)

    @classmethod
    def prepare(
        cls,
        folder: DataFolder,
        *,
        fsync: bool = True,
        shared: Path = SHARED,
        say: Callable[[str], None] = _quiet,
    ) -> Self:
        """Find the programs, make the cluster and its database the first time, choose a port; stop a left-over server.

        `fsync=False` is for tests: quicker, and a power cut ruins the data. `shared` is where root puts what the
        unprivileged user cannot reach otherwise. Raises `SettingsFault` when something must be installed or moved.
        """
        account = account_for(folder.path / "postgres")
        programs = postgres_programs(account, shared=shared, say=say)
        data = _data_home(folder, account, shared=shared, say=say)
        if _exists(data) and not folder.has_secret(SECRET):
            raise SettingsFault(f"the password of the database in {data} is gone from {folder.path / 'secrets'}")
        password = folder.secret(SECRET)
        if not _exists(data):
            say(_("making the database"))
            _make_cluster(programs, data, account=account, password=password, fsync=fsync)
        if _stop_leftover(data):
            say(_("stopped a PostgreSQL that was left over from an earlier run"))
        port = folder.port("postgres")
        return cls(programs=programs, data=data, port=port, account=account, fsync=fsync, password=password)

    @property
    def url(self) -> str:
        """Where the database `reconciler` is, with the password in it: not for logs."""
        return f"postgresql+psycopg://{USER}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def ready(self) -> bool:
        """Whether the database answers a query."""
        try:
            with psycopg.connect(self.url.replace("+psycopg", ""), connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def child(self) -> Child:
        """How to run the server: SIGINT is its fast shutdown, which rolls back and flushes but waits for no client."""
        settings = SETTINGS | ({} if self.fsync else CARELESS)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Child(
            name="postgres",
            argv=(str(self.programs / "postgres"), "-D", str(self.data), "-p", str(self.port), *options),
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd=Path("/"),
            ready=self.ready,
            before_start=lambda: _stop_leftover(self.data),
            stop_signal=SIGINT,
            orphan_signal=SIGINT,
            grace=15,
            account=self.account,
        )


def _exists(data: Path) -> bool:
    try:
        return (data / "PG_VERSION").exists()
    except PermissionError as exc:
        raise SettingsFault(f"the database in {data} belongs to another user; start as that user") from exc


def _stop_leftover(data: Path) -> bool:
    return stop_leftover(data / "postmaster.pid", mark=f"-D {data} ", gentle=SIGINT)


def _data_home(folder: DataFolder, account: Account | None, *, shared: Path, say: Callable[[str], None]) -> Path:
    """Where the cluster is or will be: in the data folder, or behind a link when its user cannot get there."""
    here = folder.path / "postgres"
    if here.is_symlink():
        return here.resolve()
    if account is None or can_enter(account, folder.path):
        return here
    if here.exists():
        raise SettingsFault(f"user {account.name} cannot reach the database in {here}; move {folder.path}, or open it")
    world_readable_folder(shared / "data")
    there = shared / "data" / secrets.token_hex(8)
    here.symlink_to(there)
    message = _("user {user} cannot enter {folder}: the database lives in {there}")
    say(message.format(user=account.name, folder=folder.path, there=there))
    return there


def _make_cluster(programs: Path, data: Path, *, account: Account | None, password: str, fsync: bool) -> None:
    """Build beside its place and rename at the end, so that a kill in the middle leaves nothing that looks finished."""
    building = data.with_name(f"{data.name}.new")
    password_file = data.with_name(f"{data.name}.password")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o700)
    try:
        write_privately(password_file, password)
        if account is not None:
            os.chown(building, account.uid, account.gid)
            os.chown(password_file, account.uid, account.gid)
        sync = () if fsync else ("--no-sync",)
        _step(account, [programs / "initdb", *INITDB, *sync, "--pwfile", password_file, "-D", building])
    finally:
        password_file.unlink(missing_ok=True)
    _step(
        account, [programs / "postgres", "--single", "-D", building, "postgres"], text=f"CREATE DATABASE {DATABASE}\n"
    )
    building.rename(data)


def _step(account: Account | None, argv: list[str | Path], *, text: str = "") -> None:
    done = run_as(account, argv, text=text)
    # A backend without a server reports a failed statement in words only; its exit code is 0 all the same.
    if done.returncode != 0 or "ERROR:" in done.stderr:
        raise NeedsHuman(f"{Path(argv[0]).name} could not make the database: {(done.stderr or done.stdout).strip()}")
