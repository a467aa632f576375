"""Patterns of the sentences that reach a person finished: notes that stand in the books, and errors of the rooms below.

They are written and stored in English, for the books have one language. A sentence without its pattern here is shown as
it stands; so it is with the gateway's own words inside them, and with what somebody wrote by hand.
"""

from __future__ import annotations

from worker.language import N_
from worker.language.sentences import retold

CASES = (
    N_("{why}. Nothing was settled. Compare with the gateway's dashboard, then credit or refund by hand."),
    N_("{why}. It was settled. The order may have been given up meanwhile: deliver, or refund."),
    N_("{why}. Nothing moved. Ask LigdiCash support which is true, with the evidence of both answers."),
    N_("{why}. Look the payment up in the gateway's dashboard, or ask LigdiCash support."),
    N_("{why}. Nothing final in all this time. A callback would wake it up; else look it up in the dashboard."),
    N_(
        "No reply to our create was stored: the gateway may hold an invoice that nobody can ask about. If a customer paid"
        " it, ask LigdiCash support with the transaction id; else make a new invoice."
    ),
    N_(
        "{why}. No reply to our create was stored: the gateway may hold an invoice that nobody can ask about. If a"
        " customer paid it, ask LigdiCash support with the transaction id; else make a new invoice."
    ),
    N_("Nobody managed to read it in {attempts} attempts; it may be what stops the readers."),
    N_("the gateway's reply came after all"),
    N_("the gateway refused to create it"),
    N_("the gateway gave a final answer"),
    N_(
        "Payments of the account {account} are not asked about: it is not set up here. Put its table back into"
        " LIGDICASH_ACCOUNTS_FILE (docs/accounts.md), and they are, within an hour or at their next callback."
    ),
    N_("the account is set up again"),
)

REASONS = (
    N_("{why}; held back: settling is switched off by {author}"),
    N_("{why}; held back: a later answer was held back before it, and may say something else"),
    N_("a {word} transaction cannot be asked about"),
    N_("completed, without a readable amount; {amount} XOF expected"),
    N_("completed over {amount} XOF; {ours} XOF expected"),
    N_("completed, without our reference"),
    N_("completed for {reference}, which is not our reference"),
    N_("completed, as the books say"),
    N_("completed, by an answer older than what closed it"),
    N_("completed over {amount} XOF"),
    N_("notcompleted"),
    N_("notcompleted, as the books say"),
    N_("notcompleted, after it said completed; nothing moves"),
    N_("notcompleted; nothing moves"),
    N_("still pending"),
    N_("pending again, after it said notcompleted"),
    N_("pending, after it said completed; nothing moves"),
    N_("pending; nothing moves"),
    N_("not understood: {why}"),
    N_("the gateway does not know the token, or no longer"),
    N_("the gateway refuses us, not the payment: {why}"),
    N_("no answer: {why}"),
)

TROUBLES = (
    N_("no usable status"),
    N_("status {status} with response_code {code} says nothing certain"),
    N_("the gateway answered HTTP {status} instead of 200"),
    N_("the answer is longer than {size} bytes"),
    N_("the answer is not a JSON object"),
    N_("the answer is empty"),
    N_("refused with {code}: {word}"),
    N_("the answer is about another payout, by the number in its token"),
    N_("completed, beside an amount or an id that nobody can read"),
    N_("all connections to the gateway were busy"),
    N_("the gateway's name cannot be looked up"),
    N_("no connection to the gateway came about in the time allowed"),
    N_("no connection to the gateway ({cause})"),
    N_("no connection to the gateway"),
    N_("whoever was to send it stood still for {seconds} s"),
    N_("no whole answer came in the time allowed"),
    N_("the connection broke before the whole answer had come"),
)

NOTES = (
    N_("claims {word} about an order the gateway refused to create: there is no token to ask with"),
    N_("claims {word} about a payment that a person decided: there is no token to ask with"),
    N_("claims {word}, as the books already say"),
    N_("claims {word}"),
    N_("names no transaction at all"),
    N_("no transaction is known as {names} yet"),
    N_("no transaction is known as {names}"),
    N_("the body is neither a JSON object nor a form with a field of a callback"),
    N_("the text is not JSON, or is nested too deeply"),
    N_("the JSON is not an object"),
    N_("the form has more than {number} fields"),
)

TELLING = (
    N_("it answered {status}; redirects are not followed, NOTICE_URL must be the address itself"),
    N_("it answered {status} ({phrase})"),
    N_("it answered {status}"),
    N_("it closed the connection without an answer"),
    N_("it could not be sent ({reason})"),
    N_("its answer is no HTTP ({reason})"),
    N_("its certificate is not trusted ({reason})"),
    N_("its payment is not in the books; see fsck"),
    N_("no TLS connection ({reason})"),
    N_("no answer ({reason})"),
    N_("no whole answer came within {seconds} s"),
    N_("the name in NOTICE_URL cannot be looked up"),
    N_(
        "NOTICE_URL leads to a {kind} address ({address}), where notices must not go; NOTICE_ALLOW_PRIVATE lets private and"
        " loopback ones through"
    ),
    N_("NOTICE_URL leads to a {kind} address ({address}), where notices must not go"),
)

ENDPOINTS = (
    N_(
        "The application answered 410 (gone), so nothing is pushed to it any more. Set NOTICE_URL to where it takes notices"
        " now, then send again what was given up: `reconciler notices resend --failed`. GET /v1/events tells everything"
        " meanwhile."
    ),
    N_(
        "Notice {seq} was given up after {attempts} tries: {why}. Put it right, then send again what was given up:"
        " `reconciler notices resend --failed`."
    ),
    N_(
        "The application has taken no notice since {since} UTC: {why}. See that it answers at NOTICE_URL; the tries go on by"
        " themselves. GET /v1/events tells everything meanwhile."
    ),
    N_("The application takes notices again. Send again what was given up: `reconciler notices resend --failed`."),
    N_("the application takes notices again"),
)

PAYOUTS = (
    N_(
        "The payout is above the ceiling (PAYOUT_APPROVAL_ABOVE) and waits for a person: `reconciler payouts approve` sends"
        " it, `reconciler payouts reject` closes it."
    ),
    N_(
        "The payout waited while sending was switched off, and the gateway refused it when it was sent: {why}. It was not"
        " taken. `reconciler payouts approve` sends it again, `reconciler payouts reject` closes it."
    ),
    N_(
        "The payout was approved, and the gateway refused it when it was sent: {why}. It was not taken. `reconciler payouts"
        " approve` sends it again, `reconciler payouts reject` closes it."
    ),
    N_("rejected by {author}: {reason}"),
    N_("payout {transaction_id} does not wait for approval: it is {word}, {advice} by {author}"),
    N_("payout {transaction_id} does not wait for approval: it is {word}"),
    N_("payout {transaction_id} was rejected by {author}, and is not taken up again; use a new transaction_id"),
    N_(
        "payout {transaction_id} was refused after its order had been taken, as its event told, and is not taken up again; use"
        " a new transaction_id"
    ),
    N_(
        "The payout was sent and no reply was stored: the money may be on its way, and nothing sends it again. Look it up in"
        " the gateway's dashboard, or ask LigdiCash support with the transaction id, and say what became of it with"
        " `reconciler cases resolve`. Pay it in no other way before."
    ),
    N_(
        "{why}. The payout was sent and no reply was stored: the money may be on its way, and nothing sends it again. Look it"
        " up in the gateway's dashboard, or ask LigdiCash support with the transaction id, and say what became of it with"
        " `reconciler cases resolve`. Pay it in no other way before."
    ),
    N_("it was never sent: whoever was to send it was gone before. Send the same order again."),
    N_("LigdiCash refused the payout with {code}: {word}. {advice} Details: {details}"),
    N_("LigdiCash refused the payout with {code}: {word}. {advice}"),
    N_("LigdiCash answered with {code}: {word}; the payout may be under way. Details: {details}"),
    N_("LigdiCash answered with {code}: {word}; the payout may be under way"),
    N_("LigdiCash accepted the payout and sent no usable token: it cannot be asked about"),
    N_(
        "LigdiCash's reply contradicts itself (a token without response_code 00, or no code at all): the payout may be under"
        " way"
    ),
    N_("LigdiCash answered HTTP {status} instead of 200: the payout may be under way"),
    N_("LigdiCash's reply is not a JSON object: the payout may be under way"),
    N_("The payout was sent, and {why}: it may be under way"),
    N_("The payout was not sent: {why}."),
    N_(
        "payout {transaction_id} was refused, and may have been sent after all: a callback came about it, or a person closed"
        " it. It is not sent again; find out what became of it, and use a new transaction_id"
    ),
    N_(
        "top_up_wallet must be 1 (the money stays in the wallet) or 0 (it goes on to mobile money) on the route wallet, and"
        " left out on the route mobile_money"
    ),
    N_(
        "customer must have a number of a country in which an operator of the project works (LIGDICASH_OPERATORS, or operators of"
        " its account)"
    ),
)

CREATING = (
    N_("A wallet is debited with a one-time code, and none came with the order."),
    N_("The operator wants a one-time code, and none came with the order."),
    N_("LigdiCash sent no one-time code: {details}."),
    N_("LigdiCash did not say in words we know whether it sent the one-time code. Ask for another one."),
    N_("The one-time code was asked for, and {why}. Ask for another one."),
    N_("The one-time code was not asked for: {why}."),
    N_("LigdiCash refused the invoice with {code}: {word}. {advice} Details: {details}"),
    N_("LigdiCash refused the invoice with {code}: {word}. {advice}"),
    N_("LigdiCash answered HTTP {status}: it refuses our keys or our address. {advice}"),
    N_("LigdiCash answered HTTP {status} instead of 200: the invoice may exist."),
    N_("LigdiCash's reply is not a JSON object: the invoice may exist."),
    N_("The create was sent, and {why}: the invoice may exist."),
    N_("The create was not sent: {why}."),
)

NUMBERS = (
    N_("the phone number must be digits, with nothing before them but + or 00"),
    N_("the phone number must begin with its country code, as in +226 70 00 00 00"),
    N_("a phone number, an e-mail address or a name of at most {most} characters is needed"),
    N_("a name must have a word of two letters at least"),
    N_("the phone number must have at most {most} characters"),
    N_("the phone number must have {least} to {most} digits"),
    N_("a phone number of {word} has {few} or {many} digits after +{dialling}, not {length}"),
    N_("a phone number of {word} has {many} digits after +{dialling}, not {length}"),
)

STATEMENTS = (
    N_("a statement of the gateway has it over another sum"),
    N_("a statement of the gateway and the books do not agree whether it was paid"),
    N_("a statement of the gateway has its money going the other way"),
    N_("it stands on the statement of another account"),
    N_("a statement of the gateway has it more than once"),
    N_("a statement of the gateway has it, and the books do not"),
    N_("it is settled, and missing from the gateway's statement"),
)
"""What `models.statement.SAYS`."""

STORED = (*CASES, *STATEMENTS, *PAYOUTS, *ENDPOINTS, *CREATING, *REASONS, *TROUBLES, *NOTES, *TELLING)

ERRORS = (
    N_("the project has no operator {called} (LIGDICASH_OPERATORS, or operators of its account)"),
    N_("{called} serves numbers that begin with +{code}, and this one does not"),
    N_(
        "no operator of the project works in the country of this phone number (LIGDICASH_OPERATORS, or operators of its account)"
    ),
    N_("which operator the number belongs to must be said, by operator_id; there are: {named}"),
    N_("{called} takes at least {least} XOF, not {amount}"),
    N_("{called} takes at most {most} XOF, not {amount}"),
    N_("the one-time code must be 4 to 12 letters or digits, as the customer got it"),
    N_("amount must be from {least} to {most} XOF, not {amount}"),
    N_("the items add up to {total} XOF, and the amount is {amount}"),
    N_("transaction_id must have 1 to {most} characters, not {length}"),
    N_("transaction_id must be visible characters, with no space at either end"),
    N_("item {number} has no name"),
    N_("item {number} ({name}): quantity must be at least 1, not {quantity}"),
    N_(
        "transaction_id {transaction_id} is taken by an order with other contents; send the first order again unchanged,"
        " or use a new transaction_id"
    ),
    N_("transaction_id {transaction_id} is taken by an order of the account {account}; use a new transaction_id"),
    N_(
        "order {transaction_id} was refused, and a callback came about it all the same: the customer may have been debited. It"
        " is not sent again; find out what became of it, and use a new transaction_id"
    ),
    N_("no one-time code is sent to this number for {seconds} s: as many as may be were sent lately"),
    N_("no one-time code is sent to anybody for {seconds} s: as many as may be were sent lately"),
    N_("account: there is no account {account} here; there are {accounts}"),
    N_("this token belongs to another transaction already"),
    N_("there is no transaction {transaction_id}"),
    N_("the file is damaged, or is no evidence: a zip with {chain} and {page} is needed"),
    N_("the file is too big to be evidence"),
    N_(
        "callback {callback_id} was erased on {day}, and there is nothing to read again; ask the gateway about its transaction"
        " instead"
    ),
    N_(
        "transaction_id {transaction_id} was refused, and erased on {day}: it is not taken up again; use a new transaction_id"
    ),
    N_("there was no turn for this question: the call budget is used up; try again in a few seconds"),
    N_("the database cannot be reached or is too busy: {cause}"),
    N_("the database can be reached and does not answer in time; it is too busy"),
    N_("the database cannot be reached; check DATABASE_URL and that PostgreSQL runs"),
    N_("a table is in use by a long transaction; run it again, and it goes on where it stopped"),
    N_("{name}: is not set"),
    *NUMBERS,
    *CREATING,
    *PAYOUTS,
    *TROUBLES,
)
"""Those that a support agent can meet. What only an operator meets, at a start or in settings, stays English."""


def told(stored: str) -> str:
    """A sentence out of the books, in the chosen language where that has words for it."""
    return retold(stored, STORED)
