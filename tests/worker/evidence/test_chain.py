"""The chain of hashes: whatever is done to it is found, and where."""

from __future__ import annotations

import json

import pytest

from worker.evidence.chain import SEAL, Entry, Item, canonical, chained, faults_of, follow


def lines_of(*items: Item) -> list[str]:
    entries = chained(items)
    seal = follow(entries, Item(kind=SEAL, at="", facts={"entries": len(entries) + 1}))
    return [entry.line() for entry in (*entries, seal)]


LINES = lines_of(*[Item(kind="receipt", at=f"2026-01-0{n}", facts={"callback_id": n}) for n in range(1, 6)])


def flaws(lines: list[str]) -> list[tuple[int, str]]:
    return [(fault.n, fault.flaw.value) for fault in faults_of(lines)]


def with_facts(line: str, **facts: object) -> str:
    value = json.loads(line)
    return canonical({**value, "facts": value["facts"] | facts})


def made_anew(line: str, **facts: object) -> str:
    """The same entry with other facts, and a hash that fits them: what somebody does who knows how."""
    value = json.loads(line)
    entry = Entry(**{**value, "facts": value["facts"] | facts})
    [alone] = chained([Item(kind=entry.kind, at=entry.at, facts=entry.facts)])
    again = {**entry.hashed(), "hash": alone.hash}
    return canonical(again)


def test_a_chain_as_it_was_made_has_no_flaw():
    assert flaws(LINES) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([*LINES[:2], with_facts(LINES[2], callback_id=9), *LINES[3:]], [(3, "changed")]),
        ([*LINES[:2], *LINES[3:]], [(3, "missing")]),
        ([LINES[0], *LINES[3:]], [(2, "missing"), (3, "missing")]),
        ([LINES[0], LINES[2], LINES[1], *LINES[3:]], [(2, "missing"), (2, "misplaced"), (3, "missing")]),
        ([*LINES[:2], LINES[1], *LINES[2:]], [(2, "misplaced")]),
        (LINES[:-1], [(5, "unsealed")]),
        ([*LINES, LINES[0]], [(1, "misplaced"), (1, "unsealed"), (7, "unsealed")]),
        ([*LINES[:2], "{}", *LINES[3:]], [(3, "unreadable"), (3, "missing")]),
        ([], [(0, "unsealed")]),
    ],
)
def test_what_was_done_to_it_is_told_by_the_entry(lines, expected):
    assert flaws(lines) == expected


def test_an_entry_with_a_hash_of_its_own_making_does_not_hold_what_follows():
    other = lines_of(*[Item(kind="receipt", at="2026-01-01", facts={"callback_id": n}) for n in (1, 2, 33)])
    assert flaws([*LINES[:2], other[2], *LINES[3:]])[0][0] in {3, 4}


def test_what_is_given_as_the_exact_body_has_the_hash_beside_it():
    facts = {"body": "paid", "exact": True, "sha256": "0" * 64}
    assert flaws(lines_of(Item(kind="answer", at="", facts=facts))) == [(1, "words")]


def test_only_values_with_one_way_to_write_them_are_taken():
    assert canonical({"b": [1, None, True], "a": "é"}) == '{"a":"\\u00e9","b":[1,null,true]}'
    with pytest.raises(TypeError, match="fraction"):
        canonical({"a": 0.5})
