"""A wire to a server that a test can cut and freeze: what a network, or a stopped server, does to its clients."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import make_url

CHUNK = 65_536


class Wire:
    """Forwards connections to one port. Its own port stays the same, whatever is done to it."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._is_cut = False
        self._word = b""
        self._flows = threading.Event()
        self._flows.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and each new one at once."""
        with self._lock:
            self._is_cut = True
            self._break_all()

    def cut_at(self, word: bytes) -> None:
        """Break each connection on which this word comes by, and keep the word back."""
        self._word = word

    def freeze(self) -> None:
        """Let nothing through any more, and say so to nobody."""
        self._flows.clear()

    def mend(self) -> None:
        """Let everything through again, also what came while it was frozen."""
        self._is_cut = False
        self._flows.set()

    def close(self) -> None:
        self.cut()
        self._flows.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._is_cut:
                    near.close()
                    continue
                far = socket.create_connection(self._to)
                self._pairs.append((near, far))
            threading.Thread(target=self._forward, args=(near, far), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as ready, near, far:
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            with suppress(OSError):
                while True:
                    for key, _ in ready.select():
                        self._flows.wait()
                        data = key.fileobj.recv(CHUNK)
                        if not data or (self._word and self._word in data):
                            return
                        key.data.sendall(data)

    def _break_all(self) -> None:
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()


@contextmanager
def wire_to(server_url: str) -> Iterator[tuple[Wire, str]]:
    """A wire to this server, and the server's address by it."""
    url = make_url(server_url)
    wire = Wire(url.port)
    try:
        yield wire, url.set(port=wire.port).render_as_string(hide_password=False)
    finally:
        wire.close()
