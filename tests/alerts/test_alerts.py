"""Every alert fires on the trouble it is about, and clears when that is over."""

from __future__ import annotations

import importlib
import re
import subprocess
from urllib.parse import parse_qsl

import pytest
from structlog.testing import capture_logs

from models.callback import Outcome
from models.case import CaseKind
from tests import programs
from tests.alerts.rule_tests import fires_and_clears, names_in, stays_calm, write
from tests.alerts.stage import running_stage
from tests.alerts.troubles import TROUBLES
from tests.metrics_pages import ALERTS, ALERTS_PAGE, alerts_page, groups
from worker.console.rooms import has_page
from worker.metrics import catalog

RULES = {rule["alert"]: rule for group in groups() for rule in group["rules"]}
NEEDED = ("summary", "meaning", "look_at", "action", "command", "console")
CHOICES = {"kind": set(CaseKind), "outcome": set(Outcome)}
"""What a page may be asked for behind the `?`."""

for room in ("receiving", "asking", "people", "books"):
    importlib.import_module(f"tests.alerts.of_{room}")


def promtool(*argv):
    done = subprocess.run([programs.promtool().path, *argv], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_trouble_of_its_own_and_every_trouble_an_alert():
    assert sorted(TROUBLES) == sorted(RULES)


def test_every_alert_says_what_it_means_and_what_to_do_and_where():
    for name, rule in RULES.items():
        assert tuple(rule["annotations"]) == NEEDED, name
        assert rule["labels"]["severity"] in {"critical", "warning"}, name


def test_the_page_of_every_alert_is_there_and_knows_what_it_is_asked_for():
    for name, rule in RULES.items():
        path, _, query = rule["annotations"]["console"].partition("?")
        assert path.startswith("/console"), name
        assert has_page(path.removeprefix("/console") or "/"), name
        for chosen, value in parse_qsl(query, strict_parsing=bool(query)):
            told = re.fullmatch(r"\{\{ \$labels\.(\w+) \}\}", value)
            assert f"by ({told[1]})" in rule["expr"] if told else value in CHOICES[chosen], name


def test_every_command_of_an_alert_is_one_we_have():
    from click.testing import CliRunner
    from typer.main import get_command

    from worker.ops.command import app

    commands = {rule["annotations"]["command"] for rule in RULES.values()}
    for command in sorted(commands):
        program, *argv = command.split()
        assert program == "reconciler"
        result = CliRunner().invoke(get_command(app), [*argv, "--help"])
        assert result.exit_code == 0, f"{command}: {result.output}"


def test_alerts_look_at_metrics_that_are_told():
    assert names_in(RULES.values()) - {"up"} <= set(catalog.ALL)


def test_the_page_of_alerts_is_that_of_the_rules():
    assert ALERTS_PAGE.read_text(encoding="utf-8") == alerts_page(), "run `python -m tests.metrics_pages`"


@pytest.mark.timeout(300)
def test_every_alert_fires_on_its_trouble_and_clears(database_url, redis_url, tmp_path):
    files, names = [], names_in(RULES.values())
    with running_stage(database_url, redis_url, tmp_path) as stage, capture_logs():
        stage.all_is_well()
        calm = before = stage.tell(names)
        for alert, cause in TROUBLES.items():
            course = cause(stage)
            next(course)
            during = stage.tell(names)
            assert next(course, "over") == "over"
            after = stage.tell(names)
            files.append(write(tmp_path, fires_and_clears(RULES[alert], before, during, after=after), [RULES[alert]]))
            stage.all_is_well()
            before = after
    files.append(write(tmp_path, stays_calm(calm, RULES.values()), RULES.values()))
    if programs.promtool() is None:
        pytest.skip("the troubles were caused, and nobody said whether the alerts fire: there is no promtool")
    promtool("check", "rules", str(ALERTS))
    promtool("check", "config", str(ALERTS.with_name("scrape.yml")))
    promtool("test", "rules", *map(str, files))
