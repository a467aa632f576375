"""The report of a run: a table for a narrow terminal, a page, a document, and pictures that stand alone."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from bench.figures import Chapter, Figure, Series
from bench.pictures import COLOURS, pictures_of
from bench.report import Report, against, as_json, as_markdown, expected_seconds, ours, print_table, write_report
from bench.runner import Ran


def series(name, *samples, unit="callbacks/s"):
    return Series(name=name, unit=unit, samples=samples)


PLAIN, OURS, BARE = series("plain", 1400, 1300, 1500), series("ours", 6400, 6300, 6500), series("bare", 19_000, 20_000)
LATE = series("ours, p99", 9.5, unit="ms")

DOOR = Chapter(
    name="door",
    title="The door",
    how="One process each.",
    figures=[
        Figure(
            what="callbacks/s against plain",
            unit="",
            per_round=[4.5, 4.8, 4.4],
            must=4,
            at_least=True,
            series=[PLAIN, OURS, BARE],
            note="Of which most is the commit.",
        ),
        Figure(what="p99 | worst", unit="ms", per_round=[9.5], must=8, at_least=False, series=[LATE]),
    ],
    series=[series("load", 3.0, unit="")],
    notes=["12 % a_function\n 8 % another"],
    lines=[("ours", [(1, 100), (16, 1600)]), ("the floor", [(1, 110), (16, 1760)])],
    axes=("connections", "callbacks/s"),
)

REPORT = Report(
    machine={"cores": "2", "CPU": "A | B"},
    moment={"date": "2026-11-27 12:00 UTC", "commit": "c0ffee"},
    ran=[Ran(name="door", seconds=61.4, chapter=DOOR), Ran(name="idle", seconds=2, trouble="beat ended at once")],
    rounds=3,
    seconds=725,
)


def printed(report, width=80):
    out = io.StringIO()
    print_table(report, Console(file=out, width=width))
    return out.getvalue()


def test_the_table_says_for_each_figure_what_was_reached_and_what_had_to_be():
    told = " ".join(printed(REPORT, width=160).split())
    assert (
        "callbacks/s against plain 6,400 callbacks/s plain 1,400, bare 19,500 callbacks/s 4.50 ≥ 4.00 4.40 to 4.80 reached"
        in told
    )
    assert "9.50 ms ≤ 8.00 ms 9.50 to 9.50 MISSED" in told
    assert "idle FAILED: beat ended at once" in told


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_table_fits_into_the_terminal_and_cuts_nothing(width):
    told = printed(REPORT, width)
    assert max(map(len, told.splitlines())) <= width
    assert "…" not in told
    assert "reached" in told
    assert "MISSED" in told


def test_series_of_which_none_is_called_ours_are_parts_and_nothing_is_held_against_them():
    parts = [series("door", 0.3, unit="%"), series("worker", 0.75, unit="%")]
    figure = Figure(what="idle", unit="%", per_round=[1.05], must=2, at_least=False, series=parts)
    told = (ours(figure), against(figure))
    assert told == ("door 0.30, worker 0.75 %", "")


def test_the_page_holds_machine_table_chapters_and_what_did_not_end():
    page = as_markdown(REPORT)
    for line in (
        "3 rounds of each measurement, 12:05 minutes in all. Every figure is the median of the rounds; the spread is the lowest and the highest.",
        "| commit | c0ffee |",
        "| CPU | A \\| B |",
        "| p99 \\| worst | 9.50 ms |  | 9.50 ms | 9.50 to 9.50 | ≤ 8.00 ms | **missed** |",
        "## The door",
        "| plain | 1,400 | 1,300 to 1,500 | callbacks/s | 3 |",
        "Of which most is the commit.",
        "12 % a_function",
        "![The door: callbacks/s](pictures/door.svg)",
        "**Did not end:** `beat ended at once`",
    ):
        assert line in page.splitlines(), line


def test_the_document_holds_the_median_of_every_series():
    document = json.loads(json.dumps(as_json(REPORT)))
    door = document["chapters"]["door"]
    assert door["medians"]["ours, callbacks/s"] == 6400
    assert door["medians"]["load"] == 3.0
    assert door["figures"]["callbacks/s against plain"]["is_reached"] is True
    assert document["chapters"]["idle"]["failed"] == "beat ended at once"


def test_the_next_run_expects_the_times_of_this_one():
    assert expected_seconds(as_json(REPORT), rounds=6) == {"door": 122, "idle": 4}
    assert expected_seconds({}, rounds=3) == {}


def test_a_written_report_has_the_pictures_it_shows_and_no_others(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "gone.svg").write_text("<svg/>")
    write_report(REPORT, tmp_path)
    assert sorted(path.name for path in pictures.iterdir()) == ["door-curve.svg", "door.svg"]
    page = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert all(f"(pictures/{path.name})" in page for path in pictures.iterdir())


@pytest.fixture(params=["door.svg", "door-curve.svg"])
def picture(request):
    return pictures_of(DOOR)[request.param][1]


def test_a_picture_runs_nothing_and_fetches_nothing(picture):
    root = ET.fromstring(picture)
    assert [
        e.tag for e in root.iter() if e.tag.rpartition("}")[2] in ("script", "image", "a", "use", "foreignObject")
    ] == []
    assert [name for e in root.iter() for name in e.attrib if name.startswith("on") or name.endswith("href")] == []
    assert picture.replace('xmlns="http://www.w3.org/2000/svg"', "").count("://") == 0
    assert "@import" not in picture
    assert "@font-face" not in picture


def test_a_picture_has_a_title_and_names_its_axes(picture):
    texts = {"".join(e.itertext()).strip() for e in ET.fromstring(picture).iter() if e.tag.endswith("}text")}
    assert any(text.startswith("The door: ") for text in texts)
    assert "callbacks/s" in texts


def test_the_same_figures_give_the_same_picture(picture):
    assert picture in [again for _, again in pictures_of(DOOR).values()]


def test_bars_stand_beside_their_values_with_ours_on_top_in_its_own_colour():
    picture = pictures_of(DOOR)["door.svg"][1]
    assert [
        name for name in ("ours 6,400", "plain 1,400", "bare 19,500") if name not in picture.replace("  ", " ")
    ] == []
    assert COLOURS[0] in picture


def test_a_chapter_that_compares_nothing_has_no_picture():
    alone = replace(DOOR, figures=[replace(DOOR.figures[0], series=[OURS])], lines=())
    assert pictures_of(alone) == {}
