"""What always holds about sending money out, over the facts of `models.queries.fsck.payments`."""

from __future__ import annotations

from models.queries.fsck.rule import BY_HAND, Rule, age, moment

SENT = (
    Rule(
        name="sent_unseen",
        promise="A payout that was sent and has no token has an open case, or was sent a moment ago.",
        broken="kind = 'payout' AND status = 'created' AND NOT has_token AND NOT has_open_case"
        " AND sent_at < now() - CAST(:sent_grace AS interval)",
        detail=f"format('sent at %s, %s ago, without a token and without a case', {moment('sent_at')}, {age('sent_at')})",
        advice="look it up in the gateway's dashboard, send it in no other way before, and see that beat runs",
    ),
    Rule(
        name="unapproved",
        promise="A payout that has to be approved is not sent before it is.",
        broken="approval IN ('awaiting', 'rejected') AND (sent_at IS NOT NULL OR has_token OR status NOT IN ('created', 'refused'))",
        detail="format('%s, and its approval is %s', status, approval)",
        advice=f"{BY_HAND}, and look it up in the gateway's dashboard",
    ),
    Rule(
        name="unseen_approval",
        promise="A payout that waits for approval has a case that says so.",
        broken="approval = 'awaiting' AND status = 'created' AND sent_at IS NULL AND NOT has_approval_case",
        detail="'it waits for approval without a case: nobody is told'",
        advice="let it go with `reconciler payouts approve`, or close it with `reconciler payouts reject`",
    ),
    Rule(
        name="taken_unmarked",
        promise="A payout that the gateway took, or that has an outcome, is marked as sent.",
        broken="kind = 'payout' AND sent_at IS NULL AND (has_token OR status NOT IN ('created', 'refused'))",
        detail="format('%s, and not marked as sent', status)",
        advice=f"{BY_HAND}: with its mark gone it may be sent again",
    ),
    Rule(
        name="unqueued",
        promise="A payout that waits for sending to go on is not sent, and has a time at which it is.",
        broken="queued_at IS NOT NULL AND (kind <> 'payout' OR sent_at IS NOT NULL"
        " OR status = 'created' AND next_check_at IS NULL)",
        detail="CASE WHEN sent_at IS NULL THEN 'it waits in the queue, and nothing takes it out'"
        " ELSE 'it waits in the queue, and is marked as sent' END",
        advice="send its order again, which has it sent, or close it with `reconciler payouts reject`",
    ),
    Rule(
        name="sent_while_off",
        promise="No payout is sent while sending is switched off.",
        broken="kind = 'payout' AND sent_at IS NOT NULL AND EXISTS (SELECT FROM stops WHERE switch = 'send'"
        " AND sent_at > off_at AND sent_at < LEAST(COALESCE(ended_at, until), until))",
        detail=f"format('sent at %s, while sending was switched off', {moment('sent_at')})",
        advice="see that every process runs a release that knows this switch, and look the payout up in the dashboard",
    ),
)
