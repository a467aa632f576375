"""The unprivileged user PostgreSQL runs as when we are root, because it refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import SettingsFault

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine to run a child as; nobody is created, the machine's own users are taken."""

    name: str
    uid: int
    gid: int


def account_for(data: Path) -> Account | None:
    """Who must run the server whose data stand in `data`; None means: we ourselves.

    Data that exist keep their owner, so that a folder made by a person can be used by root later.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    if owner:
        return _account(pwd.getpwuid(owner))
    for name in CANDIDATES:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise SettingsFault(
        "PostgreSQL does not run as root, and this machine has no user `postgres` or `nobody` to run it as; "
        "start as another user, or set DATABASE_URL"
    )


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def run_as(account: Account | None, argv: Sequence[str | Path], *, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a short command as `account`, `text` on its input, output caught; raises OSError when it cannot be started."""
    return subprocess.run(  # noqa: S603 - programs of the wheel or of this machine, no shell
        [str(part) for part in argv],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def can_run(account: Account | None, program: Path) -> bool:
    """Whether `account` can really start `program`: tried, not computed, so access lists and mounts count too."""
    try:
        return run_as(account, [program, "--version"]).returncode == 0
    except OSError:
        return False


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether `account` can reach what stands in `folder`."""
    return run_as(account, ["/bin/sh", "-c", 'cd "$1"', "sh", folder]).returncode == 0
