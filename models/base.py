"""The declarative base: how every table names its constraints and stores its times."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, LargeBinary, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Times are `timestamptz`, text is `text`: PostgreSQL gains nothing from a length, limits are named constraints."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        str: Text(),
        int: BigInteger(),
        bytes: LargeBinary(),
        dict[str, str]: JSONB(),
    }


def identity() -> Identity:
    """A number the database gives out."""
    return Identity(always=True)


def one_of(column: str, words: type[StrEnum], *, name: str) -> CheckConstraint:
    """Only the words of a closed set may stand in `column`."""
    listed = ", ".join(f"'{word.value}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=name)
