"""The simulator is a second reading of the vendor's pages, and stays one: it shares no code with the reading side."""

from __future__ import annotations

import ast
from pathlib import Path

import worker.ligdicash.simulator as package

OWN = "worker.ligdicash.simulator"


def test_it_imports_nothing_of_the_project_but_the_errors():
    files = list(Path(package.__file__).parent.glob("*.py"))
    imported = {
        name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    ours = {name for name in imported if name.split(".")[0] in {"config", "models", "tasks", "worker"}}
    assert f"{OWN}.gateway" in ours
    assert {name for name in ours if not name.startswith(OWN)} == {"models.errors"}
