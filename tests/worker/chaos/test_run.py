"""What a chaos run is made of: settings that spare other people's servers, a story with every fate, a gateway that forgets."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from config.policy import Lengths
from config.settings import settings_from
from models.errors import SettingsFault
from worker.chaos.run import CHAOTIC, FORGETFUL, PATIENCE, ChaosOptions, chaos_settings, print_schedule
from worker.chaos.schedule import TERMS, Kind
from worker.demo.stage import GATEWAY
from worker.demo.story import Fate, write_story
from worker.ligdicash.simulator.command import parse_options


@pytest.mark.parametrize("name", ["DATABASE_URL", "redis_url", "DATABASE_URL_FILE"])
def test_a_server_of_somebody_elses_is_never_struck(name, tmp_path):
    file = tmp_path / "url"
    file.write_text("postgresql://shop@db.example/shop", encoding="utf-8")
    with pytest.raises(SettingsFault, match="chaos kills and empties its servers"):
        chaos_settings({name: str(file), "ENVIRONMENT": "development"})


def test_its_own_settings_win_and_are_settings():
    settings = chaos_settings({"SPOOL_MAX_MB": "500", "PATH": "/bin"})
    assert settings["SPOOL_MAX_MB"] == "1"
    assert settings["PATH"] == "/bin"


def test_a_long_freeze_outlasts_the_locks_and_the_patience_outlasts_the_longest_wait():
    needed = {
        "LIGDICASH_API_KEY": "sim-key",
        "LIGDICASH_API_TOKEN": "sim-token",
        "DATABASE_URL": "postgresql://u@127.0.0.1/d",
        "REDIS_URL": "redis://127.0.0.1",
        "RECONCILER_API_KEY": "k" * 16,
        "CALLBACK_URL": "http://127.0.0.1/c",
    }
    lengths = Lengths.from_settings(settings_from(chaos_settings({}) | needed))
    assert TERMS[Kind.FREEZE_WORKER_LONG].low > lengths.lock
    assert TERMS[Kind.FREEZE_WORKER].high < lengths.lock
    assert lengths.lease + 90 < PATIENCE


def test_every_fate_is_in_its_story():
    visits = write_story(invoices=len(Fate), seconds=1, seed=1, prefix="X", shares=CHAOTIC)
    assert {visit.fate for visit in visits} == set(Fate)


def test_the_simulator_knows_every_option_it_is_given():
    parse_options([*GATEWAY, *FORGETFUL])


def test_a_dry_run_prints_the_schedule_and_starts_nothing():
    console = Console(record=True, file=io.StringIO())
    print_schedule(ChaosOptions(seconds=20, seed=7), console)
    assert "14.8 s  kill -9 worker" in console.export_text()
