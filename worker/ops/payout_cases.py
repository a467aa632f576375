"""Cases about payouts: what happened, and what a person should do. What money that came in has to say does not fit them."""

from __future__ import annotations

from collections.abc import Mapping

from models.case import CaseKind
from models.queries.approval import HELD
from models.queries.cases import CaseFacts
from models.transaction import Status
from worker.language import N_, _
from worker.ops.action import CHECK, END, JUST_END, SHOW, Action
from worker.ops.sentences import told
from worker.ops.shown import francs

WENT_OUT = 'reconciler cases resolve {case} --as completed --override --reason "..."'
STAYED = 'reconciler cases resolve {case} --as notcompleted --override --reason "..."'

SENT_UNKNOWN = Action(
    brief=N_("look it up in the dashboard: the money may have gone out"),
    what=N_(
        "Look for the transaction id in the gateway's dashboard, or ask LigdiCash support, and write down what became of it."
        " Until then pay it in no other way. If it did not go out, a new payout needs a new transaction id."
    ),
    commands=(SHOW, WENT_OUT, STAYED),
)
OTHER_TERMS = Action(
    brief=N_("compare with the dashboard, then decide"),
    what=N_("Compare with the gateway's dashboard what went out and to whom, and write down what became of it."),
    commands=(CHECK, WENT_OUT, STAYED),
)
OTHER_TERMS_CLOSED = Action(
    brief=N_("compare with the dashboard, then decide"),
    what=N_(
        "It is closed as not paid out. Compare with the gateway's dashboard; settle it if it went out, else end the case."
    ),
    commands=(CHECK, WENT_OUT, END),
)
WENT_OUT_AFTER_ALL = Action(
    brief=N_("see that it was not paid twice"),
    what=N_(
        "It was given up, and went out after all. See that the customer was not paid in another way meanwhile; then end the case."
    ),
    commands=(SHOW, END),
)
TAKEN_BACK = Action(
    brief=N_("ask LigdiCash which answer is true"),
    what=N_(
        "The books say that the money went out. Ask the gateway once more, then LigdiCash support, with both answers."
    ),
    commands=(CHECK, SHOW, END),
)

LOOK_UP = Action(
    brief=N_("look it up in the dashboard, then decide"),
    what=N_(
        "Look the payout up in the gateway's dashboard, or ask LigdiCash support. Then write down what became of it. Pay it in no"
        " other way before."
    ),
    commands=(CHECK, WENT_OUT, STAYED),
)
LOOK_UP_CLOSED = Action(
    brief=N_("look it up in the dashboard"),
    what=N_(
        "It is closed as not paid out, and the gateway no longer says so. Look the payout up in the gateway's dashboard, or ask"
        " LigdiCash support. If it went out, settle it; if not, end the case."
    ),
    commands=(CHECK, WENT_OUT, END),
)

APPROVE = Action(
    brief=N_("approve it, or reject it"),
    what=N_("Look at who gets how much and why it was ordered, then let it go or close it. Nothing sends it before."),
    commands=(
        SHOW,
        'reconciler payouts approve {transaction} --reason "..."',
        'reconciler payouts reject {transaction} --reason "..."',
    ),
)

PAID_OUT = Action(
    brief=N_("the statement says that it went out: write it down"),
    what=N_(
        "The statement says that the money went out, and there is no token to ask with. See in the gateway's dashboard that it"
        " is this payout, and write it down."
    ),
    commands=(SHOW, WENT_OUT, END),
)

CALLED_BACK_CLOSED = Action(
    brief=N_("look it up in the dashboard: money may have moved"),
    what=N_(
        "It is closed as not paid out, and a callback says otherwise. Look for the transaction id in the gateway's dashboard, or"
        " ask LigdiCash support. If it went out, settle it. Anybody can send a callback: if nothing is there, end the case."
    ),
    commands=(SHOW, "reconciler callbacks show {callback}", WENT_OUT, END),
)

PAYOUT_ACTIONS: Mapping[tuple[CaseKind, Status], Action] = {
    (CaseKind.APPROVAL, Status.CREATED): APPROVE,
    (CaseKind.TOKEN_LOST, Status.CREATED): SENT_UNKNOWN,
    (CaseKind.MISMATCH, Status.PENDING): OTHER_TERMS,
    (CaseKind.MISMATCH, Status.NOTCOMPLETED): OTHER_TERMS_CLOSED,
    (CaseKind.MISMATCH, Status.COMPLETED): JUST_END,
    (CaseKind.LATE_SUCCESS, Status.COMPLETED): WENT_OUT_AFTER_ALL,
    (CaseKind.CONTRADICTION, Status.COMPLETED): TAKEN_BACK,
    (CaseKind.STATEMENT, Status.CREATED): PAID_OUT,
    (CaseKind.CALLED_BACK, Status.NOTCOMPLETED): CALLED_BACK_CLOSED,
    (CaseKind.TOKEN_REFUSED, Status.PENDING): LOOK_UP,
    (CaseKind.TOKEN_REFUSED, Status.NOTCOMPLETED): LOOK_UP_CLOSED,
    (CaseKind.PARKED, Status.PENDING): LOOK_UP,
    (CaseKind.PARKED, Status.NOTCOMPLETED): LOOK_UP_CLOSED,
}
"""Where a payout wants something else than an invoice."""


def payout_story(case: CaseFacts) -> str:  # noqa: PLR0911 - one return per kind
    """What happened, where it is another story than that of an invoice; empty otherwise."""
    match case.kind:
        case CaseKind.TOKEN_LOST:
            return _(
                "The payout was handed to the gateway, and its reply was never stored. The money may be on its way. Nothing"
                " sends it again, and there is no token to ask with."
            )
        case CaseKind.APPROVAL:
            above = _("The payout is above the ceiling. It is stored, and is sent when a person approves it.")
            return above if case.detail == HELD else told(case.detail)
        case CaseKind.LATE_SUCCESS:
            return _("It was closed as not paid out. Later the gateway said that it went out, and it was settled.")
        case CaseKind.MISMATCH:
            return _on_other_terms(case)
        case CaseKind.CONTRADICTION:
            return _contradiction(case)
        case CaseKind.TOKEN_REFUSED:
            return _(
                "The gateway does not know the payout's token, or no longer: it cannot tell whether the money went out."
            )
        case _:
            return ""


def _on_other_terms(case: CaseFacts) -> str:
    """An answer about a payout names neither amount nor id as a rule; what it did name is not ours."""
    if case.said_amount not in (None, case.amount):
        told = _("The gateway says that {theirs} went out; the payout is over {ours}.")
        return told.format(theirs=francs(case.said_amount or 0), ours=francs(case.amount or 0))
    told = _("The gateway says that it went out, and names {reference} instead of this payout.")
    return told.format(reference=repr(case.said_reference))


def _contradiction(case: CaseFacts) -> str:
    if case.settled_amount is None:
        return _("It was closed as not paid out, and an answer to an older question says that it went out.")
    books = _("By the books {amount} went out.").format(amount=francs(case.settled_amount))
    match case.said:
        case "notcompleted":
            said = _("Later the gateway said that it did not go out.")
        case "completed":
            said = _("Later the gateway confirmed it on other terms: {amount}, for {reference}.").format(
                amount=_("no amount") if case.said_amount is None else francs(case.said_amount),
                reference=repr(case.said_reference),
            )
        case _:
            said = _("Later the gateway said that it is still on its way.")
    return f"{books} {said}"
