"""What is said about each situation, rule, date and obstacle. Words alone; `worker.ops.why.wording` fills in the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from worker.language import N_
from worker.ops.why.hindrance import Obstacle
from worker.ops.why.situation import Hearsay, Situation
from worker.ops.why.timing import Asking, Rule


@dataclass(frozen=True, slots=True)
class Text:
    """What is the case, why, what would settle it, and what a person can do."""

    answer: str
    why: str
    settles: str
    can: tuple[str, ...]


PAID = N_('LigdiCash answers "completed" over exactly {amount} for {id}. "notcompleted" would close it as not paid.')
PAID_AFTER_ALL = N_('A later answer "completed" over exactly {amount} for {id} would still settle it.')
NOTHING_MORE = N_("Nothing more: completed stays completed.")
ASK = N_("Have LigdiCash asked now:\nreconciler invoices check {argument}")
NOT_YET = N_("Do not deliver yet.")
LOOK_UP = N_("Look for {id} in LigdiCash's dashboard, or ask their support.")
ON_THE_PHONE = N_("Ask the customer whether the payment was confirmed on the phone.")
NOTHING_TO_DO = N_("There is nothing to do.")
CASE = N_("Work on what is open for a person:\nreconciler cases show {case}")

TEXTS: Mapping[Situation, Text] = {
    Situation.CREATING: Text(
        N_("Not ready yet: we wait for LigdiCash's reply to our order."),
        N_("The order went out {age} ago. Its reply brings the token, without which nobody can pay or ask."),
        N_("LigdiCash's reply with the token. Then the customer can pay, and we can ask."),
        (N_("Wait for it. Sending the same order again is safe: it makes no second invoice."),),
    ),
    Situation.TOKEN_LOST: Text(
        N_("Stuck: LigdiCash's reply to our order was lost, and the token with it. We cannot ask about this payment."),
        N_("LigdiCash gives the token out once. It may hold an invoice that nobody can ask about."),
        N_("The word of LigdiCash's support about {id}, and a person who acts on it. No question of ours can."),
        (LOOK_UP, N_("If nobody paid, make a new invoice under a new id.")),
    ),
    Situation.REFUSED: Text(
        N_("Not payable: it was not created at LigdiCash."),
        N_('The reason: "{refusal}". Nothing exists there, so nobody can have paid.'),
        N_("Nothing: there is no payment."),
        (
            N_("Put right what is in the way, and send the same order again under the same id."),
            N_("An order with other contents needs a new id."),
        ),
    ),
    Situation.REFUSED_DOUBTED: Text(
        N_("Refused by LigdiCash, and a callback came about it all the same. Its order is not sent again."),
        N_('The reason: "{refusal}". The customer may have been asked on the phone, or debited.'),
        N_("Nothing by itself: there is no token to ask with."),
        (LOOK_UP, ON_THE_PHONE, N_("If nobody paid, make a new invoice under a new id.")),
    ),
    Situation.NOT_ASKED_YET: Text(
        N_("Pending: LigdiCash has not been asked yet."),
        N_("It was created {age} ago. The customer gets {first_check} to pay before we ask for the first time."),
        PAID,
        (N_("Wait, or have LigdiCash asked now:\nreconciler invoices check {argument}"),),
    ),
    Situation.FIRST_QUESTION: Text(
        N_("Pending: LigdiCash was asked for the first time, and no answer is recorded yet."),
        N_("The question went out {asked_ago} ago."),
        PAID,
        (N_("Wait a few seconds, and look again."),),
    ),
    Situation.CALLED_BACK: Text(
        N_("Pending: a callback came, and LigdiCash has not been asked since whether it is true."),
        N_("It came {called_ago} ago. Anybody can send a callback, so it moves no money: it only has us ask sooner."),
        PAID,
        (NOT_YET, N_("Wait a few seconds, and look again.")),
    ),
    Situation.GATEWAY_PENDING: Text(
        N_("Pending: LigdiCash says that the payment is not finished."),
        N_(
            "It was asked {times}, the last time {asked_ago} ago. The customer has not paid, or the operator has not told "
            "LigdiCash yet."
        ),
        PAID,
        (ON_THE_PHONE, ASK),
    ),
    Situation.CLAIMED: Text(
        N_("Pending: a callback says paid, LigdiCash does not. Only LigdiCash counts."),
        N_(
            'Callback {claim} says "completed". LigdiCash, asked after it, {asked_ago} ago, says "pending". The callback is '
            "forged, or came too early."
        ),
        PAID,
        (NOT_YET, ASK),
    ),
    Situation.CLAIMED_OTHERWISE: Text(
        N_("Pending: a callback says paid, and does not even fit. LigdiCash says pending, and only LigdiCash counts."),
        N_(
            "Callback {claim} names {claimed}; this payment is over {amount}. It is forged, or about something else. "
            "LigdiCash was asked {asked_ago} ago."
        ),
        PAID,
        (NOT_YET, ASK),
    ),
    Situation.NO_ANSWER: Text(
        N_("Not known: LigdiCash does not answer. {silences}"),
        N_("The last try was {asked_ago} ago. {before} Silence says nothing about a payment."),
        PAID,
        (N_("Wait until LigdiCash is back. reconciler status shows whether all payments are concerned."), ASK),
    ),
    Situation.NOT_UNDERSTOOD: Text(
        N_("Not known: LigdiCash's last answer cannot be understood."),
        N_("It came {asked_ago} ago and names no status that we know. Such an answer moves nothing."),
        PAID,
        (N_("If it stays so, show LigdiCash's support the answer below."), ASK),
    ),
    Situation.NOT_FOUND: Text(
        N_("Not known: LigdiCash says that it does not know this payment."),
        N_("It was asked {times}, the last time {asked_ago} ago. The token may have expired, or be the wrong one."),
        PAID,
        (LOOK_UP, ASK),
    ),
    Situation.REFUSES_US: Text(
        N_("Not known: LigdiCash refuses us, not the payment. It tells us nothing about any payment."),
        N_("It refused {asked_ago} ago: our credentials, our address or our project. {before}"),
        PAID,
        (
            N_("Have the API key, the API token and the allowed addresses checked: every payment waits for that."),
            N_("Then have LigdiCash asked:\nreconciler invoices check {argument}"),
        ),
    ),
    Situation.REFUSED_ALONE: Text(
        N_("Not known: LigdiCash refuses our question about this payment. The others are not held up."),
        N_(
            "It refused {asked_ago} ago. {before} The token may have expired, or be of another project. Or our credentials are "
            "refused, and no other payment has shown it yet."
        ),
        PAID,
        (
            LOOK_UP,
            N_("If others are refused too, have the API key, the API token and the allowed addresses checked."),
            ASK,
        ),
    ),
    Situation.MISMATCH: Text(
        N_("A person must decide: LigdiCash says paid, {objection}."),
        N_("It said so {answered_ago} ago. Nothing was settled: only exactly {amount} for {id} settles by itself."),
        N_('LigdiCash answers "completed" over exactly {amount} for {id}; or a person decides, in the case.'),
        (N_("Compare with LigdiCash's dashboard, then credit what really came, or refund it, by hand."),),
    ),
    Situation.NOT_APPLIED: Text(
        N_('Decided at LigdiCash, and not yet in our books: it says "{said}".'),
        N_("The answer came {answered_ago} ago and fits. Settling was switched off at that moment, so nothing moved."),
        N_("The same answer once more, while settling is on."),
        (N_("Have settling switched on again."), ASK),
    ),
    Situation.PARKED: Text(
        N_("Parked: nothing final came in {horizon}, so we have stopped asking by ourselves."),
        N_("LigdiCash was asked {times}. {before}"),
        PAID,
        (LOOK_UP, ASK),
    ),
    Situation.PARKED_NOT_FOUND: Text(
        N_("Parked: LigdiCash does not know this payment, and we have stopped asking by ourselves."),
        N_("It was asked {times} in {horizon}. The token has expired, or was never the right one."),
        PAID,
        (LOOK_UP,),
    ),
    Situation.SETTLED: Text(
        N_("Paid: {settled} are in the books, once."),
        N_("LigdiCash said so: check {check}, settled {settled_ago} ago."),
        NOTHING_MORE,
        (NOTHING_TO_DO,),
    ),
    Situation.SETTLED_BY_HAND: Text(
        N_("Paid, by a person's word: {settled} are in the books without an answer of LigdiCash."),
        N_('{author} answers for it, since {made_at}: "{reason}".'),
        NOTHING_MORE,
        (NOTHING_TO_DO,),
    ),
    Situation.SETTLED_LATE: Text(
        N_("Paid, late: {settled} are in the books, after it had been closed as not paid."),
        N_("LigdiCash said so after all: check {check}, settled {settled_ago} ago."),
        NOTHING_MORE,
        (N_("The order may have been given up meanwhile: deliver, or refund."),),
    ),
    Situation.SETTLED_DISPUTED: Text(
        N_("Paid by our books, and LigdiCash takes its word back."),
        N_("It was settled {settled_ago} ago. LigdiCash has said something else since, and nothing moves by itself."),
        NOTHING_MORE,
        (N_("Ask LigdiCash's support which is true, with both answers below."),),
    ),
    Situation.FAILED: Text(
        N_("Not paid: LigdiCash said so, and no money moved."),
        N_("It was closed {final_ago} ago."),
        PAID_AFTER_ALL,
        (N_("If the customer says that it was paid, have LigdiCash asked:\nreconciler invoices check {argument}"),),
    ),
    Situation.FAILED_BY_HAND: Text(
        N_("Not paid, by a person's word."),
        N_('{author} answers for it, since {made_at}: "{reason}".'),
        PAID_AFTER_ALL,
        (N_("If the customer says that it was paid, have LigdiCash asked:\nreconciler invoices check {argument}"),),
    ),
    Situation.FAILED_ASKED_AGAIN: Text(
        N_("Not paid by our books, and LigdiCash is asked about it again."),
        N_("It was closed {final_ago} ago. A callback came since, or LigdiCash did not repeat its word."),
        PAID_AFTER_ALL,
        (NOT_YET, ASK),
    ),
    Situation.FAILED_DISPUTED: Text(
        N_('Not paid by our books; LigdiCash has also said "completed", in a way that cannot settle it.'),
        N_("It was closed {final_ago} ago. The answers below contradict each other, or name something else than ours."),
        PAID_AFTER_ALL,
        (N_("Ask LigdiCash's support which is true, with both answers below."),),
    ),
}

WITHOUT_A_TOKEN: Mapping[Situation, Text] = {
    Situation.FAILED_BY_HAND: Text(
        N_("Not paid, by a person's word."),
        N_('{author} answers for it, since {made_at}: "{reason}".'),
        N_("Nothing by itself: there is no token to ask with."),
        (LOOK_UP,),
    ),
}
"""Where a payment that cannot be asked about wants other words."""

RULES: Mapping[Rule, str] = {
    Rule.REPLY_TO_CREATE: N_("A reply gets {every}. Without one the payment is parked, and a person gets a case."),
    Rule.NO_TOKEN: N_("Without the token nothing can be asked. Only a person can end this."),
    Rule.APPROVAL_FIRST: N_(
        "A payout above the ceiling is sent when a person lets it go. If the gateway refuses it then, it waits for them again."
    ),
    Rule.SWITCH_FIRST: N_(
        "While sending is switched off nothing goes out; afterwards the queue goes by itself, oldest first."
    ),
    Rule.SENDER_HAS: N_("Whoever sends it has {every}; what nobody marked as sent by then certainly did not go out."),
    Rule.REPLY_TO_SENDING: N_(
        "A reply gets {every}. Without one nobody knows, it is parked, and a person gets a case."
    ),
    Rule.NEVER_AGAIN: N_(
        "What was sent, or may have been, is never sent again by anybody: only a person can end this."
    ),
    Rule.NOTHING_THERE: N_("What was not created at LigdiCash is not asked about."),
    Rule.FIRST_CHECK: N_("The first question goes out {every} after creation, or as soon as a callback comes."),
    Rule.AFTER_CALLBACK: N_("After a callback LigdiCash is asked within {every}."),
    Rule.BY_AGE: N_(
        "At its age we ask {each} until {thins_at}, then {then_each}. With nothing final by {parks_at} it is parked, and a "
        "person gets a case."
    ),
    Rule.NO_ANSWER: N_(
        "Without an answer we try again, now after about {every}, for as long as it takes. Nothing is parked."
    ),
    Rule.MISMATCH: N_("While a person decides we ask {each}."),
    Rule.HELD_BACK: N_("We ask again and again until the answer may count."),
    Rule.PARKED: N_("After {horizon} we stop asking by ourselves. A callback has LigdiCash asked again."),
    Rule.COMPLETED_STAYS: N_("Completed stays completed, whatever is said later."),
    Rule.FAILURE_IS_PROVISIONAL: N_("A failure is provisional: a later proof of payment wins, and a person is told."),
}
LAST_TIER = N_("At its age we ask {each}. With nothing final by {parks_at} it is parked, and a person gets a case.")
PAST_THE_LAST_TIER = N_(
    "It is past its last age: the next answer that is not final parks it, and a person gets a case."
)

NEXT: Mapping[Asking, str] = {
    Asking.NEVER: N_("Nothing happens by itself."),
    Asking.PARKED: N_("Nothing happens by itself. A callback would have LigdiCash asked."),
    Asking.WAITING: N_("We ask LigdiCash at {due_at}, in {wait}."),
    Asking.DUE: N_("We ask LigdiCash any moment now: its time came {late} ago."),
    Asking.OVERDUE: N_("We should have asked LigdiCash at {due_at}, {late} ago."),
    Asking.STALLED: N_("We should have asked by {expected_at}, {stalled} ago; the date now stands at {due_at}."),
    Asking.UNDER_WAY: N_(
        "LigdiCash was asked {asked_ago} ago{holder}, and its answer is awaited. Should that be lost, we ask at {due_at}."
    ),
    Asking.ASKER_GONE: N_(
        "Whoever asked {asked_ago} ago is gone, without an answer. We ask again at {due_at}, in {wait}."
    ),
}
NEXT_FOR_CREATE: Mapping[Asking, str] = {
    Asking.WAITING: N_("Without a reply by {due_at}, in {wait}, a person gets the case."),
    Asking.DUE: N_("The time for a reply is over: a person gets the case any moment now."),
    Asking.OVERDUE: N_("A person should have got the case at {due_at}, {late} ago."),
}
NEXT_WITHOUT_SWEEP = N_(
    "Nothing happens by itself until asking is switched on again. A callback would have LigdiCash asked."
)
NEXT_WHILE_HELD_UP = N_(
    "Nothing goes out before LigdiCash is back: one question tries at {try_at}, and the others follow."
)
NEXT_WITHOUT_ACCOUNT = N_("Nothing goes out before the account {account} is set up again; then within an hour.")

OBSTACLES: Mapping[Obstacle, str] = {
    Obstacle.SETTLE_OFF: N_(
        'Settling is switched off since {since}, until {until}, by {author}: "{reason}". Answers are kept, and move nothing.'
    ),
    Obstacle.SEND_OFF: N_(
        'Sending money is switched off since {since}, until {until}, by {author}: "{reason}". Nothing goes out meanwhile.'
    ),
    Obstacle.SWEEP_OFF: N_(
        'Asking by ourselves is switched off since {since}, until {until}, by {author}: "{reason}".'
    ),
    Obstacle.NO_ACCOUNT: N_(
        "Nobody asks: it belongs to the account {account}, which is not set up here. LIGDICASH_ACCOUNTS_FILE needs its table; "
        "no other account's keys are used."
    ),
    Obstacle.REFUSED: N_(
        'Nobody asks since {since}: LigdiCash refuses us ("{reason}"). Next try: {until}. Every payment waits for that.'
    ),
    Obstacle.SILENT: N_(
        'Nobody asks since {since}: LigdiCash does not answer ("{reason}"). Next try: {until}. Every payment waits for that.'
    ),
    Obstacle.BUDGET: N_("As many questions as LigdiCash may be asked are under way; this one waits for its turn."),
    Obstacle.NOBODY_CLAIMS: N_("Nobody takes it up: beat or the workers may be down. reconciler status shows more."),
    Obstacle.NOBODY_ASKS: N_(
        "It is taken up again and again, and no question goes out: the workers may be down or far behind. reconciler status "
        "shows more."
    ),
    Obstacle.NOT_KNOWN: N_(
        "Redis does not answer: whether a question is under way or held up, and by whom, cannot be told now."
    ),
}

NO_ACCOUNT_TO_SEND_FROM = N_(
    "It cannot be sent: it belongs to the account {account}, which is not set up here. LIGDICASH_ACCOUNTS_FILE needs its table; "
    "no other account's keys are used."
)

CALLBACKS: Mapping[Hearsay, str] = {
    Hearsay.NONE: N_("None about it has come."),
    Hearsay.CANNOT_BE_ASKED: N_("{callbacks}. Without the token we cannot ask whether it is true."),
    Hearsay.NEW: N_("{callbacks}, the last one after our last question."),
    Hearsay.ODD_AMOUNT: N_(
        '{callbacks}. Number {claim} says "completed" over {claimed}: it does not fit, and counts for nothing.'
    ),
    Hearsay.DIFFERS: N_(
        '{callbacks}. Number {claim} says "completed" over {claimed}; LigdiCash does not. Only LigdiCash counts.'
    ),
    Hearsay.DENIED: N_(
        '{callbacks}. Number {claim} says "completed"; LigdiCash, asked after it, does not. Only LigdiCash counts.'
    ),
    Hearsay.UNANSWERED: N_('{callbacks}. Number {claim} says "completed"; LigdiCash has not answered since.'),
    Hearsay.IN_LINE: N_("{callbacks}. None says more than LigdiCash itself."),
}
JUST_COUNTED = N_("{callbacks}.")
SAID_ALREADY = (Situation.CLAIMED, Situation.CLAIMED_OTHERWISE)
"""What the callbacks are worth is the answer itself."""
