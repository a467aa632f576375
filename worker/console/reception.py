"""What happens on a console's thread: who is it, is the form theirs, run the page, and put trouble into words."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import quote

import structlog
from starlette.responses import RedirectResponse, Response

from config.settings import Settings
from models.errors import NotFound, ReconcilerError
from tasks.toolbox import Toolbox
from worker.console.gate import NOTHING_DONE, Gate, inside, to_gate
from worker.console.rendering import Renderer
from worker.console.sign_ins import SignIn, SignIns
from worker.console.trouble import sentence_of, status_of, words_for
from worker.console.visit import ROOT, Ask, Visit, to
from worker.language import N_, _, speaking_here
from worker.ops.situation import Situation

log = structlog.get_logger()

BY_ITSELF = "live"
"""In the query of a page that loads itself anew: nobody has to be sitting there."""

FORGED = N_(
    "This form is not of your sign-in, or is older than it. Nothing was done: open the page again, and send it from there."
)


class Reception:
    """Serves one request at a time on each thread. Raises nothing: whatever goes wrong is a page."""

    def __init__(
        self,
        settings: Settings,
        tools: Toolbox,
        *,
        sign_ins: SignIns,
        renderer: Renderer,
        look: Callable[[], Situation],
    ) -> None:
        self._settings = settings
        self._tools = tools
        self._sign_ins = sign_ins
        self._renderer = renderer
        self._look = look

    def visit(self, handler: Callable[[Visit], Response], ask: Ask, values: Mapping[str, str | int]) -> Response:
        """A page or an action, for a person who is signed in; everybody else is led to the gate."""
        return self._in_words(ask, lambda: self._visit(handler, ask, values))

    def _visit(self, handler: Callable[[Visit], Response], ask: Ask, values: Mapping[str, str | int]) -> Response:
        sign_in = self._signed_in(ask)
        if sign_in is None:
            return to_gate(ask)
        visit = self._visit_of(ask, sign_in, values)
        if ask.method == "POST" and not hmac.compare_digest(ask.form.one("csrf").encode(), sign_in.csrf.encode()):
            log.warning("console_forged_form", person=sign_in.person, path=quote(ask.path)[:200])
            return self._trouble(HTTPStatus.FORBIDDEN, _(FORGED), visit=visit)
        try:
            return handler(visit)
        except ReconcilerError as exc:
            log.info("console_refused", person=sign_in.person, path=quote(ask.path)[:200], error=str(exc))
            return self._trouble(status_of(exc), sentence_of(exc), visit=visit)

    def _visit_of(self, ask: Ask, sign_in: SignIn, values: Mapping[str, str | int]) -> Visit:
        return Visit(
            ask=ask,
            sign_in=sign_in,
            tools=self._tools,
            settings=self._settings,
            values=values,
            render=self._render,
            situation=self._look,
            tell=lambda told: self._sign_ins.tell(sign_in, told),
        )

    def _signed_in(self, ask: Ask) -> SignIn | None:
        if not ask.sign_in_id:
            return None
        return self._sign_ins.find(ask.sign_in_id, is_activity=not ask.query.one(BY_ITSELF))

    @staticmethod
    def nowhere(visit: Visit) -> Response:
        """An address that no room has; but for a slash at its end, which people and proxies put there, one may."""
        from worker.console.rooms import has_page

        path, mark, query = visit.ask.path.partition("?")
        meant = path.removeprefix(ROOT).rstrip("/") or "/"
        if path.endswith("/") and visit.ask.method == "GET" and has_page(meant):
            return RedirectResponse(to(meant) + mark + query, HTTPStatus.SEE_OTHER)
        raise NotFound(_("there is no such page"))

    def gate_page(self, ask: Ask) -> Response:
        """The sign-in page; past it for whoever is signed in."""

        def page() -> Response:
            if self._signed_in(ask) is not None:
                return RedirectResponse(inside(ask.query.one("next")), HTTPStatus.SEE_OTHER)
            told = _("You were signed out, and nothing was done.") if ask.query.one("why") == NOTHING_DONE else ""
            if ask.is_bare:
                told = _("This page came over http. Open it by its https address: over http nobody can sign in.")
            return self._sign_in_page(ask, told=told, next_=ask.query.one("next"))

        return self._in_words(ask, page)

    def enter(self, gate: Gate, ask: Ask) -> Response:
        """Name and password."""

        def page() -> Response:
            came = gate.enter(ask)
            if isinstance(came, Response):
                return came
            status, told, headers = came
            answer = self._sign_in_page(ask, told=told, next_=ask.form.one("next"), status=status)
            answer.headers.update(headers)
            return answer

        return self._in_words(ask, page)

    def leave(self, gate: Gate, ask: Ask) -> Response:
        """Sign out, by a form of this sign-in."""

        def page() -> Response:
            sign_in = self._signed_in(ask)
            if sign_in and not hmac.compare_digest(ask.form.one("csrf").encode(), sign_in.csrf.encode()):
                return self._trouble(HTTPStatus.FORBIDDEN, _(FORGED), visit=self._visit_of(ask, sign_in, {}))
            return gate.leave(ask)

        return self._in_words(ask, page)

    def come_again(self, ask: Ask) -> Response:
        """For a link on another site: the browser gives our cookie only to what our own pages ask for, so one asks anew."""
        values = {"title": _("One moment"), "address": inside(ask.path)}
        return self._in_words(ask, lambda: self._bare("come_again.html", ask.language, status=HTTPStatus.OK, **values))

    def refused(self, language: str, status: HTTPStatus, *, headers: Mapping[str, str] | None) -> Response:
        """What the server or a bound refused before anybody looked whose it was."""
        title, told = words_for(status)
        answer = self._bare("trouble.html", language, status=status, title=title, told=told)
        answer.headers.update(headers or {})
        return answer

    def _in_words(self, ask: Ask, serve: Callable[[], Response]) -> Response:
        with speaking_here(ask.language):
            try:
                return serve()
            except Exception:
                # The outermost place on this thread: the page says nothing of it, and the log all.
                log.exception("console_broke", path=quote(ask.path)[:200])
                return self.refused(ask.language, HTTPStatus.INTERNAL_SERVER_ERROR, headers=None)

    def _sign_in_page(self, ask: Ask, *, told: str, next_: str, status: int = HTTPStatus.OK) -> Response:
        person = ask.form.one("person")
        here = to("/login", next=inside(next_))
        values = {"title": _("Sign in"), "told": told, "next": inside(next_), "person": person, "here": here}
        return self._bare("login.html", ask.language, status=status, **values)

    def _trouble(self, status: int, told: str, *, visit: Visit) -> Response:
        title, _advice = words_for(HTTPStatus(status))
        return self._render("trouble.html", status=status, visit=visit, title=title, told=told)

    def _bare(self, template: str, language: str, *, status: int, **values: object) -> Response:
        """A page for nobody in particular."""
        known = {"language": language, "nav": (), "notice": "", "here": to(), "live": False}
        return self._renderer.page(template, status=status, visit=None, **(known | values))

    def _render(self, template: str, *, status: int, visit: Visit, **values: object) -> Response:
        """A page for the person of this visit; what an action had to say is said once."""
        notice = visit.sign_in.told
        answer = self._renderer.page(
            template,
            status=status,
            visit=visit,
            language=visit.ask.language,
            nav=_navigation(visit),
            notice=notice,
            here=visit.ask.path if visit.ask.method == "GET" else to(),
            **{"live": False} | values,
        )
        if notice:
            self._sign_ins.tell(visit.sign_in, "")
        return answer


def _navigation(visit: Visit) -> list[tuple[str, str, bool]]:
    """Address, name, and whether it is here."""
    from worker.console.rooms import Page, all_rooms

    here = visit.ask.path.partition("?")[0]
    named = [each for room in all_rooms() for each in room if isinstance(each, Page) and each.nav]
    return [(to(each.path), _(each.nav), _is_here(here, each.path)) for each in named]


def _is_here(here: str, path: str) -> bool:
    address = to(path)
    return here == address or (path != "/" and here.startswith(f"{address}/"))
