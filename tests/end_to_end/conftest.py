"""The whole shape as its user starts it: `reconciler up` in a folder of its own, as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from dotenv import dotenv_values

from tests.forked import reconciler
from tests.servers import PATIENCE, reachable_folder

ROOT = Path(__file__).parents[2]
API_KEY = "a-key-for-tests-only-0123456789"
PENDING_AFTER = 6.0


def eventually(is_so: Callable[[], bool], *, what: str, within: float = PATIENCE) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(0.05)


@dataclass
class Up:
    """One `reconciler up`, and what a merchant and a gateway can do to it."""

    process: subprocess.Popen[str]
    data: Path
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    @property
    def said(self) -> str:
        """Everything it printed so far."""
        return "".join(self.lines)

    def address(self, name: str) -> str:
        """What it printed beside this name."""
        return next(line.split()[-1] for line in self.lines if line.strip().startswith(name))

    @property
    def callback_url(self) -> str:
        return self.address("callback URL")

    @property
    def api(self) -> str:
        return self.callback_url.removesuffix("/api/callback/ligdicash")

    @property
    def simulator(self) -> str:
        return self.settings()["LIGDICASH_BASE_URL"]

    def order(self, transaction_id: str, *, amount: int = 4200) -> dict[str, object]:
        body = {
            "commande": {
                "invoice": {"items": [], "total_amount": amount, "devise": "XOF", "description": "test"},
                "custom_data": {"transaction_id": transaction_id},
            }
        }
        reply = self._api("POST", "/v1/invoices", json=body)
        assert reply.status_code == 201, reply.text
        return reply.json()

    def invoice(self, transaction_id: str) -> dict[str, object]:
        return self._api("GET", f"/v1/invoices/{transaction_id}").json()

    def _api(self, method: str, path: str, **more: object) -> requests.Response:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        return requests.request(method, self.api + path, headers=headers, timeout=PATIENCE, **more)

    def decide(self, transaction_id: str, status: str = "completed", *, twins: str = "none", **more: object) -> None:
        """The customer decides; the simulator sends these callbacks, or none. `more` is of the simulator's `Decision`."""
        where = f"{self.simulator}/_sim/transactions/{transaction_id}/decide"
        body = {"status": status, "operator_id": "11", "callbacks": {"twins": twins}, **more}
        requests.post(where, json=body, timeout=PATIENCE).raise_for_status()

    def call_back(self, body: bytes, content_type: str) -> None:
        reply = requests.post(self.callback_url, data=body, headers={"Content-Type": content_type}, timeout=PATIENCE)
        assert (reply.status_code, reply.json()) == (200, {"ok": True})

    def becomes(self, transaction_id: str, status: str) -> None:
        eventually(lambda: self.invoice(transaction_id)["status"] == status, what=f"{transaction_id} {status}")

    def reconciler(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the ops command on the same database, with the settings `up` gave its children."""
        return reconciler(*words, env=self.settings(), cwd=ROOT)

    def settings(self) -> dict[str, str]:
        """The settings it wrote for an operator's shell, with what a shell has anyway."""
        kept = {name: value for name, value in dotenv_values(self.data / "settings.env").items() if value is not None}
        return {"PATH": os.environ["PATH"], **kept}

    def stop(self) -> int:
        """Ctrl-C, as the terminal sends it."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=PATIENCE)
        self.listener.join(timeout=PATIENCE)
        return code

    def listen(self) -> None:
        with self.process.stdout as said:
            self.lines.extend(said)


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def children(parent: int) -> list[int]:
    """All descendants of a process."""
    found, queue = [], [parent]
    while queue:
        pid = queue.pop()
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                born = [int(word) for word in task.read_text().split()]
            except OSError:
                continue
            found += born
            queue += born
    return found


def start_up(data: Path, *, metrics: bool = False, **settings: str) -> Up:
    """Start it, with these settings on top, and return once it has said where everything is; `metrics` as it has by itself."""
    hidden = ("DATABASE_URL", "REDIS_URL", "LIGDICASH_", "CALLBACK_URL", "WEB_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {"RECONCILER_API_KEY": API_KEY, "PENDING_AFTER": f"{PENDING_AFTER:g}", "WEB_PORT": "0"}
    environment |= {"METRICS_PORT": "" if metrics else "0"} | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.ops", "up", "--data", str(data)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    up = Up(process, data)
    eventually(lambda: "Ctrl-C" in up.said or process.poll() is not None, within=150, what="up is ready")
    assert process.poll() is None, up.said
    return up


@pytest.fixture(scope="session")
def up() -> Iterator[Up]:
    """One running shape for all tests that leave it as they found it."""
    with reachable_folder() as folder:
        running = start_up(folder, metrics=True)
        yield running
        assert running.stop() == 0, running.said
