"""The language of what a person reads: English in the source, the others in catalogs beside this file.

Log lines, JSON members and what the HTTP door says to programs stay English; what it says to a customer is in the language
of the request. A catalog is a folder of `.po` files, one for each part, so that a text is found where its part is.
"""

from __future__ import annotations

import gettext as standard
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from pathlib import Path

from models.errors import Invalid

SOURCE = "en"
CATALOGS = Path(__file__).parent

VARIABLE = "RECONCILER_LANG"
"""Where a person says once and for all which language it is to be."""

LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Where the system says it; the first that is set decides, as POSIX has it."""

_chosen = standard.NullTranslations()
_here: ContextVar[standard.NullTranslations | None] = ContextVar("language_of_this_request", default=None)


def languages() -> list[str]:
    """Every language there is a catalog of, and the one of the source first."""
    return [SOURCE, *sorted(folder.name for folder in CATALOGS.iterdir() if any(folder.glob("*.po")))]


def wanted(environment: Mapping[str, str]) -> str:
    """The language this environment asks for. Raises `Invalid` when `RECONCILER_LANG` names one there is no catalog of.

    A locale of the system asks for its language where we have it, and for nothing where we have not.
    """
    if asked := environment.get(VARIABLE):
        return known(asked, by=VARIABLE)
    locale = next((environment[name] for name in LOCALE if environment.get(name)), "")
    language = re.split("[_.@-]", locale, maxsplit=1)[0].lower()
    return language if language in languages() else SOURCE


def known(language: str, *, by: str) -> str:
    """The same language. Raises `Invalid`, whose one sentence names those there are, when it is not one of them."""
    if language in languages():
        return language
    raise Invalid(f"{by}: there is no language {language!r}; there are: {', '.join(languages())}")


def choose(language: str) -> None:
    """From now on this process speaks this language; one of `languages()`."""
    global _chosen  # noqa: PLW0603 - a process speaks one language, and every sentence would else carry it along
    _chosen = _load(CATALOGS / language)


def spoken() -> str:
    """The language that is spoken here now."""
    return str(_speech().info().get("language", SOURCE))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak this language inside, and the one before afterwards."""
    global _chosen  # noqa: PLW0603 - see `choose`
    before = _chosen
    choose(language)
    try:
        yield
    finally:
        _chosen = before


@contextmanager
def speaking_here(language: str) -> Iterator[None]:
    """Speak this language inside, in this thread or request alone: others of the process go on in theirs."""
    token = _here.set(_load(CATALOGS / language))
    try:
        yield
    finally:
        _here.reset(token)


def _speech() -> standard.NullTranslations:
    return _here.get() or _chosen


def _(text: str) -> str:
    """The same text in the chosen language; as it is where that has no words for it. Fill in values afterwards."""
    return _speech().gettext(text) if text else ""


def ngettext(one: str, many: str, count: int) -> str:
    """`one` or `many` in the chosen language, as its grammar wants it for this count."""
    return _speech().ngettext(one, many, count)


def N_(text: str) -> str:  # noqa: N802 - the name that extractors of texts look for
    """Mark a text that is stored as it is and translated when it is shown, by `_`."""
    return text


def number(value: float, form: str = ",") -> str:
    """This number, formatted so, with the signs that the chosen language puts into numbers. Never for a machine."""
    thousands, point = _("5,000").strip("50"), _("0.5").strip("05")
    return f"{value:{form}}".translate({ord(","): thousands, ord("."): point})


@cache
def _load(folder: Path) -> standard.NullTranslations:
    """The catalog in this folder; of the source, which has none, an empty one.

    Read as text, so that nothing has to be compiled before the program runs.
    """
    if folder.name == SOURCE:
        return standard.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    chosen = standard.NullTranslations()
    for path in sorted(folder.glob("*.po")):
        compiled = BytesIO()
        with path.open("rb") as source:
            write_mo(compiled, read_po(source, locale=folder.name, abort_invalid=True))
        compiled.seek(0)
        part = standard.GNUTranslations(compiled)
        part.add_fallback(chosen)
        chosen = part
    return chosen
