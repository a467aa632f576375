"""The language of one command line: which one is asked for, and its words for what Typer builds and says by itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from worker.language import N_, SOURCE, _, known, wanted
from worker.language.sentences import retold

LANG = "--lang"

MACHINE = "--json"
"""Who asks for JSON is a program: it is spoken to in the language of the source, whatever the people around it speak."""

# Each attribute of a command or of a parameter that a person reads in its help.
OF_COMMANDS = ("help", "short_help", "epilog", "options_metavar", "subcommand_metavar", "rich_help_panel")
OF_PARAMETERS = ("help", "metavar", "show_default", "prompt", "rich_help_panel")

FIXED = {
    "ARGUMENTS_PANEL_TITLE": N_("Arguments"),
    "OPTIONS_PANEL_TITLE": N_("Options"),
    "COMMANDS_PANEL_TITLE": N_("Commands"),
    "ERRORS_PANEL_TITLE": N_("Error"),
    "ABORTED_TEXT": N_("Aborted."),
    "DEFAULT_STRING": N_("[default: {}]"),
    "REQUIRED_LONG_STRING": N_("[required]"),
    "RICH_HELP": N_("Try [blue]'{command_path} {help_option}'[/] for help."),
}
"""What `typer.rich_utils` keeps as names of its module, and reads again for each page."""

USAGE = N_("Usage: ")
HELP_OPTION = N_("Show this message and exit.")

COMPLAINTS = (
    N_("No such command {name}. Did you mean {names}?"),
    N_("No such command {name}."),
    N_("Missing command."),
    N_("No such option: {name} (Possible options: {names})"),
    N_("No such option: {name}"),
    N_("Option {name} requires an argument."),
    N_("Option {name} does not take a value."),
    N_("Got unexpected extra argument(s) ({words})"),
    N_("Missing argument {name}. Choose from:\n\t{names}"),
    N_("Missing argument {name}."),
    N_("Missing option {name}. Choose from:\n\t{names}"),
    N_("Missing option {name}."),
    N_("Invalid value for {name}: {why}"),
    N_("Invalid value: {why}"),
    N_("Value error, {why}"),
    N_("{value} is not one of {names}."),
    N_("Input should be a valid integer, unable to parse string as an integer"),
    N_("Input should be a valid number, unable to parse string as a number"),
    N_("Input should be greater than or equal to {least}"),
    N_("Input should be less than or equal to {most}"),
)
"""What Typer says about a command line that cannot be right."""


def language_of(words: Sequence[str], environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """The language that a command line asks for, and the line without it; `--lang` may stand anywhere before a `--`.

    Raises `Invalid` for a language we have not.
    """
    end = words.index("--") if "--" in words else len(words)
    asked, rest, ours = None, list(words[end:]), iter(words[:end])
    kept: list[str] = []
    for word in ours:
        if word == LANG:
            asked = next(ours, "")
        elif word.startswith(f"{LANG}="):
            asked = word.removeprefix(f"{LANG}=")
        else:
            kept.append(word)
    language = wanted(environment) if asked is None else known(asked, by=LANG)
    return (SOURCE if MACHINE in kept else language), kept + rest


@contextmanager
def translated(command: Any) -> Iterator[None]:
    """Have this tree of commands, made for this one run, and Typer itself use the words of the chosen language inside."""
    from typer import rich_utils

    _speak(command)
    before = {name: getattr(rich_utils, name) for name in FIXED}
    try:
        for name, text in FIXED.items():
            setattr(rich_utils, name, _(text))
        yield
    finally:
        for name, text in before.items():
            setattr(rich_utils, name, text)


def help_texts(command: Any) -> Iterator[tuple[Any, str, str]]:
    """Every text of the help of this command and those below it: where it stands, under which name, and the text."""
    holders = [(command, OF_COMMANDS), *((parameter, OF_PARAMETERS) for parameter in command.params)]
    for holder, names in holders:
        for name in names:
            text = getattr(holder, name, None)
            if isinstance(text, str) and text:
                yield holder, name, _in_paragraphs(text)
    for below in getattr(command, "commands", {}).values():
        yield from help_texts(below)


def complain_in_our_words(trouble: typer.TyperException) -> None:
    """Have Typer tell this in the chosen language."""
    told = retold(trouble.format_message(), COMPLAINTS)
    trouble.format_message = lambda: told  # type: ignore[method-assign] # one exception, not its class


def _in_paragraphs(text: str) -> str:
    """The text as it is shown: docstrings are broken into lines for their readers in the source."""
    return "\n\n".join(" ".join(part.split("\n")) for part in inspect.cleandoc(text).split("\n\n"))


def _speak(command: Any) -> None:
    for holder, name, text in list(help_texts(command)):
        setattr(holder, name, _(text))
    for each in _tree(command):
        _speak_of_usage(each)


def _tree(command: Any) -> Iterator[Any]:
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from _tree(below)


def _speak_of_usage(command: Any) -> None:
    """Typer makes these two when they are asked for."""
    get_usage, get_help_option = command.get_usage, command.get_help_option

    def help_option(ctx: Any) -> Any:
        if option := get_help_option(ctx):
            option.help = _(HELP_OPTION)
        return option

    command.get_usage = lambda ctx: get_usage(ctx).replace(USAGE, _(USAGE), 1)
    command.get_help_option = help_option
