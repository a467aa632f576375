"""Every setting, typed and documented, read from the environment once.

The names below, in capitals, are the environment variables. Any of them can be read from a file instead, the way
container secrets are mounted: `LIGDICASH_API_KEY_FILE=/run/secrets/key`. A `.env` file in the working directory is
read too; real variables win over it.
"""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.account_tables import TableFaults, read_tables
from config.values import (
    ConsoleUsers,
    HttpUrl,
    NoticeKey,
    NoticeUrl,
    OperatorIds,
    OptionalHttpUrl,
    PostgresUrl,
    RedisUrl,
    people_of,
    safe_in_production,
    sentence_of,
    separate,
)

CALLBACK_PATH = "/api/callback/ligdicash"
"""Where the HTTP door takes callbacks; CALLBACK_URL ends so."""

SHORTEST_RETENTION = 31
"""Days: an open payment is asked about for 30, and notices are tried for three."""


class Environment(StrEnum):
    """Where this installation stands. Only `development` may speak to the simulator."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


class SettingsProblem(Exception):
    """One or more settings are missing or wrong. `faults` names each variable; no value of a secret is repeated."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("settings: " + "; ".join(faults))
        self.faults = faults


class Settings(BaseSettings):
    """All settings of one installation. Frozen; build it with `load_settings`, which reports every fault together."""

    model_config = SettingsConfigDict(
        frozen=True,
        case_sensitive=False,
        extra="ignore",
        env_file=".env",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    environment: Environment = Field(
        Environment.PRODUCTION,
        description="`production` or `development`; only development may speak to the simulator.",
    )

    ligdicash_api_key: SecretStr = Field(description="The project's `Apikey`, from client.ligdicash.com.")
    ligdicash_api_token: SecretStr = Field(description="The project's API token, sent as `Authorization: Bearer`.")
    ligdicash_base_url: HttpUrl = Field("https://app.ligdicash.com", description="Where the gateway answers.")
    ligdicash_connect_timeout: float = Field(
        3.05, gt=0, le=30, description="Seconds to wait for a connection to the gateway."
    )
    ligdicash_answer_timeout: float = Field(
        10, gt=0, le=60, description="Seconds to wait for a whole answer of the gateway, dripping ones included."
    )
    ligdicash_use_environment_proxy: bool = Field(
        False, description="Whether calls to the gateway honour HTTPS_PROXY and its kin."
    )
    ligdicash_concurrency: int = Field(
        16, ge=1, le=256, description="Questions one worker process asks the gateway at the same time."
    )

    ligdicash_rate: float = Field(
        50,
        ge=0.1,
        le=100_000,
        description="Questions a second this credential may be asked, by the whole fleet together.",
    )

    ligdicash_operators: OperatorIds = Field(
        "",
        description="Ids of the operators that the project has, as 11,12; empty is not known, and refuses no number.",
    )

    database_url: PostgresUrl = Field(description="PostgreSQL, as postgresql://user:password@host:5432/database.")
    database_pool_size: int = Field(5, ge=1, le=100, description="Connections each process keeps to PostgreSQL.")
    redis_url: RedisUrl = Field(
        description="Redis or Valkey, as redis://host:6379/0: broker and locks, never the truth."
    )

    reconciler_api_key: SecretStr = Field(
        description="Key the merchant's application sends as `Authorization: Bearer` to /v1; at least 16 characters."
    )
    callback_url: HttpUrl = Field(
        description="Public address of our callback route, given to the gateway with each invoice; https in production."
    )
    return_url: OptionalHttpUrl = Field(
        "", description="Where the payment page sends a customer who paid; an invoice may name its own."
    )
    cancel_url: OptionalHttpUrl = Field(
        "", description="Where the payment page sends a customer who gave up; an invoice may name its own."
    )
    store_name: str = Field(
        "", max_length=200, description="Shop name shown on the payment page; an invoice may name its own."
    )
    store_url: OptionalHttpUrl = Field(
        "", description="Shop address shown on the payment page; an invoice may name its own."
    )

    ligdicash_accounts_file: str = Field(
        "",
        description="TOML file with a table for each further LigdiCash project; read again when it changes. "
        "docs/accounts.md describes it.",
    )

    notice_url: NoticeUrl = Field(
        "", description="Where your application takes notices; empty pushes nothing, and GET /v1/events tells them."
    )
    notice_secret: NoticeKey = Field(
        SecretStr(""),
        validate_default=True,
        description="Key that signs notices, `whsec_` and base64; required with NOTICE_URL.",
    )
    notice_secret_previous: NoticeKey = Field(
        SecretStr(""), description="The key before, while receivers change over: notices carry both signatures."
    )
    notice_timeout: float = Field(
        5, ge=0.1, le=30, description="Seconds one delivery of a notice may take, name lookup and answer included."
    )
    notice_allow_private: bool = Field(False, description="Whether notices may go to private and loopback addresses.")

    wallet_otps_a_minute: int = Field(
        120,
        ge=1,
        le=100_000,
        description="One-time codes for wallets that all processes together have LigdiCash send in a minute.",
    )
    payout_approval_above: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="Whole francs above which a payout waits until a person approves it; 0 asks nobody.",
    )

    pending_after: float = Field(
        120,
        gt=0,
        le=86_400,
        description="Seconds after creation at which an invoice without a callback is asked about for the first time.",
    )
    sweep_every: float = Field(2, ge=0.2, le=60, description="Seconds between two sweeps by beat.")
    sweep_batch: int = Field(
        200,
        ge=1,
        le=1000,
        description="Rows one claim of the sweep takes; at least 12 for each of LIGDICASH_CONCURRENCY.",
    )

    retention_bodies_days: int = Field(
        180,
        ge=0,
        le=36_500,
        description="Days after which callbacks, and answers that no settlement rests on, lose their wording; 0 keeps it.",
    )
    retention_personal_days: int = Field(
        365,
        ge=0,
        le=36_500,
        description="Days after which persons are erased from what was never settled; bodies go by then too; 0 keeps them.",
    )
    retention_settled_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="Days after which settlements lose their persons and the wording of their proof; 0 keeps both.",
    )

    spool_dir: Path = Field(
        Path("spool"),
        description="Folder on a durable disk where the HTTP door keeps callbacks while PostgreSQL is away.",
    )
    spool_max_mb: int = Field(
        1024, ge=1, le=1_000_000, description="Megabytes the spool may hold; past them the door answers 503."
    )

    console_users: ConsoleUsers = Field(
        SecretStr(""),
        description="Who may sign in to /console, as name:hash, one a line; `reconciler console password NAME` makes one. "
        "A file is read again when it changes. Empty: no console. docs/console.md describes it.",
    )

    web_host: str = Field("127.0.0.1", description="Address the HTTP door listens on.")
    web_port: int = Field(
        8000, ge=0, le=65_535, description="Port the HTTP door listens on; 0 takes a free one (`up` and `demo` only)."
    )

    metrics_host: str = Field("127.0.0.1", description="Address on which each process tells its metrics.")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65_535,
        description="Port on which each process tells its metrics at /metrics; 0 is off. Each needs one of its own.",
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe line that is logged."
    )
    log_format: Literal["json", "console"] = Field("json", description="`json` for machines, `console` for people.")

    @property
    def operator_ids(self) -> tuple[str, ...]:
        """LIGDICASH_OPERATORS, one by one; empty when it is not known which operators the project has."""
        return separate(self.ligdicash_operators)

    @property
    def console_people(self) -> dict[str, str]:
        """CONSOLE_USERS: the hash of each person's password, by name."""
        return people_of(self.console_users.get_secret_value())

    @classmethod
    def settings_customise_sources(  # noqa: PLR0917 - the library calls it so
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then variables, then files named by `*_FILE`, then `.env`."""
        del file_secret_settings
        named_files = _NamedFiles(settings_cls, given=init_settings())
        return (init_settings, env_settings, named_files, dotenv_settings)

    # Field by field, not over the whole model: pydantic skips the latter as long as any field is at fault, and then the
    # reader would fix one thing only to be told of the next.
    @field_validator("reconciler_api_key")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if len(value.get_secret_value()) < 16:  # noqa: PLR2004 - the length is in the message
            raise ValueError("must have at least 16 characters; `openssl rand -hex 32` makes a good one")
        if value.get_secret_value().startswith("change-me") and _is_production(info):
            raise ValueError("is still the example's; `openssl rand -hex 32` makes one")
        return value

    @field_validator("ligdicash_api_key", "ligdicash_api_token")
    @classmethod
    def _said(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().strip():
            raise ValueError("is empty")
        return value

    @field_validator("notice_secret")
    @classmethod
    def _key_for_notices(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.data.get("notice_url") and not value.get_secret_value():
            raise ValueError('is not set, and NOTICE_URL is: echo "whsec_$(openssl rand -base64 32)" makes one')
        return value

    @field_validator("retention_bodies_days", "retention_personal_days", "retention_settled_days")
    @classmethod
    def _outlasts_what_goes_on(cls, value: int) -> int:
        if 0 < value < SHORTEST_RETENTION:
            raise ValueError(f"must be 0 or at least {SHORTEST_RETENTION}: so long a payment may be asked about")
        return value

    @field_validator("ligdicash_base_url", "callback_url", "notice_url")
    @classmethod
    def _safe_in_production(cls, value: str, info: ValidationInfo) -> str:
        return safe_in_production(value) if value and _is_production(info) else value

    @field_validator("ligdicash_accounts_file")
    @classmethod
    def _sound(cls, value: str, info: ValidationInfo) -> str:
        """Read here too, so that its faults are told together with all others."""
        if value:
            read_tables(Path(value), strict=_is_production(info), own_key=info.data.get("ligdicash_api_key"))
        return value


def _is_production(info: ValidationInfo) -> bool:
    """`environment` is declared first; when it is itself at fault it is not in `data`, and the strict rules hold."""
    return info.data.get("environment", Environment.PRODUCTION) is Environment.PRODUCTION


class _NamedFiles(PydanticBaseSettingsSource):
    """Reads `NAME` from the file that `NAME_FILE` points to; not even looked at where an argument gives it."""

    def __init__(self, settings_cls: type[BaseSettings], *, given: Container[str]) -> None:
        super().__init__(settings_cls)
        self._given = given

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        del field
        path = os.environ.get(f"{field_name.upper()}_FILE")
        text = Path(path).read_text(encoding="utf-8").strip() if path else ""
        return (text or None, field_name, False)

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        faults: list[str] = []
        for name, field in self.settings_cls.model_fields.items():
            if name in self._given:
                continue
            try:
                value, key, _ = self.get_field_value(field, name)
            except OSError as exc:
                faults.append(f"{name.upper()}_FILE: cannot be read ({exc.strerror})")
            except UnicodeDecodeError:
                faults.append(f"{name.upper()}_FILE: is not a text file in UTF-8")
            else:
                if value is not None:
                    found[key] = value
        if faults:
            raise SettingsProblem(faults) from None  # a decoding error holds the file's bytes
        return found


def secret_files() -> dict[str, Path]:
    """The files that the keys of the plain settings are read from, by setting; a variable that is set wins over its file."""
    return _files_of("ligdicash_api_key", "ligdicash_api_token")


def people_file() -> Path | None:
    """The file that CONSOLE_USERS is read from, where it is read from one."""
    return _files_of("console_users").get("console_users")


def _files_of(*names: str) -> dict[str, Path]:
    named = {name: os.environ.get(f"{name.upper()}_FILE") for name in names if not os.environ.get(name.upper())}
    return {name: Path(path) for name, path in named.items() if path}


def load_settings(**overrides: object) -> Settings:
    """Read all settings; raise `SettingsProblem` naming every variable at fault, never a value."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks what mypy cannot see
    except ValidationError as exc:
        raise SettingsProblem(_faults(exc)) from None  # the original would repeat values


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings another process gets from these variables; nothing is read from ours, nor from any file."""
    given = {name: environment[name.upper()] for name in Settings.model_fields if environment.get(name.upper())}
    return load_settings(_env_file=None, **given)


def _faults(error: ValidationError) -> list[str]:
    details = error.errors(include_input=False, include_context=True, include_url=False)
    return [f"{str(detail['loc'][0]).upper()}: {line}" for detail in details for line in _lines(detail)]


def _lines(detail: Mapping[str, Any]) -> list[str]:
    error = detail["ctx"]["error"] if detail["type"] == "value_error" else None
    return error.faults if isinstance(error, TableFaults) else [sentence_of(detail)]
