"""The client against a real server on this machine: what it sends, what it reads, and what it keeps to itself."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest

from models.answers import Created, Said
from models.errors import GatewayMisconfigured, GatewayRefused, Invalid, NotSent, SettingsFault
from models.order import InvoiceOrder
from tests.servers import PATIENCE, free_port
from tests.webdoor import until
from tests.worker.ligdicash.clients import (
    API_KEY,
    API_TOKEN,
    COMPLETED,
    CREATED,
    ORDER,
    TOKEN,
    URL,
    client_of,
    gateway_and_client,
)
from tests.worker.ligdicash.scripted_gateway import (
    ScriptedGateway,
    message,
    resets,
    says,
    says_after,
)
from worker.ligdicash.client import LigdicashClient
from worker.ligdicash.wire import write_create


def test_a_question_carries_both_keys_and_the_token_in_invoice_token():
    with gateway_and_client(says(COMPLETED)) as (gateway, client):
        answer = client.confirm("a token/with+odd&letters=")
    (asked,) = gateway.asked
    method, target, _ = asked.line.split(" ")
    assert method == "GET"
    assert urlsplit(target).path == "/pay/v01/redirect/checkout-invoice/confirm/"
    assert parse_qs(urlsplit(target).query) == {"invoiceToken": ["a token/with+odd&letters="]}
    assert asked.headers["apikey"] == API_KEY
    assert asked.headers["authorization"] == f"Bearer {API_TOKEN}"
    assert asked.headers["accept"] == "application/json"
    assert (answer.said, answer.amount, answer.references, answer.http_status) == (
        Said.COMPLETED,
        4200,
        ("ORD-1",),
        200,
    )
    assert answer.took > 0


def test_a_create_posts_the_order_once_and_returns_token_and_address():
    with gateway_and_client(says(CREATED)) as (gateway, client):
        assert client.create_invoice(ORDER) == Created(token=TOKEN, payment_url=URL)
    (asked,) = gateway.asked
    assert asked.line == "POST /pay/v01/redirect/checkout-invoice/create HTTP/1.1"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["apikey"] == API_KEY
    assert asked.headers["authorization"] == f"Bearer {API_TOKEN}"
    assert json.loads(asked.body) == write_create(ORDER)


def test_questions_share_a_connection_and_creates_open_one_each():
    with gateway_and_client(says(COMPLETED)) as (gateway, client):
        for _ in range(5):
            client.confirm(TOKEN)
        assert gateway.connections == 1
        gateway.script = says(CREATED)
        client.create_invoice(ORDER)
        client.create_invoice(ORDER)
        assert gateway.connections == 3


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 1),
        (message({}) + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 3),
        (message({}, "200 OK", "Connection: close"), 3),
    ],
    ids=["in chunks", "with another behind it", "closing"],
)
def test_a_connection_is_kept_unless_something_may_be_left_on_it(answer, connections):
    with gateway_and_client(says(answer)) as (gateway, client):
        assert {client.confirm(TOKEN).said for _ in range(3)} == {Said.UNKNOWN}
    assert gateway.connections == connections


def test_a_kept_connection_that_the_gateway_closed_is_opened_anew():
    def hangs_up(sock, _):
        sock.sendall(COMPLETED)
        sock.shutdown(socket.SHUT_RDWR)

    with gateway_and_client(hangs_up) as (gateway, client):
        for count in range(1, 4):
            assert client.confirm(TOKEN).said is Said.COMPLETED
            until(lambda: not gateway.open_now)
            assert gateway.connections == count


def test_cookies_are_not_kept():
    answer = message(b'{"response_code": "00", "status": "pending"}', "200 OK", "Set-Cookie: session=1; Path=/")
    with gateway_and_client(says(answer)) as (gateway, client):
        client.confirm(TOKEN)
        client.confirm(TOKEN)
    assert "cookie" not in gateway.asked[1].headers


def test_small_gzip_answers_are_read_though_none_was_asked_for():
    packed = gzip.compress(b'{"response_code": "00", "status": "pending"}')
    with gateway_and_client(says(message(packed, "200 OK", "Content-Encoding: gzip"))) as (gateway, client):
        assert client.confirm(TOKEN).said is Said.PENDING
    assert gateway.asked[0].headers["accept-encoding"] == "identity"


def test_a_refusal_arrives_with_http_200_and_keeps_the_gateways_words():
    refusal = {
        "response_code": "01",
        "token": "",
        "response_text": "Echec (Code04)",
        "response_text_details": 'Undefined array key "unit_price"',
        "wiki": "https://client.ligdicash.com/wiki/createInvoice",
    }
    with gateway_and_client(says(message(refusal))) as (_, client):
        with pytest.raises(GatewayRefused) as caught:
            client.create_invoice(ORDER)
        answer = client.confirm(TOKEN)
    assert (caught.value.sub_code, caught.value.details) == ("04", 'Undefined array key "unit_price"')
    assert (answer.said, answer.sub_code, answer.details) == (Said.UNKNOWN, "04", 'Undefined array key "unit_price"')
    assert answer.wiki == refusal["wiki"]


def test_secrets_that_an_answer_repeats_are_not_kept():
    echo = {
        "response_code": "01",
        "response_text": f"Echec (Code00) {API_KEY}",
        "token": TOKEN,
        "description": API_TOKEN,
    }
    with gateway_and_client(says(message(echo))) as (_, client):
        answer = client.confirm(TOKEN)
    assert answer.said is Said.REFUSED
    for secret in (API_KEY, API_TOKEN, TOKEN):
        assert secret not in repr(answer)


def test_an_order_that_breaks_a_rule_is_not_sent():
    with gateway_and_client(says(CREATED)) as (gateway, client):
        with pytest.raises(Invalid):
            client.create_invoice(InvoiceOrder(transaction_id="A", amount=100, custom_data={"user_id": "7"}))
        assert gateway.asked == []


@pytest.mark.parametrize("bad", ["", "two words", "line\n", "é"])
def test_a_key_that_no_header_can_carry_is_a_fault_of_the_settings(bad):
    with pytest.raises(SettingsFault, match="LIGDICASH_API_KEY") as caught:
        LigdicashClient(
            api_key=bad, api_token="t", base_url="http://x", connect_timeout=1, answer_timeout=1, pool_size=1
        )
    assert not bad or bad not in str(caught.value)


def from_simulator(answer: bytes) -> bytes:
    return answer.replace(b"\r\n", b"\r\nx-ligdicash-simulator: 1\r\n", 1)


def test_an_answer_of_the_simulator_moves_nothing_in_production():
    with gateway_and_client(says(from_simulator(COMPLETED))) as (gateway, client):
        answer = client.confirm(TOKEN)
        gateway.script = says(from_simulator(CREATED))
        with pytest.raises(GatewayMisconfigured, match="this is the simulator"):
            client.create_invoice(ORDER)
    assert (answer.said, answer.amount) == (Said.REFUSED, None)
    assert "simulator" in answer.trouble


def test_development_may_speak_to_the_simulator():
    with gateway_and_client(says(from_simulator(COMPLETED)), refuse_simulator=False) as (gateway, client):
        assert client.confirm(TOKEN).said is Said.COMPLETED
        gateway.script = says(from_simulator(CREATED))
        assert client.create_invoice(ORDER).token == TOKEN


def test_proxies_of_the_environment_are_used_only_when_asked_for(monkeypatch):
    with ScriptedGateway(says(COMPLETED)) as proxy, ScriptedGateway(says(COMPLETED)) as gateway:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        # requests never sends 127.0.0.1 round a proxy unless NO_PROXY is silent about it, as here.
        with client_of(gateway.url) as client:
            assert client.confirm(TOKEN).said is Said.COMPLETED
        assert (len(proxy.asked), len(gateway.asked)) == (0, 1)
        with client_of(gateway.url, use_environment_proxy=True) as client:
            assert client.confirm(TOKEN).said is Said.COMPLETED
        assert (len(proxy.asked), len(gateway.asked)) == (1, 1)
        assert proxy.asked[0].line.startswith(f"GET {gateway.url}/pay/")


def test_a_dead_proxy_means_not_sent(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with gateway_and_client(says(CREATED), use_environment_proxy=True) as (gateway, client):
        with pytest.raises(NotSent):
            client.create_invoice(ORDER)
        assert gateway.asked == []


def test_a_netrc_file_does_not_replace_our_keys(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with gateway_and_client(says(COMPLETED), use_environment_proxy=True) as (gateway, client):
        client.confirm(TOKEN)
    assert gateway.asked[0].headers["authorization"] == f"Bearer {API_TOKEN}"


def test_many_threads_may_ask_at_once_over_a_bounded_pool():
    with gateway_and_client(says_after(0.02, COMPLETED)) as (gateway, client):
        with ThreadPoolExecutor(12) as threads:
            answers = list(threads.map(client.confirm, [f"token-{n}" for n in range(60)]))
        assert {answer.said for answer in answers} == {Said.COMPLETED}
        assert len(gateway.asked) == 60
        assert gateway.connections <= 4


def test_each_thread_gets_the_answer_to_its_own_question():
    def echo(sock, asked):
        token = parse_qs(urlsplit(asked.line.split(" ")[1]).query)["invoiceToken"][0]
        sock.sendall(message({"response_code": "00", "status": "pending", "request_id": token}))

    questions = [f"token-{number}" for number in range(60)]
    with gateway_and_client(echo) as (_, client), ThreadPoolExecutor(8) as threads:
        assert [answer.request_id for answer in threads.map(client.confirm, questions)] == questions


def test_a_question_without_a_free_connection_is_silence_and_a_create_is_not_sent():
    release = threading.Event()

    def waits(sock, _):
        release.wait(PATIENCE)
        sock.sendall(COMPLETED)

    with gateway_and_client(waits, pool_size=1, connect_timeout=0.1, answer_timeout=PATIENCE) as (gateway, client):
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(client.confirm, TOKEN)
            until(lambda: gateway.asked)
            second = client.confirm(TOKEN)
            with pytest.raises(NotSent, match="busy"):
                client.create_invoice(ORDER)
            release.set()
            assert first.result().said is Said.COMPLETED
        assert (second.said, second.trouble) == (Said.SILENCE, "all connections to the gateway were busy")
        assert len(gateway.asked) == 1


@pytest.mark.parametrize("script", [says(COMPLETED), says(message(b"{}", "200 OK", "no colon here")), resets])
def test_no_token_is_ever_logged(script, caplog):
    caplog.set_level("DEBUG")
    with gateway_and_client(script) as (_, client):
        client.confirm(TOKEN)
    told = caplog.text + repr([record.__dict__ for record in caplog.records])
    assert "urllib3" in told
    for secret in (TOKEN, API_KEY, API_TOKEN):
        assert secret not in told


def test_the_client_does_not_show_its_keys():
    with client_of("http://127.0.0.1") as client:
        assert API_KEY not in repr(client)
        assert API_TOKEN not in repr(client)
