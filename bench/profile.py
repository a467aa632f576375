"""Where the CPU of a program goes: py-spy looks at it so many times a second, and what it saw is added up."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

OURS = ("tasks", "models", "worker", "config")
FRAME = re.compile(r"(?P<function>.+) \((?P<file>[^():]+)(?::\d+)?\)$")

LOOKS = 200
"""A second."""


@dataclass
class Profile:
    """Looks at running threads, by the function of ours that was the innermost, and by whose code ran."""

    looks: int = 0
    by_function: Counter[str] = field(default_factory=Counter)
    by_library: Counter[str] = field(default_factory=Counter)

    def lines(self, *, most: int = 14) -> list[str]:
        """The largest parts of each, one a line, in percent."""
        return [
            f"{what}: " + ", ".join(f"{name} {100 * count / max(self.looks, 1):.0f} %" for name, count in top)
            for what, top in (
                ("by our innermost function", self.by_function.most_common(most)),
                ("by whose code ran", self.by_library.most_common(most)),
            )
        ]


def add_up(stacks: Iterable[str]) -> Profile:
    """From py-spy's raw lines, `outermost;...;innermost COUNT`."""
    profile = Profile()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        frames = [match for frame in stack.split(";") if (match := FRAME.match(frame))]
        if not frames or not count.isdigit():
            continue
        profile.looks += int(count)
        ours = next((f for f in reversed(frames) if _top(f["file"]) in OURS), None)
        profile.by_function[f"{ours['file']} {ours['function']}" if ours else "none of ours"] += int(count)
        profile.by_library[_library(frames[-1]["file"])] += int(count)
    return profile


def _top(file: str) -> str:
    return file.partition("/")[0]


def _library(file: str) -> str:
    top = _top(file)
    return "ours" if top in OURS else top.removesuffix(".py")


@contextmanager
def looking_at(pid: int, *, seconds: int, out: Path) -> Iterator[None]:
    """Have py-spy look at this process and its children meanwhile; it writes to `out` when the block ends."""
    spy = Path(sys.executable).with_name("py-spy")
    options = ("-d", str(seconds), "-r", str(LOOKS), "-f", "raw", "-o", str(out), "--subprocesses", "--gil")
    process = subprocess.Popen(
        [str(spy), "record", *options, "--pid", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.wait(seconds + 20)
