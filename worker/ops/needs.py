"""What needs a person, out of a situation: decided in one place, most urgent first. Pure but for the language it speaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models.case import CALLBACK_KINDS, CaseKind
from models.stop import Switch
from tasks.toolbox import BreakerState, BreakerView
from worker.language import N_, _, ngettext, number
from worker.ops.shown import safe, short, stamp
from worker.ops.situation import Situation
from worker.ops.status_view import MONEY_FIRST, cut_short, in_our_words, silence

UNREAD_FOR = timedelta(minutes=1)
"""A callback that waits longer than this to be read tells of workers that are busy, or gone."""

UNTOLD_FOR = timedelta(minutes=15)
"""A notice that waits longer than this was tried and failed, again and again."""

UNSWEPT_FOR = timedelta(seconds=90)
"""SWEEP_EVERY is a minute at the most."""

UNWATCHED_FOR = timedelta(minutes=20)
"""fsck is rung for every five minutes, and may take some."""

MEANINGS = {
    CaseKind.MISMATCH: N_("paid over another amount, or for another reference"),
    CaseKind.LATE_SUCCESS: N_("paid after it was closed as not paid"),
    CaseKind.CONTRADICTION: N_("LigdiCash takes back what it said"),
    CaseKind.CALLED_BACK: N_("a callback about a payment that was refused, or decided by hand: money may have moved"),
    CaseKind.TOKEN_LOST: N_("no reply to the order came back: nobody knows what became of it"),
    CaseKind.TOKEN_REFUSED: N_("LigdiCash does not know its token"),
    CaseKind.PARKED: N_("LigdiCash never said anything final"),
    CaseKind.APPROVAL: N_("a payout that waits for a person"),
    CaseKind.ACCOUNT: N_("payments of an account that is not set up here"),
    CaseKind.ENDPOINT: N_("your application takes no notices"),
    CaseKind.STATEMENT: N_("LigdiCash's statement and the books do not agree"),
    CaseKind.UNREADABLE: N_("a callback that nobody can read"),
    CaseKind.ORPHAN: N_("a callback about no payment of ours"),
}
"""Each kind of case in a few words."""


class Topic(StrEnum):
    """What a need is about; each kind of case, and each switch, is a need of its own."""

    DATABASE = "database"
    BOOKS = "books"
    ACCOUNTS = "accounts"
    PEOPLE = "people"
    BREAKER = "breaker"
    SILENT = "silent"
    SPOOL = "spool"
    OVERDUE = "overdue"
    UNREAD = "unread"
    SWEEP = "sweep"
    FSCK = "fsck"
    REDIS = "redis"
    SWITCH = "switch"
    CASES = "cases"
    NOTICES = "notices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that needs a person: what it is, and the command that shows it or does something about it."""

    topic: Topic
    what: str
    command: str
    is_urgent: bool = True
    """Whether money, or the way it is learned of, is at stake now; else it may wait for an hour."""
    case_kind: CaseKind | None = None
    switch: Switch | None = None


def needs(situation: Situation) -> list[Need]:
    """All of them, most urgent first; none when nothing that could be looked at needs anybody."""
    found = [
        *_database(situation),
        *_books(situation),
        *_accounts(situation),
        *_people(situation),
        *_breakers(situation),
        *_silent(situation),
        *_spool(situation),
        *_late(situation),
        *_idle(situation),
        *_redis(situation),
        *_switches(situation),
        *_cases(situation),
        *_notices(situation),
    ]
    return sorted(found, key=lambda need: not need.is_urgent)


def _database(situation: Situation) -> Iterator[Need]:
    if situation.database:
        told = _("The database: {why}. Callbacks are kept in the spool; nothing is settled meanwhile.")
        why = in_our_words(situation.database)
        yield Need(topic=Topic.DATABASE, what=told.format(why=why), command="reconciler doctor")


def _redis(situation: Situation) -> Iterator[Need]:
    if situation.redis:
        told = _("Redis: {why}. Receiving goes on; payments are settled by the sweep, later than usual.")
        yield Need(topic=Topic.REDIS, what=told.format(why=in_our_words(situation.redis)), command="reconciler doctor")


def _books(situation: Situation) -> Iterator[Need]:
    if count := situation.violations:
        told = ngettext(
            "The books are broken: fsck found {count} fault.", "The books are broken: fsck found {count} faults.", count
        )
        yield Need(topic=Topic.BOOKS, what=told.format(count=number(count)), command="reconciler fsck")


def _accounts(situation: Situation) -> Iterator[Need]:
    for fault in situation.account_faults:
        told = _("The accounts are not read: {fault}. What runs goes on with those it read before.")
        yield Need(topic=Topic.ACCOUNTS, what=told.format(fault=safe(fault)), command="reconciler accounts")


def _people(situation: Situation) -> Iterator[Need]:
    for fault in situation.people_faults:
        told = _(
            "The people of the console are not read: {fault}. Whoever was named before may still sign in, those taken out as well."
        )
        yield Need(topic=Topic.PEOPLE, what=told.format(fault=safe(fault)), command="reconciler doctor")


def _breakers(situation: Situation) -> Iterator[Need]:
    if situation.breaker and (told := _open(situation.breaker)):
        yield Need(topic=Topic.BREAKER, what=told, command="reconciler doctor")
    for one in situation.accounts or ():
        if told := _open(one.breaker):
            yield Need(topic=Topic.BREAKER, what=f"{safe(one.account)}: {told}", command="reconciler accounts")


def _open(view: BreakerView) -> str:
    if view.state is BreakerState.CLOSED or view.since is None:
        return ""
    told = _("LigdiCash is not asked since {since} UTC: {reason}")
    return told.format(since=stamp(view.since), reason=cut_short(safe(in_our_words(view.reason))))


def _silent(situation: Situation) -> Iterator[Need]:
    for hush in situation.hushes:
        yield Need(topic=Topic.SILENT, what=silence(hush), command="reconciler status")


def _spool(situation: Situation) -> Iterator[Need]:
    spool = situation.spool
    if spool and not spool.ok:
        told = _("The spool takes nothing more: {why}. Callbacks are refused while the database is away.")
        yield Need(topic=Topic.SPOOL, what=told.format(why=safe(spool.detail)), command="reconciler doctor")
    elif spool and spool.apart:
        told = ngettext(
            "{count} file of the spool could not be read, and lies apart.",
            "{count} files of the spool could not be read, and lie apart.",
            spool.apart,
        )
        yield Need(topic=Topic.SPOOL, what=told.format(count=number(spool.apart)), command="reconciler doctor")


def _late(situation: Situation) -> Iterator[Need]:
    books = situation.books
    if books and books.overdue:
        told = ngettext(
            "{count} payment should have been asked about long ago{longest}.",
            "{count} payments should have been asked about long ago{longest}.",
            books.overdue,
        )
        longest = _since(books.most_overdue_at, books.now)
        what = told.format(count=number(books.overdue), longest=longest)
        yield Need(topic=Topic.OVERDUE, what=what, command="reconciler doctor")
    if books and books.oldest_unread_at and books.now - books.oldest_unread_at > UNREAD_FOR:
        told = ngettext(
            "{count} callback is not read{longest}.", "{count} callbacks are not read{longest}.", books.unread
        )
        longest = _since(books.oldest_unread_at, books.now)
        what = told.format(count=number(books.unread), longest=longest)
        yield Need(topic=Topic.UNREAD, what=what, command="reconciler doctor")


def _idle(situation: Situation) -> Iterator[Need]:
    if situation.ran is None:
        return
    swept, watched = situation.ran["sweep"], situation.ran["fsck"]
    if swept is None:
        what = _("No sweep is known of: payments that no callback announces stay pending. Start beat, and workers.")
        yield Need(topic=Topic.SWEEP, what=what, command="reconciler doctor")
    elif timedelta(seconds=swept) > UNSWEPT_FOR:
        told = _(
            "No sweep for {length}: payments that no callback announces stay pending. See that beat and workers run."
        )
        what = told.format(length=short(timedelta(seconds=swept)))
        yield Need(topic=Topic.SWEEP, what=what, command="reconciler doctor")
    # Of one that never was, the sweep tells: a fleet that was started just now has none yet.
    if watched is not None and timedelta(seconds=watched) > UNWATCHED_FOR:
        told = _("fsck has not looked at the books for {length}: nobody would see that they broke.")
        what = told.format(length=short(timedelta(seconds=watched)))
        yield Need(topic=Topic.FSCK, what=what, command="reconciler fsck --since 1h", is_urgent=False)


def _since(at: datetime | None, now: datetime) -> str:
    return "" if at is None else _(", the longest for {length}").format(length=short(now - at))


def _switches(situation: Situation) -> Iterator[Need]:
    for line in situation.stops or ():
        told = _("Switched off: {switch}, by {author} until {until} UTC: {reason}")
        what = told.format(
            switch=line.switch.value,
            author=safe(line.author),
            until=stamp(line.until),
            reason=cut_short(safe(line.reason)),
        )
        command = f"reconciler switch on {line.switch.value}"
        yield Need(topic=Topic.SWITCH, what=what, command=command, is_urgent=False, switch=line.switch)


def _cases(situation: Situation) -> Iterator[Need]:
    open_cases = situation.books.open_cases if situation.books else {}
    for kind in MONEY_FIRST:
        if count := open_cases.get(kind, 0):
            told = ngettext("{count} case ({kind}): {meaning}", "{count} cases ({kind}): {meaning}", count)
            yield Need(
                topic=Topic.CASES,
                what=told.format(count=number(count), kind=_(kind.value), meaning=_(MEANINGS[kind])),
                command=_listing(kind),
                is_urgent=kind not in CALLBACK_KINDS,
                case_kind=kind,
            )


def _listing(kind: CaseKind) -> str:
    if kind is CaseKind.APPROVAL:
        return "reconciler payouts list --awaiting"
    return f"reconciler cases list --kind {kind.value}"


def _notices(situation: Situation) -> Iterator[Need]:
    notices = situation.notices
    if notices is None or not situation.pushes:
        return
    waits = notices.oldest_at is not None and notices.now - notices.oldest_at > UNTOLD_FOR
    if notices.stopped:
        told = ngettext(
            "{count} notice was given up: your application does not know.",
            "{count} notices were given up: your application does not know.",
            notices.stopped,
        )
        what, command = told.format(count=number(notices.stopped)), "reconciler notices list --state stopped"
        yield Need(topic=Topic.NOTICES, what=what, command=command, is_urgent=False)
    elif waits:
        told = _("Your application takes no notices{longest}.")
        what = told.format(longest=_since(notices.oldest_at, notices.now))
        yield Need(topic=Topic.NOTICES, what=what, command="reconciler notices list", is_urgent=False)
