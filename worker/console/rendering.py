"""Pages out of templates: escaped, in the visitor's language, and masked like a log line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from config.logs import without_tokens
from worker.console.visit import NOT_DONE, Visit, to
from worker.language import _, languages, ngettext, number
from worker.ops.shown import francs, safe, short, stamp

HERE = Path(__file__).parent
STATIC = HERE / "static"

NAMES = {"en": "English", "fr": "Français"}
"""Each language in its own words: who looks for it may read no other."""


def _masked(value: object) -> object:
    """The last place a token could slip through. What the template itself says is left as it is."""
    return without_tokens(value) if type(value) is str else value


def _time(at: datetime | None) -> Markup:
    """A moment in UTC, for people and for programs."""
    if at is None:
        return Markup("")
    machine = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Markup('<time datetime="{}">{} UTC</time>').format(machine, stamp(at))


def _length(length: timedelta | float) -> str:
    return short(length if isinstance(length, timedelta) else timedelta(seconds=length))


class Renderer:
    """All templates, read once."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_masked,
        )
        self._environment.filters |= {
            "francs": francs,
            "stamp": _time,
            "length": _length,
            "number": number,
            "plain": safe,
        }
        self._environment.globals |= {
            "_": _,
            "ngettext": ngettext,
            "number": number,
            "to": to,
            "NOT_DONE": NOT_DONE,
            "languages": {name: NAMES.get(name, name) for name in languages()},
            "stylesheet": to("/static/console.css", v=sha256((STATIC / "console.css").read_bytes()).hexdigest()[:12]),
        }

    def page(self, template: str, *, status: int, visit: Visit | None, **values: object) -> Response:
        """This template, filled. A name that a template misses is an error, never a hole in a page."""
        values |= {"visit": visit, "csrf": partial(_csrf, visit)}
        return HTMLResponse(self._environment.get_template(template).render(values), status)


def _csrf(visit: Visit | None) -> Markup:
    """What every form of a signed-in person carries."""
    if visit is None:
        return Markup("")
    return Markup('<input type="hidden" name="csrf" value="{}">').format(visit.sign_in.csrf)
