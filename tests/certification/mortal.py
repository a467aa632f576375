"""Runs one of our programs so that it dies at a named step.

The functions of the step table are wrapped from outside, before the program begins; its own code knows nothing of it. A
step strikes once, when the aim is laid in the folder: whoever can take the aim away writes down what it leaves behind
and sends itself SIGKILL, from inside the call.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import runpy
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.certification.left import look
from tests.certification.steps import Left, Program, Step, When
from tests.certification.table import STEPS


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to die next, at most one at a time: files in a folder that the harness and its programs share."""

    folder: Path

    @property
    def _laid(self) -> Path:
        return self.folder / "aim"

    @property
    def _struck(self) -> Path:
        return self.folder / "struck"

    def lay(self, step: Step, transaction_id: str) -> None:
        """Have the next process that comes to this step die there; the id is whose rows it looks at before."""
        self._struck.unlink(missing_ok=True)
        building = self.folder / "aim.new"
        building.write_text(json.dumps([step.name, transaction_id]), encoding="utf-8")
        building.replace(self._laid)

    def take(self, step: Step) -> str | None:
        """The transaction's id for the one process that may die now; None for everybody else."""
        try:
            name, transaction_id = json.loads(self._laid.read_text(encoding="utf-8"))
            if name != step.name:
                return None
            self._laid.rename(self.folder / f"aim.{os.getpid()}")
        except FileNotFoundError:
            return None
        return str(transaction_id)

    def tell(self, left: Left) -> None:
        """Write down who dies and what is left behind."""
        building = self.folder / "struck.new"
        building.write_text(json.dumps({"pid": os.getpid(), "left": asdict(left)}), encoding="utf-8")
        building.replace(self._struck)

    def struck(self) -> tuple[int, Left] | None:
        """The process that struck itself and what it left; None while none did."""
        try:
            told = json.loads(self._struck.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return told["pid"], Left(**told["left"])


def make_mortal(program: Program, aim: Aim) -> None:
    """Wrap the function of every step of this program, as its callers find it."""
    for step in STEPS.values():
        if step.program is program:
            module, _, path = step.where.partition(":")
            *owners, name = path.split(".")
            owner = functools.reduce(getattr, owners, importlib.import_module(module))
            setattr(owner, name, _wrapped(getattr(owner, name), step, aim))


def _wrapped(real: Callable[..., Any], step: Step, aim: Aim) -> Callable[..., Any]:
    @functools.wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        if step.when is When.BEFORE and step.aimed(*args, **kwargs):
            _die_if_aimed_at(step, aim)
        result = real(*args, **kwargs)
        if step.when is When.AFTER and step.aimed(*args, **kwargs):
            _die_if_aimed_at(step, aim)
        return result

    return call


def _die_if_aimed_at(step: Step, aim: Aim) -> None:
    transaction_id = aim.take(step)
    if transaction_id is None:
        return
    parent = os.getppid()
    aim.tell(look(transaction_id))
    if step.takes_parent:
        os.kill(parent, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def become(program: str, folder: Path, module: str, *arguments: str) -> None:
    """Have this process be the program, as `python -m module arguments` would."""
    make_mortal(Program(program), Aim(folder))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
