"""The merchant's application as an adapter: one signed POST for each notice, to an address that was looked at before.

An exchange goes to the very address that was checked, follows no redirect and no proxy, keeps no connection, and ends by
its deadline whatever the other side does. Plain `http.client`: all that a client library would add had to be taken away.
"""

from __future__ import annotations

import http.client
import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from standardwebhooks import Webhook

from tasks.toolbox import Reply

USER_AGENT = "ligdicash-reconciler"

LARGEST_ANSWER = 65_536
"""Bytes read of an answer, head included. What it says beyond its status is of no interest."""

POLITE = 4096
"""Bytes of a body that are taken in, so that whoever answers in a few words is not cut short."""

PRESSED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
"""Answers whose Retry-After counts."""

NAT64 = IPv6Network("64:ff9b::/96")

Place = tuple[socket.AddressFamily, tuple[Any, ...]]
"""A family of addresses, and one of its addresses as sockets take it."""

Lookup = Callable[[str, int], Sequence[Place]]


class NotAllowed(Exception):
    """The name leads where notices must not go. Says where."""


def look_up(host: str, port: int) -> Sequence[Place]:
    """Every address of this name by the system's resolver, which also knows `2130706433`, `0x7f.1` and their kin."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


def objection(address: IPv4Address | IPv6Address, *, allow_private: bool) -> str:
    """Why nothing is sent to this address, in a word; empty when it may be.

    Leave for private addresses is leave for those of a network and of this machine. It is none for link-local ones, where
    clouds keep their credentials, nor for those that are no single machine's.
    """
    if (inner := _inner(address)) is not None:
        return objection(inner, allow_private=allow_private)
    never = {
        "link-local": address.is_link_local,
        "multicast": address.is_multicast,
        "unspecified": address.is_unspecified,
    }
    if word := next((word for word, is_so in never.items() if is_so), ""):
        return word
    if address.is_loopback:
        return "" if allow_private else "loopback"
    may_be = address.is_global or allow_private
    return "" if may_be and not address.is_reserved else "private or reserved"


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that this one stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


class HttpMerchant:
    """Delivers to one address. Usable from many threads; each delivery has a connection of its own."""

    def __init__(
        self,
        url: str,
        *,
        secrets: Sequence[str],
        timeout: float,
        allow_private: bool,
        lookup: Lookup = look_up,
    ) -> None:
        """Does no I/O but reading the certificates to trust. The first secret is today's, others are on their way out."""
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._host_header = parts.netloc
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._tls = _trust() if parts.scheme == "https" else None
        self._hooks = [Webhook(secret) for secret in secrets]
        self._timeout = timeout
        self._allow_private = allow_private
        self._lookup = lookup

    def deliver(self, event_id: str, body: str) -> Reply:
        """Send this event, signed now. Never raises for trouble of the application."""
        began = time.monotonic()
        until = began + self._timeout
        status, retry_after, trouble = None, "", ""
        try:
            status, retry_after = self._exchange(self._headers(event_id, body), body.encode(), until=until)
            trouble = _complaint(status)
        except NotAllowed as exc:
            trouble = str(exc)
        except (OSError, http.client.HTTPException, UnicodeError, ValueError) as exc:
            late = time.monotonic() >= until
            trouble = f"no whole answer came within {self._timeout:g} s" if late else _why(exc)
        return Reply(
            took=time.monotonic() - began,
            http_status=status,
            trouble=trouble,
            retry_after=_seconds(retry_after) if status in PRESSED else 0.0,
        )

    def _headers(self, event_id: str, body: str) -> dict[str, str]:
        # Aware: the package takes whatever it gets for UTC.
        now = datetime.now(UTC)
        return {
            "Host": self._host_header,
            "User-Agent": USER_AGENT,
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(hook.sign(event_id, now, body) for hook in self._hooks),
        }

    def _exchange(self, headers: dict[str, str], body: bytes, *, until: float) -> tuple[int, str]:
        """The status of the answer, and its Retry-After."""
        with self._connected(until=until) as sock, _ended_at(sock, until):
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            connection = http.client.HTTPConnection(self._host, self._port)
            connection.auto_open = 0  # never a connection that we did not make
            connection.response_class = _ShortAnswer
            connection.sock = sock
            connection.request("POST", self._target, body, headers)
            with connection.getresponse() as answer:
                if time.monotonic() >= until:  # the head was cut off there, which the library takes for its end
                    raise TimeoutError("the answer took too long")
                with suppress(OSError, http.client.HTTPException):
                    answer.read(POLITE)
                return answer.status, answer.headers.get("Retry-After", "")

    @contextmanager
    def _connected(self, *, until: float) -> Iterator[socket.socket]:
        """A connection to the first address that answers; each gets an even part of the time that is left."""
        places = self._allowed(until=until)
        failure: OSError = OSError("the name has no address")
        for untried, (family, address) in zip(range(len(places), 0, -1), places, strict=True):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(_left(until) / untried)
                sock.connect(address)
            except OSError as exc:
                sock.close()
                failure = exc
                continue
            sock.settimeout(_left(until))
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self._host, do_handshake_on_connect=False)
            with sock:
                yield sock
            return
        raise failure

    def _allowed(self, *, until: float) -> Sequence[Place]:
        """Every address of the name. Raises `NotAllowed` when notices must not go to one of them: then to none."""
        places = _within(until, lambda: self._lookup(self._host, self._port))
        for _, (text, *_) in places:
            address = ip_address(str(text).partition("%")[0])
            if word := objection(address, allow_private=self._allow_private):
                raise NotAllowed(
                    f"NOTICE_URL leads to a {word} address ({address}), where notices must not go"
                    + ("" if self._allow_private else "; NOTICE_ALLOW_PRIVATE lets private and loopback ones through")
                )
        return places


class _AtMost(io.RawIOBase):
    """The first bytes of a socket."""

    def __init__(self, sock: socket.socket, size: int) -> None:
        self._raw = sock.makefile("rb", buffering=0)
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        if self._left <= 0:
            raise http.client.LineTooLong("answer")
        count = self._raw.readinto(memoryview(buffer)[: self._left])
        self._left -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _ShortAnswer(http.client.HTTPResponse):
    """An answer of which no more than `LARGEST_ANSWER` is read."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_AtMost(sock, LARGEST_ANSWER))


@contextmanager
def _ended_at(sock: socket.socket, until: float) -> Iterator[None]:
    """Shut this connection at that time, whoever is in the middle of a read: a timeout counts anew with each byte."""

    def end() -> None:
        with suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # the plain one: that of TLS forgets its state

    timer = threading.Timer(_left(until), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _within(until: float, look: Callable[[], Sequence[Place]]) -> Sequence[Place]:
    """What this finds, in a thread that is left alone when the time is over: nothing else stops the system's resolver."""
    found: queue.SimpleQueue[Sequence[Place] | Exception] = queue.SimpleQueue()

    def work() -> None:
        try:
            found.put(look())
        except (OSError, UnicodeError) as exc:
            found.put(exc)

    threading.Thread(target=work, daemon=True).start()
    try:
        result = found.get(timeout=_left(until))
    except queue.Empty:
        raise TimeoutError("the name lookup took too long") from None
    if isinstance(result, Exception):
        raise result
    return result


def _trust() -> ssl.SSLContext:
    """The system's certificates (SSL_CERT_FILE counts), and those that the gateway's client trusts."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


def _left(until: float) -> float:
    """Seconds until then; never 0, which means something else to a socket."""
    return max(until - time.monotonic(), 0.001)


def _complaint(status: int) -> str:
    """What is wrong with this answer, in a sentence; empty when the notice was taken."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return ""
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"it answered {status}; redirects are not followed, NOTICE_URL must be the address itself"
    try:
        return f"it answered {status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return f"it answered {status}"


def _seconds(retry_after: str) -> float:
    """A Retry-After in seconds, whichever of its two forms it has; 0 when it has neither."""
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _why(exc: BaseException) -> str:
    """What went wrong, by the kind of the error: its own words may hold the address, and with it a secret."""
    match exc:
        case socket.gaierror() | UnicodeError():
            sentence = "the name in NOTICE_URL cannot be looked up"
        case ssl.SSLCertVerificationError():
            sentence = f"its certificate is not trusted ({exc.verify_message})"
        case ssl.SSLError():
            sentence = f"no TLS connection ({exc.reason})"
        case http.client.RemoteDisconnected():
            sentence = "it closed the connection without an answer"
        case http.client.HTTPException():
            sentence = f"its answer is no HTTP ({type(exc).__name__})"
        case OSError(strerror=str(reason)):
            sentence = f"no answer ({reason})"
        case _:
            sentence = f"no answer ({type(exc).__name__})"
    return sentence
