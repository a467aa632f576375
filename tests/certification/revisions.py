"""The revisions of the tables, oldest first."""

from __future__ import annotations

from alembic.script import ScriptDirectory

from models.migrate import SCRIPTS


def revisions() -> list[str]:
    """All of them, whatever a database has."""
    return [step.revision for step in reversed(list(ScriptDirectory(str(SCRIPTS)).walk_revisions()))]
