"""The accounts file: TOML, a table for each account, each fault told with the table and the key it is in, never a value.

docs/accounts.md describes it for whoever writes one. What a table leaves out comes from the plain settings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from config.values import HttpUrl, OperatorIds, OptionalHttpUrl, safe_in_production, sentence_of

DEFAULT = "default"
"""The account of the plain settings. It is always there, and never in the file."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""It stands in addresses, in the books and in log lines, and may be part of the name of a file."""

SENDABLE = re.compile(r"[\x21-\x7e]+")
"""As a header carries it."""

SECRETS = ("api_key", "api_token")


class TableFaults(ValueError):
    """Everything that is wrong with the file, a line each, and no value of it; and every file that was looked into."""

    def __init__(self, faults: list[str], *, files: tuple[Path, ...]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults
        self.files = files


def _joined(value: object) -> object:
    """A list is as good as text with commas; TOML has lists."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return value


class _Body(BaseModel):
    """One table as it is written. Strict: in TOML a number in quotes is no number."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True, frozen=True)

    api_key: SecretStr | None = None
    api_token: SecretStr | None = None
    api_key_file: str | None = None
    api_token_file: str | None = None
    rate: Annotated[float, Field(ge=0.1, le=100_000)] | None = None
    callback_url: HttpUrl | None = None
    return_url: OptionalHttpUrl | None = None
    cancel_url: OptionalHttpUrl | None = None
    store_name: Annotated[str, Field(max_length=200)] | None = None
    store_url: OptionalHttpUrl | None = None
    operators: Annotated[OperatorIds, BeforeValidator(_joined)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the file says of one account; None where it says nothing, and the plain settings hold."""

    api_key: SecretStr
    api_token: SecretStr
    rate: float | None
    callback_url: str | None
    return_url: str | None
    cancel_url: str | None
    store_name: str | None
    store_url: str | None
    operators: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What was read: every account by its name, and every file that it was read from."""

    by_name: Mapping[str, Table]
    files: tuple[Path, ...]


def read_tables(path: Path, *, strict: bool, own_key: SecretStr | None = None) -> Tables:
    """Everything in this file; raises `TableFaults` with all that is wrong with it.

    `strict`: as production wants it. `own_key` is that of the plain settings, where it is known.
    """
    faults: list[str] = []
    by_name: dict[str, Table] = {}
    files = [path]
    for name, body in _parse(path).items():
        reader = _Reader(name, folder=path.parent, strict=strict)
        table = reader.read(body)
        faults += reader.faults
        files += reader.files
        if table is not None:
            by_name[name] = table
    faults += _doubled(by_name, own_key)
    if faults:
        raise TableFaults(faults, files=tuple(files))
    return Tables(by_name=by_name, files=tuple(files))


def read_secret(path: Path) -> str:
    """The text of a file that holds one secret. Raises `ValueError` with a sentence that repeats none of it."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise ValueError("is not a text file in UTF-8") from None  # the cause holds the file's bytes
    except OSError as exc:
        raise ValueError(f"cannot be read ({exc.strerror})") from None


def unsendable(secret: str) -> str:
    """Why this cannot be sent as a key or token; empty when it can."""
    if not secret.strip():
        return "is empty"
    return "" if SENDABLE.fullmatch(secret) else "must be visible ASCII characters without blanks"


def _parse(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(read_secret(path))
    except tomllib.TOMLDecodeError as exc:
        raise TableFaults([f"is not TOML: {_without_text(str(exc))}"], files=(path,)) from None
    except ValueError as exc:
        raise TableFaults([str(exc)], files=(path,)) from None


def _without_text(message: str) -> str:
    """What the parser found and where; what it quotes may be part of a secret."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\([^()]*,\)", "...", message[:1].lower() + message[1:])


class _Reader:
    """Reads one table, and keeps what is wrong with it and which other files it names."""

    def __init__(self, name: str, *, folder: Path, strict: bool) -> None:
        self._name = name
        self._folder = folder
        self._strict = strict
        self.faults: list[str] = []
        self.files: list[Path] = []

    def read(self, body: object) -> Table | None:
        """The table, if nothing is wrong with it."""
        if not isinstance(body, Mapping):
            # Keys on top of the file, as somebody writes who has one account; the key itself is no secret.
            self.faults.append(f"{self._shown}: stands outside a table; each account is one, as [shop-abidjan]")
            return None
        if not self._has_a_name():
            return None
        written, odd = self._validated(body)
        self._check_callback_url(written.callback_url)
        key, token = (None if {name, f"{name}_file"} & odd else self._secret(written, name) for name in SECRETS)
        if self.faults or key is None or token is None:
            return None
        return Table(
            api_key=key,
            api_token=token,
            rate=written.rate,
            callback_url=written.callback_url,
            return_url=written.return_url,
            cancel_url=written.cancel_url,
            store_name=written.store_name,
            store_url=written.store_url,
            operators=written.operators,
        )

    @property
    def _shown(self) -> str:
        return self._name[:40] if self._name.isprintable() else repr(self._name)[:40]

    def _fault(self, key: str, sentence: str) -> None:
        self.faults.append(f"[{self._shown}]{' ' * bool(key)}{key}: {sentence}")

    def _has_a_name(self) -> bool:
        if self._name == DEFAULT:
            self._fault("", "is the account of the plain settings, LIGDICASH_API_KEY and the others; name it otherwise")
        elif not NAME.fullmatch(self._name):
            self._fault("", "must be named by up to 40 small letters, digits, - and _, as [shop-abidjan]")
        return not self.faults

    def _validated(self, body: Mapping[str, object]) -> tuple[_Body, set[str]]:
        """What can be used of it, and the keys that cannot: one fault must not hide the others."""
        try:
            return _Body.model_validate(body), set()
        except ValidationError as exc:
            odd = {
                str(detail["loc"][0]): _told(detail) for detail in exc.errors(include_input=False, include_url=False)
            }
        for key, sentence in odd.items():
            self._fault(key[:40], sentence)
        return _Body.model_validate({key: value for key, value in body.items() if key not in odd}), set(odd)

    def _check_callback_url(self, url: str | None) -> None:
        if url and self._strict:
            try:
                safe_in_production(url)
            except ValueError as exc:
                self._fault("callback_url", str(exc))

    def _secret(self, written: _Body, name: str) -> SecretStr | None:
        """The key or the token, from the table or from the file it names: from one of them."""
        given: SecretStr | None = getattr(written, name)
        named: str | None = getattr(written, f"{name}_file")
        if (given is None) == (named is None):
            self._fault(name, f"give it, or {name}_file" if given is None else f"give it or {name}_file, not both")
            return None
        where = name
        if named is not None:
            where = f"{name}_file"
            path = self._folder / named
            self.files.append(path)
            try:
                given = SecretStr(read_secret(path))
            except ValueError as exc:
                self._fault(where, str(exc))
                return None
        if given is not None and (fault := unsendable(given.get_secret_value())):
            self._fault(where, fault)
            return None
        return given


def _told(detail: Mapping[str, Any]) -> str:
    if detail["type"] == "extra_forbidden":
        return "is not known here; docs/accounts.md lists what is"
    return sentence_of(detail)


def _doubled(by_name: Mapping[str, Table], own_key: SecretStr | None) -> list[str]:
    """Two accounts with one key are one project, and would ask it twice as often as it may be asked."""
    first = {own_key.get_secret_value(): DEFAULT} if own_key else {}
    faults = []
    for name, table in by_name.items():
        other = first.setdefault(table.api_key.get_secret_value(), name)
        if other != name:
            faults.append(f"[{name}] api_key: is that of the account {other} too; one project is one account")
    return faults
