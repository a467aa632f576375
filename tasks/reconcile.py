"""Hold the lines of a statement against the books, and keep what differs as cases. Reads one snapshot; moves no money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import structlog

from models.queries import statement as queries
from models.queries.cases import Signature
from models.session import Sessions, transaction
from models.statement import Entries, Finding, Line, Terms, keys, reconcile

log = structlog.get_logger()

AT_A_TIME = 1_000
"""Differences that are kept in one transaction."""

EVERY = 1_000
"""Entries after which progress is told."""

Told = Callable[[int], object]
"""So many entries of the books were read by now."""


def hold(sessions: Sessions, lines: Sequence[Line], terms: Terms, *, told: Told = lambda _read: None) -> list[Finding]:
    """What came of every line, and of the settlements no line is about. Raises `StoreAway`.

    1. Read what was settled in these days in this account.
    2. Look up, among all transactions, what the other lines name: by our ids, then by the gateway's.
    3. Let `models.statement` judge.
    """
    entries = Entries()
    with transaction(sessions) as step:
        queries.begin_snapshot(step.session)
        for read, entry in enumerate(queries.settled_between(step.session, terms), start=1):
            entries.add([entry])
            if read % EVERY == 0:
                told(read)
        entries.add(queries.named(step.session, _unknown(lines, entries)))
        entries.add(queries.named_by_gateway(step.session, _unknown(lines, entries)))
    return reconcile(lines, entries, terms)


def _unknown(lines: Sequence[Line], entries: Entries) -> set[str]:
    """All that is named by lines about nothing that was found yet."""
    missing = [line for line in lines if entries.find(line) is None]
    return {name for line in missing for name in (line.gateway_id, line.reference) if name}


def keep(sessions: Sessions, findings: Sequence[Finding], *, account: str, file: str, by: Signature) -> list[int]:
    """Open a case for each difference that has none, open or ended, from this run or one before; the ids of these cases."""
    opened: list[int] = []
    left = keys(findings, account)
    while part := list(islice(left, AT_A_TIME)):
        with transaction(sessions) as step:
            opened += queries.keep_differences(step.session, part, account=account, file=file, by=by)
    log.info("statement_reconciled", account=account, file=file, cases=len(opened), author=by.author, reason=by.reason)
    return opened
