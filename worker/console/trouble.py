"""Trouble as a page: its status, a sentence on what is wrong, and what to do about it."""

from __future__ import annotations

from http import HTTPStatus

from models.errors import ReconcilerError
from worker.language import N_, _
from worker.language.sentences import retold
from worker.ops.sentences import ERRORS
from worker.web.errors import STATUSES

WORDS: dict[HTTPStatus, tuple[str, str]] = {
    HTTPStatus.BAD_REQUEST: (
        N_("Not understood"),
        N_("The browser sent something that cannot be read. Go back, and try again."),
    ),
    HTTPStatus.FORBIDDEN: (
        N_("Refused"),
        N_(
            "This form did not come from a page of this console, so nothing was done. Open the console by its own https"
            " address, and send the form from there."
        ),
    ),
    HTTPStatus.NOT_FOUND: (N_("Not found"), N_("There is nothing at this address.")),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        N_("Not found"),
        N_("There is nothing at this address that could be done so. Go back."),
    ),
    HTTPStatus.CONFLICT: (
        N_("Not possible now"),
        N_("Somebody or something was there before. Look at the page again."),
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (N_("Too long"), N_("The form is longer than any of ours. Nothing was done.")),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        N_("Not understood"),
        N_("Only forms of this console are taken. Nothing was done."),
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: (N_("Not possible like this"), N_("Go back, and change what the sentence names.")),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        N_("Something went wrong here"),
        N_("The log of this server says what. Receiving and settling go on. Try again, or use the reconciler command."),
    ),
    HTTPStatus.BAD_GATEWAY: (N_("LigdiCash refuses us"), N_("Look at the keys with `reconciler doctor`.")),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        N_("Not at the moment"),
        N_(
            "The console has too much to do. Receiving and settling go on. Wait a few seconds, then load the page again."
        ),
    ),
    HTTPStatus.GATEWAY_TIMEOUT: (
        N_("Nobody knows"),
        N_("What came of it is not known. Look at the page again before you repeat it."),
    ),
}


def words_for(status: HTTPStatus) -> tuple[str, str]:
    """What it is called, and what to do, in the chosen language."""
    title, advice = WORDS.get(status, WORDS[HTTPStatus.INTERNAL_SERVER_ERROR])
    return _(title), _(advice)


def status_of(exc: ReconcilerError) -> HTTPStatus:
    """By the nearest ancestor, as the door has it."""
    return next(STATUSES[kind] for kind in type(exc).__mro__ if kind in STATUSES)


def sentence_of(exc: ReconcilerError) -> str:
    """The error's own sentence in the chosen language, as a sentence."""
    told = retold(str(exc), ERRORS)
    return told[:1].upper() + told[1:] + ("" if told.endswith((".", "!", "?")) else ".")
