"""Runs chapters one after the other, each in databases of its own. One that failed takes the servers with it."""

from __future__ import annotations

import importlib
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

from bench.figures import Chapter

Measure = Callable[..., Chapter]
"""`measure(stage, rounds=, say=)` of a module."""

OpenStage = Callable[[], AbstractContextManager[Any]]

UNKNOWN = 80.0
"""Seconds a chapter is expected to take that was never measured."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What became of one chapter: what it measured, or why it did not."""

    name: str
    seconds: float
    chapter: Chapter | None = None
    trouble: str = ""
    """One line."""
    traceback: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it ended, and reached whatever it must."""
        return self.chapter is not None and all(figure.is_reached for figure in self.chapter.figures)


class Progress:
    """Lines with the time that has passed and the whole time that is expected, corrected after each chapter."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        expected: Mapping[str, float],
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`expected` is in seconds; what it does not name is a guess."""
        self._left = {name: expected.get(name, UNKNOWN) for name in names}
        self._write = write
        self._clock = clock
        self._began = clock()
        self._whole = sum(self._left.values())

    @property
    def passed(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    def say(self, text: str) -> None:
        """One line."""
        self._write(f"{minutes(self.passed):>5} of about {minutes(max(self._whole, self.passed)):>5}  {text}")

    def is_done(self, name: str) -> None:
        """This one is over: what is left decides how long the whole will be."""
        del self._left[name]
        self._whole = self.passed + sum(self._left.values())


def minutes(seconds: float) -> str:
    """`12:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def imported(name: str) -> Measure:
    """The measurement of this module of `bench`."""
    measure: Measure = importlib.import_module(f"bench.{name}").measure
    return measure


def run(
    names: Sequence[str],
    *,
    rounds: int,
    progress: Progress,
    open_stage: OpenStage,
    load: Callable[[str], Measure] = imported,
    meet: Callable[[Any], object] = lambda _: None,
) -> list[Ran]:
    """Run all of these. One that fails is told, and the others go on, on a fresh stage; `meet` sees each stage first.

    A stage takes seconds to set up, so it is kept. Dropping a chapter's database flushes what it wrote: none measures the
    writing of the one before.
    """
    done: list[Ran] = []
    with ExitStack() as stack:
        stage = None
        for name in names:
            progress.say(f"{name} begins")
            if stage is None:
                stage = stack.enter_context(open_stage())
                meet(stage)
            ran = _run_one(name, stage, rounds=rounds, progress=progress, load=load)
            progress.is_done(name)
            progress.say(f"{name} {'is done' if ran.chapter else 'FAILED: ' + ran.trouble}, {ran.seconds:.0f} s")
            done.append(ran)
            if ran.chapter is None:
                stack.close()
                stage = None
    return done


def _run_one(name: str, stage: Any, *, rounds: int, progress: Progress, load: Callable[[str], Measure]) -> Ran:
    began = progress.passed
    try:
        chapter = load(name)(stage, rounds=rounds, say=progress.say)
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - whatever it was, the other chapters are worth having
        trouble = next(iter(str(exc).splitlines()), "") or type(exc).__name__
        told = traceback.format_exc()
        return Ran(name=name, seconds=progress.passed - began, trouble=trouble, traceback=told)
    return Ran(name=name, seconds=progress.passed - began, chapter=chapter)
