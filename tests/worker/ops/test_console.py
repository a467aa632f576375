"""`reconciler console password`: an entry for CONSOLE_USERS that the settings take and the gate knows again."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from tests.fakes import settings_for
from tests.webdoor import NOWHERE
from worker.passwords import is_heavy, is_weak, like, matches, work_of


def test_a_password_becomes_an_entry_that_lets_its_owner_in(ops_without_database):
    entry = ops_without_database.say("console", "password", "awa", stdin=b"four words make one\n").strip()
    people = settings_for(NOWHERE, console_users=entry).console_people
    assert matches(people["awa"], "four words make one")
    assert not matches(people["awa"], "four words make two")
    assert not matches("no hash at all", "four words make one")
    assert "four words" not in entry
    assert not is_weak(people["awa"])
    assert not is_heavy(people["awa"])
    nobody = like(people["awa"])
    assert (work_of(nobody), len(nobody)) == (work_of(people["awa"]), len(people["awa"]))
    assert not matches(nobody, "four words make one")


def test_a_name_nobody_has_is_held_against_a_hash_that_can_be_read_so_that_it_takes_as_long():
    """One that cannot is refused in no time at all, and tells which names there are."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    known = hasher.hash("four words make one")
    for _ in range(64):
        with pytest.raises(VerifyMismatchError):
            hasher.verify(like(known), "four words make one")


@pytest.mark.parametrize(
    ("name", "typed", "why"),
    [
        ("awa", b"short\n", "12 to 256 characters"),
        ("awa", b"", "12 to 256 characters"),
        ("awa", b"x" * 257, "12 to 256 characters"),
        ("awadialloawa", b"AwaDialloAwa\n", "the name is no password"),
        ("a:b", b"four words make one\n", "a name has letters"),
    ],
)
def test_what_would_let_anybody_in_is_refused(ops_without_database, name, typed, why):
    result = ops_without_database.run("console", "password", name, stdin=typed)
    assert result.exit_code == 2
    assert why in " ".join(result.stderr.replace("│", " ").split())
    assert "argon2" not in result.stdout
