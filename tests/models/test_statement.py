"""What is planted between a statement and the books is found, each by its name, and nothing else is."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.statement import Direction, Entries, Entry, Line, Match, Terms, add_up, keys, reconcile
from models.transaction import Status

DAY = datetime(2026, 11, 26, tzinfo=UTC)
NOON = DAY + timedelta(hours=12)
TERMS = Terms(
    account="default",
    start=DAY,
    end=DAY + timedelta(days=1),
    covered_from=DAY,
    covered_until=DAY + timedelta(days=1),
    tolerance=timedelta(hours=2),
)


def entry(pk=1, **more):
    made = {
        "pk": pk,
        "transaction_id": f"ORD-{pk}",
        "gateway_id": f"P{pk}",
        "account": "default",
        "direction": Direction.IN,
        "status": Status.COMPLETED,
        "amount": 5000,
        "created_at": NOON - timedelta(minutes=5),
        "settled_at": NOON,
    }
    return Entry(**(made | more))


def line(number=1, **more):
    made = {"number": number, "amount": 5000, "gateway_id": f"P{number}", "reference": f"ORD-{number}", "at": NOON}
    return Line(**(made | more))


def held(lines, entries, terms=TERMS):
    known = Entries()
    known.add(entries)
    return reconcile(lines, known, terms)


def matches(lines, entries, terms=TERMS):
    return [finding.match for finding in held(lines, entries, terms)]


# -- planted and found -------------------------------------------------------------------------------------------------

PLANTS = {
    Match.AMOUNT: lambda one, its: ([replace(its, amount=its.amount + 1)], [one]),
    Match.STATUS: lambda one, its: ([its], [replace(one, status=Status.PENDING, settled_at=None)]),
    Match.DIRECTION: lambda one, its: ([replace(its, direction=Direction.OUT)], [one]),
    Match.ACCOUNT: lambda one, its: ([its], [replace(one, account="other")]),
    Match.TWICE: lambda one, its: ([its, replace(its, number=its.number + 100_000)], [one]),
    Match.ONLY_THERE: lambda _one, its: ([its], []),
    Match.ONLY_HERE: lambda one, _its: ([], [one]),
    Match.MATCHED: lambda one, its: ([its], [one]),
}


@given(
    planted=st.lists(st.sampled_from(list(PLANTS)), max_size=40),
    named_by=st.sampled_from(("both", "gateway", "ours", "in the other's column")),
    seed=st.integers(),
)
def test_every_planted_difference_is_found_and_nothing_else(planted, named_by, seed):
    lines, entries = [], []
    for number, match in enumerate(planted, start=1):
        one, its = entry(number), line(number)
        if named_by == "gateway":
            its = replace(its, reference="")
        elif named_by == "ours":
            its = replace(its, gateway_id="")
        elif named_by == "in the other's column":
            its = replace(its, gateway_id=its.reference, reference="")
        there, here = PLANTS[match](one, its)
        lines += there
        entries += here
    random.Random(seed).shuffle(lines)
    found = held(lines, entries)
    expected = sorted(planted) + [Match.MATCHED] * planted.count(Match.TWICE)
    assert sorted(finding.match for finding in found) == sorted(expected)
    sums = add_up(found)
    assert sum(one.lines for one in sums.values()) == len(lines)
    assert sum(one.there.total() for one in sums.values()) == sum(one.amount for one in lines)
    names = [name for name, _finding in keys(found, "default")]
    assert len(set(names)) == len(names) == sum(match.is_difference for match in expected)


# -- one by one --------------------------------------------------------------------------------------------------------


def test_the_gateways_id_goes_before_our_reference():
    found = held([line(gateway_id="P2", reference="ORD-1")], [entry(1), entry(2)])
    assert [(one.match, one.entry.pk) for one in found] == [(Match.MATCHED, 2), (Match.ONLY_HERE, 1)]


def test_of_several_lines_about_one_payment_the_one_that_fits_speaks_for_it():
    failed = line(1, gateway_id="P7", is_paid=False)
    wrong, right = line(2, gateway_id="P7", amount=1), line(3, gateway_id="P7")
    assert matches([failed, wrong, right], [entry(7)]) == [Match.UNPAID, Match.TWICE, Match.MATCHED]


def test_a_payment_that_failed_by_both_is_no_difference():
    assert matches([line(is_paid=False)], [entry(status=Status.NOTCOMPLETED, settled_at=None)]) == [Match.UNPAID]
    assert matches([line(is_paid=False)], []) == [Match.UNPAID]


def test_what_is_settled_here_and_failed_there_differs():
    assert matches([line(is_paid=False)], [entry()]) == [Match.STATUS]


def test_a_statement_that_names_no_direction_is_not_held_against_ours():
    assert matches([line(direction=None)], [entry(direction=Direction.OUT)]) == [Match.MATCHED]


def test_a_payment_settled_days_later_is_matched_by_its_id():
    assert matches([line()], [entry(settled_at=NOON + timedelta(days=3))]) == [Match.MATCHED]


# -- the edges of a period ---------------------------------------------------------------------------------------------

JUST_AFTER_MIDNIGHT = DAY + timedelta(minutes=5)


def test_what_was_settled_just_after_midnight_may_stand_on_the_statement_of_the_day_before():
    late = entry(created_at=DAY - timedelta(minutes=10), settled_at=JUST_AFTER_MIDNIGHT)
    assert matches([], [late]) == [Match.EDGE]


def test_what_was_made_days_before_it_was_settled_may_have_been_paid_on_any_of_them():
    assert matches([], [entry(created_at=NOON - timedelta(days=3))]) == [Match.EDGE]


def test_a_statement_that_goes_beyond_the_day_leaves_nothing_at_its_edge():
    terms = replace(TERMS, covered_from=DAY - timedelta(days=1), covered_until=TERMS.end + timedelta(days=1))
    late = entry(created_at=DAY - timedelta(minutes=10), settled_at=JUST_AFTER_MIDNIGHT)
    assert matches([], [late], terms) == [Match.ONLY_HERE]


def test_what_was_settled_on_another_day_is_not_missed():
    assert matches([], [entry(settled_at=DAY - timedelta(seconds=1))]) == []


def test_a_line_of_another_day_that_matches_nothing_is_of_that_days_run():
    yesterday = line(at=DAY - timedelta(hours=1))
    assert matches([yesterday], []) == [Match.OUTSIDE]
    assert matches([yesterday], [entry()]) == [Match.MATCHED]


# -- names of differences ----------------------------------------------------------------------------------------------


def test_a_difference_keeps_its_name_in_another_file_and_lines_that_are_alike_have_two():
    one, again = line(4), line(9, gateway_id="P4", reference="ORD-4")
    before = [name for name, _finding in keys(held([one, again, again], []), "default")]
    after = [name for name, _finding in keys(held([replace(again, number=2), one, again], []), "default")]
    assert set(before) == set(after)
    assert len(set(before)) == 3
    assert before != [name for name, _finding in keys(held([one, again, again], []), "other")]
