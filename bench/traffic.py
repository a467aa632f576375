"""Sends callbacks from a process of its own: `python -m bench.traffic '{"port": 8000, ...}'`, see `Load`.

A load generator that needs more CPU than the door would measure itself. This one writes finished bytes over kept connections
and looks at nothing but the status line and the length. Prints one line of JSON, see `Sent`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

import uvloop

from bench.stage import ROOT
from config.settings import CALLBACK_PATH


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is sent. Each transaction gets two callbacks, form and JSON, unless `twins` is False: then JSON alone."""

    port: int
    first: int
    """Number of the first transaction, `ORD-{number}`."""
    transactions: int
    connections: int = 64
    """Each waits for its answer before it sends the next."""
    rate: float = 0.0
    """Callbacks a second, sent whether or not earlier ones are answered; 0 sends as fast as the answers come."""
    twins: bool = True
    repeats: int = 1
    """How often all of it is sent, one time after the other: what was settled by the first is told again by the others."""
    path: str = CALLBACK_PATH


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What came of it. Times are seconds; the percentiles are of the time from sending to the answer."""

    answered: int
    refused: int
    seconds: float
    p50: float
    p99: float
    worst: float

    @property
    def rate(self) -> float:
        """Answered a second."""
        return self.answered / self.seconds


def send(load: Load) -> Sent:
    """Send all of it and wait for the last answer. Raises `SystemExit` when one did not come."""
    argv = [sys.executable, "-m", "bench.traffic", json.dumps(asdict(load))]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    if said.returncode:
        raise SystemExit(f"the load generator failed:\n{said.stderr[-2000:]}")
    return Sent(**json.loads(said.stdout))


def callback(number: int, *, form: bool, amount: int = 5000) -> tuple[str, bytes]:
    """Content type and body of a genuine callback about `ORD-{number}`."""
    reference = f"ORD-{number}"
    entries = [
        {
            "keyof_customdata": name,
            "valueof_customdata": value,
            "datecreation_customdata": "2026-05-09 07:20:23.362788",
        }
        for name, value in (("transaction_id", reference), ("hash", "0f" * 32), ("logfile", "2026050907202369fee03"))
    ]
    fields: dict[str, Any] = {
        "date": "2026-05-09 07:20:23+00",
        "wiki": "https://client.ligdicash.com/wiki/confirmInvoice",
        "token": "",
        "amount": amount,
        "status": "completed",
        "montant": amount,
        "customer": "22676000000",
        "oreference": "",
        "request_id": f"P{number:015}",
        "custom_data": json.dumps(entries) if form else entries,
        "description": "",
        "external_id": reference,
        "operator_id": "11",
        "operator_name": "ORANGE BURKINA",
        "response_code": "00",
        "response_text": "",
    }
    if form:
        return "application/x-www-form-urlencoded", urlencode(fields).encode()
    return "application/json", json.dumps(fields).encode()


def requests_of(load: Load) -> Iterator[bytes]:
    """Whole requests, ready to be written. The twins of one transaction follow each other."""
    for number in range(load.first, load.first + load.transactions):
        for form in (True, False) if load.twins else (False,):
            kind, body = callback(number, form=form)
            head = (
                f"POST {load.path} HTTP/1.1\r\nHost: pay.example.com\r\nUser-Agent: GuzzleHttp/7\r\n"
                f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            yield head.encode() + body


class Sender(asyncio.Protocol):
    """One connection: sends when it is told to, and tells when the answer is there."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._heard = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready for work."""
        self.transport: Any = transport
        self._crew.is_free(self)

    def send(self, request: bytes, since: float) -> None:
        """Send this; its time counts from `since`, when it was due."""
        self._sent_at = since
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """An answer, or part of one."""
        self._heard += data
        head, found, body = self._heard.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) >= length:
            self._heard = b""
            self._crew.was_answered(self, is_good=head[9:12] == b"200", took=time.perf_counter() - self._sent_at)

    def connection_lost(self, exc: Exception | None) -> None:
        """The door must not hang up in the middle of it."""
        del exc
        self._crew.lost()


class Crew:
    """All senders, what is left to send, and what came of it."""

    def __init__(self, load: Load) -> None:
        self._left = deque(list(requests_of(load)) * load.repeats)
        self._expected = len(self._left)
        self._rate = load.rate
        self._free: deque[Sender] = deque()
        self._due: deque[tuple[bytes, float]] = deque()
        self._times: list[float] = []
        self._refused = 0
        self.began = 0.0
        self.ended = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Begin; all are connected."""
        self.began = time.perf_counter()
        if self._rate:
            self._tick()
        else:
            while self._free and self._left:
                self._free.popleft().send(self._left.popleft(), time.perf_counter())

    def _tick(self) -> None:
        """Send what is due by the rate. What finds no free connection waits, and its time counts all the same."""
        now = time.perf_counter()
        already = self._expected - len(self._left)
        for index in range(already, min(self._expected, int((now - self.began) * self._rate) + 1)):
            self._due.append((self._left.popleft(), self.began + index / self._rate))
        while self._due and self._free:
            self._free.popleft().send(*self._due.popleft())
        if self._left:
            asyncio.get_running_loop().call_later(0.001, self._tick)

    def is_free(self, sender: Sender) -> None:
        """Nothing to do for this one, so far."""
        self._free.append(sender)

    def was_answered(self, sender: Sender, *, is_good: bool, took: float) -> None:
        """Note it, and go on."""
        self._times.append(took)
        self._refused += not is_good
        if self._rate:
            if self._due:
                sender.send(*self._due.popleft())
            else:
                self._free.append(sender)
        elif self._left:
            sender.send(self._left.popleft(), time.perf_counter())
        if len(self._times) == self._expected:
            self.ended = time.perf_counter()
            self.done.set_result(None)

    def lost(self) -> None:
        """A connection was closed."""
        if not self.done.done():
            self.done.set_exception(ConnectionError("the door closed a connection"))

    def sent(self) -> Sent:
        """All of it, added up."""
        times = sorted(self._times)
        return Sent(
            answered=len(times) - self._refused,
            refused=self._refused,
            seconds=self.ended - self.began,
            p50=times[len(times) // 2],
            p99=times[int(len(times) * 0.99)],
            worst=times[-1],
        )


async def main(load: Load) -> Sent:
    """Connect, send, add up."""
    loop = asyncio.get_running_loop()
    crew = Crew(load)
    for _ in range(load.connections):
        await loop.create_connection(lambda: Sender(crew), "127.0.0.1", load.port)
    crew.start()
    await crew.done
    return crew.sent()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(uvloop.run(main(Load(**json.loads(sys.argv[1])))))) + "\n")
