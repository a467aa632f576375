"""What a person should do about a case, and with which commands: a table over kinds and statuses. Pure; prints nothing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from models.case import CaseKind
from models.queries.cases import CaseFacts
from models.transaction import Kind, Status
from worker.language import N_
from worker.ops.action import CHECK, END, JUST_END, SHOW, Action
from worker.ops.payout_cases import PAYOUT_ACTIONS
from worker.ops.shown import safe
from worker.ops.statement_cases import STATEMENT_ACTIONS

PAID = 'reconciler cases resolve {case} --as completed --amount {received} --reason "..."'
UNPAID = 'reconciler cases resolve {case} --as notcompleted --reason "..."'
OVER_OTHER_SUM = 'reconciler cases resolve {case} --as completed --amount {received} --override --reason "..."'
REFUNDED = 'reconciler cases resolve {case} --as notcompleted --override --reason "..."'
UNMADE = 'reconciler cases resolve {case} --as refused --override --reason "..."'
LOOK = "reconciler callbacks show {callback}"
REPLAY = "reconciler callbacks replay {callback}"

OTHER_SUM = Action(
    brief=N_("compare the amounts, then settle or refund"),
    what=N_(
        "Compare with the gateway's dashboard. If you keep the money, settle what really came; if not, refund it and close"
        " the invoice."
    ),
    commands=(CHECK, OVER_OTHER_SUM, REFUNDED),
)
OTHER_SUM_AFTER_ALL = Action(
    brief=N_("compare the amounts, then settle or refund"),
    what=N_(
        "Money came for an invoice that is closed. Compare with the gateway's dashboard. If you keep it, settle what really"
        " came; if not, refund it and end the case."
    ),
    commands=(CHECK, OVER_OTHER_SUM, END),
)
DELIVER = Action(
    brief=N_("deliver the order or refund it"),
    what=N_("The order may have been given up meanwhile. Deliver it, or refund the customer; then end the case."),
    commands=(SHOW, END),
)
TAKEN_BACK = Action(
    brief=N_("ask LigdiCash which answer is true"),
    what=N_(
        "The books keep the money. Ask the gateway once more, then LigdiCash support, with both answers. If it never came,"
        " correct it outside these books, and end the case."
    ),
    commands=(CHECK, SHOW, END),
)
ASK_AGAIN = Action(
    brief=N_("ask the gateway again"),
    what=N_("Ask the gateway again: its newest answer decides. Then end the case."),
    commands=(CHECK, END),
)
LOOK_UP = Action(
    brief=N_("look it up in the dashboard, then decide"),
    what=N_(
        "Look the payment up in the gateway's dashboard, or ask LigdiCash support. Then write down what became of it."
    ),
    commands=(CHECK, PAID, UNPAID),
)
LOOK_UP_CLOSED = Action(
    brief=N_("look it up in the dashboard"),
    what=N_(
        "It is closed as not paid, and the gateway no longer says so. Look the payment up in the gateway's dashboard, or ask"
        " LigdiCash support. If it was paid, settle it; if not, end the case."
    ),
    commands=(CHECK, PAID, END),
)
HOLE = Action(
    brief=N_("look for it in the dashboard; close it if it is not there"),
    what=N_(
        "Look for the transaction id in the gateway's dashboard. No customer was ever sent to pay it. Close it as never"
        " created: the same order can then be sent again."
    ),
    commands=(UNMADE,),
)
HOLE_WITHOUT_A_PAGE = Action(
    brief=N_("look it up in the dashboard: the customer may have been debited"),
    what=N_(
        "Look for the transaction id in the gateway's dashboard, or ask LigdiCash support. If the customer was debited, settle what"
        " really came; once it is refunded, or failed, close it as not paid. If nothing is there, close it as never created: the"
        " same order can then be sent again, unless a callback came about it."
    ),
    commands=(SHOW, OVER_OTHER_SUM, REFUNDED, UNMADE),
)
DEBITED_BY_THE_STATEMENT = Action(
    brief=N_("the statement says that it was paid: write it down"),
    what=N_(
        "The statement says that the customer was debited, and there is no token to ask with. See in the gateway's dashboard that"
        " it is this payment, and settle what really came."
    ),
    commands=(SHOW, OVER_OTHER_SUM, END),
)
CALLED_BACK = Action(
    brief=N_("look it up in the dashboard: money may have moved"),
    what=N_(
        "Look for the transaction id in the gateway's dashboard, or ask LigdiCash support: a debit, or a payout, may stand behind"
        " the callback. Anybody can send one: if nothing is there, end the case."
    ),
    commands=(SHOW, LOOK, END),
)
CALLED_BACK_CLOSED = Action(
    brief=CALLED_BACK.brief,
    what=N_(
        "It is closed as not paid, and a callback says otherwise. Look for the transaction id in the gateway's dashboard, or ask"
        " LigdiCash support. If it was paid, settle it. Anybody can send a callback: if nothing is there, end the case."
    ),
    commands=(SHOW, LOOK, OVER_OTHER_SUM, END),
)
STRANGER = Action(
    brief=N_("see what it names; read it again or end it"),
    what=N_(
        "Look at what it names. If it is a payment of yours, register its invoice and have the callback read again. Anybody"
        " can send a callback: end the others, all at once if they are many."
    ),
    commands=(LOOK, REPLAY, END),
)
GIBBERISH = Action(
    brief=N_("look at it; end it"),
    what=N_(
        "Look at what came. If it is from the gateway, report it and have it read again with the next version. Anybody can"
        " send a callback: end the others, all at once if they are many."
    ),
    commands=(LOOK, REPLAY, END),
)
REPAIR = Action(
    brief=N_("repair the application that is not told"),
    what=N_("Repair the application, or its address in the settings; have it told again; then end the case."),
    commands=("reconciler notices resend --failed", END),
)
SET_UP = Action(
    brief=N_("set the account up again"),
    what=N_(
        "Put the account's table back into LIGDICASH_ACCOUNTS_FILE: the case ends by itself, and its payments are asked about."
        " docs/accounts.md says more."
    ),
    commands=("reconciler accounts", END),
)


def _table(otherwise: Action, by_status: Mapping[Status, Action] | None = None) -> dict[Status | None, Action]:
    return dict.fromkeys([None, *Status], otherwise) | dict(by_status or {})


ACTIONS: Mapping[CaseKind, Mapping[Status | None, Action]] = {
    CaseKind.MISMATCH: _table(JUST_END, {Status.PENDING: OTHER_SUM, Status.NOTCOMPLETED: OTHER_SUM_AFTER_ALL}),
    CaseKind.LATE_SUCCESS: _table(JUST_END, {Status.COMPLETED: DELIVER}),
    CaseKind.CONTRADICTION: _table(ASK_AGAIN, {Status.COMPLETED: TAKEN_BACK}),
    CaseKind.CALLED_BACK: _table(CALLED_BACK, {Status.NOTCOMPLETED: CALLED_BACK_CLOSED}),
    CaseKind.ORPHAN: _table(STRANGER),
    CaseKind.UNREADABLE: _table(GIBBERISH),
    CaseKind.TOKEN_LOST: _table(JUST_END, {Status.CREATED: HOLE, Status.PENDING: LOOK_UP}),
    CaseKind.TOKEN_REFUSED: _table(JUST_END, {Status.PENDING: LOOK_UP, Status.NOTCOMPLETED: LOOK_UP_CLOSED}),
    CaseKind.PARKED: _table(JUST_END, {Status.PENDING: LOOK_UP, Status.NOTCOMPLETED: LOOK_UP_CLOSED}),
    CaseKind.APPROVAL: _table(JUST_END),
    CaseKind.ENDPOINT: _table(REPAIR),
    CaseKind.ACCOUNT: _table(SET_UP),
    CaseKind.STATEMENT: STATEMENT_ACTIONS,
}
"""Every kind with every status, and with none, for what is about no invoice."""

WITHOUT_A_PAGE = {CaseKind.TOKEN_LOST: HOLE_WITHOUT_A_PAGE, CaseKind.STATEMENT: DEBITED_BY_THE_STATEMENT}
"""Where an invoice that is paid without a page, and has no token, wants something else than a hosted one."""


def action_for(case: CaseFacts) -> Action:
    """What to do about this case."""
    if case.has_no_page and case.status is Status.CREATED and case.kind in WITHOUT_A_PAGE:
        return WITHOUT_A_PAGE[case.kind]
    ours = ACTIONS[case.kind][case.status]
    if case.about is not Kind.PAYOUT or case.status is None:
        return ours
    return PAYOUT_ACTIONS.get((case.kind, case.status), ours)


def commands_for(case: CaseFacts) -> list[str]:
    """The commands that do it, ready to be copied: only the reason is left to be written."""
    return [command.format(**_values(case)) for command in action_for(case).commands]


def _values(case: CaseFacts) -> dict[str, str]:
    """What fills the commands. Ids are quoted for the shell: a merchant may have put anything into theirs."""
    received = case.said_amount if case.said == "completed" and case.said_amount else case.amount
    return {
        "noun": "payouts" if case.about is Kind.PAYOUT else "invoices",
        "case": str(case.id),
        "transaction": shlex.quote(safe(case.transaction_id or "")),
        "received": str(received),
        "callback": str(case.callback_id),
    }
