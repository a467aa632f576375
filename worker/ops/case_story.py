"""What happened, in a sentence or two, from the facts of a case. What is stored about it is English; this speaks any language."""

from __future__ import annotations

from models.case import CaseKind
from models.queries.cases import CaseFacts
from models.transaction import Kind, Status
from worker.language import _
from worker.ops.payout_cases import payout_story
from worker.ops.shown import francs, safe
from worker.ops.statement_cases import statement_story


def story(case: CaseFacts) -> str:
    """Safe to print."""
    if case.about is Kind.PAYOUT and (told := payout_story(case)):
        return safe(told)
    match case.kind:
        case CaseKind.STATEMENT:
            told = statement_story(case)
        case CaseKind.MISMATCH:
            told = _paid_on_other_terms(case)
        case CaseKind.CONTRADICTION:
            told = _contradiction(case)
        case CaseKind.CALLED_BACK | CaseKind.ORPHAN | CaseKind.UNREADABLE:
            told = _callback(case)
        case CaseKind.ENDPOINT:
            told = _("The application of account {account} does not take its notices.").format(account=case.account)
        case CaseKind.ACCOUNT:
            told = _("Payments of the account {account} are not asked about: it is not set up here.").format(
                account=case.account
            )
        case _:
            told = _payment(case)
    return safe(told)


def _payment(case: CaseFacts) -> str:
    """About an invoice, and plain from the kind alone."""
    match case.kind:
        case CaseKind.LATE_SUCCESS:
            return _("It was closed as not paid. Later the gateway said that it was paid, and it was settled.")
        case CaseKind.TOKEN_LOST if case.has_no_page:
            return _(
                "The gateway was asked to debit the customer, and its reply was never stored. They may have been asked on the"
                " phone, or debited, and nobody can ask about it."
            )
        case CaseKind.TOKEN_LOST:
            return _(
                "The gateway was asked to create the invoice, and its reply was never stored. It may hold an invoice that"
                " nobody can ask about."
            )
        case CaseKind.TOKEN_REFUSED:
            return _("The gateway does not know the invoice's token, or no longer: it cannot tell whether it was paid.")
        case _:
            return _(
                "In all the time there is for it the gateway said nothing final. It is no longer asked by itself; a"
                " callback would change that."
            )


def _paid_on_other_terms(case: CaseFacts) -> str:
    ours = francs(case.amount or 0)
    if case.said_amount is None:
        said = _("The gateway says that it was paid, without a readable amount; the invoice is over {ours}.")
    elif case.said_amount != case.amount:
        said = _("The gateway says that {theirs} were paid; the invoice is over {ours}.")
    elif not case.said_reference:
        said = _("The gateway says that it was paid, and does not name this invoice.")
    else:
        said = _("The gateway says that it was paid, and names {reference} instead of this invoice.")
    told = said.format(ours=ours, theirs=francs(case.said_amount or 0), reference=repr(case.said_reference))
    return told if case.status is Status.COMPLETED else told + " " + _("Nothing was settled for it.")


def _contradiction(case: CaseFacts) -> str:
    if case.settled_amount is None:
        return _("It was closed as not paid, and an answer to an older question says that it was paid.")
    books = _("{amount} are settled.").format(amount=francs(case.settled_amount))
    match case.said:
        case "notcompleted":
            said = _("Later the gateway said that it was not paid.")
        case "completed":
            said = _("Later the gateway confirmed it on other terms: {amount}, for {reference}.").format(
                amount=_("no amount") if case.said_amount is None else francs(case.said_amount),
                reference=repr(case.said_reference),
            )
        case _:
            said = _("Later the gateway said that it is still waiting for the customer.")
    return f"{books} {said}"


def _callback(case: CaseFacts) -> str:
    if case.kind is CaseKind.CALLED_BACK:
        told = _(
            "A callback from {source} is about {transaction}, which the gateway had refused or a person had decided. It cannot be"
            " asked about, and money may have moved all the same."
        )
    elif case.kind is CaseKind.ORPHAN:
        told = _("A callback from {source} names no invoice that can be asked about.")
    else:
        told = _("A callback from {source} cannot be understood.")
    return told.format(source=case.source or _("nowhere known"), transaction=case.transaction_id)
