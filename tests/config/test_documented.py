"""What `.env.example` and docs/settings.md say about a setting is true, and the example works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic_core import PydanticUndefined

from config.settings import Environment, Settings, SettingsProblem, settings_from

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"
FIELDS = {name.upper(): field for name, field in Settings.model_fields.items()}

ASSIGNMENT = re.compile(r"^(?P<off># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$", re.MULTILINE)
ROW = re.compile(r"^\| *`(?P<name>[A-Z][A-Z0-9_]*)` *\| *(?P<default>[^|]*?) *\| *(?P<what>[^|]+?) *\|$", re.MULTILINE)


def assignments() -> list[re.Match[str]]:
    return list(ASSIGNMENT.finditer(EXAMPLE.read_text(encoding="utf-8")))


def table() -> dict[str, re.Match[str]]:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    return {row["name"]: row for row in ROW.finditer(page)}


def written(default: object) -> str:
    """A default as it stands in an environment."""
    return str(default).lower() if isinstance(default, bool) else str(default)


def everything_switched_on() -> dict[str, str]:
    return {line["name"]: line["value"] for line in assignments()}


@pytest.mark.parametrize("name", FIELDS)
def test_the_example_names_each_setting_once(name):
    assert [line["name"] for line in assignments()].count(name) == 1


def test_the_example_names_whatever_the_compose_file_fills_in():
    filled_in = set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert filled_in - set(everything_switched_on()) == set()


def test_the_example_names_nothing_that_neither_the_program_nor_the_compose_file_reads():
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    named = set(everything_switched_on()) - set(FIELDS)
    assert sorted(name for name in named if f"${{{name}" not in compose) == []


def test_a_line_that_is_switched_off_shows_the_default():
    shown = {line["name"]: line["value"] for line in assignments() if line["off"]}
    real = {name: written(FIELDS[name].default) for name in shown if FIELDS[name].default is not PydanticUndefined}
    assert {name: shown[name] for name in real} == real


def test_every_line_of_the_example_stands_below_a_sentence():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if ASSIGNMENT.match(line):
            above = lines[number - 1]
            assert above.startswith("# ") or ASSIGNMENT.match(above), line


def test_the_example_with_everything_switched_on_is_a_valid_development_machine():
    assert settings_from(everything_switched_on()).environment is Environment.DEVELOPMENT


def test_whoever_reads_the_example_reads_the_same():
    """A shell, Compose and the program have rules of their own for quotes, spaces and dollar signs: there are none."""
    plain = {line["name"]: line["value"] for line in assignments() if not line["off"]}
    assert dotenv_values(EXAMPLE) == plain
    assert [name for name, value in everything_switched_on().items() if re.search(r"[\s\"'$#\\]", value)] == []


def test_the_example_is_refused_on_a_production_machine():
    with pytest.raises(SettingsProblem) as problem:
        settings_from(everything_switched_on() | {"ENVIRONMENT": "production"})
    assert {fault.split(":")[0] for fault in problem.value.faults} >= {"LIGDICASH_BASE_URL", "CALLBACK_URL"}


@pytest.mark.parametrize("name", FIELDS)
def test_the_page_tells_the_real_default(name):
    default = FIELDS[name].default
    assert name in table(), f"{name} has no row in docs/settings.md"
    told = table()[name]["default"]
    if default is PydanticUndefined:
        assert told == "required"
    else:
        assert told == (f"`{written(default)}`" if written(default) else "empty")


def test_the_page_explains_no_setting_that_is_not_there():
    assert set(table()) - set(FIELDS) == set()
