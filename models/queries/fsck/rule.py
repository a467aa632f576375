"""A rule, what breaks it, and the one statement that tries all rules of a walk on a slice of rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import TextClause, text

BY_HAND = "find out who changed the tables by hand"

MOMENT = "'YYYY-MM-DD HH24:MI:SS'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that is always so. `broken` and `detail` are SQL over one row of the facts of its walk."""

    name: str
    promise: str
    broken: str
    """True for a row that breaks it; unknown counts as not broken."""
    detail: str
    """Text: what is wrong about this row. Never a token."""
    advice: str
    """What a person does about it, in one clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule, about one thing."""

    rule: str
    subject: str
    detail: str
    advice: str

    def __str__(self) -> str:
        return f"broken: {self.rule}  {self.subject}  {self.detail}; {self.advice}"


@dataclass(frozen=True, kw_only=True)
class Walk:
    """Rows that are looked at together, and the rules they are held against."""

    facts: str
    """SQL that begins with WITH and defines `facts`."""
    subject: str
    """SQL over `facts`: what a violation is about."""
    rules: tuple[Rule, ...]

    @cached_property
    def statement(self) -> TextClause:
        """All rules in one statement, thus against one snapshot: what moves meanwhile cannot look broken."""
        anything = " OR ".join(f"({rule.broken})" for rule in self.rules)
        each = ",\n".join(f"('{rule.name}', ({rule.broken}), {rule.detail})" for rule in self.rules)
        return text(
            f"{self.facts}\n"
            f"SELECT rule.name, {self.subject} AS subject, rule.detail\n"
            f"FROM facts CROSS JOIN LATERAL (VALUES {each}) AS rule(name, broken, detail)\n"
            f"WHERE ({anything}) IS TRUE AND rule.broken"
        )

    def violation(self, rule: str, subject: str, detail: str) -> Violation:
        """One row of the statement in our words."""
        return Violation(rule=rule, subject=subject, detail=detail, advice=self._advice[rule])

    @cached_property
    def _advice(self) -> dict[str, str]:
        return {rule.name: rule.advice for rule in self.rules}


def moment(column: str) -> str:
    """SQL: this time as text, in UTC, to the second."""
    return f"to_char({column} AT TIME ZONE 'UTC', {MOMENT})"


def age(column: str) -> str:
    """SQL: how long ago this time is, to the second, as text."""
    return f"date_trunc('second', now() - {column})"


def on_since(switch: str) -> str:
    """SQL: since when this switch is on, in the future while it is off; unknown when it was never off."""
    return f"(SELECT max(LEAST(ended_at, until)) FROM stops WHERE switch = '{switch}')"  # noqa: S608 - our own words
