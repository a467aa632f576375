"""Callbacks at the command line: listed, shown readable and harmless, and replayed without moving money twice."""

from __future__ import annotations

import json

import pytest

from models.check import Lane
from tasks.confirm import confirm
from tasks.intake import intake
from tests.fakes import completed, pending
from tests.ledger import add_pending, cases, claim, count, knock, rewrite, run, value


def read(ops, *bodies):
    ids = knock(ops.tools.sessions, *bodies)
    intake(ops.tools, ids)
    return ids


def test_a_list_shows_outcome_transaction_and_why(ops):
    add_pending(ops.tools.sessions)
    read(ops, claim("ORD-1"), claim("nobody"))
    newest, oldest = ops.say("callbacks", "list").splitlines()[2:]
    assert newest.split()[:4:3] == ["2", "unmatched"]
    assert "no transaction is known as nobody yet" in newest
    assert oldest.split()[3:] == ["matched", "ORD-1", "claims", "completed"]


def test_a_crowded_list_fits_80_columns_and_cuts_nothing(ops):
    ops.say("invoices", "create", "--amount", "700", "--transaction-id", "Z" * 255)
    read(ops, claim("Z" * 255))
    run(ops.tools.sessions, "UPDATE callbacks SET note = repeat('Y', 300)")
    listed = ops.say("callbacks", "list")
    assert max(len(line) for line in listed.splitlines()) <= 80
    assert (listed.count("Z"), listed.count("Y")) == (255, 300)


def test_a_list_can_be_cut_by_outcome_and_page(ops):
    read(ops, b"gibberish", claim("nobody"), b"more gibberish")
    page = ops.document("callbacks", "list", "--outcome", "unreadable", "--limit", "1")
    assert ([line["id"] for line in page["items"]], page["next"]) == ([3], 3)
    page = ops.document("callbacks", "list", "--outcome", "unreadable", "--after", "3")
    assert ([line["id"] for line in page["items"]], page["next"]) == ([1], None)
    assert ops.say("callbacks", "list", "--after", "1") == "no callbacks after 1\n"


def test_a_list_holds_no_body(ops):
    read(ops, claim("nobody", phone="22670000000"))
    assert "22670000000" not in json.dumps(ops.document("callbacks", "list"))


def test_a_callback_is_shown_as_it_came(ops):
    [one] = read(ops, b'{"status": "completed", "operator_name": "ORANGE"}')
    shown = ops.say("callbacks", "show", str(one))
    for words in ("203.0.113.7", "orphan", "names no transaction at all", '"operator_name": "ORANGE"', "case 1"):
        assert words in shown


def test_a_machine_gets_the_body_and_its_digest(ops):
    [one] = read(ops, b"caf\xe9")
    document = ops.document("callbacks", "show", str(one))
    assert (document["body"], document["outcome"], document["size"]) == ("caf\\xe9", "unreadable", 4)
    assert [case["kind"] for case in document["cases"]] == ["unreadable"]
    assert len(document["sha256"]) == 64


def test_a_repeat_points_to_the_first(ops):
    add_pending(ops.tools.sessions)
    first, second = read(ops, claim("ORD-1"), claim("ORD-1"))
    assert f"the same body as callback {first}" in ops.say("callbacks", "show", str(second))


def test_a_token_in_a_callback_is_masked_for_everybody(ops):
    ids = read(ops, b'{"token": "hush-hush", "status": "pending"}', b"token=hush-hush&status=pending")
    for one in ids:
        assert "hush-hush" not in ops.say("callbacks", "show", str(one))
        assert "hush-hush" not in json.dumps(ops.document("callbacks", "show", str(one)))


def test_what_a_forger_wrote_cannot_steer_the_terminal(ops):
    evil = "\x1b[2J[red]boo[/red]\u202e"
    ids = read(ops, claim(evil), f"status=pending&x={evil}".encode(), evil.encode())
    rewrite(
        ops.tools.sessions,
        "UPDATE callbacks SET note = :evil, headers = jsonb_build_object('x-evil', CAST(:evil AS text))",
        evil=evil,
    )
    for text in (ops.say("callbacks", "list"), *(ops.say("callbacks", "show", str(one)) for one in ids)):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[red]" in text


def test_an_unknown_callback_is_one_line(ops):
    assert ops.fault("callbacks", "show", "7") == "error: there is no callback 7"


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**63)])
def test_a_number_that_no_callback_can_have_is_a_matter_of_usage(ops, number):
    assert ops.run("callbacks", "show", "--", number).exit_code == 2
    assert ops.run("callbacks", "replay", "--", number).exit_code == 2


def test_replay_opens_them_again_and_rings(ops):
    ids = read(ops, b"gibberish", b"more")
    assert ops.say("callbacks", "replay", "2", "1", "2") == "opened 2 callbacks again: a worker reads them\n"
    assert ops.fakes.queue.ids_to_read == ids


def test_replay_leaves_it_to_the_sweep_when_the_broker_is_away(ops):
    read(ops, b"gibberish")
    ops.fakes.queue.is_away = True
    said = ops.say("callbacks", "replay", "1")
    assert said == "opened 1 callback again: the broker is away, so the next sweep reads it\n"
    assert ops.document("callbacks", "replay", "1") == {"replayed": [1], "rung": False}
    assert ops.document("sweep")["callbacks"] == 1


def test_replay_of_an_unknown_id_names_it_and_replays_none(ops):
    read(ops, b"gibberish")
    assert ops.fault("callbacks", "replay", "1", "8", "9") == "error: there is no callback 8, 9; none was replayed"
    assert ops.fakes.queue.read == []
    assert cases(ops.tools.sessions) == ["unreadable"]


def test_replay_of_a_matched_callback_asks_again(ops):
    [pk] = add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", pending())
    [one] = read(ops, claim("ORD-1"))
    before = len(ops.fakes.queue.ids_to_ask)
    ops.say("callbacks", "replay", str(one))
    intake(ops.tools, [one])
    assert ops.fakes.queue.ids_to_ask[before:] == [pk]


def test_replaying_a_settled_payment_over_and_over_settles_it_once(ops):
    [pk] = add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    [one] = read(ops, claim("ORD-1"))
    for _ in range(3):
        confirm(ops.tools, [pk], lane=Lane.REPLAY)
        run(ops.tools.sessions, "UPDATE transactions SET last_asked_at = last_asked_at - interval '1 minute'")
        ops.say("callbacks", "replay", str(one))
        intake(ops.tools, [one])
    assert (count(ops.tools.sessions, "settlements"), count(ops.tools.sessions, "notices")) == (1, 1)
    assert value(ops.tools.sessions, "SELECT count(*) FROM checks WHERE said = 'completed'") == 3


def test_a_database_that_is_away_is_one_line(ops_without_database):
    for argv in (("list",), ("show", "1"), ("replay", "1")):
        assert ops_without_database.fault("callbacks", *argv).startswith("error: the database cannot be reached")
