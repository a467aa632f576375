"""The screen of `status`: every part, in 80 columns and less, without colour, in each language, whatever stands in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.text import Text

from models.case import CaseKind
from models.check import Lane
from models.queries.learned import Learned, Tally, Wait
from models.queries.status import BooksStatus, NoticesStatus, PayoutsStatus, RunningReplay
from models.queries.stops import StopLine
from models.stop import Switch
from tasks.toolbox import BreakerState, BreakerView, LaneLevel
from worker.language import speaking
from worker.ops.screen import bar, cut, few, fitting, labelled, percent
from worker.ops.situation import Situation
from worker.ops.status_hours import picture, shares
from worker.ops.status_view import screen
from worker.web.health import SpoolFinding

NOW = datetime(2026, 11, 25, 14, 20, tzinfo=UTC)
LONG = "a reason that goes on and on, as reasons do when somebody is in a hurry " * 3
PARTS = {
    "en": "CALLBACKS SWITCHED servers cases invoices callbacks queues breaker budget notices replays spool settling UTC",
    "fr": "CALLBACKS ARRÊTÉ serveurs dossiers factures callbacks files disjoncteur budget notices reprises spool délais UTC",
}


def hour(back):
    return NOW.replace(minute=0) - timedelta(hours=back)


def tally(operator="ORANGE BURKINA", lane=Lane.CALLBACK, count=100, *, back=1, is_recent=False):
    return Tally(hour=hour(back), operator=operator, learned_by=lane, is_recent=is_recent, count=count)


def learned(*tallies, missed=0):
    waits = [
        Wait(hour=at, announced=announced, count=90_000, p50=1.5, p95=400.0, p99=90_000.0)
        for at in (None, hour(1))
        for announced in (True, False)
    ]
    return Learned(
        now=NOW, since=hour(5), tallies=tallies, waits=waits, heard_at=NOW - timedelta(hours=1), unread=0, missed=missed
    )


FULL = Situation(
    database="",
    redis="",
    stops=[
        StopLine(switch=switch, author="awa", reason=LONG, off_at=NOW, until=NOW + timedelta(hours=1))
        for switch in Switch
    ],
    books=BooksStatus(
        now=NOW,
        open_by_age=(123_456, 98_765, 54_321, 12_345, 1_234, 99),
        parked=12_345,
        overdue=98_765,
        most_overdue_at=NOW - timedelta(days=3),
        unread=1_234_567,
        oldest_unread_at=NOW - timedelta(hours=3),
        open_cases=dict.fromkeys(CaseKind, 12_345),
        payouts=PayoutsStatus(
            open=12_345, amount=10**10, parked=1234, overdue=123, queued=12_345, awaiting=1234, unknown=123
        ),
    ),
    notices=NoticesStatus(waiting=10_000, oldest_at=NOW - timedelta(days=9), stopped=1_234, now=NOW),
    replays=[RunningReplay(plan=n, done=1_234, items=50_000, run_by="awa", reason=LONG) for n in range(1, 4)],
    learned=learned(
        *[
            tally(f"OPERATOR {n} WITH A LONG NAME", Lane.CALLBACK, 90_000 - n, back=back)
            for n in range(6)
            for back in range(6)
        ],
        tally("中文運營商中文運營商中文運營商", Lane.PERSON, 95_000),
        missed=10,
    ),
    queues={"callbacks": 123_456, "fresh": 98_765, "recheck": 54_321, "control": 12_345},
    rate=100_000,
    pushes=True,
    accounts=[],
    lanes=[LaneLevel(lane=lane, room=200_000, granted=6_000_000) for lane in Lane],
    breaker=BreakerView(
        state=BreakerState.OPEN, since=NOW, until=NOW + timedelta(minutes=5), reason=LONG, held_back=1_234_567
    ),
    spool=SpoolFinding(ok=False, detail="full", waiting=123_456, bytes=9, limit=9, oldest=90_000.0, apart=3),
    spool_dir="/var/lib/reconciler/spool",
    unknown={},
)


def lines(situation, *, width=80, hours=6):
    return [line.plain for line in screen(situation, width=width, hours=hours)]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_longer_than_the_terminal_is_wide_and_every_part_is_there(language, width):
    with speaking(language):
        shown = screen(FULL, width=width, hours=6)
    assert max(line.cell_len for line in shown) <= width
    text = "\n".join(line.plain for line in shown)
    missing = [part for part in PARTS[language].split() if part not in text and part != "notices"]
    assert missing == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_ordinary_screen_fits_into_24_lines_with_a_line_on_top_but_for_the_hours_at_its_end(language):
    quiet = replace(
        FULL,
        stops=[],
        replays=[],
        spool=None,
        breaker=BreakerView(state=BreakerState.CLOSED),
        queues=dict.fromkeys(("callbacks", "fresh", "recheck", "control"), 12),
        lanes=[LaneLevel(lane=lane, room=110, granted=20 if lane is Lane.SWEEP else 0) for lane in Lane],
        rate=50,
        learned=learned(tally(), tally("MOOV", Lane.SWEEP, 40)),
    )
    books = replace(
        quiet.books,
        open_cases={CaseKind.MISMATCH: 3},
        open_by_age=(400, 30, 5, 0, 0, 0),
        overdue=3,
        parked=12,
        unread=7,
        payouts=PayoutsStatus(),
    )
    quiet = replace(quiet, books=books)
    with speaking(language):
        shown = lines(quiet)
    assert shown.index(next(line for line in shown if line.startswith("09:00"))) <= 22


def test_what_needs_a_person_comes_first():
    shown = lines(FULL)
    assert shown[0].startswith("CALLBACKS SILENT")
    assert any(line.startswith("SWITCHED OFF: settle") for line in shown[:5])


def test_nothing_depends_on_colour():
    """Without its styles the text is the same, and what is bad says so in words."""
    assert all(isinstance(line, Text) for line in screen(FULL, width=80, hours=6))
    text = " ".join(" ".join(lines(FULL)).split())
    assert "open since 2026-11-25 14:20:00 UTC" in text
    assert "3 files kept apart; full; on this machine" in text


def test_the_picture_shows_a_bar_for_each_hour_and_operator():
    data = learned(
        tally("ORANGE", Lane.CALLBACK, 90, back=1),
        tally("ORANGE", Lane.SWEEP, 10, back=1),
        tally("MOOV", Lane.SWEEP, 40, back=1),
        tally("MOOV", Lane.PERSON, 10, back=0),
    )
    assert [line.plain for line in picture(data, width=80, hours=3)] == [
        "# announced by a callback, = found by the sweep, + else; share of #, payments",
        "UTC   together                ORANGE                  MOOV",
        "14:00 ++++++++++++   0% 10    .                       ++++++++++++   0% 10",
        "13:00 ########====  64% 140   ###########=  90% 100   ============   0% 40",
        "12:00 .                       .                       .",
    ]


def test_operators_without_room_share_a_column():
    data = learned(*[tally(f"OP{n}", count=100 - n) for n in range(5)])
    heads = picture(data, width=80, hours=2)[1].plain.split()
    assert heads == ["UTC", "together", "OP0", "OP1", "3", "others"]


def test_a_machine_gets_the_numbers_of_the_hours_it_asked_for():
    data = learned(tally("ORANGE", count=7, back=3), tally("ORANGE", count=5), tally("ORANGE", Lane.SWEEP, 2))
    [share] = shares(data, hours=2)
    assert share == {
        "hour": hour(1),
        "operator": "ORANGE",
        "callback": 5,
        "person": 0,
        "sweep": 2,
        "replay": 0,
        "audit": 0,
    }


def test_what_is_older_than_the_rest_says_so():
    late = replace(FULL, books=replace(FULL.books, now=NOW + timedelta(seconds=30)))
    assert "what follows was read at 14:20:00 UTC" in lines(late)
    assert "what follows was read at 14:20:00 UTC" not in lines(FULL)


@pytest.mark.parametrize("cells", [1, 2, 6, 20])
@pytest.mark.parametrize("parts", [(1, 1, 1), (1000, 1, 0), (1, 1000, 1), (0, 0, 5), (3, 0, 1000)])
def test_a_bar_is_as_long_as_it_should_be_and_leaves_nothing_out_that_it_has_room_for(parts, cells):
    drawn = bar(parts, "#=+", cells=cells)
    assert len(drawn) == cells
    if cells >= 3:
        assert set(drawn) == {mark for mark, part in zip("#=+", parts, strict=True) if part}


def test_a_bar_of_nothing_is_empty():
    assert bar((0, 0), "#=", cells=8) == ""


@pytest.mark.parametrize(
    ("part", "total", "told"),
    [(0, 10, "0%"), (10, 10, "100%"), (999, 1000, "99%"), (1, 1000, "1%"), (1, 2, "50%")],
)
def test_only_all_is_100_percent_and_only_none_is_0(part, total, told):
    assert percent(part, total) == told


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0"), (9999, "9,999"), (10_000, "10k"), (999_999, "999k"), (1_500_000, "1M")]
)
def test_counts_stay_short(count, told):
    assert few(count) == told
    assert few(2_075, plenty=1000) == "2.1k"


def test_text_is_cut_by_the_cells_it_takes():
    assert fitting("ORANGE BURKINA", 8) == "ORANGE.."
    assert fitting("MOOV", 6) == "MOOV  "
    assert Text(fitting("中文運營商", 7)).cell_len == 7


def test_a_label_stands_once_and_what_follows_is_broken_behind_it():
    assert [line.plain for line in labelled("cases", "aaa bbb ccc", margin=7, width=14)] == [
        "cases  aaa bbb",
        "       ccc",
    ]


def test_what_does_not_fit_is_cut_with_a_note():
    ten = [Text(str(n)) for n in range(10)]
    assert [line.plain for line in cut(ten, height=4, note="{count} more")] == ["0", "1", "2", "7 more"]
    assert cut(ten, height=10, note="{count} more") == ten
