"""The situation, told to a person: what needs one first, and every line of it within the width of the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.cells import cell_len
from rich.text import Text

from config.hush import WINDOW
from config.policy import AGE_TIERS
from models.case import CaseKind
from models.queries.learned import Learned
from models.queries.status import MOST_WAITING, BooksStatus, NoticesStatus, PayoutsStatus, RunningReplay
from tasks.listen import Hush
from tasks.toolbox import BreakerState, BreakerView, LaneLevel
from worker.language import N_, _, number
from worker.language.sentences import retold
from worker.ops.notices_view import NOT_PUSHED
from worker.ops.screen import few, joined, labelled
from worker.ops.sentences import ERRORS
from worker.ops.shown import francs, safe, short, stamp
from worker.ops.situation import AWAY, NO_ANSWER, OLD_TABLES, AccountLook, Situation
from worker.ops.status_hours import picture, waits, waits_by_hour

BAD, GOOD = "red", "green"

MONEY_FIRST = (
    CaseKind.MISMATCH,
    CaseKind.LATE_SUCCESS,
    CaseKind.CONTRADICTION,
    CaseKind.CALLED_BACK,
    CaseKind.TOKEN_LOST,
    CaseKind.TOKEN_REFUSED,
    CaseKind.PARKED,
    CaseKind.APPROVAL,
    CaseKind.STATEMENT,
    CaseKind.ACCOUNT,
    CaseKind.ENDPOINT,
    CaseKind.UNREADABLE,
    CaseKind.ORPHAN,
)
"""Cases where money may be in the wrong place come first; what anybody can cause comes last."""

BREAKER = {BreakerState.CLOSED: N_("closed"), BreakerState.OPEN: N_("open"), BreakerState.PROBING: N_("probing")}

LONGEST_BAR = 12
LONGEST_REASON = 120

OLD = timedelta(seconds=10)


def screen(situation: Situation, *, width: int, hours: int) -> list[Text]:
    """All of it, most important first: what is wrong or switched off, how things stand, how payments were learned of."""
    lines = [line for alert in _alerts(situation) for line in labelled("", alert, margin=0, width=width)]
    parts = [*standing(situation), *_settled(situation, hours=hours)]
    margin = max(cell_len(label) for label, _what in parts) + 2
    for label, what in parts:
        lines += labelled(label, what, margin=margin, width=width)
    if situation.learned is not None:
        lines += _as_of(situation.learned, situation.books)
        lines += picture(situation.learned, width=width, hours=hours)
        lines += waits_by_hour(situation.learned, hours=hours)
    for line in lines:
        line.truncate(width)
    return lines


def _alerts(situation: Situation) -> Iterator[Text]:
    for fault in situation.account_faults:
        told = _("ACCOUNTS NOT READ ({fault}): what runs goes on with those it read before; nothing can be started")
        yield Text(told.format(fault=safe(fault)), style=f"bold {BAD}")
    for fault in situation.people_faults:
        told = _("PEOPLE OF THE CONSOLE NOT READ ({fault}): a door that runs lets in whom it let in before")
        yield Text(told.format(fault=safe(fault)), style=f"bold {BAD}")
    if situation.violations:
        told = _("BOOKS BROKEN: fsck found {count}; run `reconciler fsck`")
        yield Text(told.format(count=number(situation.violations)), style=f"bold {BAD}")
    for hush in situation.hushes:
        yield Text(silence(hush), style=f"bold {BAD}")
    for line in situation.stops or ():
        told = _("SWITCHED OFF: {switch}, by {author} until {until} UTC: {reason}")
        yield Text(
            told.format(
                switch=line.switch.value,
                author=safe(line.author),
                until=stamp(line.until),
                reason=cut_short(safe(line.reason)),
            ),
            style=f"bold {BAD}",
        )


def cut_short(reason: str) -> str:
    """As much of somebody's words as a screen has room for."""
    return reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 2]}.."


def silence(hush: Hush) -> str:
    """What has fallen silent, in one sentence."""
    about = {"completed": number(hush.completed), "announced": number(hush.announced), "usual": f"{hush.usual:.0%}"}
    if hush.operator is not None:
        told = _(
            "CALLBACKS SILENT for {operator}: of {completed} payments completed in the last {window}, {announced} had one"
            " (usually {usual})"
        )
        about["operator"] = safe(hush.operator) or "?"
    elif hush.since is not None:
        told = _(
            "CALLBACKS SILENT: none came since {since} UTC; {completed} payments or more were completed without one"
        )
        about["since"] = stamp(hush.since)
    elif hush.announced:
        told = _(
            "CALLBACKS SILENT: of {completed} payments completed in the last {window}, {announced} had one (usually {usual})"
        )
    else:
        told = _("CALLBACKS SILENT: none came, and {completed} payments or more were completed without one")
    return told.format(window=round_length(WINDOW.total_seconds()), **about)


def standing(situation: Situation) -> Iterator[tuple[str, str | Text]]:
    """Each part with its label, always all of them and in this order."""
    books, unknown = situation.books, _Unknown(situation)
    yield from _servers(situation)
    if situation.stops is None:
        yield _("switches"), unknown("stops")
    yield _("cases"), _cases(books) if books else unknown("books")
    yield _("invoices"), _open(books) if books else unknown("books")
    if books and books.payouts.open:
        yield _("payouts"), _payouts(books.payouts)
    yield _("by age"), _by_age(books) if books else unknown("books")
    yield _("callbacks"), _unread(books) if books else unknown("books")
    yield _("queues"), unknown("queues") if situation.queues is None else _counts(situation.queues)
    yield _("breaker"), _breaker(situation.breaker) if situation.breaker else unknown("breaker")
    yield _("budget"), unknown("lanes") if situation.lanes is None else _budget(situation.rate, situation.lanes)
    if situation.accounts is None:
        yield _("accounts"), unknown("accounts")
    elif situation.accounts:
        yield _("accounts"), _accounts(situation.accounts)
    yield (
        _("notices"),
        _notices(situation.notices, pushes=situation.pushes) if situation.notices else unknown("notices"),
    )
    yield _("replays"), unknown("replays") if situation.replays is None else _replays(situation.replays)
    yield _("spool"), unknown("spool") if "spool" in situation.unknown else _spool(situation)


def _as_of(learned: Learned, books: BooksStatus | None) -> list[Text]:
    """A line that says so when what follows is older than the rest."""
    if books is None or books.now - learned.now < OLD:
        return []
    return [
        Text(_("what follows was read at {time} UTC").format(time=f"{learned.now.astimezone(UTC):%H:%M:%S}"), "dim")
    ]


def _settled(situation: Situation, *, hours: int) -> Iterator[tuple[str, str | Text]]:
    if situation.learned is None:
        yield _("settling"), _Unknown(situation)("learned")
    else:
        yield from waits(situation.learned, hours=hours)


def _servers(situation: Situation) -> Iterator[tuple[str, str | Text]]:
    if situation.is_well:
        yield _("servers"), Text(_("database ok, redis ok"), style=GOOD)
        return
    for label, trouble in ((_("database"), situation.database), ("redis", situation.redis)):
        yield label, Text(safe(in_our_words(trouble)), style=BAD) if trouble else Text(_("ok"), style=GOOD)


def in_our_words(trouble: str) -> str:
    """What went wrong below, in the language of whoever reads it."""
    return retold(trouble, (NO_ANSWER, AWAY, OLD_TABLES, *ERRORS))


class _Unknown:
    """Says why a part is not there; in a word where its server's own line says it already."""

    def __init__(self, situation: Situation) -> None:
        self._why = situation.unknown
        self._said = {situation.database, situation.redis}

    def __call__(self, part: str) -> Text:
        why = self._why.get(part, "")
        told = _("not known") if why in self._said else _("not known: {why}").format(why=safe(in_our_words(why)))
        return Text(told, style="yellow")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number(count)}" for name, count in counts.items()) or _("none")


def _cases(books: BooksStatus) -> str | Text:
    counts = {_(kind.value): count for kind in MONEY_FIRST if (count := books.open_cases.get(kind, 0))}
    return Text(_counts(counts), style="yellow") if counts else _("none")


def _open(books: BooksStatus) -> str:
    """Money that comes in."""
    paid_out = books.payouts
    overdue = books.overdue - paid_out.overdue
    return joined(
        (
            _("{count} open").format(count=number(sum(books.open_by_age) - paid_out.open + paid_out.parked)),
            _("{count} overdue").format(count=number(overdue))
            + (_longest(books.most_overdue_at, books.now) if overdue else ""),
            _("{count} parked").format(count=number(books.parked - paid_out.parked)),
        )
    )


def _payouts(paid_out: PayoutsStatus) -> str:
    """Money that goes out, apart from what comes in."""
    told = (
        (paid_out.overdue, _("{count} overdue")),
        (paid_out.parked, _("{count} parked")),
        (paid_out.queued, _("{count} wait for sending to go on")),
        (paid_out.awaiting, _("{count} wait for approval")),
        (paid_out.unknown, _("{count} sent, without a reply so far")),
    )
    is_open = _("{count} open over {amount}").format(count=number(paid_out.open), amount=francs(paid_out.amount))
    return joined((is_open, *(text.format(count=number(count)) for count, text in told if count)))


def _by_age(books: BooksStatus) -> str:
    """A bar for each age at which any are."""
    names = [f"<{round_length(tier.until)}" for tier in AGE_TIERS] + [_("older")]
    most = max(books.open_by_age)
    return "  ".join(
        f"{name} {'#' * max(1, round(LONGEST_BAR * count / most))} {few(count)}"
        for name, count in zip(names, books.open_by_age, strict=True)
        if count
    ) or _("none")


def _unread(books: BooksStatus) -> str:
    return _("{count} unread").format(count=number(books.unread)) + _longest(books.oldest_unread_at, books.now)


def round_length(seconds: float) -> str:
    """A round length: `5m`, `6h`, `30d`."""
    whole = int(seconds)
    for size, form in ((86_400, _("{count}d")), (3600, "{count}h"), (60, "{count}m")):
        if whole % size == 0:
            return form.format(count=whole // size)
    return f"{whole}s"


def _longest(at: datetime | None, now: datetime) -> str:
    return "" if at is None else _(", the longest for {length}").format(length=short(now - at))


def _oldest(seconds: float) -> str:
    return _(", the longest for {length}").format(length=short(timedelta(seconds=seconds))) if seconds else ""


def _breaker(view: BreakerView) -> Text:
    if view.state is BreakerState.CLOSED or view.since is None or view.until is None:
        return Text(_(BREAKER[view.state]), style=GOOD if view.state is BreakerState.CLOSED else BAD)
    told = _("{state} since {since} UTC, next probe {until} UTC; {count} questions held back; {reason}")
    return Text(
        told.format(
            state=_(BREAKER[view.state]),
            since=stamp(view.since),
            until=f"{view.until:%H:%M:%S}",
            count=number(view.held_back),
            reason=cut_short(safe(view.reason)),
        ),
        style=BAD,
    )


def _accounts(accounts: Sequence[AccountLook]) -> Text:
    """A few lines for each, with its name before them."""
    text = Text()
    for place, one in enumerate(accounts):
        text.append("\n" if place else "")
        text.append(f"{safe(one.account)}: ", style="bold")
        text.append_text(_breaker(one.breaker))
        text.append(f"; {_budget(one.rate, one.lanes)}")
    return text


def _budget(rate: float, lanes: Sequence[LaneLevel]) -> str:
    asked = {_(level.lane.value): level.granted for level in lanes if level.granted}
    room = ", ".join(f"{_(level.lane.value)} {few(level.room, plenty=1000)}" for level in lanes)
    told = _("{rate}/s; last minute: {asked}\nroom: {room}")
    return told.format(rate=number(rate, ",g"), asked=_counts(asked), room=room)


def _notices(notices: NoticesStatus, *, pushes: bool) -> str | Text:
    stopped = _("{count} stopped").format(count=number(notices.stopped))
    if pushes:
        more = "+" if notices.waiting >= MOST_WAITING else ""
        waiting = _("{count} waiting").format(count=number(notices.waiting) + more)
        told = joined((waiting + _longest(notices.oldest_at, notices.now), stopped))
    else:
        told = joined((_(NOT_PUSHED), stopped if notices.stopped else ""))
    return Text(told, style="yellow") if notices.stopped else told


def _replays(replays: Sequence[RunningReplay]) -> str:
    told = _("plan {plan}: {done} of {items} worked, run by {author}")
    return joined(
        told.format(plan=plan.plan, done=number(plan.done), items=number(plan.items), author=safe(plan.run_by))
        for plan in replays
    ) or _("none running")


def _spool(situation: Situation) -> str | Text:
    spool = situation.spool
    folder = safe(Path(situation.spool_dir).name)
    if spool is None:
        return _("not on this machine (no folder {folder} here)").format(folder=folder)
    if not spool.waiting and not spool.apart and spool.ok:
        return _("empty (on this machine)")
    told = joined(
        (
            _("{count} waiting to be stored").format(count=number(spool.waiting)) + _oldest(spool.oldest),
            _("{count} files kept apart").format(count=number(spool.apart)) if spool.apart else "",
            _("full") if spool.bytes >= spool.limit else "" if spool.ok else safe(spool.detail),
            _("on this machine"),
        )
    )
    return Text(told, style="yellow")
