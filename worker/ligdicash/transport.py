"""The HTTP session under the client: pooled connections, a deadline for whole answers, and troubles told without secrets.

The read timeout is the time for everything from the status line to the last byte, see `reading`. The connect timeout likewise
covers all addresses of the host together. Only the name lookup is the system's own affair.
"""

from __future__ import annotations

import functools
import http.client
import logging
import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from worker.ligdicash.reading import AnswerUntil

FAILURES = (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, UnicodeError)
"""All that an exchange may raise; `requests` own errors are `OSError`."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer, in a sentence without address or token. `sent`: whether the request may have got through."""

    sentence: str
    sent: bool


class NotConnected(urllib3.exceptions.NewConnectionError):
    """No connection could be made, TLS and proxy tunnel included, so not one byte of the request was sent."""


class _Connection(HTTPConnection):
    """urllib3's connection with both deadlines, and with one error for all that happens before anything is sent."""

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers.

        All addresses share the connect timeout, each getting an even part of what is left, so that a dead IPv6 route
        neither eats the time of the IPv4 address behind it nor makes the whole take longer than promised.
        """
        deadline = time.monotonic() + (self.timeout or 0)
        failure = OSError("the name has no address")
        places = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        for untried, (family, kind, protocol, _, address) in zip(range(len(places), 0, -1), places, strict=True):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(_left(deadline) / untried)
                sock.connect(address)
                sock.settimeout(_left(deadline))  # for each step of TLS
            except OSError as exc:
                sock.close()
                failure = exc
            else:
                return sock
        raise failure

    def connect(self) -> None:
        try:
            super().connect()
        except FAILURES as exc:
            raise NotConnected(self, _why_not_connected(exc)) from exc

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # urllib3 says the same
        until = time.monotonic() + (self.timeout or 0)
        self.response_class = functools.partial(AnswerUntil, deadline=until)  # type: ignore[assignment]
        return super().getresponse()


def _left(deadline: float) -> float:
    """Seconds until then. Never 0, which would mean "do not wait at all" to a socket and fail in another way."""
    return max(deadline - time.monotonic(), 0.001)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS: `super()` in `_Connection` finds urllib3's TLS connection here."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class _Adapter(HTTPAdapter):
    """Makes `requests` use our connections, directly or through an HTTP proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager


class _Session(requests.Session):
    """Follows no redirect, and does not even read where one points to: `requests` would read the whole body for that."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        del resp


class _Credentials(requests.auth.AuthBase):
    """The two keys, both needed (vendor page "concepts/authentication"). As `auth` they also keep a .netrc out."""

    def __init__(self, api_key: str, api_token: str) -> None:
        self._api_key = api_key
        self._api_token = api_token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Apikey"] = self._api_key
        request.headers["Authorization"] = f"Bearer {self._api_token}"
        return request


def open_session(*, api_key: str, api_token: str, pool_size: int, use_environment_proxy: bool) -> requests.Session:
    """Make a session that many threads may use at once: no cookies, no retries, no redirects. Does no I/O."""
    logging.getLogger("urllib3.connection").addFilter(_hide_secrets)
    logging.getLogger("urllib3.connectionpool").addFilter(_hide_secrets)
    logging.getLogger("urllib3.util.retry").addFilter(_hide_secrets)
    session = _Session()
    session.trust_env = use_environment_proxy
    session.auth = _Credentials(api_key, api_token)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Answers have 1 kB: nothing is gained by compressing them.
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
    adapter = _Adapter(pool_connections=2, pool_maxsize=pool_size, pool_block=True, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


_SECRETS_IN_ADDRESS = (
    (re.compile(r"((?:invoice|withdrawal)Token=)[^\s&\"')]+"), r"\1[token]"),
    (re.compile(r"(/debitotp/)\d+"), r"\1[number]"),
)


def _hide_secrets(record: logging.LogRecord) -> bool:
    """Take tokens and phone numbers out of urllib3's own log lines: it writes addresses, some of them as warnings."""
    message = record.getMessage()
    for shape, shown in _SECRETS_IN_ADDRESS:
        message = shape.sub(shown, message)
    record.msg = message
    record.args = None
    return True


def trouble_of(exc: BaseException) -> Trouble:
    """Say what went wrong, by the kinds of the errors and never by their texts, which hold addresses and tokens."""
    links = list(_chain(exc))
    for link in links:
        if isinstance(link, NotConnected):
            return Trouble(_why_not_connected(link.__cause__), sent=False)
        if isinstance(link, _NEVER_STARTED):
            return Trouble(f"the request could not even be written ({type(link).__name__})", sent=False)
    if any(isinstance(link, TimeoutError | urllib3.exceptions.ReadTimeoutError) for link in links):
        return Trouble("no whole answer came in the time allowed", sent=True)
    if any(isinstance(link, urllib3.exceptions.DecodeError) for link in links):
        return Trouble("the answer's compression is broken", sent=True)
    return Trouble("the connection broke before the whole answer had come", sent=True)


_NEVER_STARTED = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
)


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _why_not_connected(exc: BaseException | None) -> str:
    match exc:
        case socket.gaierror() | UnicodeError():
            return "the gateway's name cannot be looked up"
        case TimeoutError():
            return "no connection to the gateway came about in the time allowed"
        case ssl.SSLCertVerificationError():
            return f"the gateway's certificate is not trusted ({exc.verify_message})"
        case ssl.SSLError():
            return f"no TLS connection to the gateway ({exc.reason})"
        case OSError(strerror=str(reason)):
            return f"no connection to the gateway ({reason})"
        case _:
            return "no connection to the gateway"
