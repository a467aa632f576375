"""`customers` at the command line: what is kept about one customer, and erasing it."""

from __future__ import annotations

from tasks.intake import intake
from tasks.record import record
from tests.fakes import notcompleted
from tests.ledger import LANE, add_pending, answered, claim, knock, run, value
from tests.tasks.test_erase import AWA, MOUSSA, pay

WRITTEN = "+226 70 00 00 00"
ERASE = ("customers", "erase", WRITTEN)
SIGNED = ("--reason", "letter of 2 November", "--by", "fanta", "--yes")


def test_what_is_kept_is_shown_then_erased_as_it_was_said_and_the_rest_of_the_commands_go_on(ops):
    sessions = ops.tools.sessions
    pay(sessions, AWA, MOUSSA)
    add_pending(sessions)
    run(sessions, "UPDATE transactions SET description = 'for ' || :who WHERE id = 3", who=WRITTEN)
    intake(ops.tools, knock(sessions, claim("ORD-2", customer=AWA)))
    before = run(sessions, "SELECT id, md5(CAST(callbacks AS text)) FROM callbacks")
    shown = ops.say("customers", "show", WRITTEN)
    assert "226******00" in shown
    assert "1 callback names them, and is about none of their payments" in shown
    found = ops.document("customers", "show", "00226-70000000")
    assert {one["what"]: one["rows"] for one in found["holdings"]}["invoices"] == 2
    assert [(one["transaction_id"], one["is_open"]) for one in found["transactions"]] == [
        ("ORD-1", False),
        ("ORD-3", True),
    ]

    planned = ops.say(*ERASE, "--dry-run")
    assert "to erase now: 2 callbacks, 1 proofs, 1 persons (settled)" in planned
    assert "waits until it is final and its cases have ended: ORD-3" in planned
    assert ops.document(*ERASE, "--dry-run")["dry_run"] is True
    assert run(sessions, "SELECT id, md5(CAST(callbacks AS text)) FROM callbacks") == before
    assert value(sessions, "SELECT count(*) FROM erasures") == 0

    done = ops.say(*ERASE, *SIGNED)
    assert "erased: 2 callbacks, 1 proofs, 1 persons (settled)\n" in done
    assert "erasure 1 waits for: ORD-3." in done
    assert [AWA in text or WRITTEN in text for text in (shown, planned, done, str(found))] == [False] * 4
    again = ops.document(*ERASE, *SIGNED)
    assert (again["erasure"], sum(again["erased"].values()), again["waiting"][0]["waiting"]) == (None, 0, ["ORD-3"])
    assert "fanta" in ops.say("customers", "erasures")

    assert "erased on 20" in ops.say("callbacks", "show", "1")
    assert "Paid: 5,000 XOF are in the books" in ops.say("why", "ORD-1")
    assert ops.say("fsck").startswith("clean; ")
    record(ops.tools, [answered(sessions, 3, notcompleted())], lane=LANE)
    assert ops.say("prune").startswith("erased: 1 persons (unsettled); ")
    assert ops.document("customers", "erasures")["items"][0]["ended_at"] is not None


def test_nobody_is_erased_by_mistake(ops):
    pay(ops.tools.sessions, AWA)
    assert "begin with its country code" in ops.fault("customers", "show", "70 00 00 00")
    assert "many bear one name" in ops.fault("customers", "erase", "Awa Ouédraogo", *SIGNED)
    assert ops.run(*ERASE, "--yes").exit_code == 2  # without a reason
    assert "names the customer" in ops.run(*ERASE, "--reason", f"letter of {WRITTEN}", "--yes").stderr
    unasked = ops.run(*ERASE, "--reason", "letter")
    assert (unasked.exit_code, "say --yes" in unasked.stderr) == (1, True)
    assert "nothing that can be erased names 226******01" in ops.say(
        "customers", "show", "-", stdin=b"+226 70 00 00 01\n"
    )
    assert value(ops.tools.sessions, "SELECT count(*) FROM erasures") == 0
