"""Plans, told to a person or a machine: what was predicted, what came of it, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from config.policy import LANE_SHARES
from models.check import Lane
from models.queries.browse import Page, Paging
from models.queries.replay import look
from models.queries.replay.look import ItemLine, Pair, PlanLine
from models.replay import PlanState, Upshot
from models.session import transaction
from worker.language import N_, _, ngettext, number
from worker.ops.desk import Desk
from worker.ops.replay_choice import as_options
from worker.ops.shown import brief_stamp, console, francs, print_json, safe, stamp
from worker.ops.tables import narrow_table

NAMES = {
    Upshot.TO_ASK: N_("to be asked"),
    Upshot.SETTLED: N_("settled"),
    Upshot.CLOSED: N_("closed"),
    Upshot.NOTHING_NEW: N_("nothing new"),
    Upshot.PENDING: N_("still pending"),
    Upshot.MISMATCH: N_("mismatch"),
    Upshot.CONTRADICTION: N_("contradiction"),
    Upshot.UNCLEAR: N_("no clear answer"),
    Upshot.UNASKABLE: N_("no token"),
    Upshot.UNMATCHED: N_("unmatched"),
    Upshot.UNREADABLE: N_("unreadable"),
}
ROOMY = 4
"""With more columns than these a matrix needs all of 80 columns for its headings."""

FORETOLD = {Upshot.SETTLED: N_("would settle"), Upshot.CLOSED: N_("would close")}
STATES = {
    PlanState.DRAFTING: N_("drafting"),
    PlanState.READY: N_("ready"),
    PlanState.RUNNING: N_("running"),
    PlanState.DONE: N_("done"),
    PlanState.CANCELLED: N_("cancelled"),
}
STYLES = {Upshot.SETTLED: "green", Upshot.MISMATCH: "red", Upshot.CONTRADICTION: "red"}

MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One plan with all that is told about it. `questions` are those that are left, `minutes` what they take."""

    plan: PlanLine
    pairs: Sequence[Pair]
    questions: int
    minutes: tuple[float, float]
    """With the whole rate, and with what the lane is guaranteed of it."""
    items: Page[ItemLine]


def report_on(desk: Desk, plan_id: int, *, limit: int, after: int | None = None, differing: bool = False) -> Report:
    """Read it all. The plan exists."""
    with transaction(desk.tools.sessions) as step:
        plan = look.find_plan(step.session, plan_id)
        if plan is None:
            raise LookupError(plan_id)
        questions = look.questions(step.session, plan_id)
        paging = Paging(limit=limit, after=after, oldest_first=True)
        return Report(
            plan=plan,
            pairs=look.pairs(step.session, plan_id),
            questions=questions,
            minutes=minutes(questions, rate=desk.settings.ligdicash_rate),
            items=look.items(step.session, plan_id, paging, differing=differing),
        )


def minutes(questions: int, *, rate: float) -> tuple[float, float]:
    """How long so many questions take: when nothing else is asked, and when everything else is, too."""
    alone = questions / rate / MINUTE
    return round(alone, 1), round(alone / LANE_SHARES[Lane.REPLAY.value].guaranteed, 1)


def about(minutes: float) -> str:
    """Minutes for a sentence."""
    return "<1" if minutes < 1 else number(minutes, ",g")


def print_draft(desk: Desk, plan_id: int, *, limit: int, as_json: bool) -> None:
    """A plan that was just drafted: the predictions, the first items, and how to go on."""
    report = report_on(desk, plan_id, limit=limit)
    if as_json:
        print_json(document(report))
        return
    out = console()
    if report.plan.items:
        _print_head(report.plan)
        out.print(_predictions(report.pairs))
        _print_items(report, options="--items")
        out.print(
            "\n"
            + _("run it: reconciler replay run {id} --hash {hash} --reason TEXT").format(
                id=plan_id, hash=report.plan.hash[:12]
            )
        )
        _print_minutes(report)
    else:
        out.print(_("nothing fits these filters: there is nothing to run"))


def print_report(
    desk: Desk,
    plan_id: int,
    *,
    every_item: bool = False,
    limit: int = 20,
    after: int | None = None,
    as_json: bool = False,
) -> None:
    """Prediction against actual, the money of both, and the items of which something else came, or all."""
    report = report_on(desk, plan_id, limit=limit, after=after, differing=not every_item)
    if as_json:
        print_json(document(report))
        return
    _print_head(report.plan)
    was_run = any(pair.actual for pair in report.pairs)
    console().print(_matrix(report.pairs) if was_run else _predictions(report.pairs))
    if was_run:
        _print_sums(report.pairs)
    _print_items(report, options="--items" if every_item else "")
    if report.plan.state in (PlanState.READY, PlanState.RUNNING):
        _print_minutes(report)


def document(report: Report) -> dict[str, Any]:
    """The same for a machine. Amounts are whole francs."""
    pairs = report.pairs
    return {
        "plan": plan_document(report.plan),
        "pairs": [{**_members(pair), "differs": pair.differs} for pair in pairs],
        "predicted_amount": sum(pair.predicted_amount for pair in pairs),
        "settled_amount": sum(pair.settled_amount for pair in pairs),
        "differing": sum(pair.items for pair in pairs if pair.differs),
        "questions": report.questions,
        "minutes": {"alone": report.minutes[0], "guaranteed": report.minutes[1]},
        "items": report.items.items,
        "next": report.items.next,
    }


def plan_document(plan: PlanLine) -> dict[str, Any]:
    """One plan for a machine."""
    return _members(plan)


def _members(facts: Any) -> dict[str, Any]:
    return {field.name: getattr(facts, field.name) for field in fields(facts)}


def moment(at: datetime) -> str:
    """A time for a sentence."""
    return f"{stamp(at)} UTC"


def print_plans(page: Page[PlanLine]) -> None:
    """One page of plans."""
    if not page.items:
        console().print(_("no plans"))
        return
    table = narrow_table()
    table.add_column(_("plan"), justify="right")
    table.add_column(_("drafted UTC"), no_wrap=True)
    table.add_column(_("state"), no_wrap=True)
    table.add_column(_("done"), justify="right")
    table.add_column(_("items"), justify="right")
    table.add_column(_("what, by whom, why"), overflow="fold")
    now = datetime.now(UTC)
    for line in page.items:
        table.add_row(
            str(line.id),
            brief_stamp(line.drafted_at, now=now, seconds=False),
            _("expired") if line.is_expired else _(STATES[line.state]),
            f"{line.done:,}",
            f"{line.items:,}",
            safe(_story(line)),
        )
    console().print(table)
    if page.next is not None:
        console().print("\n" + _("more: {options}").format(options=f"--after {page.next}"))


def _story(line: PlanLine) -> str:
    who = f"{line.run_by}: {line.reason}" if line.run_by else line.author
    ended = f"; {line.cancelled_by}: {line.cancelled_why}" if line.cancelled_by else ""
    return f"{as_options(line.filters)}; {who}{ended}"


def _print_head(plan: PlanLine) -> None:
    screen = Table.grid(padding=(0, 2))
    screen.add_column(style="dim", no_wrap=True)
    screen.add_column(overflow="fold")
    state = _("expired") if plan.is_expired else _(STATES[plan.state])
    screen.add_row(_("plan"), f"{plan.id}, {state}")
    screen.add_row(_("chosen by"), safe(as_options(plan.filters)))
    screen.add_row(_("drafted"), _("{at} by {who}").format(at=moment(plan.drafted_at), who=safe(plan.author)))
    screen.add_row(_("predicted"), _("by asking the gateway") if plan.asked else _("by the books alone"))
    if plan.hash:
        screen.add_row(_("hash"), plan.hash[:12])
    if plan.state is PlanState.READY:
        screen.add_row(_("expires"), moment(plan.expires_at))
    if plan.run_at is not None:
        told = _("{at} by {who}: {why}")
        screen.add_row(_("run"), told.format(at=moment(plan.run_at), who=safe(plan.run_by), why=safe(plan.reason)))
    if plan.over_at is not None and plan.state is PlanState.DONE:
        screen.add_row(_("done"), moment(plan.over_at))
    if plan.over_at is not None and plan.cancelled_by:
        values = {"who": safe(plan.cancelled_by), "why": safe(plan.cancelled_why)}
        screen.add_row(_("cancelled"), _("{at} by {who}: {why}").format(at=moment(plan.over_at), **values))
    console().print(screen)
    console().print()


def _predictions(pairs: Sequence[Pair]) -> Table:
    table = narrow_table()
    table.add_column(_("predicted"))
    table.add_column(_("items"), justify="right")
    table.add_column("XOF", justify="right")
    for upshot in _predicted(pairs):
        ours = [pair for pair in pairs if pair.prediction is upshot]
        amount = sum(pair.predicted_amount for pair in ours)
        table.add_row(_foretold(upshot), f"{sum(pair.items for pair in ours):,}", f"{amount:,}" if amount else "")
    total = sum(pair.predicted_amount for pair in pairs)
    table.add_row(_("all"), f"{sum(pair.items for pair in pairs):,}", f"{total:,}", style="bold")
    return table


def _matrix(pairs: Sequence[Pair]) -> Table:
    """A row for each prediction, a column for each actual that came; what agrees stands on the diagonal."""
    actuals = [u for u in Upshot if any(pair.actual is u for pair in pairs)]
    has_left = any(pair.actual is None for pair in pairs)
    table = narrow_table()
    if len(actuals) > ROOMY:
        table.padding = (0, 0, 0, 0)
    table.add_column(_("predicted"), no_wrap=True)
    for upshot in actuals:
        name = _(NAMES[upshot])
        longest = max(cell_len(word) for word in name.split())
        table.add_column(name, justify="right", overflow="fold", min_width=longest)
    if has_left:
        table.add_column(_("left"), justify="right")
    table.add_column(_("all"), justify="right", style="bold")
    columns: list[Upshot | None] = [*actuals, *([None] if has_left else [])]
    for prediction in _predicted(pairs):
        ours = [pair for pair in pairs if pair.prediction is prediction]
        table.add_row(_foretold(prediction), *_cells(ours, columns))
    table.add_row(_("all"), *_cells(pairs, columns), style="bold")
    return table


def _cells(pairs: Sequence[Pair], columns: Sequence[Upshot | None]) -> list[str]:
    counts = [sum(pair.items for pair in pairs if pair.actual is column) for column in columns]
    return [f"{count:,}" if count else "." for count in (*counts, sum(counts))]


def _print_sums(pairs: Sequence[Pair]) -> None:
    predicted = sum(pair.predicted_amount for pair in pairs)
    settled = sum(pair.settled_amount for pair in pairs)
    differing = sum(pair.items for pair in pairs if pair.differs)
    out = console()
    told = _("predicted {predicted}, settled {settled}")
    out.print("\n" + told.format(predicted=francs(predicted), settled=francs(settled)))
    if differing:
        many = ngettext("{count} item came out otherwise", "{count} items came out otherwise", differing)
        out.print(Text(many.format(count=f"{differing:,}"), style="yellow"))
    else:
        out.print(Text(_("all that was predicted and worked came as predicted"), style="green"))


def _predicted(pairs: Sequence[Pair]) -> list[Upshot]:
    return [upshot for upshot in Upshot if any(pair.prediction is upshot for pair in pairs)]


def _foretold(upshot: Upshot) -> Text:
    return Text(_(FORETOLD.get(upshot, NAMES[upshot])), style=STYLES.get(upshot, ""))


def _print_items(report: Report, *, options: str) -> None:
    page = report.items
    if not page.items:
        return
    was_run = any(item.actual for item in page.items)
    has_callbacks = any(item.callback_id for item in page.items)
    table = narrow_table()
    table.add_column(_("item"), justify="right")
    if has_callbacks:
        table.add_column(_("callback"), justify="right")
    table.add_column(_("transaction"), overflow="fold")
    table.add_column(_("predicted"), no_wrap=True)
    table.add_column("XOF", justify="right")
    if was_run:
        table.add_column(_("came of it"), no_wrap=True)
    for item in page.items:
        cells: list[str | Text] = [f"{item.position:,}"]
        cells += [str(item.callback_id or "")] if has_callbacks else []
        cells += [
            safe(item.transaction_id or ""),
            _foretold(item.prediction),
            f"{item.amount:,}" if item.amount else "",
        ]
        cells += [_(NAMES[item.actual]) if item.actual else ""] if was_run else []
        table.add_row(*cells)
    out = console()
    out.print()
    out.print(table)
    if page.next is not None:
        command = " ".join(filter(None, (f"reconciler replay show {report.plan.id}", options, f"--after {page.next}")))
        out.print(_("more: {options}").format(options=command), soft_wrap=True)


def _print_minutes(report: Report) -> None:
    if not report.questions:
        return
    told = ngettext(
        "{count} question: about {alone} min when nothing else is asked, {busy} min at worst",
        "{count} questions: about {alone} min when nothing else is asked, {busy} min at worst",
        report.questions,
    )
    values = dict(zip(("alone", "busy"), map(about, report.minutes), strict=True))
    console().print(told.format(count=f"{report.questions:,}", **values))
