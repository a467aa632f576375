"""What a person and a machine see of a file of payouts: its faults, what would be sent, how far it got, what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import typer
from rich.text import Text

from models.operators import served_by
from models.order import CURRENCY
from models.phone import country_of
from models.queries.payouts import open_case_of
from models.session import transaction
from models.transaction import Route
from tasks.toolbox import Toolbox
from worker.language import N_, _, ngettext, number
from worker.language.sentences import retold
from worker.ops.bulk.sending import Tally, Told, Trouble
from worker.ops.bulk.sheet import FAULTS, Fault
from worker.ops.bulk.standing import Line, Standing
from worker.ops.replay_watch import bar
from worker.ops.sentences import ERRORS
from worker.ops.shown import console, francs, print_json, safe
from worker.ops.tables import narrow_table

SENDING_IS_OFF = N_("sending is switched off by {author}: {reason}")
WORDS = (*FAULTS, SENDING_IS_OFF, *ERRORS)


def print_faults(faults: Sequence[Fault], *, as_json: bool) -> None:
    """All of them, by line: on stderr, or as the document."""
    if as_json:
        print_json({"faults": [asdict(fault) for fault in faults]})
        return
    for fault in faults:
        what = retold(safe(fault.what), WORDS)
        if fault.column:
            told = _("line {line}, {column}: {what}").format(line=fault.line, column=safe(fault.column), what=what)
        else:
            told = _("line {line}: {what}").format(line=fault.line, what=what)
        typer.echo(told, err=True)
    many = ngettext("{count} fault; nothing was sent", "{count} faults; nothing was sent", len(faults))
    typer.echo(many.format(count=number(len(faults))), err=True)


def print_preview(lines: Sequence[Line], *, operators: Sequence[str], halted: str, as_json: bool) -> None:
    """What a run would send, by route and country, and what keeps it from doing so now, if anything does."""
    wanted = [line for line in lines if line.standing.is_to_send]
    stands = Counter(line.standing for line in lines)
    groups = _groups(wanted, operators)
    total = sum(line.row.order.amount for line in wanted)
    held = sum(line.row.order.amount for line in lines if line.standing is Standing.HELD)
    if as_json:
        print_json(
            {
                "to_send": len(wanted),
                "amount": total,
                "currency": CURRENCY,
                "groups": groups,
                "held": stands[Standing.HELD],
                "held_amount": held,
                "closed": stands[Standing.CLOSED],
                "skipped": stands[Standing.SKIPPED],
                "awaiting": stands[Standing.AWAITING],
                "queued": stands[Standing.QUEUED],
                "again": stands[Standing.AGAIN],
                "unknown": [_named(line) for line in lines if line.standing is Standing.UNKNOWN],
                "halted": halted,
            }
        )
        return
    _print_groups(groups)
    many = ngettext("{count} payout would be sent: {amount}", "{count} payouts would be sent: {amount}", len(wanted))
    typer.echo(many.format(count=number(len(wanted)), amount=francs(total)))
    if stands[Standing.HELD]:
        many = ngettext(
            "{count} more is above the ceiling, and would wait for approval: {amount}",
            "{count} more are above the ceiling, and would wait for approval: {amount}",
            stands[Standing.HELD],
        )
        typer.echo(many.format(count=number(stands[Standing.HELD]), amount=francs(held)))
    _print_stands(stands)
    if halted:
        told = _("Now nothing would be sent: {why}")
        typer.echo(told.format(why=retold(safe(halted), WORDS)))


def _print_stands(stands: Mapping[Standing, int]) -> None:
    told = {
        Standing.AGAIN: _("{count} of these are in the books and did not go out"),
        Standing.SKIPPED: _("{count} are in the books with the same order: they are skipped"),
        Standing.AWAITING: _("{count} wait for approval: `reconciler payouts list --awaiting`"),
        Standing.QUEUED: _("{count} wait for sending to go on: `reconciler payouts list --queued`"),
        Standing.CLOSED: _("{count} were refused, and are not taken up again: rejected, or perhaps gone out after all"),
        Standing.UNKNOWN: _("{count} were sent and nobody knows what became of them: they are not sent again"),
    }
    for standing, sentence in told.items():
        if stands[standing]:
            typer.echo(sentence.format(count=number(stands[standing])))


def _groups(wanted: Sequence[Line], operators: Sequence[str]) -> list[dict[str, object]]:
    counts: Counter[tuple[str, str]] = Counter()
    sums: Counter[tuple[str, str]] = Counter()
    named: dict[tuple[str, str], list[str]] = {}
    for line in wanted:
        order = line.row.order
        country = country_of(order.customer)
        key = (order.route.value, country.name if country else "")
        counts[key] += 1
        sums[key] += order.amount
        if key not in named:
            named[key] = [one.name for one in served_by(order.customer, operators) or ()]
    return [
        {"route": key[0], "country": key[1], "operators": named[key], "payouts": counts[key], "amount": sums[key]}
        for key in sorted(counts)
    ]


def _print_groups(groups: Sequence[Mapping[str, object]]) -> None:
    if not groups:
        return
    table = narrow_table()
    table.add_column(_("way"))
    table.add_column(_("country"))
    # Which of them a number belongs to nobody here knows.
    table.add_column(_("project's operators there"), overflow="fold")
    table.add_column(_("payouts"), justify="right")
    table.add_column("XOF", justify="right")
    for group in groups:
        country, names = str(group["country"]), group["operators"]
        table.add_row(
            _("to mobile money") if group["route"] == Route.MOBILE_MONEY else _("to the wallet"),
            _(country) if country else _("another"),
            ", ".join(names) if isinstance(names, list) else "",
            *(number(int(str(group[column]))) for column in ("payouts", "amount")),
        )
    console().print(table)


@contextmanager
def followed() -> Iterator[Told]:
    """Show how far a run got."""
    with bar(_("sending"), chatty=False) as show:

        def told(tally: Tally) -> None:
            word = _("{amount}; refused {refused}, unknown {unknown}").format(
                amount=francs(tally.amount),
                refused=number(len(tally.refused) + len(tally.not_sent)),
                unknown=number(len(tally.unknown)),
            )
            show(tally.tried, tally.to_send, word)

        yield told


def print_totals(tools: Toolbox, tally: Tally, *, as_json: bool) -> None:
    """What came of a run, and how to go on."""
    with transaction(tools.sessions) as step:
        cases = open_case_of(step.session, [one.row.order.transaction_id for one in tally.unknown])
    if as_json:
        print_json(_document(tally, cases))
        return
    told = _("sent {sent} over {amount}, refused {refused}, not sent {not_sent}, unknown {unknown}, skipped {skipped}")
    typer.echo(
        told.format(
            sent=number(tally.sent),
            amount=francs(tally.amount),
            refused=number(len(tally.refused)),
            not_sent=number(len(tally.not_sent)),
            unknown=number(len(tally.unknown)),
            skipped=number(tally.skipped),
        )
    )
    if tally.awaiting:
        told = _("{count} wait for approval: `reconciler payouts list --awaiting`")
        typer.echo(told.format(count=number(tally.awaiting)))
    if tally.queued:
        told = _("{count} wait for sending to go on: `reconciler payouts list --queued`")
        typer.echo(told.format(count=number(tally.queued)))
    _print_troubles(_("refused"), tally.refused, lambda one: retold(one.why, WORDS))
    _print_troubles(_("not sent"), tally.not_sent, lambda one: retold(one.why, WORDS))
    _print_troubles(_("unknown"), tally.unknown, lambda one: _case(cases.get(one.row.order.transaction_id)))
    if tally.halted:
        typer.echo(_("stopped: {why}").format(why=retold(tally.halted, WORDS)), err=True)
    left = tally.to_send - tally.tried
    if left:
        many = ngettext(
            "{count} is left. The same command goes on: what was sent is not sent again.",
            "{count} are left. The same command goes on: what was sent is not sent again.",
            left,
        )
        typer.echo(many.format(count=number(left)), err=True)


def _case(case: int | None) -> str:
    if case is None:
        return _("the sweep opens a case within two minutes")
    return _("`reconciler cases show {case}`").format(case=case)


def _print_troubles(word: str, troubles: Sequence[Trouble], why: Callable[[Trouble], str]) -> None:
    for one in sorted(troubles, key=lambda trouble: trouble.row.line):
        told = Text(word, style="red")
        told.append(
            _(", line {line}, {transaction_id}: {why}").format(
                line=one.row.line, transaction_id=safe(one.row.order.transaction_id), why=safe(why(one))
            ),
            style="default",
        )
        console().print(told, soft_wrap=True)


def _named(line: Line) -> dict[str, object]:
    return {"line": line.row.line, "transaction_id": line.row.order.transaction_id}


def _document(tally: Tally, cases: Mapping[str, int]) -> dict[str, object]:
    def listed(troubles: Sequence[Trouble]) -> list[dict[str, object]]:
        return [
            {
                "line": one.row.line,
                "transaction_id": one.row.order.transaction_id,
                "why": one.why,
                "case": cases.get(one.row.order.transaction_id),
            }
            for one in troubles
        ]

    return {
        "sent": tally.sent,
        "amount": tally.amount,
        "currency": CURRENCY,
        "skipped": tally.skipped,
        "awaiting": tally.awaiting,
        "queued": tally.queued,
        "refused": listed(tally.refused),
        "not_sent": listed(tally.not_sent),
        "unknown": listed(tally.unknown),
        "left": tally.to_send - tally.tried,
        "halted": tally.halted,
        "interrupted": tally.interrupted,
    }
