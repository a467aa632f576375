"""Notices, shown: a page of them, and one with its tries and its event."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from rich.table import Table
from rich.text import Text

from models.notice import NoticeState
from models.queries.browse import Page, Paging
from models.queries.notice_lines import DeliveryLine, NoticeFacts, TellingLine
from worker.language import N_, _, ngettext
from worker.ops.sentences import told
from worker.ops.shown import brief_stamp, console, safe, short, stamp
from worker.ops.tables import narrow_table, print_lines, print_none

NOT_PUSHED = N_("NOTICE_URL is not set: none is pushed, GET /v1/events tells them")

STYLES = {NoticeState.WAITING: "yellow", NoticeState.DELIVERED: "green", NoticeState.STOPPED: "red"}


def print_notices(page: Page[TellingLine], paging: Paging, *, pushes: bool) -> None:
    """One page of notices, for a person. Where none is pushed, none of them waits for anything."""
    if not page.items:
        print_none(paging, none=_("no notices"), behind=_("no notices after {after}"))
        return
    table = narrow_table()
    table.add_column(_("no."), justify="right", no_wrap=True)
    table.add_column(_("outcome"), no_wrap=True)
    table.add_column(_("transaction_id"), overflow="fold")
    table.add_column(_("state"), no_wrap=True)
    table.add_column(_("when, or what next"), overflow="fold")
    now = datetime.now(UTC)
    for line in page.items:
        table.add_row(
            str(line.seq),
            _(line.kind.value),
            safe(line.transaction_id),
            _state(line.state),
            safe(_next(line, now=now, pushes=pushes)),
        )
    console().print(table)
    if not pushes:
        console().print("\n" + _(NOT_PUSHED))
    if page.next is not None:
        direction = " --oldest-first" if paging.oldest_first else ""
        console().print("\n" + _("more: {options}").format(options=f"--after {page.next}{direction}"))


def print_notice(found: NoticeFacts, *, pushes: bool) -> None:
    """One notice, for a person."""
    line, now = found.line, datetime.now(UTC)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row(_("notice"), str(line.seq))
    facts.add_row(_("event"), found.event.id)
    facts.add_row(_("tells"), f"{_(line.kind.value)}, {safe(line.transaction_id)}")
    facts.add_row(_("written"), f"{stamp(line.created_at)} UTC")
    facts.add_row(_("state"), _state(line.state))
    facts.add_row(_("when, or what next"), safe(_next(line, now=now, pushes=pushes)))
    console().print(facts)
    hidden = found.deliveries_in_all - len(found.deliveries)
    earlier = ngettext("{count} earlier try is not shown", "{count} earlier tries are not shown", hidden)
    lines = ["", _("tries"), *([f"  {earlier.format(count=hidden)}"] if hidden else [])]
    print_lines([*lines, *([_try(one) for one in found.deliveries] or ["  " + _("none yet")])])
    print_lines(["", _("the event, as it is sent"), *_event(found)])


def notice_document(found: NoticeFacts) -> dict[str, object]:
    """For a machine."""
    return {
        **asdict(found.line),
        "event": found.event.document(),
        "deliveries": found.deliveries,
        "deliveries_in_all": found.deliveries_in_all,
    }


def _state(state: NoticeState) -> Text:
    return Text(_(state.value), style=STYLES[state])


def _next(line: TellingLine, *, now: datetime, pushes: bool) -> str:
    """What happens next about it, or what happened last."""
    if line.state is NoticeState.DELIVERED and line.delivered_at is not None:
        return _("at {time} UTC").format(time=brief_stamp(line.delivered_at, now=now))
    tries = ngettext("{count} try", "{count} tries", line.attempts).format(count=line.attempts)
    if line.state is NoticeState.STOPPED or line.next_try_at is None:
        return _("after {tries}: {trouble}").format(tries=tries, trouble=told(safe(line.trouble)))
    wait = line.next_try_at - now
    words = _("in {wait}").format(wait=short(wait)) if wait > timedelta(0) else _("is due")
    if not pushes:
        words = _("not pushed")
    return (
        _("{when}; {tries}: {trouble}").format(when=words, tries=tries, trouble=told(safe(line.trouble)))
        if line.attempts
        else words
    )


def _try(one: DeliveryLine) -> str:
    status = str(one.http_status or "---")
    trouble = told(safe(one.trouble)) or _("taken")
    return f"  {stamp(one.tried_at)} UTC  {short(timedelta(seconds=one.took)):>5}  {status}  {trouble}"


def _event(found: NoticeFacts) -> list[str]:
    text = json.dumps(found.event.document(), indent=2, ensure_ascii=False)
    return [f"  {safe(line)}" for line in text.splitlines()]
