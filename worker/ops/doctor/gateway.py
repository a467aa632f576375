"""The gateway: whether it accepts our credentials, found out by a question about an invoice that cannot exist."""

from __future__ import annotations

import secrets

from models.answers import Answer, Said
from models.check import Lane
from models.errors import TryAgain
from tasks.toolbox import Account, BreakerState, BreakerView
from worker.language import N_
from worker.ligdicash.sub_codes import confirm_refusal
from worker.ops.doctor.errand import Away
from worker.ops.doctor.finding import Finding, Name, bad, ok, unknown, warn

NO_INVOICE = "no-such-invoice-"

FIX_KEYS = N_(
    "compare LIGDICASH_API_KEY and LIGDICASH_API_TOKEN with client.ligdicash.com, and see that the project is active"
    " and allows this machine's address"
)


def ask_gateway(account: Account) -> Answer:
    """Ask once, with the keys of this account, within the budget, whatever the breaker says. The breaker does not hear of it: it is about no payment.

    Raises `TryAgain` when there is no turn.
    """
    if not account.budget.take(Lane.PERSON, 1).granted:
        raise TryAgain("the call budget is used up for now; run it again in a few seconds")
    return account.gateway.confirm(NO_INVOICE + secrets.token_hex(16))


def judge_credentials(seen: Answer | Away) -> Finding:  # noqa: PLR0911 - one return per answer
    """What an answer about an invoice that cannot exist says about us."""
    if isinstance(seen, Away):
        return unknown(Name.CREDENTIALS, N_("not asked: {why}"), why=seen.why)
    match seen.said:
        case Said.NOT_FOUND:
            return ok(Name.CREDENTIALS, N_("accepted: the gateway looked for an invoice that does not exist"))
        case Said.REFUSED if seen.sub_code:
            row = confirm_refusal(seen.sub_code)
            found = N_("refused with Code{code}: {meaning}")
            return bad(Name.CREDENTIALS, found, FIX_KEYS, code=seen.sub_code, meaning=row.meaning)
        case Said.REFUSED:
            return bad(Name.CREDENTIALS, N_("refused: {why}"), FIX_KEYS, why=seen.trouble or seen.text)
        case Said.SILENCE:
            fix = N_("check LIGDICASH_BASE_URL and the way out of this network")
            return bad(Name.CREDENTIALS, N_("no answer: {why}"), fix, why=seen.trouble)
        case Said.UNKNOWN:
            found = N_("answered, neither accepting nor refusing us: {why}")
            return warn(Name.CREDENTIALS, found, N_("run it again in a few minutes"), why=seen.trouble or seen.text)
        case Said.COMPLETED | Said.NOTCOMPLETED | Said.PENDING:
            found = N_("says {said} about an invoice that cannot exist")
            return bad(
                Name.CREDENTIALS, found, N_("check LIGDICASH_BASE_URL: this is no gateway"), said=seen.said.value
            )


def judge_breaker(view: BreakerView | Away) -> Finding:
    """Whether the gateway is asked."""
    if isinstance(view, Away):
        return unknown(Name.BREAKER, N_("not looked at: {why}"), why=view.why)
    if view.state is BreakerState.CLOSED:
        return ok(Name.BREAKER, N_("closed: the gateway is asked"))
    found = N_("{state}, {count} questions held back: {why}")
    fix = N_("it closes by itself at the first answer; see `credentials`")
    return warn(Name.BREAKER, found, fix, state=view.state.value, count=view.held_back, why=view.reason)
