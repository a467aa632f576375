"""Lines of a screen: labelled, broken at its width, and bars that can be read without colour. Knows no command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from worker.language import _, number
from worker.ops.shown import console

PLENTY = 10_000
"""From here on a count in a narrow place is told in thousands."""

MILLION = 1_000_000


def labelled(label: str, what: str | Text, *, margin: int, width: int) -> list[Text]:
    """A label and what belongs to it, in lines of at most `width` cells; `margin` cells are the label's."""
    body = Text(what) if isinstance(what, str) else what
    pieces = body.wrap(console(), max(width - margin, 1)) or [Text("")]
    heads = [label] + [""] * (len(pieces) - 1)
    lines = []
    for head, piece in zip(heads, pieces, strict=True):
        piece.rstrip()
        lines.append(Text.assemble((set_cell_size(head, margin), "dim"), piece))
    return lines


def fitting(text: str, cells: int) -> str:
    """The text in exactly so many cells, cut with two dots where it is too long."""
    return set_cell_size(text, cells) if cell_len(text) <= cells else set_cell_size(text, cells - 2) + ".."


def bar(parts: Sequence[int], marks: str, *, cells: int) -> str:
    """So many cells, shared among the parts in their proportion; a mark for each part. What is there has at least one."""
    total = sum(parts)
    if not total:
        return ""
    shares = [max(1, cells * part // total) if part else 0 for part in parts]
    # What rounding left over, or took too much, is the biggest part's.
    shares[max(range(len(parts)), key=lambda place: parts[place])] += cells - sum(shares)
    return "".join(mark * share for mark, share in zip(marks, shares, strict=True))[:cells]


def percent(part: int, total: int) -> str:
    """In whole percent, rounded towards the middle: 100% is all of them, and 0% none."""
    if part in {0, total}:
        return "100%" if part else "0%"
    return f"{min(max(round(100 * part / total), 1), 99)}%"


def few(count: int, *, plenty: int = PLENTY) -> str:
    """A count in at most five characters, up to a thousand millions; exact below `plenty`."""
    if count < plenty:
        return number(count)
    if count < PLENTY:
        return number(count / 1000, ".1f") + "k"
    return f"{count // 1000}k" if count < MILLION else f"{count // MILLION}M"


def cut(lines: Sequence[Text], *, height: int, note: str) -> list[Text]:
    """The first lines that fit; the last one then says how many there are more, where `note` has `{count}`."""
    if len(lines) <= height:
        return list(lines)
    left = max(height - 1, 0)
    return [*lines[:left], Text(note.format(count=len(lines) - left), style="dim")]


def joined(pieces: Iterable[str]) -> str:
    """What stands on one line side by side."""
    return _("; ").join(piece for piece in pieces if piece)
