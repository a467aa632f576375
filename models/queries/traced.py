"""The callbacks about a transaction, for log lines: a column for statements that read its row anyway."""

from __future__ import annotations

from models.trace import MOST_CALLBACKS


def callbacks_about(pk: str) -> str:
    """SQL: the ids of the newest callbacks about the transaction with this id.

    By the index of the transaction: `OFFSET 0` keeps the planner from walking through all callbacks, newest first.
    """
    return f"""ARRAY(
        SELECT id FROM (SELECT id FROM callbacks WHERE transaction_pk = {pk} OFFSET 0) AS about
        ORDER BY id DESC LIMIT {MOST_CALLBACKS}
    )"""  # noqa: S608 - our own words
