"""What an examination found, for a person and for a machine."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from worker.conformance.trial import PROMPT, SPACING, Flaw, Result, Trial
from worker.language import N_, _, ngettext, number
from worker.ops.shown import console, francs, safe

MARK = 6

WRONG = {
    Flaw.NOT_ORDERED: N_("The shop created no payin at the double: {trouble}"),
    Flaw.UNTOLD: N_(
        "The shop did not say what became of the order, so nothing about its books was examined: {trouble}"
    ),
    Flaw.NO_ADDRESS: N_(
        "The payin named no callback address, so LigdiCash would call nobody. Send actions.callback_url with every create."
    ),
    Flaw.LOST: N_("The customer paid, and the shop does not know."),
    Flaw.HEARSAY: N_(
        "The shop took a callback's word and never asked confirm. Whoever knows the address can pay with a lie."
    ),
    Flaw.CREDULOUS: N_("The shop counts it as paid."),
    Flaw.WRONG_SUM: N_("The shop credited {credited} for an order of {amount}."),
    Flaw.LOCKED: N_(
        "The handler answered {statuses}. LigdiCash signs nothing, logs in nowhere and has no CSRF token: let its callbacks through, and "
        "believe confirm instead."
    ),
    Flaw.UNREAD: N_(
        "The handler refused a callback with {statuses}. Nothing says that LigdiCash sends one again: take it in, keep it, answer 200."
    ),
    Flaw.MOVED: N_(
        "The handler answered {statuses}. Nobody follows a redirect of a callback: answer at the address you gave."
    ),
    Flaw.CRASHED: N_(
        "The handler failed with {statuses}. Keep the callback before you work on it, and answer 200 for what you cannot read."
    ),
    Flaw.SILENT: N_("The handler gave no answer in time, or cut the connection. Answer first and work afterwards."),
    Flaw.SLOW: N_("The handler took {took} to answer, more than {prompt}. Answer first and work afterwards."),
    Flaw.HASTY: N_("Confirm was asked twice within {gap}; LigdiCash limits questions less than {spacing} apart."),
}

WITH_MEANING = {Flaw.LOST, Flaw.CREDULOUS, Flaw.WRONG_SUM}

MARK = 6


def print_results(results: Sequence[Result], *, had_shop: bool) -> None:
    """A line for each trial, then what was wrong and what mends it, each said once, the costliest first."""
    out = console()
    for result in results:
        _say(out, f"{result.trial.name}: {_(result.trial.what)}", mark=_("WRONG") if result.flaws else _("ok"))
    for paragraph, names in _gathered(results).items():
        out.print()
        out.print(paragraph)
        _say(out, ", ".join(names), mark=_("where"))
    out.print()
    out.print(_summary(len(results), sum(bool(result.flaws) for result in results)))
    if not had_shop:
        out.print(
            _(
                "Only the handler's answers were judged. With --order and --state the shop's books are examined too: forged "
                "callbacks, wrong sums, lost ones."
            )
        )


def _gathered(results: Sequence[Result]) -> dict[str, list[str]]:
    """Each paragraph, and the trials it is about."""
    gathered: dict[str, list[str]] = {}
    for flaw in Flaw:
        for result in results:
            if flaw in result.flaws:
                gathered.setdefault(_paragraph(result, flaw), []).append(result.trial.name)
    return gathered


def _say(out: Console, text: str, *, mark: str) -> None:
    """A paragraph beside its mark, broken between words."""
    line = Table.grid(padding=(0, 1))
    line.add_column(width=MARK, style="bold red" if mark == _("WRONG") else "")
    line.add_column(overflow="fold")
    line.add_row(mark, text)
    out.print(line)


def _summary(trials: int, wrong: int) -> str:
    if not wrong:
        return ngettext(
            "{count} trial, and all as it should be.", "{count} trials, and all as it should be.", trials
        ).format(count=number(trials))
    return ngettext("{wrong} of {count} trials went wrong.", "{wrong} of {count} trials went wrong.", wrong).format(
        wrong=number(wrong), count=number(trials)
    )


def _paragraph(result: Result, flaw: Flaw) -> str:
    """What was wrong and what mends it, in the reader's language."""
    seen = result.seen
    statuses = {each.http_status for each in seen.deliveries if each.http_status and not each.arrived}
    sentence = _(WRONG[flaw]).format(
        trouble=safe(result.trouble),
        credited=francs(seen.credited or 0),
        amount=francs(seen.amount),
        statuses=", ".join(map(str, sorted(statuses))),
        took=_seconds(max((each.took for each in seen.deliveries), default=0)),
        prompt=_seconds(PROMPT),
        gap=_seconds(seen.shortest_gap or 0),
        spacing=_seconds(SPACING),
    )
    return f"{sentence} {_(result.trial.meaning)}" if flaw in WITH_MEANING else sentence


def _seconds(seconds: float) -> str:
    return _("{seconds} s").format(seconds=number(seconds, ".1f"))


def print_trials(trials: Sequence[Trial]) -> None:
    """What would be played."""
    out = console()
    for trial in trials:
        out.print(f"{trial.name}: {_(trial.what)}")


def results_document(results: Sequence[Result], *, had_shop: bool) -> dict[str, object]:
    """The same for a machine. `paid` and `credited` are null where the shop was not asked; `said` is as the person reads it."""
    return {
        "ok": not any(result.flaws for result in results),
        "books_examined": had_shop,
        "trials": [
            {
                "name": result.trial.name,
                "expects": result.trial.expects,
                "flaws": list(result.flaws),
                "said": [_paragraph(result, flaw) for flaw in result.flaws],
                "paid": result.seen.is_paid,
                "credited": result.seen.credited,
                "asked": result.seen.asked,
                "answers": [each.http_status for each in result.seen.deliveries],
            }
            for result in results
        ],
    }
