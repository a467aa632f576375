"""What the doctor finds, as values: the name of a check, how bad it is, a sentence, and what mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from worker.language import _


class Grade(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """Works, and will hurt some day or costs something. No fault by itself."""
    BAD = "BAD"
    UNKNOWN = "?"
    """Could not be looked at; another line says why."""


class Name(StrEnum):
    """Every check, in the order of the report. docs/doctor.md explains each."""

    SETTINGS = "settings"
    ACCOUNTS = "accounts"
    LENGTHS = "lengths"
    DATABASE = "database"
    ISOLATION = "isolation"
    DURABILITY = "durability"
    MIGRATIONS = "migrations"
    CONNECTIONS = "connections"
    REDIS = "redis"
    EVICTION = "eviction"
    MEMORY = "memory"
    PERSISTENCE = "persistence"
    CLOCKS = "clocks"
    WORKERS = "workers"
    REDELIVERY = "redelivery"
    BEAT = "beat"
    SWITCHES = "switches"
    CALLBACK_URL = "callback_url"
    DOOR = "door"
    CERTIFICATE = "certificate"
    CREDENTIALS = "credentials"
    BREAKER = "breaker"
    SPOOL = "spool"
    OPEN_FILES = "open_files"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line. `found` and `fix` are texts marked for translation, with gaps for `values`."""

    name: Name
    grade: Grade
    found: str
    fix: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    account: str = ""
    """Which account it is about; empty where there is but one, or it is about none."""

    def in_english(self) -> tuple[str, str]:
        """What was found and what mends it, for a machine."""
        return self.found.format(**self.values), self.fix.format(**self.values)

    def told(self) -> tuple[str, str]:
        """The same in the language of the person who reads it. Of the values, what is a text of ours is translated too."""
        values = {name: _(value) if isinstance(value, str) else value for name, value in self.values.items()}
        return _(self.found).format(**values), _(self.fix).format(**values)


def ok(name: Name, found: str, **values: object) -> Finding:
    """All is well."""
    return Finding(name=name, grade=Grade.OK, found=found, values=values)


def warn(name: Name, found: str, fix: str, **values: object) -> Finding:
    """It works, and yet."""
    return Finding(name=name, grade=Grade.WARN, found=found, fix=fix, values=values)


def bad(name: Name, found: str, fix: str, **values: object) -> Finding:
    """It hurts, or will."""
    return Finding(name=name, grade=Grade.BAD, found=found, fix=fix, values=values)


def unknown(name: Name, found: str, **values: object) -> Finding:
    """It could not be looked at, for a reason that stands elsewhere."""
    return Finding(name=name, grade=Grade.UNKNOWN, found=found, values=values)
