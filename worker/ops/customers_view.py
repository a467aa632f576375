"""What `reconciler customers` shows: what is kept about one customer, what would go, and what went. Never who it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import typer

from models.customer import Customer
from models.queries.customers import Holding, Matter, Place, holdings, matters
from models.queries.erasures import ErasureLine, find_erasure, open_erasures, shelves_of
from models.queries.fsck.reading import reading
from models.session import Sessions
from models.shelf import SETTLED, Shelf
from tasks.erase import Erased, Kept, Looking, standing
from tasks.prune import Fate, Tally
from worker.language import N_, _, ngettext, number
from worker.ops.prune_view import NAMES, size_of
from worker.ops.replay_watch import bar
from worker.ops.shown import brief_stamp, console, safe, stamp
from worker.ops.tables import narrow_table, word

MOST = 20
"""Transactions and callbacks that are named to a person; a machine gets all."""

FEW = 5

KINDS: Mapping[str, str] = {
    "invoices": N_("invoices"),
    "payouts": N_("payouts"),
    "callbacks": N_("callbacks"),
    "answers": N_("gateway's answers"),
    "settlements": N_("settlements"),
    "notices": N_("notices"),
    "cases": N_("cases"),
}

PLACES: Mapping[Place, str] = {
    Place.TRANSACTIONS: N_("ids and orders of transactions"),
    Place.CALLBACKS: N_("notes on callbacks"),
    Place.ANSWERS: N_("notes on answers"),
    Place.CASES: N_("cases"),
    Place.OVERRIDES: N_("overrides"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that is kept about one customer, without what it says."""

    customer: Customer
    kept: Kept
    holdings: Sequence[Holding]
    matters: Sequence[Matter]
    fitting: Sequence[Matter]
    shelves: Mapping[Shelf, Sequence[Tally]]

    def rows(self, fate: Fate) -> Counter[Shelf]:
        """How many rows of each shelf will fare so."""
        return Counter(
            {
                shelf: sum(tally.rows for tally in tallies if tally.fate is fate)
                for shelf, tallies in self.shelves.items()
            }
        )

    @property
    def waiting(self) -> list[Matter]:
        """The transactions of which nothing may be erased yet."""
        return [matter for matter in self.matters if matter.is_open]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run erased, for all erasures that were not over. `asked` is the one that it wrote down, if it did."""

    asked: ErasureLine | None
    rows: Counter[Shelf]
    waiting: Sequence[ErasureLine]
    stopped: bool
    """Whether somebody stopped it before its end."""


def dossier(sessions: Sessions, customer: Customer, kept: Kept) -> Dossier:
    """Look up the rest of it. Raises `StoreAway`."""
    things = kept.things
    with reading(sessions) as session:
        held = holdings(session, things.transactions, things.callbacks)
        theirs, fitting = matters(session, things.transactions), matters(session, kept.fitting)
    shelves = standing(sessions, things)
    return Dossier(customer=customer, kept=kept, holdings=held, matters=theirs, fitting=fitting, shelves=shelves)


def print_dossier(found: Dossier) -> None:
    """For a person: how much there is, since when, and the payments."""
    if not found.kept.things:
        typer.echo(_("nothing that can be erased names {who}").format(who=safe(found.customer.masked)))
    else:
        _print_holdings(found)
        _print_matters(found.matters)
    _print_remarks(found)


def _print_holdings(found: Dossier) -> None:
    table = narrow_table()
    table.add_column(safe(found.customer.masked), no_wrap=True)
    for heading in (_("rows"), _("erased")):
        table.add_column(heading, justify="right")
    for heading in (_("first UTC"), _("last UTC")):
        table.add_column(heading, no_wrap=True)
    for held in found.holdings:
        if held.rows:
            days = [stamp(at) if at else "" for at in (held.first_at, held.last_at)]
            table.add_row(_(KINDS[held.what]), number(held.rows), number(held.erased) if held.erased else "", *days)
    console().print(table)


def _print_matters(theirs: Sequence[Matter]) -> None:
    if not theirs:
        return
    table = narrow_table()
    table.add_column(_("transaction_id"), overflow="fold")
    table.add_column("XOF", justify="right")
    table.add_column(_("status"), no_wrap=True)
    table.add_column(_("created UTC"), no_wrap=True)
    table.add_column(_("erased"), no_wrap=True)
    table.add_column(_("open"), overflow="fold")
    now = datetime.now(UTC)
    for one in theirs[:MOST]:
        table.add_row(
            safe(one.transaction_id),
            number(one.amount),
            word(one.status.value),
            brief_stamp(one.created_at, now=now, seconds=False),
            f"{one.erased_at:%Y-%m-%d}" if one.erased_at else "",
            _why_open(one),
        )
    out = console()
    out.print()
    out.print(table)
    if len(theirs) > MOST:
        out.print(_("and {count} more: --json has all").format(count=number(len(theirs) - MOST)))


def _why_open(one: Matter) -> str:
    if one.open_cases:
        return ngettext("{count} open case", "{count} open cases", one.open_cases).format(count=number(one.open_cases))
    return _("not final") if one.is_open else ""


def _print_remarks(found: Dossier) -> None:
    """What is to be known about the finding itself: what it took in on weak grounds, and what it could not see."""
    kept, lines = found.kept, []
    if kept.things.callbacks:
        told = ngettext(
            "{count} callback names them, and is about none of their payments: a callback alone makes none theirs.",
            "{count} callbacks name them, and are about none of their payments: a callback alone makes none theirs.",
            len(kept.things.callbacks),
        )
        lines.append(told.format(count=number(len(kept.things.callbacks))))
    if kept.by_local:
        told = ngettext(
            "{count} was found by the digits without a country code alone: see that it is not somebody else's.",
            "{count} were found by the digits without a country code alone: see that they are not somebody else's.",
            kept.by_local,
        )
        lines.append(told.format(count=number(kept.by_local)))
    if found.fitting:
        told = ngettext(
            "{count} other invoice keeps a masked number that fits: {ids}. Whose it is, the books do not know; --also says that"
            " one is theirs.",
            "{count} other invoices keep a masked number that fits: {ids}. Whose it is, the books do not know; --also says that"
            " one is theirs.",
            len(found.fitting),
        )
        ids = _some([one.transaction_id for one in found.fitting])
        lines.append(told.format(count=number(len(found.fitting)), ids=ids))
    if kept.staying:
        places = ", ".join(f"{number(rows)} {_(PLACES[place])}" for place, rows in kept.staying.items())
        lines.append(_("Names them, and is never erased: {places}.").format(places=places))
    lines.append(_("Not looked at: spool files, logs, backups, evidence files, and your own application."))
    for line in lines:
        console().print(line, soft_wrap=True)


def print_plan(found: Dossier, *, keeps_settled: bool) -> None:
    """For a person, before anything is erased: what goes, what waits and what stays."""
    print_dossier(found)
    if not found.kept.things:
        return
    due = found.rows(Fate.DUE)
    shelves = shelves_of(keeps_settled=keeps_settled)
    size = sum(t.bytes for shelf in shelves for t in found.shelves[shelf] if t.fate is Fate.DUE)
    what = _named(Counter({shelf: due[shelf] for shelf in shelves}))
    typer.echo("\n" + _("to erase now: {what}; {size}").format(what=what or _("nothing"), size=size_of(size)))
    opened = found.rows(Fate.OPEN)
    rows = _named(Counter({shelf: opened[shelf] for shelf in shelves}))
    if waits := "; ".join(filter(None, [_some([one.transaction_id for one in found.waiting]), rows])):
        typer.echo(_("waits until it is final and its cases have ended: {what}").format(what=waits))
    kept = Counter({shelf: due[shelf] for shelf in SETTLED}) if keeps_settled else Counter()
    _print_stays(kept)


def _print_stays(kept: Counter[Shelf]) -> None:
    if kept.total():
        typer.echo(_("stays, by --keep-settled: {what}").format(what=_named(kept)))
    typer.echo(
        _(
            "stays, for it names nobody and accounts must be kept: sums, references, decisions, times, ids, and the hash of"
            " each body"
        )
    )


def _named(rows: Counter[Shelf]) -> str:
    return ", ".join(f"{number(rows[shelf])} {_(NAMES[shelf])}" for shelf in Shelf if rows[shelf])


def results(sessions: Sessions, asked: int | None, erased: Counter[Shelf], *, stopped: bool) -> Result:
    """What came of it. Raises `StoreAway`."""
    with reading(sessions) as session:
        line = find_erasure(session, asked) if asked is not None else None
        return Result(asked=line, rows=erased, waiting=open_erasures(session), stopped=stopped)


def print_erased(result: Result) -> None:
    """For a person: what went, and what is still to go."""
    typer.echo(_("erased: {what}").format(what=_named(result.rows) or _("nothing")))
    if result.stopped:
        typer.echo(_("not everything yet: `reconciler prune` goes on from here, and so does beat at night"))
        return
    for line in result.waiting:
        told = _(
            "erasure {id} waits for: {what}. Each goes by itself, at night or by `reconciler prune`, once it is final and all"
            " cases about it have ended."
        )
        typer.echo(told.format(id=line.id, what=_waiting(line)))
    if result.asked is not None and result.asked.ended_at is not None:
        typer.echo(_("erasure {id} is over").format(id=result.asked.id))
    typer.echo(_("What comes in from now on is kept for its time again: look once more in a day or two."))


def _waiting(line: ErasureLine) -> str:
    """Payments first; callbacks by number while they are few."""
    numbers = line.waiting_callbacks
    callbacks = [_("callback {id}").format(id=one) for one in numbers]
    if len(numbers) > FEW:
        many = ngettext("{count} callback", "{count} callbacks", len(numbers))
        callbacks = [many.format(count=number(len(numbers)))]
    return ", ".join([*filter(None, [_some(line.waiting)]), *callbacks])


def _some(ids: Sequence[str]) -> str:
    return ", ".join([*(safe(one) for one in ids[:MOST]), *(["..."] if len(ids) > MOST else [])])


def print_erasures(lines: Sequence[ErasureLine], *, further: int | None) -> None:
    """For a person: one page of them."""
    if not lines:
        typer.echo(_("no erasures"))
        return
    table = narrow_table()
    table.add_column("id", justify="right")
    table.add_column(_("asked UTC"), no_wrap=True)
    for heading in (_("by"), _("reason")):
        table.add_column(heading, overflow="fold")
    table.add_column(_("erased"), justify="right")
    table.add_column(_("waits"), overflow="fold")
    now = datetime.now(UTC)
    for line in lines:
        asked = brief_stamp(line.asked_at, now=now, seconds=False)
        rows = number(sum(line.rows.values()))
        table.add_row(str(line.id), asked, safe(line.author), safe(line.reason), rows, _waiting(line))
    console().print(table)
    if further is not None:
        console().print("\n" + _("more: {options}").format(options=f"--after {further}"))


def dossier_document(found: Dossier) -> dict[str, object]:
    """For a machine. The customer stays masked: whoever asks knows who it is."""
    return {
        "customer": {"sort": found.customer.sort, "masked": found.customer.masked},
        "holdings": list(found.holdings),
        "transactions": [{**asdict(one), "is_open": one.is_open} for one in found.matters],
        "callbacks_elsewhere": list(found.kept.things.callbacks),
        "by_local_digits": found.kept.by_local,
        "fitting_masked": [one.transaction_id for one in found.fitting],
        "staying": dict(found.kept.staying),
        "shelves": {
            shelf: [{"fate": tally.fate, "rows": tally.rows, "bytes": tally.bytes} for tally in tallies]
            for shelf, tallies in found.shelves.items()
        },
    }


def result_document(found: Dossier, result: Result) -> dict[str, object]:
    """For a machine."""
    return {
        "dry_run": False,
        "customer": {"sort": found.customer.sort, "masked": found.customer.masked},
        "erasure": erasure_document(result.asked) if result.asked else None,
        "erased": {shelf: result.rows[shelf] for shelf in Shelf},
        "waiting": [erasure_document(line) for line in result.waiting],
        "is_whole": not result.stopped,
        "staying": dict(found.kept.staying),
    }


def erasure_document(line: ErasureLine) -> dict[str, object]:
    """For a machine."""
    return asdict(line)


@contextmanager
def looking() -> Iterator[Callable[[Looking], object]]:
    """Follow the looking, in per cent of all places."""
    places = list(Place)
    with bar(_("looking, per cent"), chatty=False) as show:
        yield lambda at: show(round(100 * (places.index(at.place) + at.share) / len(places)), 100, "")


@contextmanager
def erasing() -> Iterator[Callable[[Erased], object]]:
    """Follow the erasing, in items of the erasure that is worked off."""
    with bar(_("erasing"), chatty=False) as show:
        yield lambda at: show(at.done, at.items, "")
