"""The client in trouble: no answer, half an answer, no connection; every create ends as sent once or not sent at all."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from models.answers import Said
from models.errors import NotSent, OutcomeUnknown
from tests.servers import free_port
from tests.webdoor import until
from tests.worker.ligdicash.clients import (
    COMPLETED,
    CREATED,
    IN_TIME,
    ORDER,
    QUICK,
    TOKEN,
    assert_no_secret_in,
    client_of,
    gateway_and_client,
)
from tests.worker.ligdicash.scripted_gateway import (
    ScriptedGateway,
    drips,
    hangs_up_after,
    message,
    read_request,
    resets,
    says,
    says_too_late,
)
from worker.ligdicash.wire import MAX_BODY

HEAD = b"HTTP/1.1 200 OK\r\n"
LONG = b'{"status": "completed", "response_code": "00"' + b" " * 2000 + b"}"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 2000

NO_ANSWERS = {
    "slow": says_too_late(COMPLETED),
    "drips from the first byte": drips(message(LONG)),
    "drips its headers": drips(HEAD + b"X-Padding: " + b"x" * 2000, at_once=20),
    "drips its body": drips(message(LONG), at_once=60),
    "drips chunks": drips(CHUNKED, at_once=60),
    "endless 100 Continue": lambda sock, _: [sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n") for _ in range(10**7)],
    "hangs up at once": hangs_up_after(),
    "hangs up in the headers": hangs_up_after(HEAD),
    "hangs up in the body": hangs_up_after(message(LONG)[:100]),
    "resets": resets,
    "speaks no HTTP": hangs_up_after(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "500": says(message(b'{"response_code": "00", "status": "completed"}', "500 Internal Server Error")),
    "502 HTML": says(message(b"<html>", "502 Bad Gateway", "Content-Type: text/html")),
    "429": says(message(b"", "429 Too Many Requests", "Retry-After: 3")),
    "redirect": says(message(b"", "302 Found", "Location: http://127.0.0.1:9/elsewhere")),
    "redirect nowhere": says(message(b"", "301 Moved", "Location: http://[broken")),
    "HTML with 200": says(message(b"<html>maintenance</html>")),
    "empty": says(message(b"")),
    "huge": says(message(b'{"response_code": "00", "status": "completed"' + b" " * MAX_BODY + b"}")),
    "huge without length": hangs_up_after(HEAD + b"\r\n" + b" " * 300_000),
    "gzip bomb": says(message(gzip.compress(b" " * 50_000_000), "200 OK", "Content-Encoding: gzip")),
    "broken gzip": says(message(b"not gzip at all", "200 OK", "Content-Encoding: gzip")),
}


def how_often_asked(gateway: ScriptedGateway) -> int:
    """The client may be done before the gateway has read what it was sent."""
    until(lambda: gateway.asked)
    return len(gateway.asked)


@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_no_real_answer_is_silence_and_comes_in_time(kind):
    with gateway_and_client(NO_ANSWERS[kind], **QUICK) as (gateway, client):
        began = time.monotonic()
        answer = client.confirm(TOKEN)
        assert time.monotonic() - began < IN_TIME
        assert how_often_asked(gateway) == 1
    assert answer.said is Said.SILENCE
    assert answer.trouble
    assert TOKEN not in repr(answer)
    assert len(answer.body) <= MAX_BODY


@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_a_create_without_a_real_reply_is_sent_once_and_its_outcome_is_unknown(kind):
    with gateway_and_client(NO_ANSWERS[kind], **QUICK) as (gateway, client):
        with pytest.raises(OutcomeUnknown) as caught:
            client.create_invoice(ORDER)
        assert how_often_asked(gateway) == 1
    assert_no_secret_in(caught.value)


@contextlib.contextmanager
def refusing():
    yield f"http://127.0.0.1:{free_port()}"


@contextlib.contextmanager
def black_hole():
    """An address that answers no SYN: a listener whose queue is full."""
    with contextlib.ExitStack() as stack:
        door = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            knock = stack.enter_context(socket.socket())
            knock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                knock.connect(door.getsockname())
        yield f"http://127.0.0.1:{door.getsockname()[1]}"


@contextlib.contextmanager
def no_tls():
    with ScriptedGateway(says(COMPLETED)) as gateway:
        yield f"https://127.0.0.1:{gateway.port}"


@contextlib.contextmanager
def silent_handshake():
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield f"https://127.0.0.1:{door.getsockname()[1]}"


UNREACHABLE = [refusing, black_hole, no_tls, silent_handshake]


@pytest.mark.parametrize("place", UNREACHABLE)
def test_a_create_that_never_left_is_not_sent(place):
    began = time.monotonic()
    with place() as url, client_of(url, **QUICK) as client, pytest.raises(NotSent) as caught:
        client.create_invoice(ORDER)
    assert time.monotonic() - began < IN_TIME
    assert_no_secret_in(caught.value)


@pytest.mark.parametrize("place", UNREACHABLE)
def test_a_question_that_never_left_is_silence(place):
    with place() as url, client_of(url, **QUICK) as client:
        answer = client.confirm(TOKEN)
    assert (answer.said, answer.http_status) == (Said.SILENCE, None)
    assert TOKEN not in answer.trouble


def test_a_name_that_cannot_be_looked_up_is_not_sent(monkeypatch):
    def nowhere(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # Patched, because a real lookup would ask the name servers of this machine.
    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with client_of("http://gateway.invalid") as client, pytest.raises(NotSent, match="looked up"):
        client.create_invoice(ORDER)


def test_all_addresses_of_the_gateway_share_the_connect_timeout(monkeypatch):
    with black_hole() as url, client_of("http://gateway.invalid", **QUICK) as client:
        dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", urlsplit(url).port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [dead] * 20)
        began = time.monotonic()
        with pytest.raises(NotSent):
            client.create_invoice(ORDER)
    assert time.monotonic() - began < IN_TIME


@pytest.mark.parametrize("place", [refusing, black_hole])
def test_a_dead_first_address_does_not_keep_us_from_the_second(place, monkeypatch):
    with (
        place() as dead,
        gateway_and_client(says(COMPLETED)) as (gateway, _),
        client_of("http://gateway.invalid", connect_timeout=1) as client,
    ):
        ports = (urlsplit(dead).port, gateway.port)
        places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
        assert client.confirm(TOKEN).said is Said.COMPLETED


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for 127.0.0.1, signed by nobody but itself, and the file to trust it by."""
    openssl = shutil.which("openssl")
    if openssl is None:
        if os.environ.get("CI"):
            pytest.fail("openssl is needed to make a certificate")
        pytest.skip("openssl is needed to make a certificate")
    place = tmp_path_factory.mktemp("tls")
    key, cert = place / "key.pem", place / "cert.pem"
    kind = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    names = ("-subj", "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1")
    subprocess.run([openssl, *kind, *names, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def test_a_certificate_nobody_vouches_for_gets_no_request(certificate):
    with ScriptedGateway(says(CREATED), tls=certificate[0]) as gateway, client_of(gateway.url) as client:
        with pytest.raises(NotSent, match="certificate is not trusted"):
            client.create_invoice(ORDER)
        assert client.confirm(TOKEN).said is Said.SILENCE
        assert gateway.asked == []


def test_questions_over_tls_are_answered_on_one_connection_and_keep_their_deadline(certificate, monkeypatch):
    context, file = certificate
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    with (
        ScriptedGateway(says(COMPLETED), tls=context) as gateway,
        client_of(gateway.url, use_environment_proxy=True) as client,
    ):
        assert [client.confirm(TOKEN).said for _ in range(3)] == [Said.COMPLETED] * 3
        assert gateway.connections == 1
        gateway.script = drips(message(LONG), at_once=60)
        client._answer_timeout = 1
        began = time.monotonic()
        assert client.confirm(TOKEN).said is Said.SILENCE
        assert 1 <= time.monotonic() - began < 1 + IN_TIME


def test_questions_over_tls_go_through_a_proxy_that_sees_nothing_of_them(certificate, monkeypatch):
    context, file = certificate
    inside = []

    def tunnel(sock, _):
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(sock, server_side=True) as stream, stream.makefile("rb") as incoming:
            while asked := read_request(incoming):
                inside.append(asked)
                stream.sendall(COMPLETED)

    with ScriptedGateway(tunnel) as proxy:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with client_of("https://127.0.0.1:1", use_environment_proxy=True) as client:
            assert [client.confirm(TOKEN).said for _ in range(2)] == [Said.COMPLETED] * 2
        assert [asked.line for asked in proxy.asked] == ["CONNECT 127.0.0.1:1 HTTP/1.0"]
    assert {asked.headers["host"] for asked in inside} == {"127.0.0.1:1"}
    assert len(inside) == 2


def endless(sock, _):
    sock.sendall(HEAD + b"\r\n")
    for _ in range(10**6):
        sock.sendall(b" " * 65_536)


def bomb(sock, _):
    """Gigabytes of blanks: the same small member of gzip over and over."""
    member = gzip.compress(b" " * 1_000_000)
    sock.sendall(HEAD + b"Content-Encoding: gzip\r\n\r\n")
    for _ in range(10**6):
        sock.sendall(member)


@pytest.mark.parametrize("script", [endless, bomb])
def test_reading_stops_at_64_kb_long_before_the_time_is_up(script):
    with gateway_and_client(script, answer_timeout=2 * IN_TIME) as (_, client):
        began = time.monotonic()
        answer = client.confirm(TOKEN)
        assert time.monotonic() - began < IN_TIME
    assert (answer.said, len(answer.body)) == (Said.SILENCE, MAX_BODY)


def test_a_connection_is_free_again_after_every_kind_of_trouble():
    with gateway_and_client(NO_ANSWERS["huge without length"], pool_size=1, answer_timeout=0.3) as (gateway, client):
        for kind in ("slow", "drips its body", "gzip bomb", "resets", "redirect", "huge", "hangs up in the body"):
            gateway.script = NO_ANSWERS[kind]
            assert client.confirm(TOKEN).said is Said.SILENCE
        gateway.script = says(COMPLETED)
        until(lambda: client.confirm(TOKEN).said is Said.COMPLETED)
