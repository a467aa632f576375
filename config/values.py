"""The kinds of values that settings have: each checked where it is read, with a sentence on what it must look like."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _postgres_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("postgresql", "postgres", "postgresql+psycopg") or not rest:
        message = "must look like postgresql://user:password@host:5432/database (PostgreSQL is the only engine)"
        raise ValueError(message)
    # Since SQLAlchemy 2.1 a bare `postgresql://` already means psycopg 3; saying so keeps 2.0 tools honest too.
    return SecretStr(f"postgresql+psycopg://{rest}")


def _redis_url(value: SecretStr) -> SecretStr:
    if urlsplit(value.get_secret_value()).scheme not in ("redis", "rediss"):
        message = "must look like redis://host:6379/0 or rediss://... (Redis or Valkey)"
        raise ValueError(message)
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = "must be a whole http:// or https:// address"
        raise ValueError(message)
    if parts.username or parts.password:
        message = "must not carry a user name or password"
        raise ValueError(message)
    return value.rstrip("/")


def _optional_http_url(value: str) -> str:
    return _http_url(value) if value else value


def _notice_url(value: str) -> str:
    """As it is: a slash at its end matters to whoever answers there."""
    _optional_http_url(value)
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be percent-encoded: visible ASCII characters without spaces")
    if "#" in value:
        raise ValueError("must not have a part behind #, which is never sent")
    return value


KEY_PREFIX = "whsec_"
SHORTEST_KEY, LONGEST_KEY = 24, 64
"""Bytes, by the specification of Standard Webhooks."""


def _notice_key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        size = len(base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True))
    except binascii.Error:
        size = 0
    if text and not (text.startswith(KEY_PREFIX) and SHORTEST_KEY <= size <= LONGEST_KEY):
        raise ValueError(
            f"must be whsec_ and {SHORTEST_KEY} to {LONGEST_KEY} bytes in base64: "
            'echo "whsec_$(openssl rand -base64 32)" makes one'
        )
    return value


def _operator_ids(value: str) -> str:
    """The same ids, each once, with nothing but commas between."""
    ids = [part.strip() for part in value.split(",")] if value.strip() else []
    if not all(part.isascii() and part.isdecimal() for part in ids):
        raise ValueError("must be operator ids with commas between them, as 11,12: `reconciler operators` lists them")
    return ",".join(dict.fromkeys(ids))


PERSON = re.compile(
    r"(?P<name>[\w.@+-]{1,64}):(?P<hash>\$argon2id\$v=19\$m=\d{1,8},t=\d{1,3},p=\d{1,3}\$[\w+/]{8,}\$[\w+/]{16,})"
)
"""One person of CONSOLE_USERS: the name that signs what they do, and the hash of their password."""


def _console_users(value: SecretStr) -> SecretStr:
    people_of(value.get_secret_value())
    return value


def people_of(people: str) -> dict[str, str]:
    """The hash of each person's password, by name. Raises `ValueError` with a sentence that repeats none of it."""
    found: dict[str, str] = {}
    for place, entry in enumerate(entries_of(people), start=1):
        person = PERSON.fullmatch(entry)
        if person is None:
            raise ValueError(
                f"entry {place} is not name:hash with an argon2id hash; `reconciler console password NAME` makes one. "
                "In a .env file it stands in single quotes, or its $ are taken for variables"
            )
        if person["name"] in found:
            raise ValueError(f"entry {place} is a person who is there already")
        found[person["name"]] = person["hash"]
    return found


def entries_of(people: str) -> list[str]:
    """What stands between blanks and line ends; lines that begin with # are left out."""
    lines = (line.strip() for line in people.splitlines())
    return [entry for line in lines if not line.startswith("#") for entry in line.split()]


def separate(ids: str) -> tuple[str, ...]:
    """What stands between the commas."""
    return tuple(part for part in ids.split(",") if part)


def safe_in_production(value: str) -> str:
    """The same address, if customers and callbacks may be sent there."""
    parts = urlsplit(value)
    if parts.scheme != "https" or parts.hostname in LOOPBACK:
        raise ValueError(
            "must be a public https:// address in production; set ENVIRONMENT=development to work against the simulator"
        )
    return value


PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
OptionalHttpUrl = Annotated[str, AfterValidator(_optional_http_url)]
OperatorIds = Annotated[str, AfterValidator(_operator_ids)]
ConsoleUsers = Annotated[SecretStr, AfterValidator(_console_users)]
NoticeUrl = Annotated[str, AfterValidator(_notice_url)]
NoticeKey = Annotated[SecretStr, AfterValidator(_notice_key)]


def sentence_of(detail: Mapping[str, Any], *, missing: str = "is not set") -> str:
    """One of pydantic's faults as the end of a sentence that begins with a name. Repeats no value."""
    if detail["type"] == "missing":
        return missing
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    message = str(detail["msg"])
    return message[:1].lower() + message[1:]
