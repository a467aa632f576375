"""Every account of this installation: the one of the plain settings, and those of LIGDICASH_ACCOUNTS_FILE.

Each is one LigdiCash project. Their files are looked at again while the process runs, so that keys are rotated and
accounts added without a restart. See docs/decisions/0028-several-accounts.md.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import SecretStr

from config.account_tables import DEFAULT, Table, TableFaults, Tables, read_secret, read_tables, unsendable
from config.settings import Environment, Settings, SettingsProblem
from config.values import separate

log = structlog.get_logger()

LOOK_EVERY = 1.0
"""Seconds between two looks at the files, however often accounts are used."""

FILE = "LIGDICASH_ACCOUNTS_FILE"

Signature = tuple[tuple[int, int, int] | None, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One account with everything it takes. `rate` is questions a second for the whole fleet."""

    name: str
    api_key: SecretStr
    api_token: SecretStr
    rate: float
    callback_url: str
    return_url: str
    cancel_url: str
    store_name: str
    store_url: str
    operators: tuple[str, ...]


class KnownAccounts:
    """The accounts as their files say now; while those have faults, as they said last without.

    Safe for many threads, and may cross a fork. Where nothing is read from a file, no file is ever looked at.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        own_files: Mapping[str, Path] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`own_files` are where the keys of the plain settings come from, by setting. Raises `SettingsProblem`."""
        self._settings = settings
        self._own_files = dict(own_files or {})
        self._clock = clock
        self._turn = threading.Lock()
        self._files: tuple[Path, ...] = tuple(self._own_files.values())
        self._faults: tuple[str, ...] = ()
        self._accounts: Mapping[str, AccountSettings] = {}
        self._seen: Signature = None
        self._look()
        self._looked_at = clock()
        if self._faults:
            raise SettingsProblem(list(self._faults))

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the files since they last changed, a line each; no value of a secret."""
        return self._faults

    def now(self) -> Mapping[str, AccountSettings]:
        """Every account by its name, `default` first. The same object as before unless something changed."""
        # Whoever comes while somebody else looks goes by what is known: a look may wait for a slow disk.
        if (
            self._is_read_from_files
            and self._clock() - self._looked_at >= LOOK_EVERY
            and self._turn.acquire(blocking=False)
        ):
            try:
                self._look()
            finally:
                self._looked_at = self._clock()
                self._turn.release()
        return self._accounts

    @property
    def _is_read_from_files(self) -> bool:
        return bool(self._own_files) or bool(self._settings.ligdicash_accounts_file)

    def _look(self) -> None:
        # Before reading: what is written meanwhile is seen by the next look. Of files that were not known before, after it.
        signature, files = _sign(self._files), self._files
        if signature == self._seen:
            return
        accounts, faults = self._read()
        self._seen = signature if self._files == files else _sign(self._files)
        self._faults = tuple(faults)
        if faults:
            log.error("accounts_not_read", faults=faults, kept=sorted(self._accounts))
        elif accounts != self._accounts:
            if self._accounts:
                log.info("accounts_read", accounts=[*accounts], changed=sorted(_changed(self._accounts, accounts)))
            self._accounts = accounts

    def _read(self) -> tuple[Mapping[str, AccountSettings], list[str]]:
        """Every account, or what is wrong."""
        faults: list[str] = []
        keys = self._read_own(faults)
        tables = Tables(by_name={}, files=())
        if self._settings.ligdicash_accounts_file:
            try:
                tables = read_tables(
                    Path(self._settings.ligdicash_accounts_file),
                    strict=self._settings.environment is Environment.PRODUCTION,
                    own_key=keys["ligdicash_api_key"],
                )
            except TableFaults as exc:
                tables = Tables(by_name={}, files=exc.files)
                faults += [f"{FILE}: {fault}" for fault in exc.faults]
        self._files = (*tables.files, *self._own_files.values())
        own = _own(self._settings, keys)
        return {DEFAULT: own, **{name: _with_table(own, name, table) for name, table in tables.by_name.items()}}, faults

    def _read_own(self, faults: list[str]) -> dict[str, SecretStr]:
        keys = {
            "ligdicash_api_key": self._settings.ligdicash_api_key,
            "ligdicash_api_token": self._settings.ligdicash_api_token,
        }
        for name, path in self._own_files.items():
            try:
                secret = read_secret(path)
            except ValueError as exc:
                faults.append(f"{name.upper()}_FILE: {exc}")
                continue
            if fault := unsendable(secret):
                faults.append(f"{name.upper()}_FILE: {fault}")
            keys[name] = SecretStr(secret)
        return keys


def _sign(paths: Iterable[Path]) -> Signature:
    """What tells changed files: of each its time, its place on the disk and its size. None for one that is not there."""
    return tuple(_sign_one(path) for path in paths)


def _sign_one(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _changed(old: Mapping[str, AccountSettings], new: Mapping[str, AccountSettings]) -> Iterable[str]:
    return (name for name in {*old, *new} if old.get(name) != new.get(name))


def _own(settings: Settings, keys: Mapping[str, SecretStr]) -> AccountSettings:
    return AccountSettings(
        name=DEFAULT,
        api_key=keys["ligdicash_api_key"],
        api_token=keys["ligdicash_api_token"],
        rate=settings.ligdicash_rate,
        callback_url=settings.callback_url,
        return_url=settings.return_url,
        cancel_url=settings.cancel_url,
        store_name=settings.store_name,
        store_url=settings.store_url,
        operators=settings.operator_ids,
    )


def _with_table(own: AccountSettings, name: str, table: Table) -> AccountSettings:
    """Of the account `name`: what its table says, and the plain settings where it says nothing."""
    return AccountSettings(
        name=name,
        api_key=table.api_key,
        api_token=table.api_token,
        rate=own.rate if table.rate is None else table.rate,
        callback_url=f"{own.callback_url}/{name}" if table.callback_url is None else table.callback_url,
        return_url=own.return_url if table.return_url is None else table.return_url,
        cancel_url=own.cancel_url if table.cancel_url is None else table.cancel_url,
        store_name=own.store_name if table.store_name is None else table.store_name,
        store_url=own.store_url if table.store_url is None else table.store_url,
        operators=own.operators if table.operators is None else separate(table.operators),
    )
