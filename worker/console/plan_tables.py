"""The two tables of a plan: what was predicted, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.queries.replay.look import Pair
from models.replay import Upshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """So many items of which this is predicted. `amount` is francs."""

    upshot: Upshot
    items: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A row for each prediction, a count for each actual; the last of each row is the sum. None stands for what is left."""

    actuals: tuple[Upshot | None, ...]
    rows: tuple[tuple[Upshot, tuple[int, ...]], ...]


def predictions_of(pairs: Sequence[Pair]) -> list[Predicted]:
    """In the order of the words."""
    told = dict.fromkeys(pair.prediction for pair in pairs)
    return [
        Predicted(
            upshot=upshot,
            items=sum(pair.items for pair in pairs if pair.prediction is upshot),
            amount=sum(pair.predicted_amount for pair in pairs if pair.prediction is upshot),
        )
        for upshot in told
    ]


def matrix_of(pairs: Sequence[Pair]) -> Matrix:
    """What agrees stands under the same word."""
    came: list[Upshot | None] = [upshot for upshot in Upshot if any(pair.actual is upshot for pair in pairs)]
    if any(pair.actual is None for pair in pairs):
        came.append(None)
    rows = []
    for upshot in dict.fromkeys(pair.prediction for pair in pairs):
        counts = [
            sum(pair.items for pair in pairs if pair.prediction is upshot and pair.actual is actual) for actual in came
        ]
        rows.append((upshot, (*counts, sum(counts))))
    return Matrix(actuals=tuple(came), rows=tuple(rows))
