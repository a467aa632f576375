"""The edge of the command: whatever goes wrong inside becomes one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from config.logs import mask
from models.errors import Invalid, NeedsHuman, OutcomeUnknown, PayoutUnknown, ReconcilerError, SettingsFault
from worker.language import N_, SOURCE, _, speaking
from worker.language.sentences import retold
from worker.ops.sentences import ERRORS
from worker.ops.speech import complain_in_our_words, language_of, translated

WENT_WRONG = 1
USED_WRONGLY = 2
"""Also the exit code of Typer's own complaints about the command line."""

OUR_TABLES_ARE_NOT_THERE = ("42P01", "42703")
"""SQLSTATE: undefined table, undefined column."""

LONGEST_LINE = 1000

DO_NOT_PAY_AGAIN = N_(
    "Nothing sends it again, and a case is open: `reconciler cases list`. Pay it in no other way, and under no other id, before that"
    " case is resolved."
)
DO_NOT_ORDER_AGAIN = N_(
    "It is not sent again, and a case is open: `reconciler cases list`. Where no payment page stands between, the customer may have"
    " been debited: find out before you order under another id."
)
"""What whoever meets a lost reply must not do next. It cannot be left to another command to say."""


class OneLineErrors(TyperGroup):
    """A group of commands that never shows a traceback, unless `--debug` asks for it, and speaks the user's language."""

    def main(self, args: Any = None, *more: Any, **options: Any) -> Any:
        """Run a command line in the language that it or the environment asks for; the process keeps its own."""
        try:
            language, words = language_of(sys.argv[1:] if args is None else list(args), os.environ)
        except Invalid as exc:
            sys.stderr.write(f"error: {_one_line(str(exc))}\n")
            sys.exit(USED_WRONGLY)
        with speaking(language):
            if language == SOURCE:
                return super().main(words, *more, **options)
            with translated(self):
                return super().main(words, *more, **options)

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Read the command line as far as the command."""
        try:
            return super().make_context(*args, **options)
        except typer.TyperException as exc:
            complain_in_our_words(exc)
            raise

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Trouble leaves with 1, a fault of the settings with 2, and a line per fault on stderr."""
        try:
            return super().invoke(ctx)
        except typer.TyperException as exc:
            complain_in_our_words(exc)
            raise
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise  # Typer has its own words for these
        except Exception as exc:  # noqa: BLE001 - the outermost place: nobody above could tell it better
            debug = bool(ctx.params.get("debug"))
            if debug:
                sys.stderr.write(mask("".join(traceback.format_exception(exc))))
            for line in _lines(exc, debug=debug):
                sys.stderr.write(_("error: {what}").format(what=line) + "\n")
            raise typer.Exit(USED_WRONGLY if isinstance(exc, SettingsFault) else WENT_WRONG) from None


def _lines(exc: Exception, *, debug: bool) -> list[str]:
    known = _in_our_words(exc)
    if isinstance(known, SettingsFault):
        return [_one_line(retold(fault, ERRORS)) for fault in str(known).splitlines()]
    if isinstance(known, OutcomeUnknown):
        warning = _(DO_NOT_PAY_AGAIN if isinstance(known, PayoutUnknown) else DO_NOT_ORDER_AGAIN)
        return [_one_line(f"{retold(str(known), ERRORS).rstrip('.')}. {warning}")]
    if isinstance(known, ReconcilerError):
        return [_one_line(retold(str(known), ERRORS))]
    what = _("unexpected {name}: {sentence}").format(name=type(exc).__name__, sentence=exc)
    return [_one_line(what) + ("" if debug else _("; `reconciler --debug ...` shows where"))]


def _in_our_words(exc: Exception) -> Exception:
    """The same trouble as an error of ours, where a library has its own for something a person can put right."""
    from alembic.script.revision import RevisionError
    from sqlalchemy.exc import ProgrammingError

    if isinstance(exc, ProgrammingError) and getattr(exc.orig, "sqlstate", "") in OUR_TABLES_ARE_NOT_THERE:
        return NeedsHuman(_("the database lacks tables or columns of this version; run `reconciler migrate`"))
    if isinstance(exc, RevisionError):
        what = _("the database was migrated by another version of this program: {sentence}")
        return NeedsHuman(what.format(sentence=exc))
    return exc


def _one_line(text: str) -> str:
    shown = "".join(c if c.isprintable() else " " for c in mask(text))
    return " ".join(shown.split())[:LONGEST_LINE]
