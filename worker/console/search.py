"""Search: a payment by its id, a reference, a phone number or an amount, and a callback by its number or what stands in it."""

from __future__ import annotations

from sqlalchemy.orm import Session
from starlette.responses import Response

from models.errors import Invalid
from models.payin import Payer
from models.phone import gateway_form
from models.queries.browse import CallbackLine, T, find_callback
from models.queries.browse import Page as Slice
from models.queries.search import LOOK, Needle, find_callbacks, find_transactions
from models.session import transaction
from models.transaction import Mode
from worker.console.lists import ROWS, place_of
from worker.console.rooms import Page, Room
from worker.console.transactions import address_of
from worker.console.visit import Visit
from worker.language import N_, _

LONGEST = 255
BIGGEST_ID = 2**63 - 1

LOOK_CALLBACKS = 2_000
"""Callbacks whose bodies one page reads: a body may have 64 kB."""


def search(visit: Visit) -> Response:
    """What fits, transactions and callbacks; with nothing to look for, how to look."""
    words = visit.query.one("q")
    if len(words) > LONGEST:
        raise Invalid(_("at most {count} characters can be looked for").format(count=LONGEST))
    place, calls = place_of(visit, "/search", q=words), place_of(visit, "/search", name="callbacks", q=words)
    found, by_number, naming = None, None, None
    if words:
        with transaction(visit.tools.sessions) as step:
            if calls.is_first:
                found = find_transactions(step.session, _needle(words), limit=ROWS, before=place.below)
            number = _whole(words)
            by_number = find_callback(step.session, number) if number and place.is_first and calls.is_first else None
            if place.is_first:
                naming = _naming(step.session, words, before=calls.below)
    return visit.show(
        "search.html",
        title=_("Search"),
        words=words,
        found=found,
        has_older=_has_older,
        place=place,
        by_number=by_number and by_number.line,
        naming=naming,
        calls=calls,
        address_of=address_of,
        looked=LOOK,
        looked_callbacks=LOOK_CALLBACKS,
    )


def _naming(session: Session, words: str, *, before: int) -> Slice[CallbackLine]:
    """Callbacks with these words in them; else with this phone number as the gateway writes it.

    Who paid on LigdiCash's page stands nowhere else.
    """
    found = find_callbacks(session, words, limit=ROWS, look=LOOK_CALLBACKS, before=before)
    number = _number(words)
    if found.items or number in ("", words):
        return found
    return find_callbacks(session, number, limit=ROWS, look=LOOK_CALLBACKS, before=before)


def _has_older(page: Slice[T]) -> bool:
    """Whether the page is not full, and yet did not look at all there is."""
    return page.next is not None and len(page.items) < ROWS


def _needle(words: str) -> Needle:
    number = _number(words)
    return Needle(
        words=words,
        number=number,
        masked=Payer(mode=Mode.DIRECT, number=number).masked if number else "",
        amount=_whole(words),
    )


def _number(words: str) -> str:
    """As the gateway takes it; empty for what is no phone number."""
    if not any(sign.isdigit() for sign in words):
        return ""
    try:
        return gateway_form(words)
    except Invalid:
        return ""


def _whole(words: str) -> int | None:
    """As a number of francs or of a callback. People write `5 000` and `5,000`."""
    digits = "".join(sign for sign in words if not sign.isspace() and sign not in ",.")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 19):  # noqa: PLR2004 - digits of PostgreSQL's bigint
        return None
    return int(digits)


ROOM: Room = [Page("/search", search, nav=N_("Search"))]
