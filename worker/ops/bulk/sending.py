"""Send the orders of a file one after the other, each through `tasks.payouts.create`, and add up what came of it.

Keeps no state of its own: what was sent stands in the books, and a second run of the same file goes on from there, also
after this process was killed.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from models.errors import Conflict, GatewayMisconfigured, GatewayRefused, Invalid, NotSent, PayoutUnknown, StoreAway
from models.queries.cases import Signature
from models.queries.stops import off_now
from models.session import transaction
from models.stop import Switch
from tasks.payouts import create, is_awaiting, is_queued
from tasks.toolbox import Toolbox
from worker.ops.bulk.sheet import Row
from worker.ops.bulk.standing import Line, Standing

IN_A_ROW = 3
"""So many in a row that are unknown, or did not reach the gateway, end the run: each unknown one costs a person a look."""


def why_sending_is_off(tools: Toolbox) -> str:
    """Who switched sending off, and why, in one sentence; empty while it is on. Raises `StoreAway`."""
    with transaction(tools.sessions) as step:
        stop = next((one for one in off_now(step.session) if one.switch is Switch.SEND), None)
    return f"sending is switched off by {stop.author}: {stop.reason}" if stop else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One order that was not simply sent, and why. `why` is empty for one that an earlier run left unknown."""

    row: Row
    why: str = ""


@dataclass(slots=True)
class Tally:
    """What came of it so far. Amounts are whole francs."""

    to_send: int = 0
    sent: int = 0
    amount: int = 0
    skipped: int = 0
    awaiting: int = 0
    """Stored, and held until a person approves them; those of earlier runs included."""
    queued: int = 0
    """Stored, and sent by itself when sending goes on; those of earlier runs included."""
    stored: int = 0
    """How many of both this run stored."""
    refused: list[Trouble] = field(default_factory=list)
    not_sent: list[Trouble] = field(default_factory=list)
    """The gateway was never reached."""
    unknown: list[Trouble] = field(default_factory=list)
    halted: str = ""
    """Why the run ended before the last line."""
    interrupted: bool = False

    @property
    def tried(self) -> int:
        """How many had their turn."""
        return (
            self.sent
            + self.stored
            + len(self.refused)
            + len(self.not_sent)
            + sum(bool(one.why) for one in self.unknown)
        )

    @property
    def is_clean(self) -> bool:
        """Whether all of the file is sent, by this run or before, and nothing is in doubt."""
        return not (self.refused or self.not_sent or self.unknown or self.halted or self.interrupted)


Told = Callable[[Tally], None]


ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The last one is a terminal that goes away, as when a connection breaks. Under nohup it is ignored, and stays so."""


@contextmanager
def until_interrupted() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM and a lost terminal set, instead of breaking into the middle of a call that moves money."""
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    heard = [number for number in ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ask_to_stop) for number in heard}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Sending:
    """One run over the orders of a file."""

    def __init__(self, tools: Toolbox, *, by: Signature, account: str, told: Told) -> None:
        self._tools = tools
        self._account = account
        self._by = by
        self._told = told
        self._in_a_row = 0
        self.tally = Tally()

    def run(self, lines: Sequence[Line], *, rate: float, stop: threading.Event) -> Tally:
        """Send what is to be sent, at most `rate` a second, until the end, or until there is no sense in going on."""
        tally = self.tally
        tally.unknown = [Trouble(row=line.row) for line in lines if line.standing is Standing.UNKNOWN]
        tally.skipped = sum(line.standing is Standing.SKIPPED for line in lines)
        tally.awaiting = sum(line.standing is Standing.AWAITING for line in lines)
        tally.queued = sum(line.standing is Standing.QUEUED for line in lines)
        wanted = [line for line in lines if line.standing.is_to_try]
        tally.to_send = len(wanted)
        turn = time.monotonic()
        for line in wanted:
            tally.halted = tally.halted or self._why_nothing_goes_out()
            if tally.halted:
                break
            tally.interrupted = stop.wait(max(0.0, turn - time.monotonic()))
            if tally.interrupted:
                break
            turn = max(turn, time.monotonic() - 1) + 1 / rate
            self._send(line)
            self._told(tally)
        return tally

    def _send(self, line: Line) -> None:
        row, tally = line.row, self.tally
        try:
            booked = create(self._tools, row.order, account=self._account, by=self._by)
        except (GatewayRefused, Conflict) as exc:
            self._in_a_row = 0
            tally.refused.append(Trouble(row=row, why=str(exc)))
        except GatewayMisconfigured as exc:  # the next one would be told the same
            tally.refused.append(Trouble(row=row, why=str(exc)))
            tally.halted = str(exc)
        except NotSent as exc:
            tally.not_sent.append(Trouble(row=row, why=str(exc)))
            self._count_in_a_row(exc)
        except PayoutUnknown as exc:
            tally.unknown.append(Trouble(row=row, why=str(exc)))
            self._count_in_a_row(exc)
        except (StoreAway, Invalid) as exc:
            # The database, or the account, went away. What came of this one stands in the books, and the next run finds it there.
            tally.halted = str(exc)
        else:
            self._in_a_row = 0
            if is_awaiting(booked.payout):
                tally.awaiting += 1
                tally.stored += 1
            elif is_queued(booked.payout):  # sending was switched off just now
                tally.queued += 1
                tally.stored += 1
            elif booked.is_new or line.standing is Standing.AGAIN:
                tally.sent += 1
                tally.amount += row.order.amount
            else:  # somebody else sent it meanwhile
                tally.skipped += 1
                tally.to_send -= 1

    def _why_nothing_goes_out(self) -> str:
        """Who switches sending off may mean this very file: what was not tried yet is left where it is."""
        try:
            return why_sending_is_off(self._tools)
        except StoreAway as exc:
            return str(exc)

    def _count_in_a_row(self, exc: Exception) -> None:
        self._in_a_row += 1
        if self._in_a_row >= IN_A_ROW:
            self.tally.halted = str(exc)
