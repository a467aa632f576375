"""What is the case with an invoice or a payout: a closed set, and the pure, total function that picks one."""

from __future__ import annotations

from enum import StrEnum

from models.answers import Said
from models.case import CaseKind
from models.transaction import Approval, Mode, Status
from tasks.toolbox import BreakerState
from worker.ops.why.facts import Claim, Facts, objects


class Situation(StrEnum):
    """What is the case. Every invoice and every payout is in exactly one of these."""

    CREATING = "creating"
    """Our create is out, and its reply is not here yet."""
    TOKEN_LOST = "token_lost"  # noqa: S105 - a word, not a password
    """Our create got no reply: nobody can ask about it."""
    AWAITING_APPROVAL = "awaiting_approval"
    """A payout that a person has to let go."""
    QUEUED = "queued"
    """A payout that waits for sending to go on."""
    NOT_SENT = "not_sent"
    """A payout that is stored, and that nobody has marked as sent so far."""
    SENDING = "sending"
    """A payout that was marked as sent, and whose reply is not here yet."""
    SENT_UNKNOWN = "sent_unknown"
    """A payout that was sent, and whose reply was lost: the money may be on its way."""
    REJECTED = "rejected"
    """A payout that a person rejected."""
    REFUSED = "refused"
    """The gateway would not create it, or pay it out; or nobody came to send it."""
    REFUSED_LATER = "refused_later"
    """A payout that had waited, and was refused then: its application was told, and it is over."""
    REFUSED_DOUBTED = "refused_doubted"
    """A payout that was refused, and may have been sent after all; or a payin without a page that may have begun."""
    NOT_ASKED_YET = "not_asked_yet"
    FIRST_QUESTION = "first_question"
    """Asked for the first time, and no answer is recorded yet."""
    CALLED_BACK = "called_back"
    """A callback came, and the gateway was not asked since."""
    GATEWAY_PENDING = "gateway_pending"
    """The gateway says pending."""
    CLAIMED = "claimed"
    """A callback says paid; the gateway, asked after it, says pending."""
    CLAIMED_OTHERWISE = "claimed_otherwise"
    """The same, and the callback names another amount than ours."""
    NO_ANSWER = "no_answer"
    NOT_UNDERSTOOD = "not_understood"
    NOT_FOUND = "not_found"
    """The gateway does not know the token, or no longer."""
    REFUSES_US = "refuses_us"
    """The gateway refuses our credentials, address or project, as far as anybody knows."""
    REFUSED_ALONE = "refused_alone"
    """The gateway refused the question about this one, and the breaker sees no trouble with the others."""
    MISMATCH = "mismatch"
    """The gateway says completed, with another amount or reference than ours."""
    NOT_APPLIED = "not_applied"
    """The gateway gave a final answer that fits, and the books were not moved by it: settling was off."""
    PARKED = "parked"
    """Nothing final past the last tier."""
    PARKED_NOT_FOUND = "parked_not_found"
    """The gateway did not know the token past the last tier."""
    SETTLED = "settled"
    SETTLED_BY_HAND = "settled_by_hand"
    """A person said that the money came."""
    SETTLED_LATE = "settled_late"
    """Settled after it was closed as not completed, and nobody has seen to it yet."""
    SETTLED_DISPUTED = "settled_disputed"
    """Settled, and the gateway took its word back."""
    FAILED = "failed"
    FAILED_BY_HAND = "failed_by_hand"
    """A person closed it."""
    FAILED_ASKED_AGAIN = "failed_asked_again"
    """Closed as not completed, and being asked about again."""
    FAILED_DISPUTED = "failed_disputed"
    """Closed as not completed, and the gateway said completed in a way that cannot settle it."""


class Hearsay(StrEnum):
    """What the callbacks are worth, held against what the gateway said after them."""

    NONE = "none"
    """No callback is known to be about it."""
    CANNOT_BE_ASKED = "cannot_be_asked"
    """There is no token to ask with."""
    NEW = "new"
    """One came after the last question."""
    ODD_AMOUNT = "odd_amount"
    """One says paid, over another amount than ours."""
    DIFFERS = "differs"
    """One says paid over our amount; the gateway says paid over another."""
    DENIED = "denied"
    """One says paid; the gateway, asked after it, says otherwise."""
    UNANSWERED = "unanswered"
    """One says paid; the gateway was asked after it, and has not answered yet."""
    IN_LINE = "in_line"
    """None says paid that the gateway did not confirm."""


def situation_of(facts: Facts) -> Situation:
    """Pick one, for any facts whatever."""
    match facts.invoice.status:
        case Status.CREATED if facts.is_payout:
            return _before_its_reply(facts)
        case Status.CREATED:
            return Situation.CREATING if facts.invoice.next_check_at else Situation.TOKEN_LOST
        case Status.REFUSED:
            return _refused(facts)
        case Status.COMPLETED:
            return _completed(facts)
        case Status.NOTCOMPLETED:
            return _notcompleted(facts)
        case Status.PENDING:
            return _decided(facts) or _undecided(facts)


def hearsay_of(facts: Facts) -> Hearsay:  # noqa: PLR0911 - one return per kind
    """What to think of the callbacks. Those that say paid are looked at, the newest one first."""
    if not facts.standing.history.callbacks:
        return Hearsay.NONE
    if not facts.invoice.has_token:
        return Hearsay.CANNOT_BE_ASKED
    if facts.is_called:
        return Hearsay.NEW
    paid = [claim for claim in reversed(facts.claims) if claim.says is Said.COMPLETED]
    if any(_is_odd(claim, facts) for claim in paid):
        return Hearsay.ODD_AMOUNT
    if any(_differs(claim, facts) for claim in paid):
        return Hearsay.DIFFERS
    if any(_is_denied(claim, facts) for claim in paid):
        return Hearsay.DENIED
    if any(_is_unanswered(claim, facts) for claim in paid):
        return Hearsay.UNANSWERED
    return Hearsay.IN_LINE


def newest_claim(facts: Facts) -> Claim | None:
    """The newest callback that says paid; over another amount than ours, if one does."""
    paid = [claim for claim in facts.claims if claim.says is Said.COMPLETED]
    odd = [claim for claim in paid if _is_odd(claim, facts)]
    return next(reversed(odd or paid), None)


def _is_odd(claim: Claim, facts: Facts) -> bool:
    """Names an amount that is neither ours nor what the gateway itself says."""
    return claim.amount not in (None, facts.invoice.amount, _amount_paid(facts))


def _differs(claim: Claim, facts: Facts) -> bool:
    paid = _amount_paid(facts)
    return None not in (claim.amount, paid) and claim.amount != paid


def _amount_paid(facts: Facts) -> int | None:
    """As the gateway says, if it says paid."""
    spoken = facts.spoken
    return spoken.amount if spoken is not None and spoken.said is Said.COMPLETED else None


def _is_denied(claim: Claim, facts: Facts) -> bool:
    spoken = facts.spoken
    return spoken is not None and spoken.asked_at >= claim.received_at and spoken.said is not Said.COMPLETED


def _is_unanswered(claim: Claim, facts: Facts) -> bool:
    spoken = facts.spoken
    if spoken is None:
        return True
    # What LigdiCash has said itself, a callback that comes after it merely repeats.
    return spoken.said is not Said.COMPLETED and spoken.asked_at < claim.received_at


def _before_its_reply(facts: Facts) -> Situation:
    """A payout of which the gateway's word is not here, or not yet."""
    payout = facts.invoice
    if payout.sent_at is not None:
        return Situation.SENDING if payout.next_check_at else Situation.SENT_UNKNOWN
    if payout.approval == Approval.AWAITING:
        return Situation.AWAITING_APPROVAL
    return Situation.NOT_SENT if payout.queued_at is None else Situation.QUEUED


def _refused(facts: Facts) -> Situation:
    payout = facts.invoice
    has_callbacks = bool(facts.standing.history.callbacks)
    if not facts.is_payout:
        return Situation.REFUSED_DOUBTED if has_callbacks and payout.mode is not Mode.HOSTED else Situation.REFUSED
    if payout.approval == Approval.REJECTED:
        return Situation.REJECTED
    if payout.sent_at is not None or has_callbacks:
        return Situation.REFUSED_DOUBTED
    return Situation.REFUSED if payout.wait_ended_at is None else Situation.REFUSED_LATER


def _completed(facts: Facts) -> Situation:
    if facts.has_open(CaseKind.CONTRADICTION):
        return Situation.SETTLED_DISPUTED
    if facts.has_open(CaseKind.LATE_SUCCESS):
        return Situation.SETTLED_LATE
    settlement = facts.standing.history.settlement
    by_hand = settlement is not None and settlement.override_id is not None
    return Situation.SETTLED_BY_HAND if by_hand else Situation.SETTLED


def _notcompleted(facts: Facts) -> Situation:
    if facts.has_open(CaseKind.MISMATCH, CaseKind.CONTRADICTION):
        return Situation.FAILED_DISPUTED
    if facts.invoice.next_check_at is not None:
        return Situation.FAILED_ASKED_AGAIN
    made = facts.standing.override
    if made is None or made.new is not Status.NOTCOMPLETED:
        return Situation.FAILED
    said_after = any(
        check.said is Said.NOTCOMPLETED and check.asked_at > made.made_at for check in facts.standing.history.checks
    )
    return Situation.FAILED if said_after else Situation.FAILED_BY_HAND


def _decided(facts: Facts) -> Situation | None:
    """A pending invoice about which the gateway's last word was a final one: silence after it takes nothing back."""
    spoken = facts.spoken
    if spoken is None or spoken.said not in (Said.COMPLETED, Said.NOTCOMPLETED):
        return None
    if spoken.said is Said.COMPLETED and objects(spoken, facts.invoice):
        return Situation.MISMATCH
    return Situation.NOT_APPLIED


def _undecided(facts: Facts) -> Situation:
    last = facts.last
    if facts.invoice.next_check_at is None:
        gone = facts.has_open(CaseKind.TOKEN_REFUSED) or (last is not None and last.said is Said.NOT_FOUND)
        return Situation.PARKED_NOT_FOUND if gone else Situation.PARKED
    if facts.is_called:
        return Situation.CALLED_BACK
    if last is None:
        return Situation.FIRST_QUESTION if facts.is_unanswered else Situation.NOT_ASKED_YET
    return _by_last_answer(last.said, facts)


def _is_alone(facts: Facts) -> bool:
    """Whether the refusal may be about this token only; with Redis away nobody knows, and it counts for all."""
    if facts.fleet is None:
        return False
    breaker = facts.fleet.breaker
    return breaker is None or breaker.state is BreakerState.CLOSED or not breaker.is_refused


def _by_last_answer(said: Said, facts: Facts) -> Situation:
    match said:
        case Said.SILENCE:
            return Situation.NO_ANSWER
        case Said.REFUSED:
            return Situation.REFUSED_ALONE if _is_alone(facts) else Situation.REFUSES_US
        case Said.NOT_FOUND:
            return Situation.NOT_FOUND
        case Said.UNKNOWN:
            return Situation.NOT_UNDERSTOOD
        case Said.PENDING:
            by_hearsay = {Hearsay.DENIED: Situation.CLAIMED, Hearsay.ODD_AMOUNT: Situation.CLAIMED_OTHERWISE}
            return by_hearsay.get(hearsay_of(facts), Situation.GATEWAY_PENDING)
        case Said.COMPLETED | Said.NOTCOMPLETED:  # cannot be: `_decided` has sorted these
            return Situation.NOT_APPLIED
