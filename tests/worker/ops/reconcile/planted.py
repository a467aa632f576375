"""A statement in French, as somebody's dashboard might export it, with differences planted by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

HEADING = "Date;Réf. marchand;Id transaction;Montant;Frais;Statut;Sens\n"


def plant(
    *, invoices: int, payouts: int, at: datetime, counts: Mapping[str, int], pending: str, elsewhere: str, seed: int
) -> str:
    """Lines about `ORD-1` and so on (5,000 francs) and `OUT-1` and so on (700), with so many differences of each kind.

    `pending` and `elsewhere` are one payment that is not settled, and one of another account. Besides, one line failed
    that our books do not know, and one cannot be read.
    """
    draw = random.Random(seed)
    drawn = draw.sample(range(1, invoices + 1), sum(counts.values()))
    left = {kind: [drawn.pop() for _ in range(many)] for kind, many in counts.items()}
    lines = [
        _line(at, draw, f"ORD-{n}", **_told(n, left)) for n in range(1, invoices + 1) if n not in left["only_here"]
    ]
    lines += [_line(at, draw, f"ORD-{n}") for n in left["twice"]]
    lines += [_line(at, draw, f"OUT-{n}", amount=700, fee="", way="Sortie", gateway="") for n in range(1, payouts + 1)]
    lines += [_line(at, draw, f"NOBODY-{n}") for n in range(counts["only_there"])]
    lines += [_line(at, draw, pending) for _ in range(counts["status"])]
    lines += [_line(at, draw, elsewhere) for _ in range(counts["account"])]
    lines.append(_line(at, draw, "FAILED", status="Échoué"))
    draw.shuffle(lines)
    return HEADING + "".join([*lines, f"{at:%d/%m/%Y};ORD-X;PX;douze;;Payé;Entrée\n"])


def _told(n: int, left: Mapping[str, list[int]]) -> dict[str, object]:
    if n in left["amount"]:
        return {"amount": 4999}
    if n in left["direction"]:
        return {"way": "Sortie"}
    return {}


def _line(
    at: datetime, draw: random.Random, ours: str, *, amount: int = 5000, fee: str = "25", status: str = "Payé",
    way: str = "Entrée", gateway: str | None = None,
) -> str:  # fmt: skip
    moment = at + timedelta(seconds=draw.randrange(-3000, 3000))
    written = draw.choice((f"{amount}", f"{amount:,}".replace(",", " "), f"{amount}"))
    named = f"P{ours}" if gateway is None else gateway
    return f"{moment:%d/%m/%Y %H:%M:%S};{ours};{named};{written};{fee};{status};{way}\n"


def sizes(total: int) -> Iterator[tuple[str, int]]:
    """So many differences of each kind in a statement of `total` lines."""
    for kind, share in (("only_there", 400), ("only_here", 400), ("amount", 500), ("direction", 2500), ("twice", 1000)):
        yield kind, max(1, total // share)
