"""The edge of the command: whatever goes wrong inside becomes one line on stderr and an exit code."""

from __future__ import annotations

import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from config.logs import mask
from models.errors import NeedsHuman, ReconcilerError, SettingsFault

WENT_WRONG = 1
USED_WRONGLY = 2
"""Also the exit code of Typer's own complaints about the command line."""

OUR_TABLES_ARE_NOT_THERE = ("42P01", "42703")
"""SQLSTATE: undefined table, undefined column."""

LONGEST_LINE = 1000


class OneLineErrors(TyperGroup):
    """A group of commands that never shows a traceback, unless `--debug` asks for it."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Trouble leaves with 1, a fault of the settings with 2, and a line per fault on stderr."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise  # Typer has its own words for these
        except Exception as exc:  # noqa: BLE001 - the outermost place: nobody above could tell it better
            debug = bool(ctx.params.get("debug"))
            if debug:
                sys.stderr.write(mask("".join(traceback.format_exception(exc))))
            for line in _lines(exc, debug=debug):
                sys.stderr.write(f"error: {line}\n")
            raise typer.Exit(USED_WRONGLY if isinstance(exc, SettingsFault) else WENT_WRONG) from None


def _lines(exc: Exception, *, debug: bool) -> list[str]:
    known = _in_our_words(exc)
    if isinstance(known, SettingsFault):
        return [_one_line(fault) for fault in str(known).splitlines()]
    if isinstance(known, ReconcilerError):
        return [_one_line(str(known))]
    hint = "" if debug else "; `reconciler --debug ...` shows where"
    return [_one_line(f"unexpected {type(exc).__name__}: {exc}") + hint]


def _in_our_words(exc: Exception) -> Exception:
    """The same trouble as an error of ours, where a library has its own for something a person can put right."""
    from alembic.script.revision import RevisionError
    from sqlalchemy.exc import ProgrammingError

    if isinstance(exc, ProgrammingError) and getattr(exc.orig, "sqlstate", "") in OUR_TABLES_ARE_NOT_THERE:
        return NeedsHuman("the database lacks tables or columns of this version; run `reconciler migrate`")
    if isinstance(exc, RevisionError):
        return NeedsHuman(f"the database was migrated by another version of this program: {exc}")
    return exc


def _one_line(text: str) -> str:
    shown = "".join(c if c.isprintable() else " " for c in mask(text))
    return " ".join(shown.split())[:LONGEST_LINE]
