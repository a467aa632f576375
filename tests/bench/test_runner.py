"""A run of all measurements: one that fails is told, and the others go on, on a stage of their own."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest

import bench.__main__ as command
from bench.__main__ import Means
from bench.figures import Chapter, Figure, Series
from bench.runner import Progress, imported, run


def chapter(name, value=5.0):
    """One figure that must reach 4."""
    series = [
        Series(name=side, unit="callbacks/s", samples=[rate]) for side, rate in (("ours", 600.0), ("plain", 120.0))
    ]
    figure = Figure(what=f"{name} against plain", unit="", per_round=[value], must=4, at_least=True, series=series)
    return Chapter(name=name, title=f"The {name}", how="So it was.", figures=[figure])


class Bench:
    """Made-up measurements, and a clock that each of them moves on by ten seconds."""

    def __init__(self, **measures):
        self.measures = measures
        self.lines = []
        self.now = 0.0
        self.open = self.opened = 0
        self.rounds = []

    @contextmanager
    def stage(self):
        self.open += 1
        self.opened += 1
        try:
            yield self
        finally:
            self.open -= 1

    def load(self, name):
        if name not in self.measures:
            raise ModuleNotFoundError(f"No module named 'bench.{name}'")

        def measure(stage, *, rounds, say):
            assert stage.open == 1
            self.rounds.append(rounds)
            self.now += 10
            say(f"{name}, round 1")
            return self.measures[name]()

        return measure

    def run(self, *names, expected=()):
        progress = Progress(names, expected=dict(expected), write=self.lines.append, clock=lambda: self.now)
        return run(names, rounds=2, progress=progress, open_stage=self.stage, load=self.load)


def fails(error):
    def measure():
        raise error

    return measure


def test_each_chapter_runs_alone_with_the_rounds_that_were_asked_for():
    bench = Bench(door=lambda: chapter("door"), idle=lambda: chapter("idle"))
    ran = bench.run("door", "idle")
    assert [(one.name, one.seconds, one.is_good) for one in ran] == [("door", 10, True), ("idle", 10, True)]
    assert (bench.rounds, bench.open, bench.opened) == ([2, 2], 0, 1)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("first line\nsecond line"), "first line"),
        (SystemExit("web did not come about within 30 s"), "web did not come about within 30 s"),
        (RuntimeError(), "RuntimeError"),
    ],
    ids=["error", "exit", "nothing said"],
)
def test_a_chapter_that_fails_is_told_and_the_others_go_on(error, told):
    bench = Bench(door=fails(error), idle=lambda: chapter("idle"))
    failed, good = bench.run("door", "idle")
    assert (failed.chapter, failed.trouble, failed.is_good) == (None, told, False)
    assert "fails" in failed.traceback or "Traceback" in failed.traceback
    assert good.is_good
    assert (bench.open, bench.opened) == (0, 2)
    assert [line for line in bench.lines if f"door FAILED: {told}" in line]


def test_a_module_that_is_not_there_is_a_chapter_that_failed():
    missing, good = Bench(idle=lambda: chapter("idle")).run("door", "idle")
    assert missing.trouble == "No module named 'bench.door'"
    assert good.is_good


def test_a_figure_that_is_missed_makes_its_chapter_no_good():
    [ran] = Bench(door=lambda: chapter("door", value=3.9)).run("door")
    assert ran.chapter is not None
    assert not ran.is_good


def test_progress_tells_the_time_that_passed_and_what_the_whole_will_take():
    bench = Bench(door=lambda: chapter("door"), idle=lambda: chapter("idle"))
    bench.run("door", "idle", expected={"door": 65, "idle": 15})
    assert bench.lines[0] == " 0:00 of about  1:20  door begins"
    assert bench.lines[1] == " 0:10 of about  1:20  door, round 1"
    assert bench.lines[2] == " 0:10 of about  0:25  door is done, 10 s"
    assert bench.lines[-1] == " 0:20 of about  0:20  idle is done, 10 s"


def test_no_measurement_is_left_out_of_the_run():
    """A module is one when it has a `measure` for a stage."""
    folder = Path(command.__file__).parent
    modules = {
        path.stem for path in folder.glob("*.py") if "\ndef measure(stage: Stage" in path.read_text(encoding="utf-8")
    }
    assert modules
    assert modules - set(command.CHAPTERS) == set()
    assert callable(imported("footprint"))


def test_the_command_refuses_what_it_cannot_measure(capsys):
    for argv in (["--only", "dor"], ["--rounds", "0"], ["--rounds", "many"]):
        with pytest.raises(SystemExit) as refused:
            command.main(argv)
        assert refused.value.code == 2
    assert "dor" in capsys.readouterr().err


@pytest.fixture
def made_up(tmp_path):
    """The command on made-up chapters, with a folder in the place of docs/."""
    bench = Bench(**{name: lambda name=name: chapter(name) for name in command.CHAPTERS})
    machine = {"cores": "2"}
    means = Means(docs=tmp_path / "docs", open_stage=bench.stage, machine_of=lambda _: machine, load=bench.load)
    bench.main = lambda *argv: command.main(argv, means=means)
    return bench


def test_a_whole_run_writes_the_report_and_leaves_with_0(made_up, tmp_path):
    assert made_up.main() == 0
    assert sorted(path.name for path in (tmp_path / "docs").iterdir()) == [
        "benchmarks.json",
        "benchmarks.md",
        "pictures",
    ]
    assert made_up.rounds == [command.ROUNDS] * len(command.CHAPTERS)


@pytest.mark.parametrize("argv", [["--only", "door", "idle"], ["--quick"]], ids=" ".join)
def test_a_part_or_a_quick_look_leaves_the_report_alone(made_up, tmp_path, argv):
    assert made_up.main(*argv) == 0
    assert not (tmp_path / "docs").exists()


def test_any_run_can_be_written_elsewhere(made_up, tmp_path):
    assert made_up.main("--only", "door", "--out", str(tmp_path / "here")) == 0
    assert "The door" in (tmp_path / "here" / "benchmarks.md").read_text(encoding="utf-8")


def test_a_missed_figure_or_a_failed_chapter_leaves_with_1(made_up, capsys):
    made_up.measures["door"] = lambda: chapter("door", value=1.0)
    assert made_up.main("--only", "door", "idle") == 1
    assert "MISSED" in capsys.readouterr().out
    made_up.measures["door"] = fails(ValueError("the door is shut"))
    assert made_up.main("--only", "door", "idle") == 1
    told = capsys.readouterr()
    assert "door FAILED: the door is shut" in told.out
    assert "Traceback" in told.err
