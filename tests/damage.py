"""Damage to sound books (`tests.soundbooks`), each with the rules of fsck that it breaks and about what."""

from __future__ import annotations

from tests.damage_to_payouts import DAMAGE_TO_PAYOUTS
from tests.soundbooks import TODAY

WITHOUT_CONSTRAINTS = (
    "ALTER TABLE transactions DROP CONSTRAINT ck_transactions_never_quiet",
    "ALTER TABLE transactions DROP CONSTRAINT ck_transactions_sent_first",
    "ALTER TABLE transactions DROP CONSTRAINT ck_transactions_approved_first",
    "ALTER TABLE settlements DROP CONSTRAINT pk_settlements",
    "ALTER TABLE settlements DROP CONSTRAINT uq_settlements_check_id",
    "CREATE INDEX not_unique_any_more ON settlements (transaction_pk)",
    "ALTER TABLE notices DROP CONSTRAINT uq_notices_account_seq",
    "ALTER TABLE notices DROP CONSTRAINT ck_notices_never_quiet",
    "ALTER TABLE callbacks DROP CONSTRAINT ck_callbacks_erased_whole",
    "ALTER TABLE checks DROP CONSTRAINT ck_checks_erased_whole",
)

ERASURE_OVER = "WITH e AS (INSERT INTO erasures (author, reason, keeps_settled, ended_at) VALUES ('awa', 'x', FALSE, now()) RETURNING id)"

DAMAGE = DAMAGE_TO_PAYOUTS | {
    "a settlement is gone": (
        "DELETE FROM settlements WHERE transaction_pk = 1",
        {("unsettled", "ORD-1"), ("sums", TODAY)},
    ),
    "a pending one is called completed": (
        "UPDATE transactions SET status = 'completed', final_at = now(), next_check_at = NULL WHERE id = 3",
        {("unsettled", "ORD-3"), ("undecided", "ORD-3"), ("untold", "ORD-3"), ("sums", TODAY)},
    ),
    "a completed one is called pending again": (
        "UPDATE transactions SET status = 'pending', final_at = NULL, next_check_at = now() WHERE id = 1",
        {("settled_unpaid", "ORD-1"), ("paid_unsettled", "ORD-1"), ("told_wrong", "ORD-1"), ("sums", TODAY)},
    ),
    "one is settled twice": (
        "INSERT INTO settlements SELECT * FROM settlements WHERE transaction_pk = 1",
        {("settled_twice", "ORD-1"), ("sums", TODAY)},
    ),
    "a settlement rests on another transaction's answer": (
        (
            "UPDATE settlements SET check_id = (SELECT min(id) FROM checks WHERE transaction_pk = 5 AND said = 'completed')"
            " WHERE transaction_pk = 1"
        ),
        {("hearsay", "ORD-1"), ("sums", TODAY)},
    ),
    "a settlement rests on an answer that does not exist": (
        "UPDATE settlements SET check_id = 4711 WHERE transaction_pk = 1",
        {("hearsay", "ORD-1"), ("sums", TODAY)},
    ),
    "the answer under a settlement says pending": (
        "UPDATE checks SET said = 'pending' WHERE transaction_pk = 1",
        {("hearsay", "ORD-1"), ("undecided", "ORD-1"), ("sums", TODAY)},
    ),
    "the answer under a settlement is about another amount": (
        "UPDATE checks SET amount = 4000 WHERE transaction_pk = 1",
        {("hearsay", "ORD-1"), ("sums", TODAY)},
    ),
    "the answer under a settlement has another reference": (
        "UPDATE checks SET reference = 'ORD-9' WHERE transaction_pk = 1",
        {("hearsay", "ORD-1")},
    ),
    "a settlement has another amount": (
        "UPDATE settlements SET amount = 6000 WHERE transaction_pk = 1",
        {("hearsay", "ORD-1"), ("other_terms", "ORD-1"), ("sums", TODAY)},
    ),
    "a settlement is in another account": (
        "UPDATE settlements SET account = 'other' WHERE transaction_pk = 1",
        {("other_terms", "ORD-1")},
    ),
    "a transaction is gone from under its settlement": (
        "DELETE FROM transactions WHERE id = 1",
        {("stray", "row 1"), ("sums", TODAY)},
    ),
    "a transaction is gone from under its answer": (
        "DELETE FROM transactions WHERE id = 4",
        {("stray", "row 4")},
    ),
    "a settlement is of a transaction that never was": (
        "INSERT INTO settlements (transaction_pk, check_id, account, amount) VALUES (4711, 4711, 'default', 1)",
        {("stray", "row 4711"), ("sums", TODAY)},
    ),
    "the answer that closed one is gone": (
        "DELETE FROM checks WHERE transaction_pk = 2",
        {("undecided", "ORD-2"), ("evidence_gone", "ORD-2")},
    ),
    "a final one does not say since when": (
        "UPDATE transactions SET final_at = NULL WHERE id = 2",
        {("undecided", "ORD-2")},
    ),
    "a final one does not say by which question": (
        "UPDATE transactions SET decided_asked_at = NULL WHERE id = 2",
        {("undecided", "ORD-2")},
    ),
    "an answer that says completed moved nothing": (
        (
            "INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, amount, reference, body)"
            " VALUES (3, 'sweep', now(), 1, 'completed', 5000, 'ORD-3', '')"
        ),
        {("paid_unsettled", "ORD-3"), ("evidence_gone", "ORD-3")},
    ),
    "a mismatch has no case": ("DELETE FROM cases WHERE kind = 'mismatch'", {("unflagged", "ORD-6")}),
    "a late success has no case": ("DELETE FROM cases WHERE kind = 'late_success'", {("unflagged", "ORD-5")}),
    "what takes a success back has no case": (
        (
            "INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, body)"
            " VALUES (1, 'sweep', clock_timestamp(), 1, 'notcompleted', '')"
        ),
        {("unflagged", "ORD-1"), ("evidence_gone", "ORD-1")},
    ),
    "a pending one has no date": (
        "UPDATE transactions SET next_check_at = NULL WHERE id = 3",
        {("forgotten", "ORD-3")},
    ),
    "a parked one has no case": ("DELETE FROM cases WHERE kind = 'parked'", {("forgotten", "ORD-4")}),
    "the case of a parked one is closed": (
        "UPDATE cases SET resolved_at = now(), resolution = 'x' WHERE kind = 'parked'",
        {("forgotten", "ORD-4")},
    ),
    "nobody takes up what is due": (
        "UPDATE transactions SET next_check_at = now() - interval '11 min' WHERE id = 3",
        {("overdue", "ORD-3")},
    ),
    "an outcome counts as held back, and none is on record": (
        "UPDATE transactions SET held_asked_at = now() WHERE id = 3",
        {("held_back", "ORD-3")},
    ),
    "an outcome counts as held back, and nobody asks again": (
        (
            "UPDATE transactions SET held_asked_at = decided_asked_at, decided_asked_at = decided_asked_at"
            " - interval '1 h' WHERE id = 2"
        ),
        {("held_back", "ORD-2"), ("undecided", "ORD-2")},
    ),
    "a hole is due and nobody takes it up": (
        "UPDATE transactions SET next_check_at = now() - interval '11 min' WHERE id = 7",
        {("overdue", "ORD-7")},
    ),
    "a pending one that was asked about is asked about no more": (
        "UPDATE checks SET asked_at = now() - interval '2 hours 1 min' WHERE transaction_pk = 6",
        {("unasked", "ORD-6")},
    ),
    "a pending one was never asked about": (
        "UPDATE transactions SET created_at = now() - interval '2 days 1 min' WHERE id = 3",
        {("unasked", "ORD-3")},
    ),
    "a case waits for what is known": (
        "INSERT INTO cases (kind, transaction_pk, detail) VALUES ('token_refused', 1, '')",
        {("case_left_open", "ORD-1")},
    ),
    "the notice of a success is gone": (
        "DELETE FROM notices WHERE transaction_pk = 1",
        {("untold", "ORD-1"), ("notice_gap", "account default")},
    ),
    "the last notice is gone": (
        "DELETE FROM notices WHERE transaction_pk = 5 AND kind = 'completed'",
        {("untold", "ORD-5"), ("notice_counter", "account default")},
    ),
    "the notice of a failure is gone": (
        "DELETE FROM notices WHERE transaction_pk = 2",
        {("untold", "ORD-2"), ("notice_gap", "account default")},
    ),
    "a notice tells what did not happen": (
        "UPDATE notices SET kind = 'completed' WHERE transaction_pk = 2",
        {("untold", "ORD-2"), ("told_wrong", "ORD-2")},
    ),
    "a notice went to another account": (
        "UPDATE notices SET account = 'other', seq = 1 WHERE transaction_pk = 1",
        {("told_wrong", "ORD-1"), ("notice_gap", "account default"), ("notice_counter", "account other")},
    ),
    "two notices have one number": (
        "UPDATE notices SET seq = 1 WHERE transaction_pk = 2",
        {("notice_gap", "account default")},
    ),
    "the counter runs ahead": (
        "UPDATE notice_counters SET last_seq = last_seq + 1",
        {("notice_counter", "account default")},
    ),
    "the counter is gone": ("DELETE FROM notice_counters", {("notice_counter", "account default")}),
    "a notice that waits lost its date": (
        "UPDATE notices SET next_try_at = NULL WHERE seq = 3",
        {("never_told", "notice 3 of account default")},
    ),
    "a notice waits for a far day": (
        "UPDATE notices SET next_try_at = now() + interval '31 hours' WHERE seq = 3",
        {("never_told", "notice 3 of account default")},
    ),
    "a notice was delivered by nobody": (
        "UPDATE notices SET state = 'delivered', next_try_at = NULL, delivered_at = now() WHERE seq = 3",
        {("told_unproven", "notice 3 of account default")},
    ),
    "a delivered notice does not say when": (
        "UPDATE notices SET delivered_at = NULL WHERE seq = 1",
        {("told_unproven", "notice 1 of account default")},
    ),
    "a delivered notice is still due": (
        "UPDATE notices SET next_try_at = now() WHERE seq = 4",
        {("told_unproven", "notice 4 of account default")},
    ),
    "the deliveries of a notice are gone": (
        "DELETE FROM deliveries WHERE notice_id = (SELECT id FROM notices WHERE seq = 3)",
        {("tries_gone", "notice 3 of account default")},
    ),
    "a notice that was given up has no case": (
        "DELETE FROM cases WHERE kind = 'endpoint'",
        {("given_up_quietly", "notice 2 of account default")},
    ),
    "the case of a notice that was given up ended by itself": (
        "UPDATE cases SET resolved_at = now(), resolution = 'it takes notices again' WHERE kind = 'endpoint'",
        {("given_up_quietly", "notice 2 of account default")},
    ),
    "a callback is not read": (
        "UPDATE callbacks SET stored_at = now() - interval '61 min' WHERE id = 5",
        {("unread", "callback 5")},
    ),
    "an old callback without a time of storing is not read": (
        "UPDATE callbacks SET stored_at = NULL, received_at = now() - interval '61 min' WHERE id = 3",
        {("unread", "callback 3")},
    ),
    "a callback lost its next try": (
        "UPDATE callbacks SET next_try_at = NULL WHERE id = 3",
        {("never_tried_again", "callback 3")},
    ),
    "a callback that was read is due": (
        "UPDATE callbacks SET next_try_at = now() WHERE id = 1",
        {("tried_for_ever", "callback 1")},
    ),
    "a matched callback names no transaction": (
        "UPDATE callbacks SET transaction_pk = NULL WHERE id = 1",
        {("matched_to_nothing", "callback 1")},
    ),
    "a running plan is not taken up": (
        "UPDATE replay_plans SET run_at = now() - interval '11 min' WHERE id = 2",
        {("replay_stalled", "plan 2")},
    ),
    "a plan that is done left an item out": (
        "UPDATE replay_items SET done_at = NULL, actual = '' WHERE plan_id = 1",
        {("replay_unworked", "plan 1")},
    ),
    "an item of a plan is gone": (
        "DELETE FROM replay_items WHERE plan_id = 1",
        {("replay_unworked", "plan 1"), ("replay_changed", "plan 1")},
    ),
    "a prediction was changed after the review": (
        "UPDATE replay_items SET prediction = 'settled', amount = 5000 WHERE plan_id = 3",
        {("replay_changed", "plan 3")},
    ),
    "a callback is called erased, and is there": (
        "UPDATE callbacks SET erased_at = now() WHERE id = 2",
        {("half_erased", "callback 2")},
    ),
    "the wording of a proof is erased, and its hash with it": (
        "UPDATE checks SET erased_at = now(), body = '' WHERE transaction_pk = 1",
        {("half_erased", "ORD-1")},
    ),
    "a callback that nobody has read is erased": (
        "UPDATE callbacks SET erased_at = now(), body = '', headers = '{}', source = '' WHERE id = 5",
        {("erased_early", "callback 5")},
    ),
    "the mark of a shelf runs ahead": (
        "INSERT INTO shelf_marks (shelf, days, upto, walked) VALUES ('callbacks', 180, 1, 1), ('settled', 365, 12, 12)",
        {("kept_too_long", "callback 1"), ("kept_too_long", "OUT-1")},
    ),
    "nobody clears a shelf any more": (
        "INSERT INTO shelf_marks (shelf, days, ended_at, set_at) VALUES ('answers', 9, now() - interval '4 d', '-infinity')",
        {("prune_stalled", "shelf answers")},
    ),
    "an erasure calls done what is there": (
        (
            f"{ERASURE_OVER} INSERT INTO erasure_items (erasure_id, transaction_pk, callback_id, done_at)"
            " SELECT e.id, t, c, at FROM e, (VALUES (12, NULL, now()), (NULL, 2, now()),"
            " (8, NULL, now() - interval '2 h')) AS done(t, c, at)"
        ),
        {("kept_though_asked", "OUT-1"), ("kept_though_asked", "callback 2")},
    ),
    "an erasure waits for what is over": (
        (
            "WITH e AS (INSERT INTO erasures (author, reason, keeps_settled, asked_at)"
            " VALUES ('awa', 'x', FALSE, now() - interval '4 d') RETURNING id)"
            " INSERT INTO erasure_items (erasure_id, transaction_pk)"
            " SELECT e.id, t.id FROM e, transactions t WHERE t.status IN ('refused', 'pending')"
        ),
        {("erasure_stalled", "OUT-4")},  # a case about ORD-8 is open, and one about ORD-11 has ended just now
    ),
    "an erasure ends before its items": (
        f"{ERASURE_OVER} INSERT INTO erasure_items (erasure_id, transaction_pk) SELECT id, 3 FROM e",
        {("erasure_ended_early", "ORD-3")},
    ),
    "an orphan has no case": ("DELETE FROM cases WHERE kind = 'called_back'", {("unreported", "callback 2")}),
    "an unreadable callback has no case": (
        "DELETE FROM cases WHERE kind = 'unreadable'",
        {("unreported", "callback 4")},
    ),
    "a settlement by hand has another amount than its override": (
        "UPDATE settlements SET amount = 5000 WHERE transaction_pk = 9",
        {("override_differs", "ORD-9"), ("sums", TODAY)},
    ),
    "a settlement by hand is in another account": (
        "UPDATE settlements SET account = 'other' WHERE transaction_pk = 9",
        {("other_terms", "ORD-9")},
    ),
    "the override under a settlement says notcompleted": (
        "UPDATE overrides SET new_status = 'notcompleted', amount = 0 WHERE transaction_pk = 9",
        {("override_differs", "ORD-9"), ("undecided", "ORD-9"), ("sums", TODAY)},
    ),
    "the override under a settlement is over another amount": (
        "UPDATE overrides SET amount = 4500 WHERE transaction_pk = 9",
        {("override_differs", "ORD-9"), ("sums", TODAY)},
    ),
    "a settlement rests on another transaction's override": (
        "UPDATE settlements SET override_id = 2 WHERE transaction_pk = 9",
        {("override_differs", "ORD-9"), ("sums", TODAY)},
    ),
    "the override under a settlement is gone": (
        "DELETE FROM overrides WHERE transaction_pk = 9",
        {("override_differs", "ORD-9"), ("undecided", "ORD-9"), ("sums", TODAY)},
    ),
    "a settlement by hand is gone": (
        "DELETE FROM settlements WHERE transaction_pk = 9",
        {("unsettled", "ORD-9"), ("override_differs", "ORD-9"), ("sums", TODAY)},
    ),
    "a settlement by evidence is passed off as one by hand": (
        "UPDATE settlements SET check_id = NULL, override_id = 4711 WHERE transaction_pk = 1",
        {("override_differs", "ORD-1"), ("sums", TODAY)},
    ),
    "the override that closed one is gone": (
        "DELETE FROM overrides WHERE transaction_pk = 10",
        {("undecided", "ORD-10")},
    ),
    "the notice of an override is gone": (
        "DELETE FROM notices WHERE transaction_pk = 10",
        {("untold", "ORD-10"), ("notice_gap", "account default")},
    ),
    "the gateway takes back what a person settled": (
        (
            "INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, body)"
            " VALUES (9, 'sweep', clock_timestamp(), 1, 'notcompleted', '')"
        ),
        {("override_contradicted", "ORD-9"), ("unflagged", "ORD-9"), ("evidence_gone", "ORD-9")},
    ),
    "the gateway confirms another sum than a person settled": (
        (
            "INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, amount, reference, body)"
            " VALUES (9, 'sweep', clock_timestamp(), 1, 'completed', 5000, 'ORD-9', '')"
        ),
        {("override_contradicted", "ORD-9"), ("unflagged", "ORD-9"), ("evidence_gone", "ORD-9")},
    ),
    "a mismatch was ended by nobody": (
        "UPDATE cases SET resolved_by = '' WHERE kind = 'mismatch' AND transaction_pk = 9",
        {("unsigned", "ORD-9")},
    ),
    "a case that a person ended says no more why": (
        "UPDATE cases SET resolution = '' WHERE kind = 'token_refused'",
        {("unsigned", "ORD-10")},
    ),
    "the case of a callback was ended without a word": (
        "UPDATE cases SET resolved_at = now(), resolved_by = 'awa' WHERE kind = 'unreadable'",
        {("unexplained", "callback 4")},
    ),
    "the case about a difference is gone": (
        "DELETE FROM cases WHERE kind = 'statement' AND transaction_pk IS NULL",
        {("unseen_difference", "difference 1")},
    ),
    "the case about a difference is about another transaction": (
        "UPDATE cases SET transaction_pk = 2 WHERE kind = 'statement' AND transaction_pk = 1",
        {("unseen_difference", "difference 2")},
    ),
}
