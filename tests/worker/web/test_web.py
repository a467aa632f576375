"""The HTTP door as a whole: one shape for every refusal, a documented API, and a process that starts and stops cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import requests

from tests.fakes import API_KEY, CALLBACK_URL
from tests.servers import PATIENCE, free_port
from tests.webdoor import open_door, sessions_on, until
from worker.web.docs import page

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "ENVIRONMENT": "development",
    "LIGDICASH_API_KEY": "key-for-tests",
    "LIGDICASH_API_TOKEN": "token-for-tests",
    "RECONCILER_API_KEY": API_KEY,
    "CALLBACK_URL": CALLBACK_URL,
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


@pytest.fixture
def door(database_url):
    with open_door(database_url) as door:
        yield door


def test_an_address_that_is_not_there_is_refused_in_our_words(door):
    answer = door.call("GET", "/no/such%1bthing")
    assert answer.status_code == 404
    assert answer.json() == {"error": "there is nothing at /no/such%1Bthing; /docs lists what there is"}


def test_a_bug_is_answered_without_a_traceback(door):
    def breaks() -> None:
        raise RuntimeError("the secret inside")

    door.app.add_api_route("/breaks", breaks)
    answer = door.call("GET", "/breaks")
    assert answer.status_code == 500
    assert answer.json() == {"error": "something went wrong here; the log of this server says what"}


def test_a_parameter_the_framework_refuses_is_refused_in_our_shape(door):
    def counts(number: int) -> int:
        return number

    door.app.add_api_route("/counts", counts)
    answer = door.call("GET", "/counts?number=x")
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("query.number: ")


def test_the_api_is_documented_with_examples_and_without_secrets(door):
    answer = door.call("GET", "/openapi.json")
    schema = answer.json()
    assert set(schema["paths"]) == {
        "/v1/invoices",
        "/v1/invoices/{transaction_id}",
        "/v1/wallet-otps",
        "/v1/payouts",
        "/v1/payouts/{transaction_id}",
        "/v1/events",
        "/api/callback/ligdicash",
        "/api/callback/ligdicash/{account}",
    }
    body = schema["paths"]["/v1/invoices"]["post"]["requestBody"]["content"]["application/json"]
    assert set(body["examples"]) == {"quickstart", "shortest", "direct", "wallet", "register"}
    assert API_KEY not in answer.text
    assert "HTTPValidationError" not in str(schema["paths"])


def test_every_reference_in_the_documentation_leads_somewhere(door):
    schema = door.call("GET", "/openapi.json").json()
    known = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    assert set(references(schema)) <= known


def references(part: object):
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_the_examples_in_the_documentation_are_accepted(door):
    schema = door.call("GET", "/openapi.json").json()
    body = schema["paths"]["/v1/invoices"]["post"]["requestBody"]["content"]["application/json"]
    for name, example in body["examples"].items():
        assert door.v1("POST", json=example["value"]).status_code == 201, name


def test_the_documentation_has_a_page_that_needs_no_other_host(door):
    answer = door.call("GET", "/docs")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for told in (
        "POST /v1/invoices",
        "POST /api/callback/ligdicash",
        "POST /api/callback/ligdicash/{account}",
        "total_amount",
        "ORDER-42-7f3c9a",
        "openapi.json",
    ):
        assert told in answer.text
    assert "<script" not in answer.text
    assert "src=" not in answer.text.replace("default-src", "")


def test_the_documentation_page_escapes_what_it_shows():
    operation = {"summary": "<b>", "description": "a `<i>` b", "responses": {"200": {"description": "<u>"}}}
    document = {
        "info": {"title": "<t>", "description": "* <one>\n* two"},
        "paths": {"/<p>": {"get": operation}},
        "components": {"schemas": {}},
    }
    html = page(document)
    assert not [tag for tag in ("<b></b>", "<i>", "<u>", "<t>", "<one>", "<p></code>") if tag in html]
    assert "<li>&lt;one&gt;</li><li>two</li>" in html
    assert "a <code>&lt;i&gt;</code> b" in html


APP = ("worker.web:create_app", "--http", "worker.web.quick:QuickProtocol")


def serve(**environment: str) -> subprocess.Popen[str]:
    """The real process, on the port named last, with just these variables."""
    command = [sys.executable, "-m", "uvicorn", "--factory", *APP, "--port", environment.pop("PORT")]
    return subprocess.Popen(command, env=ENVIRONMENT | environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.processes
def test_the_process_serves_and_ends_cleanly_when_told_to(database_url, tmp_path):
    port = free_port()
    with serve(PORT=str(port), DATABASE_URL=database_url, SPOOL_DIR=str(tmp_path)) as process:
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url) or process.poll() is not None)
        assert requests.post(f"{url}/api/callback/ligdicash", json={}, timeout=PATIENCE).status_code == 200
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=PATIENCE)
    # uvicorn ends by the signal it was sent, after its shutdown.
    assert process.returncode in (0, -signal.SIGTERM)
    assert "Application shutdown complete" in log
    assert "POST" not in log
    assert "Traceback" not in log
    with sessions_on(database_url) as sessions, sessions() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM callbacks").scalar() == 1


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=1).ok
    except requests.RequestException:
        return False


@pytest.mark.processes
def test_faulty_settings_end_the_process_with_a_line_for_each(database_url):
    with serve(PORT="0", DATABASE_URL=database_url, REDIS_URL="nonsense", PENDING_AFTER="soon") as process:
        _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "Traceback" not in log
    assert "reconciler cannot start, fix these settings:" in log
    assert [line.partition(":")[0] for line in log.splitlines() if line.startswith(("REDIS", "PENDING"))] == [
        "REDIS_URL",
        "PENDING_AFTER",
    ]
    assert "nonsense" not in log
