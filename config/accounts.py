"""Every account of this installation: the one of the plain settings, and those of LIGDICASH_ACCOUNTS_FILE.

Each is one LigdiCash project. Their files are looked at again while the process runs, so that keys are rotated and
accounts added without a restart. See docs/decisions/0028-several-accounts.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from config.account_tables import DEFAULT, Table, TableFaults, Tables, read_secret, read_tables, unsendable
from config.reread import Reading, Reread
from config.settings import Environment, Settings, SettingsProblem
from config.values import separate

FILE = "LIGDICASH_ACCOUNTS_FILE"


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
    """The accounts as their files say now; while those have faults, as they said last without. Kept as `Reread` says."""

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
        files = tuple(self._own_files.values())
        self._accounts = Reread(self._read, name="accounts", files=files, clock=clock)
        if self._accounts.faults:
            raise SettingsProblem(list(self._accounts.faults))

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the files since they last changed, a line each; no value of a secret."""
        return self._accounts.faults

    def now(self) -> Mapping[str, AccountSettings]:
        """Every account by its name, `default` first. The same object as before unless something changed."""
        return self._accounts.now()

    def _read(self) -> Reading[AccountSettings]:
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
        own = _own(self._settings, keys)
        return Reading(
            entries={DEFAULT: own, **{name: _with_table(own, name, table) for name, table in tables.by_name.items()}},
            faults=tuple(faults),
            files=(*tables.files, *self._own_files.values()),
        )

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
