"""`reconciler console`: who may sign in to the console in a browser. Needs no settings and no server."""

from __future__ import annotations

import getpass
import re
import sys
from typing import Annotated

import typer

from worker.language import _, number

app = typer.Typer(help="The console in a browser: who may sign in.", no_args_is_help=True)

NAME = re.compile(r"[\w.@+-]{1,64}")


@app.callback()
def console() -> None:
    """A group, though it has but one command."""


@app.command()
def password(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Who it is: this name signs what is done in the console.")
    ],
) -> None:
    """Make the entry of one person for CONSOLE_USERS: asks for a password twice, and prints the name with its hash.

    Without a terminal the password is the first line of the input.
    """
    from worker.passwords import LONGEST, SHORTEST, hash_of

    if not NAME.fullmatch(name):
        raise typer.BadParameter(_("a name has letters, digits and . _ @ + - alone, 64 at the most"))
    clear = _asked() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not SHORTEST <= len(clear) <= LONGEST:
        bounds = {"least": number(SHORTEST), "most": number(LONGEST)}
        raise typer.BadParameter(_("a password has {least} to {most} characters; four words make one").format(**bounds))
    if clear.casefold() == name.casefold() * (len(clear) // len(name)):
        raise typer.BadParameter(_("the name is no password"))
    typer.echo(f"{name}:{hash_of(clear)}")
    if sys.stdout.isatty():
        told = _("Put this line into the file that CONSOLE_USERS_FILE names, and start the HTTP door again.")
        typer.echo(told, err=True)


def _asked() -> str:
    """Twice, without showing it."""
    clear = getpass.getpass(_("Password: "))
    if getpass.getpass(_("Once more: ")) != clear:
        raise typer.BadParameter(_("the two are not the same"))
    return clear
