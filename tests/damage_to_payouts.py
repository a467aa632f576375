"""Damage to the payouts of sound books (`tests.soundbooks`), in the form of `tests.damage`."""

from __future__ import annotations

from tests.soundbooks import TODAY, TODAY_OUT

DAMAGE_TO_PAYOUTS = {
    "a payout that was sent lost its case": (
        """
        WITH gone AS (DELETE FROM cases WHERE transaction_pk = (SELECT id FROM transactions WHERE transaction_id = 'OUT-2'))
        UPDATE transactions SET sent_at = sent_at - interval '13 min', next_check_at = now() + interval '1 min'
        WHERE transaction_id = 'OUT-2'
        """,
        {("sent_unseen", "OUT-2")},
    ),
    "the mark of a payout under way is gone": (
        "UPDATE transactions SET sent_at = NULL WHERE transaction_id = 'OUT-5'",
        {("taken_unmarked", "OUT-5")},
    ),
    "a payout under way waits for approval": (
        "UPDATE transactions SET approval = 'awaiting' WHERE transaction_id = 'OUT-5'",
        {("unapproved", "OUT-5")},
    ),
    "a payout waits for approval and nobody is told": (
        (
            "UPDATE transactions SET status = 'created', approval = 'awaiting', parked_at = now()"
            " WHERE transaction_id = 'OUT-4'"
        ),
        {("unseen_approval", "OUT-4"), ("forgotten", "OUT-4")},
    ),
    "a payout that waits in the queue has no time to be sent at": (
        (
            "UPDATE transactions SET status = 'created', queued_at = now(), next_check_at = NULL, parked_at = now()"
            " WHERE transaction_id = 'OUT-4'"
        ),
        {("unqueued", "OUT-4"), ("forgotten", "OUT-4")},
    ),
    "a payout waits in a queue that stands still": (
        (
            "UPDATE transactions SET status = 'created', queued_at = now(), next_check_at = now() - interval '11 min'"
            " WHERE transaction_id = 'OUT-4'"
        ),
        {("overdue", "OUT-4")},
    ),
    "a payout that waited is refused and nobody is told": (
        "UPDATE transactions SET wait_ended_at = now() WHERE transaction_id = 'OUT-4'",
        {("untold", "OUT-4")},
    ),
    "a payout that was told as refused is taken up again": (
        (
            "UPDATE transactions SET status = 'created', approval = NULL, wait_ended_at = NULL, next_check_at = now()"
            " WHERE transaction_id = 'OUT-6'"
        ),
        {("told_wrong", "OUT-6")},
    ),
    "a payout went out while sending was switched off": (
        """
        INSERT INTO stops (switch, author, reason, off_at, until, ended_at)
        SELECT 'send', 'awa', 'x', sent_at - interval '1 microsecond', sent_at + interval '1 h', sent_at + interval '1 microsecond'
        FROM transactions WHERE transaction_id = 'OUT-5'
        """,
        {("sent_while_off", "OUT-5")},
    ),
    "the settlement of a payout is gone": (
        "DELETE FROM settlements WHERE transaction_pk = (SELECT id FROM transactions WHERE transaction_id = 'OUT-1')",
        {("unsettled", "OUT-1"), ("sums", TODAY_OUT)},
    ),
    "the answer under the settlement of a payout names another's id": (
        """
        UPDATE checks SET reference = 'OUT-9'
        WHERE transaction_pk = (SELECT id FROM transactions WHERE transaction_id = 'OUT-1')
        """,
        {("hearsay", "OUT-1")},
    ),
    "the answer under the settlement of a payout names another sum": (
        """
        UPDATE checks SET amount = 699
        WHERE transaction_pk = (SELECT id FROM transactions WHERE transaction_id = 'OUT-1')
        """,
        {("hearsay", "OUT-1"), ("sums", TODAY_OUT)},
    ),
    "money that came in makes up for money that went out": (
        """
        UPDATE settlements SET amount = amount + CASE WHEN transaction_pk = 1 THEN 100 ELSE -100 END
        WHERE transaction_pk IN (SELECT id FROM transactions WHERE transaction_id IN ('ORD-1', 'OUT-1'))
        """,
        {
            ("hearsay", "ORD-1"),
            ("hearsay", "OUT-1"),
            ("other_terms", "ORD-1"),
            ("other_terms", "OUT-1"),
            ("sums", TODAY),
            ("sums", TODAY_OUT),
        },
    ),
}
