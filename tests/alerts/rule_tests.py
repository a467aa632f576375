"""What was scraped, as files for `promtool test rules`: a while of before, of during and of after for each trouble."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.alerts.stage import Series

BEFORE, MORE, AFTER = 5, 12, 32
"""Minutes: of before; of during, beyond what the rule waits; of after, longer than any rule looks back."""

Rule = Mapping[str, Any]


def names_in(rules: Collection[Rule]) -> set[str]:
    """The metrics these rules look at."""
    return {name for rule in rules for name in re.findall(r"\b(?:reconciler_[a-z_]+|up)\b(?=[{\[)\s]|$)", rule["expr"])}


def values(phases: Sequence[tuple[Series, int]], series: str) -> str:
    """One value for each minute of the phases, in promtool's shorthand; a series that ends is stale, as in Prometheus."""
    parts: list[str] = []
    was_there = False
    for told, minutes in phases:
        value = told.get(series)
        if value is not None:
            parts.append(f"{value:.15g}x{minutes - 1}")
        elif was_there:
            parts += ["stale", f"_x{minutes - 1}"]
        else:
            parts.append(f"_x{minutes}")
        was_there = value is not None
    return " ".join(parts)


def _input(phases: Sequence[tuple[Series, int]], *, names: Collection[str]) -> list[dict[str, str]]:
    every = sorted({series for told, _ in phases for series in told if series.partition("{")[0] in names})
    return [{"series": series, "values": values(phases, series)} for series in every]


def fires_and_clears(rule: Rule, before: Series, during: Series, *, after: Series) -> dict[str, Any]:
    """This alert fires within its time, and no more afterwards."""
    lasts = int(rule["for"].removesuffix("m")) + MORE
    phases = [(before, BEFORE), (during, lasts), (after, AFTER)]
    firing = f'ALERTS{{alertname="{rule["alert"]}", alertstate="firing"}}'
    fired = f"clamp_max(count(count_over_time({firing}[{lasts}m])), 1)"
    return {
        "name": rule["alert"],
        "interval": "1m",
        "input_series": _input(phases, names=names_in([rule])),
        "promql_expr_test": [
            {"expr": f"count({firing})", "eval_time": f"{BEFORE - 1}m", "exp_samples": []},
            {
                "expr": fired,
                "eval_time": f"{BEFORE + lasts - 1}m",
                "exp_samples": [{"labels": "{}", "value": 1}],
            },
            {"expr": f"count({firing})", "eval_time": f"{BEFORE + lasts + AFTER - 1}m", "exp_samples": []},
        ],
    }


def stays_calm(calm: Series, rules: Collection[Rule]) -> dict[str, Any]:
    """Nothing fires while all is well."""
    return {
        "name": "calm",
        "interval": "1m",
        "input_series": _input([(calm, 45)], names=names_in(rules)),
        "promql_expr_test": [{"expr": 'count(ALERTS{alertstate="firing"})', "eval_time": "44m", "exp_samples": []}],
    }


def write(folder: Path, test: Mapping[str, Any], rules: Collection[Rule]) -> Path:
    """A file that tries these rules alone: all of them for each trouble would take many times as long."""
    name = test["name"]
    (folder / f"{name}.rules.yml").write_text(json.dumps({"groups": [{"name": name, "rules": list(rules)}]}))
    file = folder / f"{name}.test.yml"
    file.write_text(json.dumps({"rule_files": [f"{name}.rules.yml"], "evaluation_interval": "1m", "tests": [test]}))
    return file
