"""Operators for a person and for a machine. What no page of the gateway says is shown as not known."""

from __future__ import annotations

from collections.abc import Sequence

from models.operators import Operator, Validation, find
from worker.language import N_, _, number
from worker.ops.shown import console
from worker.ops.tables import narrow_table, print_lines

NOT_KNOWN = "?"

MODES = {
    Validation.USSD_OTP: N_("USSD OTP"),
    Validation.USSD_PUSH: N_("USSD push"),
    Validation.GUIDED_USSD: N_("guided USSD"),
    Validation.SMS_OTP: N_("SMS OTP"),
    Validation.LIGDICASH_REDIRECT: N_("LigdiCash page"),
    Validation.OPERATOR_REDIRECT: N_("operator's page"),
}

WAYS = {
    Validation.USSD_OTP: N_("the customer dials a code first, and gives you the one-time code that comes back"),
    Validation.USSD_PUSH: N_("the phone asks for the PIN"),
    Validation.GUIDED_USSD: N_("a text message says which code to dial"),
    Validation.SMS_OTP: N_("the customer gives you a one-time code out of a text message"),
    Validation.LIGDICASH_REDIRECT: N_("the customer opens a page of LigdiCash"),
    Validation.OPERATOR_REDIRECT: N_("the customer opens a page of the operator"),
}


def print_operators(operators: Sequence[Operator], project: tuple[str, ...] | None) -> None:
    """The table, the modes that are in it, what is to be dialled, and what is not known. `project` as in the command."""
    out = console()
    table = narrow_table()
    table.add_column("id", justify="right", no_wrap=True)
    if project:
        table.add_column(_("yours"), no_wrap=True)
    table.add_column(_("country"), overflow="fold")
    table.add_column("+", no_wrap=True)
    table.add_column(_("operator"), overflow="fold")
    table.add_column(_("how they say yes"), overflow="fold")
    table.add_column(_("least"), justify="right", no_wrap=True)
    table.add_column(_("most XOF"), justify="right", no_wrap=True)
    for operator in operators:
        mark = [_("yes") if operator.id in project else ""] if project else []
        table.add_row(
            operator.id,
            *mark,
            _(operator.country.name),
            operator.country.dialling,
            operator.name,
            _way(operator),
            _limit(operator.minimum),
            _limit(operator.maximum),
        )
    out.print(table)
    for paragraph in (_explained(operators), _dialled(operators), _unknown(project)):
        if paragraph:
            out.print()
            print_lines(paragraph)


def operators_document(operators: Sequence[Operator], project: tuple[str, ...] | None) -> dict[str, object]:
    """The same for a machine: null and "" are not known. `project` is null where LIGDICASH_OPERATORS does not say it."""
    return {
        "operators": [
            {
                "id": operator.id,
                "name": operator.name,
                "gateway_name": operator.gateway_name,
                "country": operator.country.code,
                "dialling": operator.country.dialling,
                "validation": operator.validation,
                "fallback": operator.fallback,
                "minimum": operator.minimum,
                "maximum": operator.maximum,
                "ussd": operator.ussd,
                "in_project": operator.id in project if project else None,
            }
            for operator in operators
        ],
        "project": list(project) if project else None,
        "project_unknown": _strangers(project),
    }


def _way(operator: Operator) -> str:
    if operator.validation is None:
        return NOT_KNOWN
    first = _(MODES[operator.validation])
    if operator.fallback is None:
        return first
    return _("{first}, or {second}").format(first=first, second=_(MODES[operator.fallback]))


def _limit(francs: int | None) -> str:
    return NOT_KNOWN if francs is None else number(francs)


def _explained(operators: Sequence[Operator]) -> list[str]:
    """The modes that the table names."""
    named = {mode for operator in operators for mode in (operator.validation, operator.fallback)}
    return [_("{mode}: {way}").format(mode=_(MODES[mode]), way=_(way)) for mode, way in WAYS.items() if mode in named]


def _dialled(operators: Sequence[Operator]) -> list[str]:
    amount = _("AMOUNT")
    return [
        _("{name} ({country}): the code to dial is {code}").format(
            name=operator.name,
            country=_(operator.country.name),
            code=operator.ussd.format(amount=amount),
        )
        for operator in operators
        if operator.ussd
    ]


def _unknown(project: tuple[str, ...] | None) -> list[str]:
    lines = [
        _("?: no page of LigdiCash that we know of says it. The least and the most of LigdiCash itself hold besides."),
        _("There are more operators than these: an id that is not listed is not known here, and is not refused."),
        _(
            "The wallet of LigdiCash itself has no id, and calls of its own, with a one-time code out of a text message."
        ),
    ]
    if project is None:
        lines.append(
            _(
                "The settings are not in order here (`reconciler doctor` says why), so which operators your project has is not known."
            )
        )
    elif not project:
        lines.append(
            _(
                "Which operators your project has is not known: set LIGDICASH_OPERATORS. No number is refused until then."
            )
        )
    if strangers := _strangers(project):
        lines.append(
            _("LIGDICASH_OPERATORS has ids that are not known here: {ids}. So no number is refused.").format(
                ids=", ".join(strangers)
            )
        )
    return lines


def _strangers(project: tuple[str, ...] | None) -> list[str]:
    return [operator_id for operator_id in project or () if find(operator_id) is None]
