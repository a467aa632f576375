"""Look up what is kept about one customer, and erase it before its time when they ask for it.

Erased is what `tasks.prune` erases, by the same rules: what is open stays, and is remembered until it is over. Who asked is
written down nowhere, only what was erased for them, by whom and why.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy.orm import Session

from config import retention
from models.customer import Customer
from models.queries import erasures
from models.queries.cases import Signature
from models.queries.customers import Naming, Place, last_id, look_for, named_matters
from models.queries.erasures import ErasureLine
from models.queries.fsck.reading import reading
from models.queries.retention import Step, Things, erase_things, what_is_left
from models.queries.shelf_counts import Tally, count_things
from models.session import Sessions, transaction
from models.shelf import Shelf
from tasks.gently import Turn, handfuls

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """Progress: so many rows of this place were looked at so far, and this share of it, 0 to 1."""

    place: Place
    rows: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where one customer is named. `things` are the transactions that are theirs, and the callbacks that name them elsewhere.

    A transaction is theirs by our books, by the gateway's answers or by the word of whoever looks; never by a callback alone,
    which anybody can post, and were it only to have another's payment erased.
    """

    things: Things
    by_local: int
    """Of these, found by the national digits alone: they may be somebody else's."""
    fitting: tuple[int, ...]
    """Other invoices whose masked number fits."""
    staying: Mapping[Place, int]
    """Rows that name them in words that nobody erases: ids, notes and reasons."""


@dataclass(slots=True)
class _Heard:
    """What was found so far."""

    theirs: dict[int, bool] = field(default_factory=dict)
    """Transactions, and whether more than national digits say so."""
    named: dict[int, tuple[int | None, bool]] = field(default_factory=dict)
    """Callbacks, each with its transaction and the same."""
    payers: set[int] = field(default_factory=set)
    staying: Counter[Place] = field(default_factory=Counter)

    def add(self, place: Place, naming: Naming) -> None:
        self.staying[place] += naming.stays
        pk, is_whole = naming.pk, naming.is_customer or naming.by_all
        if naming.is_payer and pk is not None:
            self.payers.add(pk)
        if not (is_whole or naming.by_local):
            return
        if place is Place.CALLBACKS:
            self.named[naming.id] = (pk, is_whole)
        elif pk is not None:
            self.theirs[pk] = is_whole or self.theirs.get(pk, False)

    def kept(self) -> Kept:
        strays = {number: is_whole for number, (pk, is_whole) in self.named.items() if pk not in self.theirs}
        return Kept(
            things=Things(transactions=tuple(sorted(self.theirs)), callbacks=tuple(sorted(strays))),
            by_local=[*self.theirs.values(), *strays.values()].count(False),
            fitting=tuple(sorted(self.payers - self.theirs.keys())),
            staying={place: rows for place, rows in self.staying.items() if rows},
        )


def look(
    sessions: Sessions,
    customer: Customer,
    *,
    also: Sequence[str] = (),
    told: Callable[[Looking], object] = lambda _: None,
) -> Kept:
    """Read every row once, and say where this customer is named. `also` are theirs, too, by our ids. Changes nothing.

    Raises `NotFound` when one of these is unknown, and `StoreAway`.
    """
    with reading(sessions) as session:
        heard = _Heard(theirs=dict.fromkeys(named_matters(session, also), True))
    for place in Place:
        after = rows = 0
        with reading(sessions) as session:
            last = last_id(session, place)
        while after < last:
            with reading(sessions) as session:
                looked = look_for(session, place, customer, after=after)
            for naming in looked.namings:
                heard.add(place, naming)
            rows += looked.rows
            after = looked.upto if looked.rows else last
            told(Looking(place=place, rows=rows, share=min(1.0, after / last)))
    return heard.kept()


def standing(sessions: Sessions, things: Things) -> dict[Shelf, list[Tally]]:
    """What of these things stands on each shelf, as if its time were over: due, open, or erased. Raises `StoreAway`."""
    with reading(sessions) as session:
        return {shelf: list(count_things(session, shelf, things)) for shelf in Shelf}


def begin(sessions: Sessions, things: Things, by: Signature, *, keeps_settled: bool) -> int | None:
    """Write down that these things are to be erased; the number of the erasure. Erases nothing yet: see `carry_on`.

    None when there is nothing left of them that does not wait for another erasure already. Raises `StoreAway`.
    """
    shelves = erasures.shelves_of(keeps_settled=keeps_settled)
    with transaction(sessions) as step:
        left = what_is_left(step.session, shelves, things)
        wanted = erasures.not_waiting(step.session, left, keeps_settled=keeps_settled)
        return erasures.begin_erasure(step.session, wanted, by, keeps_settled=keeps_settled) if wanted else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """Progress: so many more rows of a shelf went for this erasure."""

    erasure: int
    shelf: Shelf
    rows: int
    bytes: int
    done: int
    """Items that this run has looked at so far, of `items` that waited when it came to this erasure."""
    items: int


def carry_on(
    sessions: Sessions,
    *,
    seconds: float = float("inf"),
    told: Callable[[Erased], object] = lambda _: None,
    is_wanted: Callable[[], bool] = lambda: True,
    rest: Callable[[float], object] = time.sleep,
) -> Counter[Shelf]:
    """Erase what was asked for and may be erased by now, of all erasures that are not over; how many rows of each shelf.

    Goes on from wherever it was cut short, and any number may run. Raises `StoreAway`; what was erased stays so.
    """
    turn = Turn(sessions=sessions, until=time.monotonic() + seconds, rest=rest, is_wanted=is_wanted)
    erased: Counter[Shelf] = Counter()

    def count(one: Erased) -> None:
        erased[one.shelf] += one.rows
        told(one)

    with transaction(sessions) as step:
        waiting = erasures.open_erasures(step.session)
    for line in waiting:
        _work(turn, line, told=count)
    if erased.total():
        log.info("erased_on_request", **{shelf.value: rows for shelf, rows in erased.items()})
    return erased


def _work(turn: Turn, line: ErasureLine, *, told: Callable[[Erased], object]) -> None:
    """Clear the items of one erasure, few at a time, and end it if none is left."""
    items, after, looked = len(line.waiting) + len(line.waiting_callbacks), 0, 0
    while not turn.is_over:
        with transaction(turn.sessions) as step:
            handful = erasures.next_items(step.session, line.id, after=after, limit=retention.MOST)
        if handful is None:
            break
        for shelf in line.shelves if handful.things.transactions else (Shelf.CALLBACKS,):
            for rows, size in _clear(turn, line, shelf, things=handful.things):
                told(Erased(erasure=line.id, shelf=shelf, rows=rows, bytes=size, done=min(looked, items), items=items))
        with transaction(turn.sessions) as step:
            left = what_is_left(step.session, line.shelves, handful.things)
            erasures.close_items(step.session, line.id, handful.things, left=left)
        after, looked = handful.upto, looked + retention.MOST
    with transaction(turn.sessions) as step:
        erasures.end_erasure(step.session, line.id)


def _clear(turn: Turn, line: ErasureLine, shelf: Shelf, *, things: Things) -> Iterator[tuple[int, int]]:
    """Erase what of these things stands on one shelf; rows and bytes of each transaction that erased some."""
    place = 0

    def erase_some(session: Session, most: int, look: int) -> Step:
        nonlocal place
        done = erase_things(session, shelf, things, after=place, most=most, look=look)
        if done.erased:
            erasures.count_erased(session, line.id, shelf, rows=done.erased)
        place = done.walked
        return done

    for done in handfuls(turn, erase_some):
        if done.erased:
            yield done.erased, done.bytes
