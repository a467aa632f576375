"""Every text a person reads from the command, and what the catalogs hold of it: `python -m tests.texts` says what differs.

Texts come from four places: marked in the source, the help of the command tree, closed sets of words that the books use,
and what stands in a room that knows no languages: the rules of fsck, and the names of countries.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path

import typer
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import normalize, read_po

import models.queries.fsck
import worker
from models.answers import Said
from models.callback import Outcome
from models.case import CaseKind
from models.check import Lane
from models.notice import NoticeKind, NoticeState
from models.phone import COUNTRIES
from models.queries.fsck.rule import Walk
from models.transaction import Approval, Mode, Status
from worker.language import CATALOGS, SOURCE, languages
from worker.ops.command import app
from worker.ops.speech import help_texts
from worker.ops.timeline import Who

Text = str | tuple[str, str]
"""A text as it stands in the source; with its plural where it has one."""

KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}

CLOSED_SETS: tuple[type[StrEnum], ...] = (
    Status,
    Outcome,
    CaseKind,
    Lane,
    NoticeKind,
    NoticeState,
    Said,
    Who,
    Mode,
    Approval,
)
"""Words out of the books that some view translates by `_(word.value)`. A set that is marked by `N_` is not needed here."""

KINDS_OF_ROWS = {"transactions", "callbacks", "notices", "differences", "erasures"}
"""What fsck says it looked at."""


def marked() -> set[Text]:
    """What stands in `_`, `N_` or `ngettext` anywhere in the top room, the templates of its pages included."""
    room = Path(worker.__file__).parent
    readers = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
    found = extract_from_dir(str(room), method_map=readers, keywords=KEYWORDS)
    return {message for _file, _line, message, _comments, _context in found}


def helped() -> set[Text]:
    """The texts of the whole command tree."""
    return {text for _holder, _name, text in help_texts(typer.main.get_command(app))}


def advised() -> set[Text]:
    """What the rules of fsck tell a person to do."""
    modules = [
        importlib.import_module(f"{models.queries.fsck.__name__}.{found.name}")
        for found in pkgutil.iter_modules(models.queries.fsck.__path__)
    ]
    walks = [value for module in modules for value in vars(module).values() if isinstance(value, Walk)]
    return {rule.advice for walk in walks for rule in walk.rules} | {
        keyword.value.value
        for module in modules
        for keyword in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8")))
        if isinstance(keyword, ast.keyword) and keyword.arg == "advice" and isinstance(keyword.value, ast.Constant)
    }


def worded() -> set[Text]:
    """The closed sets, as the books and `--json` have them."""
    named = {country.name for country in COUNTRIES}
    return KINDS_OF_ROWS | named | {word.value for words in CLOSED_SETS for word in words}


@cache
def texts() -> set[Text]:
    """All of it; the source does not change while this runs."""
    return marked() | helped() | advised() | worded()


def entries(language: str) -> Iterator[tuple[Path, Message]]:
    """Each entry of each catalog of this language. Raises Babel's error when a file is not well formed."""
    for path in sorted((CATALOGS / language).glob("*.po")):
        with path.open("rb") as file:
            yield from ((path, message) for message in read_po(file, locale=language, abort_invalid=True) if message.id)


def missing(language: str) -> set[Text]:
    """Texts that this language has no words for; an entry marked as fuzzy, or with one plural form, has none."""
    return texts() - {_key(message) for _path, message in entries(language) if _is_whole(message)}


def unused(language: str) -> set[tuple[str, Text]]:
    """Entries that nothing shows, each with its file."""
    shown = texts()
    return {(path.name, _key(message)) for path, message in entries(language) if _key(message) not in shown}


def doubled(language: str) -> dict[str, list[str]]:
    """Texts with more than one entry, and where they are. A text and a plural that begins with it count as one."""
    places: dict[str, list[str]] = {}
    for path in sorted((CATALOGS / language).glob("*.po")):
        # Of an entry that is doubled within one file, Babel's reader tells the last one only.
        ids = Counter(_ids_in(path))
        for text, times in ids.items():
            places.setdefault(text, []).extend([path.name] * times)
    return {text: files for text, files in places.items() if len(files) > 1}


def _ids_in(path: Path) -> Iterator[str]:
    lines = iter([*path.read_text(encoding="utf-8").splitlines(), ""])
    for line in lines:
        if line.startswith("msgid ") and (parts := [line.removeprefix("msgid ")]):
            while (following := next(lines)).startswith('"'):
                parts.append(following)
            if text := "".join(ast.literal_eval(part) for part in parts):
                yield text


def _key(message: Message) -> Text:
    return tuple(message.id) if isinstance(message.id, list | tuple) else message.id


def _is_whole(message: Message) -> bool:
    told = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return all(told) and not message.fuzzy


def _skeleton(text: Text) -> str:
    """An entry to be filled in."""
    quoted = [normalize(one) for one in ((text,) if isinstance(text, str) else text)]
    if isinstance(text, str):
        return f'msgid {quoted[0]}\nmsgstr ""\n'
    return f'msgid {quoted[0]}\nmsgid_plural {quoted[1]}\nmsgstr[0] ""\nmsgstr[1] ""\n'


def main() -> None:
    """Write what the catalogs lack as entries to be filled in, then what they have too much of."""
    for language in (name for name in languages() if name != SOURCE):
        lines = [
            f"# {language}: texts without words",
            *(_skeleton(text) for text in sorted(missing(language), key=str)),
        ]
        lines += [f"# {name}: nothing shows {text!r}" for name, text in sorted(unused(language), key=str)]
        lines += [
            f"# {', '.join(files)}: {text!r} is there more than once"
            for text, files in sorted(doubled(language).items())
        ]
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
