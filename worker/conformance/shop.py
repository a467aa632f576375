"""The merchant's shop, as the examination reaches it: one command that orders, one that says what became of an order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from models.errors import Invalid

LONGEST_COMMAND = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the shop says of one order. `credited` is francs, None where it does not say."""

    is_paid: bool
    credited: int | None = None


class Shop(Protocol):
    """A shop under examination."""

    def order(self, order_id: str, amount: int) -> None:
        """Have it create a payin at the double, with this id in custom_data. Raises `Invalid` when it did not."""

    def state(self, order_id: str) -> State:
        """What it makes of that order. Raises `Invalid` when it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandShop:
    """A shop driven by two commands, without a shell; `{id}` and `{amount}` are filled in. Its words are never trusted to be safe."""

    order_command: Sequence[str]
    state_command: Sequence[str]
    paid: re.Pattern[str]
    credited: re.Pattern[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def order(self, order_id: str, amount: int) -> None:
        """See `Shop`."""
        self._run(self.order_command, id=order_id, amount=str(amount))

    def state(self, order_id: str) -> State:
        """See `Shop`."""
        said = self._run(self.state_command, id=order_id)
        credited = self.credited.search(said) if self.credited else None
        digits = re.sub(r"\D", "", credited[1]) if credited else ""
        return State(is_paid=bool(self.paid.search(said)), credited=int(digits) if digits else None)

    def _run(self, command: Sequence[str], **values: str) -> str:
        words = [_filled(word, values) for word in command]
        try:
            ran = subprocess.run(  # noqa: S603 - the user's own command, without a shell
                words,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=LONGEST_COMMAND,
                check=False,
                env=os.environ | self.environment,
            )
        except OSError as exc:
            raise Invalid(f"{command[0]} cannot be run: {exc.strerror}") from exc
        except subprocess.TimeoutExpired:
            raise Invalid(f"{command[0]} did not end within {LONGEST_COMMAND:g} seconds") from None
        if ran.returncode != 0:
            last = (ran.stderr.strip() or ran.stdout.strip()).splitlines()[-1:]
            raise Invalid(f"{command[0]} ended with {ran.returncode}{': ' + last[0][:200] if last else ''}")
        return ran.stdout


def _filled(word: str, values: Mapping[str, str]) -> str:
    """The word with its gaps filled; other braces are JSON's."""
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def split_command(text: str, *, needs: str) -> list[str]:
    """The words of a command line. Raises `Invalid` when it is none, or does not say where the id goes."""
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise Invalid(f"not a command line: {exc}") from None
    if not words:
        raise Invalid("the command is empty")
    if needs not in text:
        raise Invalid(f"the command must say where the id goes: write {needs}")
    return words
