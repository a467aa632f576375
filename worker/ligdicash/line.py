"""The line over which questions go: what `requests` would send, written on kept connections with little work for each.

`requests` prepares a question and chooses proxy, trust and connections, all once, since questions differ in their token alone.
Asked through its session, each would cost many times as much. See docs/decisions/0025-a-lean-client.md.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util.proxy import connection_requires_http_tunnel

from worker.ligdicash.reading import Incoming, Reply, read_reply


@dataclass(frozen=True, slots=True)
class _Prepared:
    """All of a question but its query, and the connections it goes over."""

    pool: HTTPConnectionPool
    is_tunnelled: bool
    target: str
    headers: str = field(repr=False)


class Line:
    """Asks one address again and again, from no more threads at once than the session has connections. Closes the session in the end."""

    def __init__(self, session: requests.Session, address: str) -> None:
        self._session = session
        self._address = address

    def ask(self, query: dict[str, str], *, connect_timeout: float, answer_timeout: float, limit: int) -> Reply:
        """Send one GET and read its whole answer, or `limit` bytes of the body and one more. Timeouts are seconds."""
        to = self._prepared
        head = f"GET {to.target}?{urlencode(query)} HTTP/1.1\r\n{to.headers}\r\n".encode("latin-1")
        connection: Any = to.pool._get_conn(timeout=connect_timeout)  # noqa: SLF001 - urlopen alone is public, and the cost
        reply = None
        try:
            if connection.is_closed:
                connection.timeout = connect_timeout
                _connect(to, connection)
            deadline = time.monotonic() + answer_timeout
            connection.sock.settimeout(answer_timeout)
            connection.sock.sendall(head)
            reply = read_reply(Incoming(connection.sock, deadline=deadline), limit=limit)
        finally:
            if reply is None or reply.is_last:
                connection.close()
            to.pool._put_conn(connection)  # noqa: SLF001 - see above
        return reply

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()  # forgets its pools, which closes those that nobody holds
        if "_prepared" in vars(self):
            self._prepared.pool.close()

    @functools.cached_property
    def _prepared(self) -> _Prepared:
        """What `requests` makes of it. Not in the constructor, for it reads files."""
        request = self._session.prepare_request(requests.Request("GET", self._address))
        address = str(request.url)
        found = self._session.merge_environment_settings(address, {}, None, None, None)
        adapter: Any = self._session.get_adapter(address)
        pool = adapter.get_connection_with_tls_context(request, found["verify"], proxies=found["proxies"])
        adapter.cert_verify(pool, address, found["verify"], None)
        is_tunnelled = connection_requires_http_tunnel(pool.proxy, pool.proxy_config, urlsplit(address).scheme)
        headers = {"Host": urlsplit(address).netloc.rpartition("@")[2], **request.headers}
        if not is_tunnelled:
            headers.update(pool.proxy_headers)
        return _Prepared(
            pool=pool,
            is_tunnelled=is_tunnelled,
            target=adapter.request_url(request, found["proxies"]),
            headers="".join(f"{name}: {value}\r\n" for name, value in headers.items()),
        )


def _connect(to: _Prepared, connection: Any) -> None:
    if to.is_tunnelled:
        to.pool._prepare_proxy(connection)  # noqa: SLF001 - connects through the proxy, TLS included
    if connection.is_closed:
        connection.connect()
