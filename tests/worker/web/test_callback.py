"""The callback route: stored as it came, acknowledged once stored, refused in one line."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from models.callback import Outcome
from tests.fakes import FakeQueue, Fakes
from tests.servers import PATIENCE
from tests.webdoor import NOWHERE, open_door, until

PATH = "/api/callback/ligdicash"
JSON = {"Content-Type": "application/json"}
LIMIT = 64 * 1024


@pytest.fixture
def door(shared_url):
    with open_door(shared_url) as door:
        yield door


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_both_kinds_are_stored_word_for_word_and_acknowledged(door, content_type):
    answer = door.call("POST", PATH, data=b"status=completed&amount=4200", headers={"Content-Type": content_type})
    assert (answer.status_code, answer.text) == (200, '{"ok": true}')
    assert answer.headers["content-type"] == "application/json"
    (stored,) = door.callbacks()
    assert stored.body == b"status=completed&amount=4200"
    assert stored.content_type == content_type
    assert stored.source == "127.0.0.1"
    assert stored.outcome == Outcome.RECEIVED
    assert stored.next_try_at > stored.received_at


def test_the_workers_are_rung_for_what_was_stored(door):
    door.call("POST", PATH, json={})
    until(lambda: door.fakes.queue.ids_to_read)
    assert door.fakes.queue.ids_to_read == [stored.id for stored in door.callbacks()]


@pytest.mark.parametrize("body", [b"", b"{", b"\x00\xff\xfe not text", b"null", b"a" * LIMIT])
def test_a_body_that_means_nothing_is_stored_all_the_same(door, body):
    answer = door.call("POST", PATH, data=body, headers=JSON)
    assert answer.status_code == 200
    assert [stored.body for stored in door.callbacks()] == [body]


@pytest.mark.parametrize(
    "content_type", ["Application/JSON; charset=utf-8", "application/x-www-form-urlencoded;charset=ISO-8859-1"]
)
def test_parameters_and_capitals_of_a_content_type_do_not_matter(door, content_type):
    assert door.call("POST", PATH, data=b"{}", headers={"Content-Type": content_type}).status_code == 200
    assert door.callbacks()[0].content_type == content_type


def test_no_content_type_at_all_is_taken(door):
    assert door.call("POST", PATH, data=b"{}").status_code == 200
    assert door.callbacks()[0].content_type == ""


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "application/xml", "json"])
def test_another_media_type_is_refused(door, content_type):
    answer = door.call("POST", PATH, data=b"{}", headers={"Content-Type": content_type})
    assert answer.status_code == 415
    assert answer.json() == {"error": "the Content-Type must be application/json or application/x-www-form-urlencoded"}
    assert door.callbacks() == []


def test_a_body_over_64_kb_is_refused(door):
    answer = door.call("POST", PATH, data=b"x" * (LIMIT + 1), headers=JSON)
    assert (answer.status_code, answer.json()) == (413, {"error": "the body must not be over 64 kB"})
    assert door.callbacks() == []


def test_a_body_in_chunks_has_the_same_limit(door):
    fits = [b"x" * 1024] * 64
    assert door.call("POST", PATH, data=iter(fits), headers=JSON).status_code == 200
    assert door.call("POST", PATH, data=iter([*fits, b"x"]), headers=JSON).status_code == 413
    assert [len(stored.body) for stored in door.callbacks()] == [LIMIT]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_post_is_taken(door, method):
    answer = door.call(method, PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    if method != "HEAD":
        assert answer.json() == {"error": f"{method} is not taken here, only POST"}


def test_a_slash_at_the_end_makes_no_difference(door):
    assert door.call("POST", f"{PATH}/", json={}, allow_redirects=False).status_code == 200
    assert len(door.callbacks()) == 1


def test_a_query_string_makes_no_difference(door):
    assert door.call("POST", f"{PATH}?transaction=1", json={}).status_code == 200


def test_no_credential_of_a_sender_is_kept(door):
    secrets = {
        "Authorization": "Bearer secret-one",
        "Cookie": "session=secret-two",
        "Apikey": "secret-three",
        "Referer": "https://example.com/?token=secret-four",
    }
    door.call("POST", PATH, json={}, headers=secrets | {"User-Agent": "gateway/1"})
    (stored,) = door.callbacks()
    assert stored.headers["user-agent"] == "gateway/1"
    assert stored.headers["authorization"] == "***"
    assert "secret" not in str(stored.headers)


def test_headers_are_kept_up_to_a_number_and_a_size(door):
    many = {f"X-Header-{i}": "v" * 1000 for i in range(50)}
    assert door.call("POST", PATH, json={}, headers=many).status_code == 200
    (stored,) = door.callbacks()
    assert len(stored.headers) == 40
    assert max(len(value) for value in stored.headers.values()) == 500


def raw(door) -> socket.socket:
    where = urlsplit(door.url)
    return socket.create_connection((where.hostname, where.port), timeout=PATIENCE)


def test_a_header_that_is_no_text_is_stored_as_far_as_it_is(door):
    with raw(door) as line:
        line.sendall(
            b"POST %b HTTP/1.1\r\nHost: x\r\nX-Odd: a\x85\xe9\xffb\r\nX-Odd: twice\r\nContent-Length: 2\r\n\r\n{}"
            % PATH.encode()
        )
        assert line.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert door.callbacks()[0].headers["x-odd"] == "a\ufffd\u00e9\u00ffb, twice"


def test_a_sender_that_leaves_in_the_middle_leaves_nothing(door):
    with raw(door) as line:
        line.sendall(b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{" % PATH.encode())
    assert door.call("POST", PATH, data=b"next").status_code == 200
    assert [stored.body for stored in door.callbacks()] == [b"next"]


def test_a_sender_that_is_too_slow_is_told_so_and_hung_up_on(door, monkeypatch):
    monkeypatch.setattr("worker.web.server.BODY_WITHIN", 0.2)
    with raw(door) as line:
        line.sendall(b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{" % PATH.encode())
        told = b""
        while piece := line.recv(1000):  # ends when the server hangs up
            told += piece
    assert told.startswith(b"HTTP/1.1 408 ")
    assert told.endswith(b'{"error": "the body did not come within 0.2 seconds"}')


def test_many_at_once_are_all_stored(door):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: door.call("POST", PATH, data=b"%d" % i, headers=JSON), range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(int(stored.body) for stored in door.callbacks()) == list(range(200))
    until(lambda: len(door.fakes.queue.ids_to_read) == 200)


def test_with_the_database_away_it_is_acknowledged_once_it_is_spooled(database_url, tmp_path):
    with open_door(database_url, writing_url=NOWHERE, spool_dir=tmp_path) as door:
        answer = door.call("POST", PATH, data=b"kept", headers={"User-Agent": "gateway/1", "Authorization": "secret"})
        assert (answer.status_code, answer.text) == (200, '{"ok": true}')
        [file] = tmp_path.glob("*.spool")
        assert file.read_bytes().endswith(b"kept")
        assert b"gateway/1" in file.read_bytes()
        assert b"secret" not in file.read_bytes()
        assert door.callbacks() == []


class FrozenQueue(FakeQueue):
    """A broker that does not answer until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def read_soon(self, callback_ids) -> bool:
        self.let_go.wait(PATIENCE)
        return super().read_soon(callback_ids)


def test_a_broker_that_hangs_delays_no_answer(database_url):
    queue = FrozenQueue()
    with open_door(database_url, fakes=Fakes(queue=queue)) as door:
        for _ in range(3):
            assert door.call("POST", PATH, json={}).status_code == 200
        assert queue.ids_to_read == []
        queue.let_go.set()
        until(lambda: len(queue.ids_to_read) == 3)
