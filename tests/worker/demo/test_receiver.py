"""The demo's application counts what we signed, by id, and refuses everything else."""

from __future__ import annotations

import socket

import pytest
import requests

from tests.fakes import toolbox
from tests.ledger import add_settled
from tests.servers import PATIENCE
from worker.demo.receiver import Receiver, events_written
from worker.merchant import HttpMerchant


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


def test_what_we_signed_is_counted_by_id(receiver):
    known = receiver.settings
    merchant = HttpMerchant(
        known["NOTICE_URL"],
        secrets=[known["NOTICE_SECRET"]],
        timeout=PATIENCE,
        allow_private=known["NOTICE_ALLOW_PRIVATE"] == "true",
    )
    for _ in range(2):
        assert merchant.deliver("evt_1_ab", '{"id": "evt_1_ab"}').trouble == ""
    receiver.wait_for(["evt_1_ab"], within=PATIENCE)
    assert (receiver.received, receiver.refused) == ({"evt_1_ab": 2}, 0)


def test_what_somebody_else_signed_is_refused(receiver):
    with requests.Session() as http:
        http.trust_env = False
        assert http.post(receiver.settings["NOTICE_URL"], json={"id": "evt_1_ab"}, timeout=PATIENCE).status_code == 400
    assert (receiver.received, receiver.refused) == ({}, 1)


def test_a_notice_whose_sender_dies_in_the_middle_is_no_forgery(receiver):
    port = int(receiver.settings["NOTICE_URL"].rpartition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sender:
        sender.sendall(b"POST /notices HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        sender.shutdown(socket.SHUT_WR)
        assert sender.recv(100) == b"", "it is not answered"
    assert (receiver.received, receiver.refused) == ({}, 0)


def test_what_was_written_is_read_off_the_books_from_a_number_on(sessions):
    add_settled(sessions, 3, tools=toolbox(sessions))
    assert [seq for seq, _ in events_written(sessions, after=1)] == [2, 3]
