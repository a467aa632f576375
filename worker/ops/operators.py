"""`reconciler operators`: the mobile money operators behind the gateway. Needs no database, no Redis, and no settings."""

from __future__ import annotations

from typing import Annotated

import typer

from models.errors import SettingsFault
from models.phone import COUNTRIES, Country
from worker.language import _
from worker.ops.desk import Desk, desk_of
from worker.ops.options import JsonOption


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(operators)


def country_with(code: str) -> Country:
    """The country with this code, however it is written; of one we do not know, which there are."""
    for country in COUNTRIES:
        if country.code == code.upper():
            return country
    codes = ", ".join(country.code for country in COUNTRIES)
    raise typer.BadParameter(_("no operator is known there; there are {codes}").format(codes=codes))


def operators(
    ctx: typer.Context,
    *,
    country: Annotated[
        Country | None,
        typer.Option(parser=country_with, metavar="CODE", help="Only of this country, as BF.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Mobile money operators: their ids, how a customer says yes to a direct payment, limits, and which your project has."""
    from models.operators import OPERATORS
    from worker.ops.operators_view import operators_document, print_operators
    from worker.ops.shown import print_json

    shown = [operator for operator in OPERATORS if country in (None, operator.country)]
    project = _project(desk_of(ctx))
    if as_json:
        print_json(operators_document(shown, project))
    else:
        print_operators(shown, project)


def _project(desk: Desk) -> tuple[str, ...] | None:
    """Ids of the operators that the project has, as the settings say; None where these have faults."""
    try:
        return desk.settings.operator_ids
    except SettingsFault:
        return None
