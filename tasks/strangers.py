"""Transactions of another account than the one that is asked, and those of an account that is not set up here.

A question goes out with the keys of its own account or not at all. What has no account to be asked with is not parked, for
the account may come back: it is looked at again from time to time, and one case for the account says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from config import policy
from models.account import DEFAULT
from models.check import Lane
from models.queries import accounts as books
from models.queries import ask as asking
from models.queries.ask import NOW, Question
from models.session import transaction
from tasks.toolbox import Toolbox

log = structlog.get_logger()

WAIT = timedelta(seconds=policy.ACCOUNT_MISSING)

ADVICE = (
    "Payments of the account {account} are not asked about: it is not set up here. Put its table back into "
    "LIGDICASH_ACCOUNTS_FILE (docs/accounts.md), and they are, within an hour or at their next callback."
)


def by_account(tools: Toolbox, ids: Sequence[int]) -> list[tuple[str, Sequence[int]]]:
    """These transactions by account; not looked up where there is but one. Unknown ids are in none, and there is always one."""
    if len(tools.accounts.names) == 1:
        return [(DEFAULT, ids)]
    with transaction(tools.sessions) as step:
        found = books.by_account(step.session, ids)
    return list(found.items()) or [(DEFAULT, [])]


def set_aside(tools: Toolbox, ids: Mapping[str, Sequence[int]], *, lane: Lane) -> None:
    """These belong to accounts that are not set up: due again after a while, with a case. Raises `Invalid` for a person."""
    if lane is Lane.PERSON:
        tools.account(next(iter(ids)))
    with transaction(tools.sessions) as step:
        asking.put_off(step.session, [pk for ours in ids.values() for pk in ours], wait=WAIT, spread=NOW)
        missed(step.session, ids)


def strangers(tools: Toolbox, session: Session, questions: Sequence[Question], *, lane: Lane) -> None:
    """Give these questions back: they were begun for another account than theirs. Those of no account wait longer.

    Raises `Invalid` for a person whose question has no account.
    """
    known = [q for q in questions if tools.accounts.find(q.account)]
    unknown = [q for q in questions if q not in known]
    if unknown and lane is Lane.PERSON:
        tools.account(unknown[0].account)
    asking.give_back(session, known)
    asking.give_back(session, unknown, wait=WAIT)
    missed(session, {q.account for q in unknown})


def missed(session: Session, names: Mapping[str, object] | set[str]) -> None:
    """Open the case about each of these accounts."""
    for name in sorted(names):
        log.error("account_not_set_up", account=name)
    books.miss(session, {name: ADVICE.format(account=name) for name in names})
