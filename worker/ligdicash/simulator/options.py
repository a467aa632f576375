"""Everything that can be chosen when the simulator starts, as frozen values with safe defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from models.errors import SettingsFault
from worker.ligdicash.simulator.manners import STRICT, FailedAs, Manners, Seconds, Share

CREDENTIAL_PREFIX = "sim-"
"""Only credentials that begin so are taken: real ones sent here by mistake are refused and forgotten."""

API_KEY = "sim-key"
API_TOKEN = "sim-token"  # noqa: S105 - opens nothing but the simulator
"""A pair the simulator accepts, for those who need one."""


class Payer(StrEnum):
    """Who decides a payment: a person or the control API, or the simulator by itself."""

    MANUAL = "manual"
    AUTO = "auto"


class RateLimit(StrEnum):
    """What happens to a confirm under 3 s after the one before it, for one token. The vendor says "rate limits", no more."""

    OFF = "off"
    HTTP429 = "http429"
    REFUSE01 = "refuse01"


class Expiry(StrEnum):
    """Whether confirm still knows a token past its `expiry_date`. The vendor does not say."""

    ACCEPT = "accept"
    REFUSE = "refuse"


class Profile(StrEnum):
    """Whom the replies are written for: readers of today's pages, or the vendor's kits of 2024. See `kits`."""

    DOCS = "docs"
    SDK_LEGACY = "sdk-legacy"


class FaultKind(StrEnum):
    """What can go wrong with a call.

    `slow` waits `seconds` before the reply, `reset` cuts the connection without one, `garbage` cuts the body in two,
    `refuse01` is a 01 with Code03 or Code04 and no status, `no_status` an accepting 00 without its content, `auth` a
    Code00. For create: `reply_lost` cuts the connection after the invoice was made; `slow`, `no_status` and `garbage`
    have made it too; the others have not.
    """

    NONE = "none"
    SLOW = "slow"
    HTTP500 = "http500"
    HTTP429 = "http429"
    HTML = "html"
    RESET = "reset"
    REFUSE01 = "refuse01"
    NO_STATUS = "no_status"
    GARBAGE = "garbage"
    AUTH = "auth"
    REPLY_LOST = "reply_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble for a share of the calls. `seconds` is used by `slow` only."""

    __pydantic_config__ = STRICT

    kind: FaultKind = FaultKind.NONE
    share: Share = 1.0
    seconds: Seconds = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The trouble of the calls; `create` strikes all three creates, `otp` the sending of a wallet's code."""

    __pydantic_config__ = STRICT

    confirm: Fault = Fault()
    create: Fault = Fault()
    otp: Fault = Fault()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Seconds drawn evenly between two ends; one value when they are equal."""

    __pydantic_config__ = STRICT

    low: Seconds = 0.0
    high: Seconds = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What becomes of payments nobody decides. The rest stays pending for ever, as some do at the gateway."""

    __pydantic_config__ = STRICT

    completed: Share = 0.9
    notcompleted: Share = 0.07


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishaps:
    """Shares of payments whose callbacks go astray, on top of the manners. `late_by` is in seconds."""

    __pydantic_config__ = STRICT

    lost: Share = 0.0
    late: Share = 0.0
    doubled: Share = 0.0
    reordered: Share = 0.0
    late_by: Span = Span(low=5.0, high=30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One simulator. Port 0 takes a free one. With a `seed`, one transaction id always meets the same fate."""

    __pydantic_config__ = STRICT

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    port_file: Path | None = None
    """Written atomically with the real port once it listens."""
    state: Path | None = None
    """Where the books are kept between two runs; None keeps them in memory only."""
    public_url: str = ""
    """How a browser reaches the payment page; by default the address the invoice was created at."""
    seed: int = 0

    profile: Profile = Profile.DOCS
    payer: Payer = Payer.MANUAL
    shares: Shares = Shares()
    pay_delay: Span = Span(low=0.5, high=2.0)
    """How long the payer of `auto` takes, in seconds after creation."""

    create_latency: Span = Span()
    """Seconds before the reply to create leaves; the invoice is made before it, as a callback may outrun that reply."""
    confirm_latency: Span = Span()
    strict_token_param: bool = False
    """Take `invoiceToken` only, and not the `token` that some vendor pages name."""
    rate_limit: RateLimit = RateLimit.OFF
    token_expiry: Expiry = Expiry.ACCEPT
    token_life: Seconds = 86_400.0
    failed_as: FailedAs = FailedAs.CODE_00

    manners: Manners = field(default_factory=Manners)
    mishaps: Mishaps = Mishaps()
    faults: Faults = field(default_factory=Faults)
    senders: Annotated[int, Field(ge=2, le=64)] = 8
    """Threads that send callbacks."""


def refuse_production(environment: Mapping[str, str]) -> None:
    """Raise `SettingsFault` where real money may be near: a production machine, or real credentials on an unnamed one."""
    stage = environment.get("ENVIRONMENT", "").strip().lower()
    if stage == "production":
        raise SettingsFault("ENVIRONMENT is production: the simulator does not run there")
    if stage:
        return
    for name in ("LIGDICASH_API_KEY", "LIGDICASH_API_TOKEN"):
        value = environment.get(name, "")
        if environment.get(f"{name}_FILE") or (value and not value.startswith(CREDENTIAL_PREFIX)):
            raise SettingsFault(
                f"{name} looks real and ENVIRONMENT is not set, which means production: "
                "set ENVIRONMENT=development to run the simulator here"
            )
