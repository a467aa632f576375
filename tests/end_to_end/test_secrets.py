"""Keys, passwords and tokens stay where they belong: everything a whole run printed, logged and answered is searched."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import requests
from sqlalchemy.engine import make_url

from tests.end_to_end.conftest import API_KEY, children, cmdline, start_up
from tests.servers import PATIENCE, reachable_folder

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

WRONG_KEY = "wrong-key-0123456789"
ELSEWHERE = "token-of-an-invoice-created-elsewhere"


@dataclass
class Run:
    """What one run of the shape gave away, by where it was seen, and what it must not have."""

    secrets: dict[str, str]
    seen: dict[str, str] = field(default_factory=dict)
    settings_mode: int = 0

    def leaks(self) -> list[str]:
        """Which secret was seen where."""
        return [
            f"{name} in {place}"
            for place, text in self.seen.items()
            for name, secret in self.secrets.items()
            if secret in text
        ]


@pytest.fixture(scope="module")
def run() -> Run:
    """A merchant, customers, a forger, a gateway in trouble and an operator, all in one run."""
    with reachable_folder() as folder:
        up = start_up(folder)
        run = Run(known_secrets(up.settings()))
        run.seen["process arguments"] = "\n".join(cmdline(pid).decode() for pid in children(up.process.pid))
        run.settings_mode = (folder / "settings.env").stat().st_mode & 0o777
        for name, order in (("paid", "S-PAID"), ("left", "S-LEFT")):
            page = up.order(order)["payment_url"]
            assert requests.get(page, timeout=PATIENCE).ok
            run.secrets[f"token of {name}"] = page.rpartition("/")[2]
        strangers(up, run)
        up.decide("S-PAID", twins="form-json")
        up.becomes("S-PAID", "completed")
        with_the_gateway_in_trouble(up, run)
        operator(up, run)
        assert up.stop() == 0, up.said
        run.seen["what up printed"] = up.said
        logs = [file for file in (folder / "logs").rglob("*") if file.is_file()]
        run.seen |= {f"log {file.name}": file.read_text(errors="replace") for file in logs}
    return run


def known_secrets(settings: dict[str, str]) -> dict[str, str]:
    """Every secret of the installation, by the setting that holds it, and two that strangers bring."""
    known = {name: settings[name] for name in ("LIGDICASH_API_KEY", "LIGDICASH_API_TOKEN", "RECONCILER_API_KEY")}
    for name in ("DATABASE_URL", "REDIS_URL"):
        if password := make_url(settings[name]).password:
            known[f"password of {name}"] = str(password)
    return known | {"wrong key": WRONG_KEY, "token created elsewhere": ELSEWHERE}


def strangers(up, run: Run) -> None:
    """Callbacks with tokens and credentials in every place, wrong keys, and whatever anybody may read."""
    token = run.secrets["token of left"]
    headers = {"Authorization": f"Bearer {WRONG_KEY}", "Apikey": WRONG_KEY, "Cookie": f"session={WRONG_KEY}"}
    body = {"token": token, "transaction_id": "S-LEFT", "status": "completed", "custom_data": {"invoiceToken": token}}
    told = [
        requests.post(up.callback_url, json=body, headers=headers, timeout=PATIENCE),
        requests.post(f"{up.callback_url}?token={token}", data=f"token={token}&x=%00", timeout=PATIENCE),
        requests.post(up.callback_url, data=f"<{token}>", headers={"Content-Type": token}, timeout=PATIENCE),
        requests.get(f"{up.api}/v1/invoices/S-PAID", headers=headers, timeout=PATIENCE),
        requests.get(f"{up.api}/v1/invoices/S-PAID?token={token}", timeout=PATIENCE),
        *(
            requests.get(up.api + path, timeout=PATIENCE)
            for path in ("/openapi.json", "/docs", "/readyz", "/healthz", "/no")
        ),
    ]
    ours = {"Authorization": f"Bearer {API_KEY}"}
    elsewhere = {"invoice": {"total_amount": 4200}, "custom_data": {"transaction_id": "S-ELSEWHERE"}}
    orders = ({"commande": elsewhere, "token": ELSEWHERE}, {"commande": 1, "token": ELSEWHERE})
    told += [requests.post(f"{up.api}/v1/invoices", json=order, headers=ours, timeout=PATIENCE) for order in orders]
    assert [answer.status_code for answer in told] == [200, 200, 415, 401, 401, 200, 200, 200, 200, 404, 201, 422]
    run.seen |= {f"answer {n}": answer.text + str(answer.headers) for n, answer in enumerate(told)}


def with_the_gateway_in_trouble(up, run: Run) -> None:
    """The gateway refuses our credentials, for creating and for asking."""
    faults = f"{up.simulator}/_sim/faults"
    both = {"create": {"kind": "auth"}, "confirm": {"kind": "auth"}}
    requests.put(faults, json=both, timeout=PATIENCE).raise_for_status()
    body = {"commande": {"invoice": {"total_amount": 4200}, "custom_data": {"transaction_id": "S-REFUSED"}}}
    refused = requests.post(
        f"{up.api}/v1/invoices", json=body, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=PATIENCE
    )
    assert refused.status_code == 502
    run.seen["answer of a create with the gateway in trouble"] = refused.text
    run.seen["check"] = said(up, "--debug", "invoices", "check", "S-LEFT")


def operator(up, run: Run) -> None:
    """Everything the command can show, also as JSON and with tracebacks."""
    for command in (
        ("invoices", "show", "S-PAID"),
        ("--debug", "invoices", "show", "S-LEFT", "--json"),
        ("invoices", "show", "S-ELSEWHERE"),
        ("--debug", "invoices", "show", "S-NONE"),
        ("--debug", "invoices", "list", "--json"),
        ("callbacks", "list", "--json"),
        ("callbacks", "show", "1"),
        ("--debug", "callbacks", "show", "2", "--json"),
    ):
        run.seen[" ".join(command)] = said(up, *command)


def said(up, *words: str) -> str:
    done = up.reconciler(*words)
    return done.stdout + done.stderr


def test_no_key_no_password_and_no_token_was_seen_anywhere(run):
    assert run.leaks() == []


def test_the_file_with_the_settings_is_for_its_owner_only(run):
    assert run.settings_mode == 0o600


def test_the_run_was_a_whole_one(run):
    """So that the search had something to find: the logs spoke of all of it, and every command showed something."""
    logs = "".join(text for place, text in run.seen.items() if place.startswith("log "))
    for event in ("refused", "callbacks_read"):
        assert event in logs
    assert "settled" in run.seen["invoices show S-PAID"]
    assert '"status": "pending"' in run.seen["--debug invoices show S-LEFT --json"]
    assert "***" in run.seen["callbacks show 1"]
    assert "process arguments" in run.seen
    assert len(run.secrets) >= 8
    assert min(map(len, run.secrets.values())) >= 8
