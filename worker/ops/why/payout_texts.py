"""What is said about a payout, where it is something else than about an invoice. Words alone, as in `worker.ops.why.texts`."""

from __future__ import annotations

from collections.abc import Mapping

from worker.language import N_
from worker.ops.why.situation import Situation
from worker.ops.why.texts import LOOK_UP, NOTHING_MORE, NOTHING_TO_DO, Text
from worker.ops.why.timing import Asking, Rule

OUT = N_(
    'LigdiCash answers "completed" to our question with the payout\'s own token. "notcompleted" would close it as not paid out.'
)
OUT_AFTER_ALL = N_('A later answer "completed" to the payout\'s own token would still settle it.')
ASK = N_("Have LigdiCash asked now; that sends nothing:\nreconciler payouts check {argument}")
NO_OTHER_WAY = N_("Pay it in no other way before it is decided.")
WHO_GETS_IT = N_("Ask whoever has the number {to} whether the money came.")
ASK_SUPPORT = N_(
    "Ask LigdiCash's support whether they have a payout over {amount} to {to} under the id {id}, sent {sent_ago} ago, and what"
    " became of it."
)
NEW_ID = N_("To pay it after all, order a new payout under a new id.")
BOTH_ANSWERS = N_("Ask LigdiCash's support which is true, with both answers below.")

PAYOUT_TEXTS: Mapping[Situation, Text] = {
    Situation.AWAITING_APPROVAL: Text(
        N_("Not sent: it waits for a person to let it go."),
        N_("It was ordered {age} ago. Whoever can run this command here may decide, best not the one who ordered it."),
        N_("A person who approves it. Then it is sent, once."),
        (
            N_('Let it go:\nreconciler payouts approve {argument} --reason "..."'),
            N_('Or close it for good:\nreconciler payouts reject {argument} --reason "..."'),
        ),
    ),
    Situation.QUEUED: Text(
        N_("Not sent: it waits in the queue, for sending was switched off, or could not be done yet."),
        N_("It has waited for {queued_ago}. Nothing is lost: it is sent by itself, once."),
        N_("Its turn, once sending is on. Then it is sent, and asked about."),
        (
            N_("Have sending switched on again, if it is still off:\nreconciler switch on send"),
            N_('Or take it back for good:\nreconciler payouts reject {argument} --reason "..."'),
            NO_OTHER_WAY,
        ),
    ),
    Situation.NOT_SENT: Text(
        N_("Not sent yet: it is stored, and whoever ordered it is about to send it."),
        N_("It was stored {age} ago, and nobody has marked it as sent: no money has gone out."),
        N_("Whoever sends it, and LigdiCash's reply with a token."),
        (N_("Wait two minutes. Sending the same order again is safe: it is sent once."),),
    ),
    Situation.SENDING: Text(
        N_("Being sent: it was handed to LigdiCash, and the reply is not here yet."),
        N_("It was marked as sent {sent_ago} ago. From then on it is not sent again, whatever happens."),
        N_("LigdiCash's reply with the token. Then we can ask what became of it."),
        (N_("Wait a few seconds, and look again."), NO_OTHER_WAY),
    ),
    Situation.SENT_UNKNOWN: Text(
        N_("Not known whether the money went out: it was sent, and LigdiCash's reply was lost."),
        N_(
            "It was sent {sent_ago} ago. Without the token of that reply we cannot ask about it, and callbacks move nothing."
            " Nothing sends it again."
        ),
        N_(
            "The word of LigdiCash's support or dashboard, and a person who writes it down in the case. No question of ours can."
        ),
        (LOOK_UP, ASK_SUPPORT, WHO_GETS_IT, NO_OTHER_WAY),
    ),
    Situation.REJECTED: Text(
        N_("Never sent: a person rejected it."),
        N_('{approver} did so, {approved_at}: "{approval_why}". No money went out.'),
        N_("Nothing: there is no payout."),
        (NEW_ID,),
    ),
    Situation.REFUSED: Text(
        N_("Not paid out: LigdiCash certainly did not take it."),
        N_('The reason: "{refusal}". No money went out.'),
        N_("Nothing: there is no payout."),
        (
            N_("Put right what is in the way, and send the same order again under the same id."),
            N_("An order with other contents needs a new id."),
        ),
    ),
    Situation.REFUSED_LATER: Text(
        N_("Not paid out: it waited, and LigdiCash refused it when it was sent. It is over."),
        N_('The reason: "{refusal}". No money went out, and the merchant\'s application was told.'),
        N_("Nothing: there is no payout."),
        (NEW_ID,),
    ),
    Situation.REFUSED_DOUBTED: Text(
        N_("Refused by our books, and it may have gone out after all. Its order is not sent again."),
        N_('The reason: "{refusal}". But a callback came about it, or a person closed it after it was sent.'),
        N_("Nothing by itself: there is no token to ask with."),
        (LOOK_UP, WHO_GETS_IT, NEW_ID),
    ),
    Situation.NOT_ASKED_YET: Text(
        N_("On its way: LigdiCash took it, and has not been asked yet what became of it."),
        N_("It was sent {sent_ago} ago. To mobile money it may take days."),
        OUT,
        (N_("Wait, or have LigdiCash asked now; that sends nothing:\nreconciler payouts check {argument}"),),
    ),
    Situation.FIRST_QUESTION: Text(
        N_("On its way: LigdiCash was asked for the first time, and no answer is recorded yet."),
        N_("The question went out {asked_ago} ago."),
        OUT,
        (N_("Wait a few seconds, and look again."),),
    ),
    Situation.CALLED_BACK: Text(
        N_("On its way: a callback came, and LigdiCash has not been asked since whether it is true."),
        N_("It came {called_ago} ago. Anybody can send a callback, so it moves nothing: it only has us ask sooner."),
        OUT,
        (N_("Wait a few seconds, and look again."),),
    ),
    Situation.GATEWAY_PENDING: Text(
        N_("On its way: LigdiCash says that the payout is not finished."),
        N_(
            "It was sent {sent_ago} ago and asked about {times}, the last time {asked_ago} ago. To mobile money it may take"
            " days."
        ),
        OUT,
        (NO_OTHER_WAY, ASK),
    ),
    Situation.CLAIMED: Text(
        N_("On its way: a callback says that it went out, LigdiCash does not. Only LigdiCash counts."),
        N_(
            'Callback {claim} says "completed". LigdiCash, asked after it, {asked_ago} ago, says "pending". The callback is '
            "forged, or came too early."
        ),
        OUT,
        (NO_OTHER_WAY, ASK),
    ),
    Situation.CLAIMED_OTHERWISE: Text(
        N_(
            "On its way: a callback says that it went out, and does not even fit. Only LigdiCash counts, and says pending."
        ),
        N_(
            "Callback {claim} names {claimed}; this payout is over {amount}. It is forged, or about something else. LigdiCash "
            "was asked {asked_ago} ago."
        ),
        OUT,
        (NO_OTHER_WAY, ASK),
    ),
    Situation.NO_ANSWER: Text(
        N_("Not known: LigdiCash does not answer. {silences}"),
        N_("The last try was {asked_ago} ago. {before} Silence says nothing about a payout."),
        OUT,
        (NO_OTHER_WAY, ASK),
    ),
    Situation.NOT_UNDERSTOOD: Text(
        N_("Not known: LigdiCash's last answer cannot be understood."),
        N_("It came {asked_ago} ago and names no status that we know. Such an answer moves nothing."),
        OUT,
        (N_("If it stays so, show LigdiCash's support the answer below."), ASK),
    ),
    Situation.NOT_FOUND: Text(
        N_("Not known: LigdiCash says that it does not know this payout."),
        N_("It was asked {times}, the last time {asked_ago} ago. The token may have expired, or be the wrong one."),
        OUT,
        (LOOK_UP, NO_OTHER_WAY, ASK),
    ),
    Situation.REFUSES_US: Text(
        N_("Not known: LigdiCash refuses us, not the payout. It tells us nothing about any payment."),
        N_("It refused {asked_ago} ago: our credentials, our address or our project. {before}"),
        OUT,
        (
            N_("Have the API key, the API token and the allowed addresses checked: every payment waits for that."),
            ASK,
        ),
    ),
    Situation.REFUSED_ALONE: Text(
        N_("Not known: LigdiCash refuses our question about this payout. The others are not held up."),
        N_(
            "It refused {asked_ago} ago. {before} The token may have expired, or be of another project. Or our credentials are "
            "refused, and no other payment has shown it yet."
        ),
        OUT,
        (
            LOOK_UP,
            N_("If others are refused too, have the API key, the API token and the allowed addresses checked."),
            ASK,
        ),
    ),
    Situation.MISMATCH: Text(
        N_("A person must decide: LigdiCash says that it went out, {objection}."),
        N_("It said so {answered_ago} ago. Nothing was settled: what an answer names must be ours."),
        N_("An answer that names nothing else than {amount} for {id}; or a person decides, in the case."),
        (N_("Compare with LigdiCash's dashboard what went out and to whom, and write it down."), NO_OTHER_WAY),
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
        OUT,
        (LOOK_UP, ASK_SUPPORT, NO_OTHER_WAY, ASK),
    ),
    Situation.PARKED_NOT_FOUND: Text(
        N_("Parked: LigdiCash does not know this payout, and we have stopped asking by ourselves."),
        N_("It was asked {times} in {horizon}. The token has expired, or was never the right one."),
        OUT,
        (LOOK_UP, ASK_SUPPORT, NO_OTHER_WAY),
    ),
    Situation.SETTLED: Text(
        N_("Paid out: {settled} went to {to}, once."),
        N_("LigdiCash said so: check {check}, settled {settled_ago} ago."),
        NOTHING_MORE,
        (NOTHING_TO_DO,),
    ),
    Situation.SETTLED_BY_HAND: Text(
        N_("Paid out, by a person's word: {settled} to {to}, without an answer of LigdiCash."),
        N_('{author} answers for it, since {made_at}: "{reason}".'),
        NOTHING_MORE,
        (NOTHING_TO_DO,),
    ),
    Situation.SETTLED_LATE: Text(
        N_("Paid out, late: {settled} went out, after it had been closed as not paid out."),
        N_("LigdiCash said so after all: check {check}, settled {settled_ago} ago."),
        NOTHING_MORE,
        (N_("See that it was not paid in another way meanwhile."),),
    ),
    Situation.SETTLED_DISPUTED: Text(
        N_("Paid out by our books, and LigdiCash takes its word back."),
        N_("It was settled {settled_ago} ago. LigdiCash has said something else since, and nothing moves by itself."),
        NOTHING_MORE,
        (BOTH_ANSWERS,),
    ),
    Situation.FAILED: Text(
        N_("Not paid out: LigdiCash said that it failed."),
        N_(
            "It was closed {final_ago} ago. No page of LigdiCash says when the money is back on the sub-account: see its balance"
            " there."
        ),
        OUT_AFTER_ALL,
        (
            N_("It may still turn to completed: do not pay it again at once."),
            NEW_ID,
            N_("If {to} says that it came, have LigdiCash asked:\nreconciler payouts check {argument}"),
        ),
    ),
    Situation.FAILED_BY_HAND: Text(
        N_("Not paid out, by a person's word."),
        N_('{author} answers for it, since {made_at}: "{reason}".'),
        OUT_AFTER_ALL,
        (NEW_ID,),
    ),
    Situation.FAILED_ASKED_AGAIN: Text(
        N_("Not paid out by our books, and LigdiCash is asked about it again."),
        N_("It was closed {final_ago} ago. A callback came since, or LigdiCash did not repeat its word."),
        OUT_AFTER_ALL,
        (NO_OTHER_WAY, ASK),
    ),
    Situation.FAILED_DISPUTED: Text(
        N_('Not paid out by our books; LigdiCash has also said "completed", in a way that cannot settle it.'),
        N_("It was closed {final_ago} ago. The answers below contradict each other, or name something else than ours."),
        OUT_AFTER_ALL,
        (BOTH_ANSWERS, NO_OTHER_WAY),
    ),
}
"""Every situation that a payout can be in."""

PAYOUT_RULES: Mapping[Rule, str] = {
    Rule.NOTHING_THERE: N_("What LigdiCash did not take is not asked about."),
    Rule.FIRST_CHECK: N_("The first question goes out {every} after it was sent, or as soon as a callback comes."),
    Rule.FAILURE_IS_PROVISIONAL: N_(
        "A failure is provisional: a later answer that it went out wins, and a person is told."
    ),
}
"""Where they differ from those of an invoice."""

PAYOUT_NEXT: Mapping[tuple[Situation, Asking], str] = {
    (Situation.QUEUED, Asking.WAITING): N_("It is sent at {due_at}, in {wait}, or when sending is switched on before."),
    (Situation.QUEUED, Asking.DUE): N_("It is sent when its turn comes, the oldest first: its time came {late} ago."),
    (Situation.QUEUED, Asking.OVERDUE): N_("It should have been sent at {due_at}, {late} ago."),
    (Situation.NOT_SENT, Asking.WAITING): N_(
        "If nobody has sent it by {due_at}, in {wait}, it is refused as never sent."
    ),
    (Situation.NOT_SENT, Asking.DUE): N_("The time to send it is over: it is refused as never sent any moment now."),
    (Situation.NOT_SENT, Asking.OVERDUE): N_("It should have been refused as never sent at {due_at}, {late} ago."),
}
"""What happens next to what was not sent. Once it was sent, that of an invoice holds."""
