"""The accounts: whether their files can be read, and whether everything in the books belongs to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from models.queries.accounts import AccountLoad, loads
from models.queries.fsck.reading import reading
from models.session import Sessions
from worker.language import N_
from worker.ops.doctor.errand import Away
from worker.ops.doctor.finding import Finding, Name, bad, ok, unknown

LATE = timedelta(minutes=1)


def look_at_loads(sessions: Sessions) -> list[AccountLoad]:
    """What waits for answers, by account."""
    with reading(sessions) as session:
        return loads(session, late=LATE)


def judge_accounts(names: Sequence[str], faults: Sequence[str], seen: Sequence[AccountLoad] | Away) -> Finding:
    """Whether every payment that is asked about belongs to an account that is set up here."""
    if faults:
        found = N_("their files have faults, and those read before are used: {faults}")
        return bad(Name.ACCOUNTS, found, N_("put it right, see docs/accounts.md"), faults="; ".join(faults))
    if isinstance(seen, Away):
        return unknown(Name.ACCOUNTS, N_("{count} set up: {names}"), count=len(names), names=", ".join(names))
    strangers = [load for load in seen if load.account not in names]
    if strangers:
        told = ", ".join(f"{load.account} ({load.asked_about})" for load in strangers)
        found = N_("payments that nobody asks about, for their account is not set up here: {strangers}")
        fix = N_("put the table of each back into LIGDICASH_ACCOUNTS_FILE")
        return bad(Name.ACCOUNTS, found, fix, strangers=told)
    return ok(Name.ACCOUNTS, N_("{count} set up: {names}"), count=len(names), names=", ".join(names))
