"""One request of one signed-in person, as a page sees it, and how a page answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse, Response

from config.settings import Settings
from models.errors import NotFound
from tasks.toolbox import Toolbox
from worker.console.forms import Fields
from worker.console.sign_ins import SignIn
from worker.language import _
from worker.ops.situation import Situation

ROOT = "/console"

NOT_DONE = "\N{WARNING SIGN} "
"""What a sentence begins with that says why something was not done: whoever sees no colours sees it, too."""


def to(path: str = "/", **query: object) -> str:
    """The address of a page of the console. Of the query, what is None or empty is left out."""
    told = urlencode({name: str(value) for name, value in query.items() if value not in (None, "")})
    return ROOT + quote("" if path == "/" else path, safe="/:@") + (f"?{told}" if told else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a browser asks for, before anybody knows whose it is."""

    method: str
    path: str
    """As it was sent, with /console."""
    query: Fields
    form: Fields
    language: str
    address: str
    """Where it comes from; behind a proxy that the server trusts, whom that names."""
    sign_in_id: str = field(repr=False)
    is_secure: bool
    """Whether its cookies may be kept to https."""
    is_bare: bool
    """Whether it came over http all the way, as far as can be told: then a browser does not take a cookie for https."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """All that a page works with."""

    ask: Ask
    sign_in: SignIn
    tools: Toolbox
    settings: Settings
    values: Mapping[str, str | int]
    """The parameters of the path."""
    render: Callable[..., Response]
    tell: Callable[[str], object]
    situation: Callable[[], Situation]
    """Everything `reconciler status` looks at, as of two seconds ago at the most."""

    @property
    def person(self) -> str:
        """Who signs what is done here."""
        return self.sign_in.person

    @property
    def query(self) -> Fields:
        """What stands behind the `?`."""
        return self.ask.query

    @property
    def form(self) -> Fields:
        """What an action was sent."""
        return self.ask.form

    def number(self, name: str) -> int:
        """A parameter of the path that is a row's id. Raises `NotFound` where no row can have it."""
        value = int(self.values[name])
        if not 0 < value < 2**63:
            raise NotFound(_("there is nothing of that number"))
        return value

    def text(self, name: str) -> str:
        """A parameter of the path that is a text."""
        return str(self.values[name])

    def show(self, template: str, *, title: str, status: int = HTTPStatus.OK, **values: object) -> Response:
        """A page of this template; `title` names it in the window, and its heading."""
        return self.render(template, status=status, visit=self, title=title, **values)

    def go_to(self, path: str, *, told: str = "", done: bool = True, **query: object) -> Response:
        """Go on to this page of the console, which then says `told` on top: that it was done, or why it was not."""
        if told:
            self.tell(told if done else NOT_DONE + told)
        return RedirectResponse(to(path, **query), HTTPStatus.SEE_OTHER)
