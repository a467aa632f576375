"""Plays the people at the merchant's office, who use the `reconciler` command: payouts out of a file, approvals, a replay."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.errors import NeedsHuman
from models.queries.history import find_history
from models.session import Sessions, transaction
from models.transaction import Status
from worker.demo.payouts import HELD_UP, OUT_OF_A_FILE, Json, PayoutFate
from worker.demo.story import Visit
from worker.embedded.programs import ROOT
from worker.language import VARIABLE, _, number, spoken

WITHIN = 90.0
"""Seconds that something may take which somebody at the office waits for, and each command."""

POLL = 0.1

COLUMNS = ("transaction_id", "customer", "amount")
WIDTH = "76"
"""Columns of what the command prints: it is shown a little to the right."""

Row = tuple[object, ...]
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One office. Its two desks work side by side, and say what they do; each raises `NeedsHuman` when something goes wrong."""

    visits: Sequence[Visit]
    environment: Mapping[str, str] = field(repr=False)
    """Of the command: that of all programs of the shape."""
    folder: Path
    sessions: Sessions
    look: Callable[[Visit], Json | None]
    """What the merchant's API says of a payout."""
    has_taken: Callable[[Visit], bool]
    """Whether the gateway has taken it."""
    is_in_doubt: Callable[[Visit], bool]
    """Whether its reply was lost, whatever the story had for it."""
    set_faults: Callable[[Visit, Json], object]
    say: Say
    strike: Say
    """The same of something that is done to it."""

    def send_a_file(self) -> None:
        """Look at it, put it right, send it, and go on with it after its sender was killed."""
        listed = sorted(
            (each for each in self.visits if each.fate in OUT_OF_A_FILE), key=lambda each: each.transaction_id
        )
        if not listed:
            return
        rows = [_row(visit) for visit in listed]
        path = self._write("payouts-with-faults.csv", [*rows, *_bad_rows(listed)])
        looked = self._command(*_sending(path), "--dry-run", expected=1)
        self.say(_("{file} before anything is sent:").format(file=path.name))
        self._tell(looked.stderr)
        path = self._write("payouts.csv", rows)
        self._send_and_kill(path)
        again = self._command(*_sending(path), expected=1 if self._those(PayoutFate.FILE_KILLED) else 0)
        self.say(_("the same command again goes on where it stopped:"))
        self._tell(again.stdout)

    def look_after_single_ones(self) -> None:
        """Approve one, reject one, and have the callbacks of one that is settled read again."""
        for visit in self._those(PayoutFate.APPROVED):
            self._decide(visit, "approve", _("a person approves {amount} XOF, over the ceiling"))
        for visit in self._those(PayoutFate.REJECTED):
            self._decide(visit, "reject", _("a person rejects {amount} XOF, over the ceiling"))
        for visit in self._those(PayoutFate.REPEATED):
            self._replay(visit)

    def _those(self, fate: PayoutFate) -> list[Visit]:
        return [visit for visit in self.visits if visit.fate is fate]

    # --- a file of payouts ------------------------------------------------------------------------------------------

    def _send_and_kill(self, path: Path) -> None:
        """Kill it between the call of one payout and the record of its reply, as soon as the gateway has that payout."""
        for held_up in self._those(PayoutFate.FILE_KILLED):
            self.set_faults(held_up, HELD_UP)
        self.say(_("{file}, put right, is sent").format(file=path.name))
        with self._started(*_sending(path)) as sender:
            self._wait(lambda: all(map(self.has_taken, self._those(PayoutFate.FILE_KILLED))))
            self.strike(_("kill -9 its sender, in the middle of a payout"))
            sender.kill()

    def _write(self, name: str, rows: Sequence[Row]) -> Path:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
        return path

    # --- one at a time ----------------------------------------------------------------------------------------------

    def _decide(self, visit: Visit, verb: str, words: str) -> None:
        self._wait(lambda: bool((seen := self.look(visit)) and seen["awaiting_approval"]))
        self._command("payouts", verb, visit.transaction_id, "--by", "awa", "--reason", _("agreed in the demo"))
        self.say(words.format(amount=number(visit.amount)))

    def _replay(self, visit: Visit) -> None:
        """Have the callbacks of what is settled read once more; what ended in doubt stays as it is."""
        self._wait(lambda: self.is_in_doubt(visit) or self._is_settled(visit))
        if self.is_in_doubt(visit):
            return
        with transaction(self.sessions) as step:
            history = find_history(step.session, visit.transaction_id)
        ids = [str(one.line.id) for one in history.callbacks] if history else []
        replayed = self._command("callbacks", "replay", *ids)
        self.say(_("of a settled payout: {told}").format(told=replayed.stdout.strip()))

    def _is_settled(self, visit: Visit) -> bool:
        seen = self.look(visit)
        return seen is not None and seen["status"] == Status.COMPLETED.value

    # --- the command ------------------------------------------------------------------------------------------------

    def _command(self, *words: str, expected: int = 0) -> subprocess.CompletedProcess[str]:
        with self._started(*words) as running:
            try:
                out, err = running.communicate(timeout=WITHIN)
            except subprocess.TimeoutExpired:
                running.kill()  # else leaving this block would wait for it
                raise
        if running.returncode != expected:
            raise NeedsHuman(f"reconciler {' '.join(words[:2])} left with {running.returncode}: {(err or out)[-150:]}")
        return subprocess.CompletedProcess(words, running.returncode, out, err)

    def _started(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "worker.ops", *words],
            cwd=ROOT,
            env={**self.environment, VARIABLE: spoken(), "COLUMNS": WIDTH},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _wait(self, is_so: Callable[[], bool]) -> None:
        give_up = time.monotonic() + WITHIN
        while not is_so():
            if time.monotonic() > give_up:
                raise NeedsHuman(f"what the office waited for did not come within {WITHIN:g} s")
            time.sleep(POLL)

    def _tell(self, said: str) -> None:
        for line in said.splitlines():
            self.say(f"  {line}")


def _sending(path: Path) -> tuple[str, ...]:
    options = ("--route", "mobile_money", "--rate", "20", "--by", "awa", "--reason", _("bonuses of the demo"))
    return ("payouts", "send", str(path), *options)


def _row(visit: Visit) -> Row:
    assert visit.payout is not None  # noqa: S101 - for mypy: only payouts stand in a file
    return visit.transaction_id, visit.payout.customer, visit.amount


def _bad_rows(listed: Sequence[Visit]) -> list[Row]:
    """What people write: an id twice, a number without its country, an amount with a decimal point."""
    first, customer, amount = _row(listed[0])
    return [(first, customer, amount), (f"{first}-a", str(customer)[3:], amount), (f"{first}-b", customer, "2.500")]
