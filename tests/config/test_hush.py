"""When callbacks count as fallen silent: a table of what came and what had been usual."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config import hush
from config.hush import Announced, is_cut_off, is_hushed, usual_share

NOTHING = Announced()
USUALLY = Announced(completed=200, announced=180)
HALF = Announced(completed=200, announced=100)
SELDOM = Announced(completed=200, announced=4)
FEW = Announced(completed=9, announced=9)


@pytest.mark.parametrize(
    ("completed", "announced", "before", "unread", "hushed"),
    [
        (0, 0, USUALLY, 0, False),
        (9, 0, USUALLY, 0, False),
        (10, 0, USUALLY, 0, True),
        (10, 2, USUALLY, 0, True),
        (10, 3, USUALLY, 0, False),
        (1000, 225, USUALLY, 0, True),
        (1000, 226, USUALLY, 0, False),
        (10, 1, HALF, 0, True),
        (10, 2, HALF, 0, False),
        (10, 0, NOTHING, 0, True),
        (10, 1, NOTHING, 0, False),
        (10, 0, FEW, 0, True),
        (10, 1, FEW, 0, False),
        (1000, 20, SELDOM, 0, True),
        (1000, 75, SELDOM, 0, True),
        (1000, 76, SELDOM, 0, False),
        (10, 0, USUALLY, 2, True),
        (10, 0, USUALLY, 3, False),
    ],
)
def test_payments_go_on_and_the_callbacks_about_them_have_collapsed(completed, announced, before, unread, hushed):
    assert is_hushed(Announced(completed=completed, announced=announced), before, unread=unread) is hushed


@pytest.mark.parametrize(
    ("missed", "minutes", "cut_off"),
    [(9, 60, False), (10, 60, True), (10, 4.9, False), (10, 5, True), (10, None, True), (0, None, False)],
)
def test_none_came_at_all_while_payments_went_on(missed, minutes, cut_off):
    silent_for = None if minutes is None else timedelta(minutes=minutes)
    assert is_cut_off(missed, silent_for=silent_for) is cut_off


def test_a_hush_does_not_become_what_is_usual():
    assert usual_share(SELDOM) == usual_share(NOTHING) == hush.USUAL
    assert usual_share(USUALLY) == 0.9


def test_there_is_something_before_the_window_and_a_sharp_end_is_seen_within_it():
    assert hush.AFTER < hush.WINDOW < hush.BEFORE < hush.REACH


def test_nothing_completed_has_no_share():
    assert NOTHING.share is None
