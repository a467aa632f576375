"""`prune` and `evidence` at the command line, on books of which some things are past their time."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.tasks.test_prune import YEAR, add_paid, age


def test_what_would_be_erased_is_shown_by_age_then_erased_and_said_ever_after(ops):
    ops.desk.tools = replace(ops.tools, retention=YEAR)
    add_paid(ops.tools.sessions, 3)
    age(ops.tools.sessions, 400)
    picture = ops.say("prune", "--dry-run")
    assert "callbacks            365 days         3" in picture
    assert "    < 2 y  ######################################## 3" in picture
    assert ops.document("callbacks", "show", "1")["body"] is not None  # nothing was changed
    assert ops.say("prune").startswith("erased: 3 callbacks; ")
    assert ops.document("prune")["erased"]["callbacks"] == 0
    counts = ops.document("prune", "--dry-run")["shelves"]["callbacks"]
    assert (counts["days"], [(one["fate"], one["rows"]) for one in counts["counts"]]) == (365, [("erased", 3)])

    assert "erased on 20" in ops.say("callbacks", "show", "1")
    assert ops.document("callbacks", "show", "1")["body"] is None
    assert "; body erased" in ops.say("invoices", "show", "ORD-1")
    assert "Paid: 5,000 XOF are in the books" in ops.say("why", "ORD-1")
    assert "error: callback 1 was erased on 20" in ops.fault("callbacks", "replay", "1")


def test_with_nothing_set_nothing_is_erased(ops):
    assert ops.say("prune").startswith("nothing is erased: all RETENTION_ settings are 0")


def test_evidence_is_written_once_for_its_owner_and_a_change_in_it_is_found(ops, tmp_path):
    add_paid(ops.tools.sessions)
    path = tmp_path / "e.zip"
    made = json.loads(ops.say("evidence", "ORD-1", "-o", str(path), "--json"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert "cannot be written: File exists" in ops.fault("evidence", "ORD-1", "-o", str(path))
    assert ops.say("evidence", "--verify", str(path), "--seal", made["seal"]).startswith(
        "whole: 7 entries about ORD-1\n"
    )
    other = ops.run("evidence", "--verify", str(path), "--seal", "f" * 64)
    assert (other.exit_code, other.stdout) == (1, "it has another seal: somebody made it anew\n")
    assert "there is no transaction 'nope'" in ops.fault("evidence", "nope")
    assert ops.run("evidence").exit_code == 2
