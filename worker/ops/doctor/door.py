"""The HTTP door, as the gateway has to find it for each account: a public address, https, a valid certificate, our route."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from config.settings import CALLBACK_PATH
from models.account import DEFAULT
from worker.language import N_
from worker.ops.doctor.errand import Away
from worker.ops.doctor.finding import Finding, Name, bad, ok, unknown, warn

WITHIN = 10.0
"""Seconds one look may take."""

PATIENCE = 4.0
"""Seconds for each wait: the connection, the answer."""

DAY = 86_400
EXPIRES_NOW, EXPIRES_SOON = 3, 14
"""Days of a certificate's life left from which it is a fault, and from which it is worth a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where callbacks of an account go: the addresses that name has from here, none when it has none."""

    url: str
    addresses: tuple[str, ...]
    account: str = DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """What came of asking for the callback route, which takes nothing but POST. `trouble` stands for no answer."""

    is_https: bool
    status: int | None = None
    trouble: str = ""
    certificate_trouble: str = ""
    days_left: float | None = None


def look_up(url: str, account: str = DEFAULT) -> Address:
    """Which addresses the host has at which this account's callbacks come in."""
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, _port(parts), type=socket.SOCK_STREAM)
    except OSError:
        return Address(url=url, addresses=(), account=account)
    return Address(url=url, addresses=tuple(sorted({str(entry[4][0]) for entry in found})), account=account)


def knock(url: str) -> Knock:
    """GET the callback route: the door answers 405, and stores nothing."""
    parts = urlsplit(url)
    is_https = parts.scheme == "https"
    connection = _connection(parts)
    try:
        connection.request("GET", parts.path or "/", headers={"User-Agent": "reconciler-doctor"})
        days = _days_left(connection.sock)  # before the answer is read: with its end the socket is gone
        return Knock(is_https=is_https, status=connection.getresponse().status, days_left=days)
    except ssl.SSLCertVerificationError as exc:
        return Knock(is_https=is_https, certificate_trouble=exc.verify_message)
    except (OSError, http.client.HTTPException) as exc:
        return Knock(is_https=is_https, trouble=getattr(exc, "strerror", None) or type(exc).__name__)
    finally:
        connection.close()


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, _port(parts), timeout=PATIENCE, context=context)
    return http.client.HTTPConnection(host, _port(parts), timeout=PATIENCE)


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _days_left(sock: object) -> float | None:
    if not isinstance(sock, ssl.SSLSocket):
        return None
    ends = str((sock.getpeercert() or {}).get("notAfter", ""))
    return (ssl.cert_time_to_seconds(ends) - time.time()) / DAY if ends else None


FIX_URL = N_("set CALLBACK_URL to https://<your public host>{path}")
FIX_OF_ACCOUNT = N_(
    "set CALLBACK_URL, or callback_url in the account's table, so that it is https://<your public host>{path}"
)


def judge_address(seen: Address | Away, *, is_production: bool) -> Finding:  # noqa: PLR0911 - one return per fault
    """Whether the gateway could come here at all."""
    if isinstance(seen, Away):
        return unknown(Name.CALLBACK_URL, N_("not looked at: {why}"), why=seen.why)
    parts = urlsplit(seen.url)
    is_own = seen.account == DEFAULT
    path, fix_url = (CALLBACK_PATH, FIX_URL) if is_own else (f"{CALLBACK_PATH}/{seen.account}", FIX_OF_ACCOUNT)
    values = {"url": seen.url, "path": path, "host": parts.hostname}
    if not parts.path.endswith((CALLBACK_PATH, path)):
        return bad(
            Name.CALLBACK_URL, N_("{url} does not end in {path}, where the door takes callbacks"), fix_url, **values
        )
    if not is_production:
        return ok(Name.CALLBACK_URL, N_("{url}, good enough for development"), **values)
    if parts.scheme != "https":
        return bad(Name.CALLBACK_URL, N_("{url} is not https: callbacks can be read on their way"), fix_url, **values)
    if not seen.addresses:
        fix = N_("have the name {host} point to the door")
        return bad(Name.CALLBACK_URL, N_("{host} has no address: the gateway cannot find it"), fix, **values)
    if private := _private(seen.addresses):
        found = N_("{host} is {address}, which the gateway cannot reach")
        return bad(Name.CALLBACK_URL, found, fix_url, address=private, **values)
    return ok(Name.CALLBACK_URL, N_("{url}, public and https"), **values)


def _private(addresses: Sequence[str]) -> str:
    return next((one for one in addresses if not ipaddress.ip_address(one.partition("%")[0]).is_global), "")


def judge_knock(seen: Knock | Away) -> Finding:
    """Whether our route is behind it."""
    if isinstance(seen, Away):
        seen = Knock(is_https=False, trouble=seen.why)
    fix = N_(
        "start the door and lead the proxy to it; where this machine cannot reach its own address, try from another"
    )
    if seen.certificate_trouble:
        return unknown(Name.DOOR, N_("not reached: its certificate is not valid"))
    if seen.status is None:
        return bad(Name.DOOR, N_("cannot be reached from here: {why}"), fix, why=seen.trouble)
    if seen.status != HTTPStatus.METHOD_NOT_ALLOWED:
        found = N_("a GET is answered with {status}, and our door would say 405: something else is there")
        return bad(Name.DOOR, found, fix, status=seen.status)
    return ok(Name.DOOR, N_("the callback route answers, and takes nothing but POST"))


def judge_certificate(seen: Knock | Away) -> Finding:
    """Whether the gateway will trust it, and for how long."""
    fix = N_("renew the certificate, with its whole chain")
    if isinstance(seen, Away) or (seen.is_https and seen.status is None and not seen.certificate_trouble):
        return unknown(Name.CERTIFICATE, N_("not looked at: the door could not be reached"))
    if not seen.is_https:
        return ok(Name.CERTIFICATE, N_("none: the address of callbacks is not https"))
    if seen.certificate_trouble:
        return bad(Name.CERTIFICATE, N_("not valid: {why}"), fix, why=seen.certificate_trouble)
    days = seen.days_left
    if days is None:
        return unknown(Name.CERTIFICATE, N_("does not say when it ends"))
    if days < EXPIRES_SOON:
        say = bad if days < EXPIRES_NOW else warn
        return say(Name.CERTIFICATE, N_("ends in {days:.0f} days"), fix, days=days)
    return ok(Name.CERTIFICATE, N_("valid for {days:.0f} days"), days=days)
