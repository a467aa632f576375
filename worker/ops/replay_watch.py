"""Following a plan, while it is drafted and while it runs: a bar on a terminal, elsewhere a line now and then, on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from models.queries.replay import look
from models.queries.replay.look import Progress as HowFar
from models.queries.stops import StopLine, off_now
from models.replay import PlanState
from models.session import transaction
from models.stop import Switch
from tasks.foresee import Drafted, Told
from tasks.replay import ring_for_plans, work_batch
from tasks.toolbox import BreakerState, Toolbox
from worker.language import _
from worker.ops.replay_view import about, minutes, moment
from worker.ops.shown import safe

INTERRUPTED = 130
"""Exit code of a command that was ended by Ctrl-C."""

LOOK_EVERY = 0.5
LINE_EVERY = 10.0
RING_EVERY = 5.0
UNATTENDED_AFTER = 30.0
"""Seconds without any progress after which somebody should see whether there are workers."""

Show = Callable[[int, int, str], None]
"""Done, of so many, and a word on what holds it up."""


@contextmanager
def bar(what: str, *, chatty: bool = True) -> Iterator[Show]:
    """A progress bar where there is a terminal; else a line every ten seconds and, if `chatty`, when its word changes."""
    console = Console(stderr=True, markup=False, highlight=False)
    if not console.is_terminal:
        yield _Lines(what, chatty=chatty).show
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[word]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=None, word="")
        yield lambda done, total, word: bars.update(task, completed=done, total=total or None, word=word)


@dataclass(slots=True)
class _Lines:
    """Progress where nothing can be overwritten."""

    what: str
    chatty: bool
    word: str = ""
    told_at: float = field(default_factory=time.monotonic)

    def show(self, done: int, total: int, word: str) -> None:
        if (word == self.word or not self.chatty) and time.monotonic() - self.told_at < LINE_EVERY:
            return
        self.word, self.told_at = word, time.monotonic()
        told = _("{what}: {done} of {total}").format(what=self.what, done=f"{done:,}", total=f"{total:,}")
        typer.echo(f"{told}; {word}" if word else told, err=True)


@contextmanager
def drafting(*, rate: float) -> Iterator[Told]:
    """Follow a draft. Ctrl-C leaves it as it is, and says how to go on."""
    plan_id = 0
    said = False
    with bar(_("drafting")) as show:

        def told(at: Drafted) -> None:
            nonlocal plan_id, said
            plan_id = at.plan_id
            if at.to_ask and not said:
                said = True
                alone, busy = minutes(at.to_ask, rate=rate)
                sentence = _("asking the gateway about {count}: {alone} min, up to {busy} when much else is asked")
                typer.echo(sentence.format(count=f"{at.to_ask:,}", alone=about(alone), busy=about(busy)), err=True)
            if at.to_ask:
                show(at.asked, at.to_ask, at.why)
            else:
                show(at.items, at.items, "")

        try:
            yield told
        except KeyboardInterrupt:
            sentence = _("plan {id} is not drafted to its end: `reconciler replay plan --resume {id}` goes on")
            typer.echo("\n" + sentence.format(id=plan_id), err=True)
            raise typer.Exit(INTERRUPTED) from None


def watch(tools: Toolbox, plan_id: int, *, here: bool) -> None:
    """Follow a running plan to its end; work it in this process with `here`, or where no broker takes messages.

    Ctrl-C ends the watching, and not the plan.
    """
    inline = here or not tools.queue.replay_soon(plan_id)
    if inline and not here:
        typer.echo(_("no broker takes messages: it is worked in this process"), err=True)
    try:
        with bar(_("plan {id}").format(id=plan_id)) as show:
            _Watch(tools, plan_id, show, inline=inline).to_the_end()
    except KeyboardInterrupt:
        sentence = _(
            "plan {id} goes on running: `reconciler replay run {id}` watches again, `reconciler replay cancel {id}` ends it"
        )
        typer.echo("\n" + sentence.format(id=plan_id), err=True)
        raise typer.Exit(INTERRUPTED) from None


class _Watch:
    """One watching. With `inline` it does the work, too."""

    def __init__(self, tools: Toolbox, plan_id: int, show: Show, *, inline: bool) -> None:
        self._tools = tools
        self._plan_id = plan_id
        self._show = show
        self._inline = inline
        self._done = -1
        self._moved_at = self._rung_at = time.monotonic()

    def to_the_end(self) -> None:
        """Until it runs no more."""
        while (at := self._look()).state is PlanState.RUNNING:
            if self._inline and work_batch(self._tools, self._plan_id):
                continue
            if not self._inline and time.monotonic() - max(self._rung_at, self._moved_at) > RING_EVERY:
                self._rung_at = time.monotonic()
                ring_for_plans(self._tools, inline=False)
            time.sleep(LOOK_EVERY)
        self._show(at.done, at.items, "")

    def _look(self) -> HowFar:
        with transaction(self._tools.sessions) as step:
            at = look.progress(step.session, self._plan_id)
            stops = [line for line in off_now(step.session) if line.switch is Switch.REPLAY]
        if at.done != self._done:
            self._done, self._moved_at = at.done, time.monotonic()
        word = ""
        if stops:
            word = held_back(stops[0])
        elif at.state is PlanState.RUNNING:
            word = self._trouble(at)
        self._show(at.done, at.items, word)
        return at

    def _trouble(self, at: HowFar) -> str:
        if time.monotonic() - self._moved_at < RING_EVERY:
            return ""
        if why := not_asked(self._tools) or put_off(at):
            return why
        if not self._inline and time.monotonic() - self._moved_at > UNATTENDED_AFTER:
            return _("nobody works it: see whether a worker runs, or use --here")
        return ""


def held_back(stop: StopLine) -> str:
    """Replaying is switched off."""
    told = _("held back: replay is switched off until {until} by {who}, {why}")
    return told.format(until=moment(stop.until), who=safe(stop.author), why=safe(stop.reason))


def not_asked(tools: Toolbox) -> str:
    """Why the gateway is not asked; empty while it is."""
    for account in tools.all_accounts:
        breaker = account.breaker.view()
        if breaker.state is not BreakerState.CLOSED:
            return _("the gateway is not asked for now: {why}").format(why=safe(breaker.reason))
    return ""


def put_off(at: HowFar) -> str:
    """All that is left waits for its next try; empty where something else can be worked."""
    if at.waiting and not at.under_way:
        return _("{count} items wait for their next try").format(count=f"{at.waiting:,}")
    return ""
