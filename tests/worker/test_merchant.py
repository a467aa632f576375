"""Telling the merchant's application over the wire: signed, to an address that was looked at, in time, and nothing of it trusted."""

from __future__ import annotations

import fcntl
import json
import socket
import ssl
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from config.logs import mask
from tests.servers import PATIENCE
from tests.webdoor import until
from worker.merchant import LARGEST_ANSWER, HttpMerchant

KEY, OLD_KEY = "whsec_" + "a" * 32, "whsec_" + "b" * 32
BODY = json.dumps({"id": "evt_1_ab", "data": {"transaction_id": "ORD-1"}})
PUBLIC = "93.184.215.14"


class Application:
    """A merchant's application that keeps what it got and answers as it was told to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status, self.headers, self.answer = 200, {}, b"thanks"
        self.url = ""

    @contextmanager
    def served(self, tls: ssl.SSLContext | None = None) -> Iterator[Application]:
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                application.got.append((self.path, dict(self.headers), body))
                self.send_response(application.status)
                for name, value in application.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(application.answer)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_: None
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/hooks?shop=1"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture
def application():
    with Application().served() as served:
        yield served


def merchant(url, *, secrets=(KEY,), timeout=PATIENCE, allow_private=True, **more) -> HttpMerchant:
    return HttpMerchant(url, secrets=secrets, timeout=timeout, allow_private=allow_private, **more)


def deliver(url, **more):
    return merchant(url, **more).deliver("evt_1_ab", BODY)


@contextmanager
def scripted(script):
    """A server that does this with the first connection it gets; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            sock, _ = server.accept()
            with sock, suppress(OSError):
                script(sock)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_notice_is_signed_as_the_specification_says_and_verified_by_its_package(application):
    reply = deliver(application.url)
    assert (reply.http_status, reply.trouble) == (200, "")
    [(path, headers, body)] = application.got
    assert path == "/hooks?shop=1"
    assert Webhook(KEY).verify(body, headers) == json.loads(BODY)
    assert headers["webhook-id"] == "evt_1_ab"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "ligdicash-reconciler"


def test_while_keys_change_over_both_signatures_are_sent_and_either_key_verifies(application):
    deliver(application.url, secrets=(KEY, OLD_KEY))
    [(_, headers, body)] = application.got
    assert len(headers["webhook-signature"].split(" ")) == 2
    for key in (KEY, OLD_KEY):
        Webhook(key).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "c" * 32).verify(body, headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_a_yes(application, status):
    application.status, application.answer = status, b""
    assert deliver(application.url).trouble == ""


@pytest.mark.parametrize(
    ("status", "trouble"),
    [(410, "it answered 410 (Gone)"), (500, "it answered 500 (Internal Server Error)"), (799, "it answered 799")],
)
def test_any_other_status_is_told(application, status, trouble):
    application.status = status
    reply = deliver(application.url)
    assert (reply.http_status, reply.trouble) == (status, trouble)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_wherever_it_leads(application, status):
    application.status, application.headers = status, {"Location": application.url}
    reply = deliver(application.url)
    assert f"it answered {status}; redirects are not followed" in reply.trouble
    assert len(application.got) == 1


@pytest.mark.parametrize(
    ("status", "header", "low", "high"),
    [
        (429, "120", 120, 120),
        (503, "in an hour", 3000, 3600),
        (503, "an hour ago", 0, 0),
        (503, "soon", 0, 0),
        (429, "9" * 400, 999_999_999, 999_999_999),
        (500, "120", 0, 0),
    ],
)
def test_how_long_it_wants_to_be_left_alone_counts_where_the_status_says_so(application, status, header, low, high):
    dates = {"in an hour": timedelta(hours=1), "an hour ago": timedelta(hours=-1)}
    if header in dates:
        header = format_datetime(datetime.now(UTC) + dates[header])
    application.status, application.headers = status, {"Retry-After": header}
    assert low <= deliver(application.url).retry_after <= high


# --- where notices must not go --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
def test_however_loopback_is_written_it_is_refused_and_nothing_is_sent(application, host):
    port = application.url.split(":")[2]
    reply = deliver(f"http://{host}:{port}", allow_private=False)
    assert "NOTICE_URL leads to a" in reply.trouble
    assert "NOTICE_ALLOW_PRIVATE" in reply.trouble
    assert (reply.http_status, application.got) == (None, [])


def places(*addresses):
    """A resolver that knows one name, and counts how often it is asked."""
    asked = []

    def lookup(host, port):
        asked.append(host)
        return [
            (socket.AF_INET6, (address, port, 0, 0)) if ":" in address else (socket.AF_INET, (address, port))
            for address in addresses
        ]

    return lookup, asked


def test_a_name_of_which_one_address_is_private_is_refused_as_a_whole():
    for addresses in ((PUBLIC, "10.0.0.1"), ("::1", PUBLIC)):
        lookup, _ = places(*addresses)
        reply = deliver("http://shop.example.com/hooks", allow_private=False, lookup=lookup)
        assert "must not go" in reply.trouble


def test_the_address_that_was_looked_at_is_the_one_that_is_called(application):
    port = application.url.split(":")[2].split("/")[0]
    lookup, asked = places("127.0.0.1")
    reply = deliver(f"http://shop.example.com:{port}/hooks", lookup=lookup)
    assert reply.trouble == ""
    assert asked == ["shop.example.com"], "a second lookup could find another address"
    assert application.got[0][1]["Host"] == f"shop.example.com:{port}"


def test_the_next_address_is_tried_when_one_does_not_answer(application):
    port = application.url.split(":")[2].split("/")[0]
    lookup, _ = places("::1", "127.0.0.1")
    assert deliver(f"http://shop.example.com:{port}/hooks", lookup=lookup).trouble == ""


def test_a_proxy_of_the_environment_is_not_used(application, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert deliver(application.url).trouble == ""


# --- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """One for shop.example.com that nobody signed but itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = ["-subj", "/CN=shop.example.com", "-addext", "subjectAltName=DNS:shop.example.com"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        ["openssl", "req", "-x509", *curve, "-days", "2", *names, "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    return key, cert


@pytest.fixture
def secured(certificate):
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Application().served(context) as served:
        yield served


def at(secured, name):
    return f"https://{name}:{secured.url.split(':')[2]}"


def test_the_certificate_must_be_trusted(secured):
    lookup, _ = places("127.0.0.1")
    reply = deliver(at(secured, "shop.example.com"), lookup=lookup)
    assert reply.trouble.startswith("its certificate is not trusted")
    assert secured.got == []


def test_the_certificate_must_be_the_names_though_the_address_is_called(secured, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    lookup, _ = places("127.0.0.1")
    assert deliver(at(secured, "shop.example.com"), lookup=lookup).trouble == ""
    reply = deliver(at(secured, "other.example.com"), lookup=lookup)
    assert "Hostname mismatch" in reply.trouble
    assert len(secured.got) == 1


# --- time and size --------------------------------------------------------------------------------------------------

QUICK = 0.6


def hear_all(sock):
    """The whole request, which comes in pieces: who hangs up before its end breaks the sending of it."""
    heard = b""
    while not heard.endswith(BODY.encode()):
        heard += sock.recv(65_536)
    return heard


def listen(sock):
    """Say nothing until the other side has left."""
    while sock.recv(65_536):
        pass


def drip(sock, start=b"", piece=b"x"):
    """Say a little now and then, for ever."""
    sock.sendall(start)
    while True:
        time.sleep(0.05)
        sock.sendall(piece)


@pytest.mark.parametrize(
    ("scheme", "script"),
    [
        ("http", listen),
        ("http", lambda sock: drip(sock, b"HTTP/1.1 200 OK\r\nx: ")),
        ("http", lambda sock: drip(sock, piece=b"HTTP/1.1 100 Continue\r\n\r\n")),
        ("https", lambda sock: drip(sock, b"\x16\x03\x03\x40\x00")),
        ("https", listen),
    ],
)
def test_whoever_does_not_end_is_left_at_the_deadline(scheme, script):
    with scripted(script) as port:
        reply = deliver(f"{scheme}://127.0.0.1:{port}", timeout=QUICK)
    assert reply.trouble == f"no whole answer came within {QUICK:g} s"
    assert QUICK - 0.1 < reply.took < PATIENCE / 2


def test_a_body_that_drips_on_changes_nothing_about_a_yes(monkeypatch):
    """The time is up when the body drips: earlier, and the answer would be none."""
    ends = []

    class Timer:
        def __init__(self, _seconds, end):
            ends.append(end)

        def start(self):
            pass

        cancel = start

    def drip_and_end(sock):
        hear_all(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nx")
        until_arrived(sock)
        ends[0]()
        drip(sock)

    monkeypatch.setattr("worker.merchant.threading.Timer", Timer)
    with scripted(drip_and_end) as port:
        reply = deliver(f"http://127.0.0.1:{port}")
    assert (reply.http_status, reply.trouble) == (200, "")


def until_arrived(sock):
    """Wait until all that was said is at the other side, where it can be read whatever happens to the connection."""
    until(lambda: struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0] == 0)


def test_a_lookup_that_hangs_is_left_at_the_deadline():
    over = threading.Event()
    reply = deliver("http://shop.example.com", timeout=QUICK, lookup=lambda *_: over.wait(100) and [])
    over.set()
    assert reply.trouble == f"no whole answer came within {QUICK:g} s"


def test_a_flood_is_not_read():
    def flood(sock):
        hear_all(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        for n in range(2 * LARGEST_ANSWER // 1000):
            sock.sendall(f"x-{n}: {'x' * 1000}\r\n".encode())
        sock.sendall(b"\r\n")

    with scripted(flood) as port:
        assert deliver(f"http://127.0.0.1:{port}").trouble.startswith("its answer is no HTTP")


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        (hear_all, "it closed the connection without an answer"),
        (lambda sock: hear_all(sock) and sock.sendall(b"SSH-2.0-x\r\n"), "its answer is no HTTP (BadStatusLine)"),
    ],
)
def test_whatever_is_no_answer_is_told_in_a_sentence(script, trouble):
    with scripted(script) as port:
        assert deliver(f"http://127.0.0.1:{port}").trouble == trouble


def test_a_closed_port_and_an_unknown_name_are_told_without_the_address():
    reply = deliver("http://127.0.0.1:1/?key=secret")
    assert (reply.trouble, reply.http_status) == ("no answer (Connection refused)", None)

    def lookup(*_):
        raise socket.gaierror(socket.EAI_NONAME, "shop.example.com not known")

    assert deliver("http://shop.example.com", lookup=lookup).trouble == "the name in NOTICE_URL cannot be looked up"


def test_a_key_in_a_log_line_is_masked():
    assert KEY not in mask(f"secret {KEY} in use")
    assert "whsec_" not in repr(merchant("http://127.0.0.1:1"))
