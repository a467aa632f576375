"""The gate of the console: name and password in, a cookie out; and out again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

import structlog
from starlette.responses import RedirectResponse, Response

from worker.console.attempts import Attempts
from worker.console.sign_ins import SignIns
from worker.console.visit import ROOT, Ask, to
from worker.language import _, ngettext, number
from worker.passwords import like, matches, work_of

log = structlog.get_logger()

NOTHING_DONE = "signed-out"
"""In the address of the sign-in page: a form was sent that nobody answers for any more."""


class Gate:
    """Lets people in and out. Runs on threads; checking a password costs what its hash says."""

    def __init__(self, people: Callable[[], Mapping[str, str]], *, sign_ins: SignIns, attempts: Attempts) -> None:
        """`people` are those who may sign in now, with the hash of each one's password."""
        self._people = people
        self._sign_ins = sign_ins
        self._attempts = attempts

    def enter(self, ask: Ask) -> tuple[int, str, dict[str, str]] | Response:
        """Sign in and go on; else the status of the sign-in page, what it says, and more headers.

        One at a time in a process, so that guesses at the same moment are counted one after the other.
        """
        person, password, people = ask.form.one("person"), dict(ask.form.pairs).get("password", ""), self._people()
        if not people:
            told = _("Nobody may sign in here now: the file of those who may names nobody.")
            return HTTPStatus.FORBIDDEN, told, {}
        if wait := self._attempts.wait(person, ask.address):
            log.warning("console_sign_in_waits", person=self._known(person), address=ask.address, seconds=round(wait))
            seconds = max(1, round(wait + 0.5))
            told = ngettext(
                "Too many wrong passwords: wait {count} second, then try again.",
                "Too many wrong passwords: wait {count} seconds, then try again.",
                seconds,
            )
            return HTTPStatus.TOO_MANY_REQUESTS, told.format(count=number(seconds)), {"Retry-After": str(seconds)}
        # Of the costliest: a name nobody has must not be told by how soon it is refused.
        hashed = people.get(person, like(max(people.values(), key=work_of)))
        if not matches(hashed, password) or person not in people:
            self._attempts.failed(person, ask.address)
            log.warning("console_sign_in_refused", person=self._known(person), address=ask.address)
            return HTTPStatus.FORBIDDEN, _("This name and this password do not belong together."), {}
        self._attempts.succeeded(person, ask.address)
        if ask.sign_in_id:
            self._sign_ins.end(ask.sign_in_id)
        begun = self._sign_ins.begin(person, hashed)
        log.info("console_signed_in", person=person, address=ask.address)
        answer = RedirectResponse(inside(ask.form.one("next")), HTTPStatus.SEE_OTHER)
        name = cookie_name(is_secure=ask.is_secure)
        answer.set_cookie(name, begun.id, path="/", secure=ask.is_secure, httponly=True, samesite="strict")
        return answer

    def leave(self, ask: Ask) -> Response:
        """Sign out: whoever has the id, it is worth nothing from here on."""
        if ask.sign_in_id:
            self._sign_ins.end(ask.sign_in_id)
        answer = RedirectResponse(to("/login"), HTTPStatus.SEE_OTHER)
        name = cookie_name(is_secure=ask.is_secure)
        answer.delete_cookie(name, path="/", secure=ask.is_secure, httponly=True, samesite="strict")
        return answer

    def _known(self, person: str) -> str:
        """For the log. A name nobody has may be a password in the wrong box."""
        return person if person in self._people() else ""


def cookie_name(*, is_secure: bool) -> str:
    """With the prefix a browser takes it only over https, from this very host, and for all of it."""
    return "__Host-console" if is_secure else "console"


def to_gate(ask: Ask) -> Response:
    """On to the sign-in page, and from there back here; what a form was to do is not done."""
    if ask.method == "POST":
        return RedirectResponse(to("/login", why=NOTHING_DONE), HTTPStatus.SEE_OTHER)
    return RedirectResponse(to("/login", next=ask.path), HTTPStatus.SEE_OTHER)


def inside(path: str) -> str:
    """This address if it is one of the console's, else its first page: nobody is led elsewhere from here."""
    is_ours = path == ROOT or path.startswith((f"{ROOT}/", f"{ROOT}?"))
    is_plain = path.isascii() and path.isprintable() and "\\" not in path and "//" not in path and " " not in path
    return path if is_ours and is_plain else to()
