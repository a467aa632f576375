"""Finished English sentences told anew: those of libraries, and those that stand in the books.

A pattern is a text as for `_`, with named gaps. What fills a gap stays as it is: ids, words of others, texts without a
pattern of their own. Only a gap called `why` holds a sentence that may be told anew in its turn, one called `word` or
`advice` a text with an entry of its own, and an amount is written the way of the language. A sentence that no pattern
made is told as it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from string import Formatter

from worker.language import _, number

INNER = "why"
WORDS = ("word", "advice")
AMOUNTS = ("amount", "ours")
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")


def retold(sentence: str, patterns: Sequence[str]) -> str:
    """This sentence in the chosen language, by the first of these patterns that can have made it."""
    for pattern in patterns:
        if found := _shape(pattern).fullmatch(sentence):
            return _(pattern).format(
                **{gap: _filling(gap, value, patterns) for gap, value in found.groupdict().items()}
            )
    return sentence


def _filling(gap: str, value: str, patterns: Sequence[str]) -> str:
    if gap == INNER:
        return retold(value, patterns)
    if gap in WORDS:
        return _(value)
    if THOUSANDS.fullmatch(value) or (gap in AMOUNTS and value.isdecimal()):
        return number(int(value.replace(",", "")))
    return value


@cache
def _shape(pattern: str) -> re.Pattern[str]:
    """What sentences of this pattern look like; a gap holds as little as it can, and something."""
    parts = [re.escape(literal) + (f"(?P<{gap}>.+?)" if gap else "") for literal, gap, *_ in Formatter().parse(pattern)]
    return re.compile("".join(parts), re.DOTALL)
