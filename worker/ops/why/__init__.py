"""`reconciler why`: one answer to "why is this payment still pending?", and all that it rests on. Only looks."""

from __future__ import annotations

import typer

from worker.ops.desk import desk_of
from worker.ops.options import JsonOption, PaymentArgument


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(why)


def why(ctx: typer.Context, transaction_id: PaymentArgument, *, as_json: JsonOption = False) -> None:
    """Why an invoice or a payout stands as it does, what comes next and when, what would settle it, and what you can do.

    Asks the gateway nothing and changes nothing. The JSON document is explained in docs/why.md.
    """
    from worker.ops.shown import print_json
    from worker.ops.why.diagnosis import diagnose
    from worker.ops.why.document import document
    from worker.ops.why.reader import look
    from worker.ops.why.view import print_answer

    facts = look(desk_of(ctx).tools, transaction_id)
    diagnosis = diagnose(facts)
    if as_json:
        print_json(document(facts, diagnosis))
    else:
        print_answer(facts, diagnosis)
