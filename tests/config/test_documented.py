"""Every setting can be looked up: in the example file to copy, and in the table for whoever runs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(name.upper() for name in Settings.model_fields)


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_is_in_the_example_file(name):
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.match(rf"#?\s?{name}=", line)], f"{name} is missing from .env.example"


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_has_a_row_in_the_readme(name):
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("|") and f"`{name}`" in line]
    assert rows, f"{name} has no row in README.md"


def test_the_example_file_names_nothing_that_neither_the_program_nor_the_compose_file_reads():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    named = {found[1] for line in lines if (found := re.match(r"#?\s?([A-Z][A-Z_]+)=", line))}
    assert sorted(name for name in named - {*NAMES} if f"${{{name}" not in compose) == []
