"""`reconciler replay`: work many callbacks or transactions again, as a change that is planned, reviewed and then run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from models.errors import Conflict, NotFound
from models.replay import PlanState
from worker.language import _
from worker.ops.desk import Desk, desk_of
from worker.ops.options import AfterOption, AuthorOption, JsonOption, LimitOption, OldestOption, ReasonOption
from worker.ops.replay_options import (
    AskOption,
    CallbacksOption,
    CaseOption,
    ExpiresOption,
    FailedOption,
    HashOption,
    HereOption,
    ItemsOption,
    OperatorOption,
    OutcomesOption,
    ParkedOption,
    PlanArgument,
    ResumeOption,
    SinceOption,
    StatusesOption,
    TransactionsOption,
    UntilOption,
    WhyOption,
)

if TYPE_CHECKING:
    from models.queries.replay.choice import Choice
    from models.queries.replay.look import PlanLine
    from tasks.toolbox import Toolbox

app = typer.Typer(
    help="Work many callbacks or transactions again: plan, look, run, and compare what came of it.",
    no_args_is_help=True,
)

SHORTEST_HASH = 6
"""Characters of a hash that are enough to tell two plans apart."""


@app.command()
def plan(  # noqa: PLR0913 - a filter each
    ctx: typer.Context,
    *,
    failed: FailedOption = False,
    outcome: OutcomesOption = None,
    callback: CallbacksOption = None,
    status: StatusesOption = None,
    parked: ParkedOption = False,
    case: CaseOption = None,
    transaction: TransactionsOption = None,
    operator: OperatorOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    ask: AskOption = False,
    expires: ExpiresOption = None,
    resume: ResumeOption = None,
    limit: LimitOption = 20,
    author: AuthorOption,
    as_json: JsonOption = False,
) -> None:
    """Choose what to work again, say of each item what would happen, and freeze that with a hash. Moves nothing.

    Without --ask the books alone are looked at, and what only the gateway knows stays open.
    """
    from worker.ops.replay_choice import choice_of
    from worker.ops.replay_view import print_draft

    desk = desk_of(ctx)
    wanted: Choice | None = choice_of(
        failed=failed,
        outcomes=outcome,
        callbacks=callback,
        statuses=status,
        parked=parked,
        case=case,
        transactions=transaction,
        operator=operator,
        since=since,
        until=until,
    )
    if (wanted is None) == (resume is None):
        raise typer.BadParameter(
            _("name what is to be worked again, for example --failed --since 2h; or --resume PLAN")
        )
    plan_id = _draft(desk, wanted, resume=resume or 0, author=author, ask=ask, life=expires)
    print_draft(desk, plan_id, limit=limit, as_json=as_json)


def _draft(desk: Desk, wanted: Choice | None, *, resume: int, author: str, ask: bool, life: timedelta | None) -> int:
    """A new plan of what is wanted, or the one to be resumed, drafted to its end."""
    from config.policy import PLAN_LIFE
    from tasks.foresee import draft_plan, go_on
    from worker.ops.replay_watch import drafting

    with drafting(rate=desk.settings.ligdicash_rate) as told:
        if wanted is None:
            return go_on(desk.tools, resume, told=told)
        return draft_plan(desk.tools, wanted, author=author, ask=ask, life=life or PLAN_LIFE, told=told)


@app.command()
def run(
    ctx: typer.Context,
    plan_id: PlanArgument,
    *,
    reason: WhyOption = "",
    author: AuthorOption,
    hash_: HashOption = "",
    here: HereOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a plan as it was reviewed, watch it, and end with prediction against actual. Ctrl-C only ends the watching.

    On a plan that runs already it only watches. Nothing can be settled twice by it.
    """
    from worker.ops.replay_view import print_report
    from worker.ops.replay_watch import watch

    desk = desk_of(ctx)
    tools = desk.tools
    found = _find(tools, plan_id)
    _check_hash(found, hash_)
    if found.state is PlanState.READY:
        _start(tools, found, author=author, reason=reason.strip())
    else:
        _say_why_not(found)
    watch(tools, plan_id, here=here)
    print_report(desk, plan_id, as_json=as_json)


@app.command()
def cancel(
    ctx: typer.Context,
    plan_id: PlanArgument,
    *,
    reason: ReasonOption,
    author: AuthorOption,
    as_json: JsonOption = False,
) -> None:
    """End a plan. What is under way is finished, what was not taken up never will be."""
    from models.queries.replay import work
    from models.session import transaction
    from worker.ops.replay_view import STATES, plan_document
    from worker.ops.shown import print_json

    tools = desk_of(ctx).tools
    if not reason.strip():
        raise typer.BadParameter(_("say why, with --reason TEXT"))
    with transaction(tools.sessions) as step:
        done = work.cancel(step.session, plan_id, author=author, reason=reason.strip())
    found = _find(tools, plan_id)
    if not done:
        told = _("plan {id} is over already ({state}): there is nothing to cancel")
        raise Conflict(told.format(id=plan_id, state=_(STATES[found.state])))
    if as_json:
        print_json(plan_document(found))
    else:
        told = _("plan {id} is cancelled: {done} of {items} items were worked")
        typer.echo(told.format(id=plan_id, done=f"{found.done:,}", items=f"{found.items:,}"))


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    limit: LimitOption = 20,
    after: AfterOption = None,
    oldest_first: OldestOption = False,
    as_json: JsonOption = False,
) -> None:
    """One page of plans, newest first."""
    from models.queries.browse import Paging
    from models.queries.replay.look import list_plans
    from models.session import transaction
    from worker.ops.replay_view import plan_document, print_plans
    from worker.ops.shown import print_json

    paging = Paging(limit=limit, after=after, oldest_first=oldest_first)
    with transaction(desk_of(ctx).tools.sessions) as step:
        page = list_plans(step.session, paging)
    if as_json:
        print_json({"items": [plan_document(line) for line in page.items], "next": page.next})
    else:
        print_plans(page)


@app.command()
def show(
    ctx: typer.Context,
    plan_id: PlanArgument,
    *,
    items: ItemsOption = False,
    limit: LimitOption = 20,
    after: AfterOption = None,
    as_json: JsonOption = False,
) -> None:
    """One plan: what was predicted, what came of it, and the items of which something else came."""
    from worker.ops.replay_view import print_report

    desk = desk_of(ctx)
    _find(desk.tools, plan_id)
    print_report(desk, plan_id, every_item=items, limit=limit, after=after, as_json=as_json)


def _find(tools: Toolbox, plan_id: int) -> PlanLine:
    from models.queries.replay.look import find_plan
    from models.session import transaction

    with transaction(tools.sessions) as step:
        found = find_plan(step.session, plan_id)
    if found is None:
        raise NotFound(_("there is no plan {id}").format(id=plan_id))
    return found


def _check_hash(found: PlanLine, prefix: str) -> None:
    if not prefix:
        return
    if len(prefix) < SHORTEST_HASH:
        raise typer.BadParameter(_("--hash wants the first {count} characters at least").format(count=SHORTEST_HASH))
    if not found.hash.startswith(prefix.lower()):
        told = _(
            "plan {id} has not this hash, so it is not what was reviewed: look at it with `reconciler replay show {id}`"
        )
        raise Conflict(told.format(id=found.id))


def _start(tools: Toolbox, found: PlanLine, *, author: str, reason: str) -> None:
    from tasks.replay import Start, start
    from worker.ops.replay_view import moment

    if not reason:
        raise typer.BadParameter(_("say why, with --reason TEXT"))
    if found.is_expired:
        raise Conflict(_("plan {id} expired at {at}: make a new one").format(id=found.id, at=moment(found.expires_at)))
    started = start(tools, found.id, digest=bytes.fromhex(found.hash), author=author, reason=reason)
    if started is Start.CHANGED:
        raise Conflict(_("the items of plan {id} are not those it was frozen with: make a new one").format(id=found.id))
    if started is Start.NOT_READY:
        _say_why_not(_find(tools, found.id))
    else:
        typer.echo(_("plan {id} runs").format(id=found.id), err=True)


def _say_why_not(found: PlanLine) -> None:
    """Say who runs it, when it runs; raise when it does not."""
    from worker.ops.replay_view import moment
    from worker.ops.shown import safe

    values = {"id": found.id, "who": safe(found.run_by), "why": safe(found.reason)}
    if found.state is PlanState.RUNNING and found.run_at is not None:
        told = _("plan {id} runs already: started by {who} at {at}, {why}. This only watches")
        typer.echo(told.format(at=moment(found.run_at), **values), err=True)
        return
    if found.state is PlanState.DRAFTING:
        raise Conflict(
            _("plan {id} is not drafted to its end: `reconciler replay plan --resume {id}` goes on").format(id=found.id)
        )
    if found.state is PlanState.CANCELLED:
        told = _("plan {id} was cancelled by {who}, {why}: make a new one")
        values = {"id": found.id, "who": safe(found.cancelled_by), "why": safe(found.cancelled_why)}
        raise Conflict(told.format(**values))
    if found.state is PlanState.DONE:
        raise Conflict(_("plan {id} is done: `reconciler replay show {id}` tells what came of it").format(id=found.id))
    raise Conflict(_("plan {id} expired at {at}: make a new one").format(id=found.id, at=moment(found.expires_at)))
