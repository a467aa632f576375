"""A server on a real local socket that answers each request with exactly the bytes, and the pauses, a script says."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Asked:
    """One request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[socket.socket, Asked], None]


@dataclass
class ScriptedGateway:
    """Plays `script` for every request; a script that returns leaves the connection open for the next one."""

    script: Script
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0

    def __enter__(self):
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._sockets: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *exc):
        self._over.set()
        # Closing alone does not wake a thread that waits in accept or recv.
        for sock in (self._door, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    @property
    def port(self) -> int:
        return self._door.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                sock, _ = self._door.accept()
            except OSError:
                return
            self._sockets.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock):
        with self._lock:
            self.connections += 1
            self.open_now += 1
            self.most_open = max(self.most_open, self.open_now)
        try:
            with contextlib.suppress(OSError), self._dressed(sock) as stream, stream.makefile("rb") as incoming:
                while not self._over.is_set() and (asked := read_request(incoming)):
                    self.asked.append(asked)
                    self.script(stream, asked)
        finally:
            with self._lock:
                self.open_now -= 1

    def _dressed(self, sock):
        if not self.tls:
            return sock
        dressed = self.tls.wrap_socket(sock, server_side=True)
        self._sockets.append(dressed)
        return dressed


def read_request(incoming) -> Asked | None:
    line = incoming.readline().decode("latin-1").strip()
    if not line:
        return None
    headers = {}
    while header := incoming.readline().decode("latin-1").strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Asked(line, headers, incoming.read(int(headers.get("content-length", 0))))


def message(body: bytes | dict, status: str = "200 OK", *headers: str) -> bytes:
    """A whole HTTP answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(raw)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


def says(answer: bytes) -> Script:
    return lambda sock, _: sock.sendall(answer)


def says_after(pause: float, answer: bytes) -> Script:
    def script(sock, _):
        time.sleep(pause)
        sock.sendall(answer)

    return script


def says_too_late(answer: bytes) -> Script:
    """Have the answer ready when nobody waits for it any more, however slow the machine is."""

    def script(sock, _):
        select.select([sock], [], [], 100)
        sock.sendall(answer)

    return script


def drips(answer: bytes, *, at_once: int = 0, pause: float = 0.05) -> Script:
    """Send the first bytes together, and then one at a time."""

    def script(sock, _):
        sock.sendall(answer[:at_once])
        for byte in answer[at_once:]:
            sock.sendall(bytes([byte]))
            time.sleep(pause)

    return script


def hangs_up_after(answer: bytes = b"") -> Script:
    def script(sock, _):
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_RDWR)

    return script


def resets(sock, _):
    """Close with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The request is read through a file object, so only closing the descriptor itself ends the connection now.
    socket.close(sock.detach())
