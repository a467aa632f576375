"""What persons changed by hand, a line each: for a person and for a machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC

from models.queries.overrides import OverrideLine
from models.transaction import Kind
from worker.language import _
from worker.ops.shown import francs, safe, stamp


def override_line(one: OverrideLine) -> str:
    """Which, what, by whom, when and why."""
    line = _("  {id}  {transaction}  {old} to {new}{money}, by {author}, {at} UTC: {reason}")
    moved = _(", {amount} paid out") if one.about is Kind.PAYOUT else _(", {amount} received")
    money = moved.format(amount=francs(one.amount)) if one.amount else ""
    return safe(
        line.format(
            id=one.id,
            transaction=one.transaction_id,
            old=one.old.value,
            new=one.new.value,
            money=money,
            author=one.author,
            at=stamp(one.made_at),
            reason=one.reason,
        )
    )


def override_document(one: OverrideLine) -> str:
    """One JSON object on one line."""
    made_at = one.made_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"override": {**asdict(one), "made_at": made_at}})
