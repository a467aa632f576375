"""Failures around calling the gateway, on a real socket: errors without a response, no timeout, no patience."""

from __future__ import annotations

import contextlib
import threading

import pytest
import requests

from config import policy
from models.answers import Said
from models.check import Lane
from models.transaction import Status
from tasks.confirm import confirm
from tests.fakes import silence, toolbox
from tests.ledger import add_pending, due_in, let_pass, row
from tests.servers import PATIENCE, free_port
from tests.worker.ligdicash.clients import IN_TIME, QUICK, TOKEN, client_of, gateway_and_client


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_08_transient_errors_not_retried_because_the_error_handler_crashed(sessions, fakes):
    """django-webhook: the handler of a connection error reads the response that such an error does not have."""
    [pk] = add_pending(sessions)
    with client_of(f"http://127.0.0.1:{free_port()}", **QUICK) as client:
        assert confirm(toolbox(sessions, fakes, gateway=client), [pk], lane=Lane.SWEEP) == 1
    assert row(sessions, pk).silences == 1
    assert 0 < due_in(sessions, pk) <= policy.SILENCE_STEPS[0]


def test_08_in_the_naive_design_the_handler_of_the_error_crashes():
    with pytest.raises(AttributeError):
        try:
            requests.post(f"http://127.0.0.1:{free_port()}", timeout=PATIENCE)
        except requests.RequestException as exc:
            assert exc.response.status_code >= 500  # noqa: PT017 - the fault on show


def test_09_no_timeout_on_the_http_call():
    """django-webhook: a server that takes the request and never answers holds the worker for good."""
    over = threading.Event()
    with gateway_and_client(lambda _sock, _asked: over.wait(100), **QUICK) as (_, client):
        answer = client.confirm(TOKEN)
        over.set()
    assert answer.said is Said.SILENCE
    assert answer.took < IN_TIME


def test_09_in_the_naive_design_the_call_still_waits_long_after_ours_is_over():
    over = threading.Event()
    with gateway_and_client(lambda _sock, _asked: over.wait(100), **QUICK) as (gateway, client):
        naive = threading.Thread(target=call_without_timeout, args=(gateway.url,), daemon=True)
        naive.start()
        client.confirm(TOKEN)
        client.confirm(TOKEN)
        assert naive.is_alive()
        over.set()
    naive.join(IN_TIME)
    assert not naive.is_alive()


def call_without_timeout(url):
    with contextlib.suppress(requests.RequestException):
        requests.get(url)


def test_10_backoff_settings_ignored(sessions, fakes, tools):
    """django-webhook: the configured delays are never used; these are the real ones, read off the row after each silence.

    Without `after_silence_in` in `tasks.record` they would be those of the age tiers.
    """
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", silence())
    delays = []
    for _ in range(6):
        confirm(tools, [pk], lane=Lane.SWEEP)
        delays.append(due_in(sessions, pk))
        let_pass(sessions, delays[-1])
    expected = [*policy.SILENCE_STEPS, policy.SILENCE_STEPS[-1]]
    assert all(step - 1 < delay <= step for step, delay in zip(expected, delays, strict=True))
    assert row(sessions, pk).status == Status.PENDING
