"""Transactions with all that hangs on them: settlements, checks, notices and cases of one slice, side by side."""

from __future__ import annotations

from models.queries.fsck.retention import cleared, erased_early, half_erased, kept_too_long
from models.queries.fsck.rule import BY_HAND, Rule, Walk, age, moment, on_since
from models.queries.fsck.sent import SENT
from models.queries.turn import waits_its_turn

# Every table is entered by its index on the transaction, with the slice as the condition. The full joins keep what is
# about a transaction that does not exist.
FACTS = """
WITH t AS (
    SELECT id, kind, account, transaction_id, amount, status, sent_at, approval, queued_at, wait_ended_at, erased_at,
           (customer <> '' OR payer NOT IN ('', '*') OR description <> '' OR refusal <> '') IS TRUE AS has_persons,
           token IS NOT NULL AS has_token, created_at, final_at, next_check_at, parked_at,
           decided_asked_at, held_asked_at, asked, answered, status IN ('created', 'pending') AS is_open
    FROM transactions
    WHERE id > :after AND id <= :upto AND (:every OR id = ANY(CAST(:ids AS bigint[])))
), s AS (
    SELECT transaction_pk, count(*) AS times, min(check_id) AS check_id, min(override_id) AS override_id,
           min(account) AS account, min(amount) AS amount
    FROM settlements
    WHERE transaction_pk > :after AND transaction_pk <= :upto
      AND (:every OR transaction_pk = ANY(CAST(:ids AS bigint[])))
    GROUP BY transaction_pk
), k AS MATERIALIZED (
    -- An answer about a payout names neither: what it does not name is taken for ours.
    SELECT c.id, c.transaction_pk, c.asked_at, c.said, c.erased_at, c.digest, length(c.body) > 0 AS is_there,
           CASE WHEN t.kind = 'payout' THEN COALESCE(c.amount, CASE WHEN s.override_id IS NOT NULL THEN s.amount END, t.amount) ELSE c.amount END AS amount,
           CASE WHEN t.kind = 'payout' AND c.reference = '' THEN t.transaction_id ELSE c.reference END AS reference
    FROM checks c LEFT JOIN t ON t.id = c.transaction_pk LEFT JOIN s ON s.transaction_pk = c.transaction_pk
    WHERE c.transaction_pk > :after AND c.transaction_pk <= :upto
      AND (:every OR c.transaction_pk = ANY(CAST(:ids AS bigint[])))
), o AS MATERIALIZED (
    SELECT id, transaction_pk, new_status, amount, made_at
    FROM overrides
    WHERE transaction_pk > :after AND transaction_pk <= :upto
      AND (:every OR transaction_pk = ANY(CAST(:ids AS bigint[])))
), said AS (
    SELECT k.transaction_pk, max(k.asked_at) AS last_asked_at, count(*) AS questions,
           count(*) FILTER (WHERE k.said = ANY(CAST(:answers AS text[]))) AS answers,
           COALESCE(bool_or(k.erased_at IS NOT NULL), FALSE) AS is_erased,
           COALESCE(bool_or(k.erased_at IS NOT NULL AND (k.is_there OR k.digest IS NULL)), FALSE) AS is_half_erased,
           bool_or(k.erased_at IS NULL AND k.is_there
               AND k.id <= CASE WHEN k.id = s.check_id THEN {proofs} ELSE {answers} END) AS is_kept,
           bool_or(k.said = t.status AND k.asked_at = t.decided_asked_at) AS decided,
           bool_or(k.asked_at = t.held_asked_at AND k.said IN ('completed', 'notcompleted')) AS held,
           min(k.id) FILTER (WHERE k.said = 'completed' AND k.amount = t.amount AND k.reference = t.transaction_id
               AND t.status <> 'completed' AND (k.asked_at <= t.held_asked_at) IS NOT TRUE
               AND NOT (t.status = 'notcompleted' AND k.asked_at <= t.decided_asked_at)) AS paid,
           min(k.id) FILTER (WHERE k.said = 'completed' AND t.status <> 'completed'
               AND (k.amount IS DISTINCT FROM t.amount OR k.reference <> t.transaction_id)) AS mismatch,
           min(k.id) FILTER (WHERE t.status = 'completed' AND k.id > COALESCE(s.check_id, 0)
               AND k.asked_at > t.decided_asked_at AND (k.said IN ('notcompleted', 'pending') OR k.said = 'completed'
                    AND (k.amount IS DISTINCT FROM CASE WHEN s.override_id IS NULL THEN t.amount ELSE s.amount END
                         OR k.reference <> t.transaction_id))) AS contradiction
    FROM k LEFT JOIN t ON t.id = k.transaction_pk LEFT JOIN s ON s.transaction_pk = k.transaction_pk
    GROUP BY k.transaction_pk
), hand AS (
    SELECT o.transaction_pk, bool_or(o.new_status = t.status AND o.made_at = t.decided_asked_at) AS decided,
           min(o.id) FILTER (WHERE o.new_status = 'completed' AND o.id IS DISTINCT FROM s.override_id) AS unsettled
    FROM o JOIN t ON t.id = o.transaction_pk LEFT JOIN s ON s.transaction_pk = o.transaction_pk
    GROUP BY o.transaction_pk
), gainsaid AS (
    -- Only where there is, or was, a case that a person can end: of the last decision, and up to the answer that settled.
    SELECT o.transaction_pk, min(o.id) AS override_id, min(k.id) AS check_id
    FROM o JOIN t ON t.id = o.transaction_pk
    JOIN k ON k.transaction_pk = o.transaction_pk AND k.asked_at > o.made_at LEFT JOIN s ON s.transaction_pk = o.transaction_pk
    WHERE (o.new_status = 'notcompleted' AND k.said = 'completed' AND (k.asked_at <= t.held_asked_at) IS NOT TRUE
           AND (k.id > s.check_id) IS NOT TRUE OR o.new_status = 'completed' AND (
               k.said IN ('notcompleted', 'pending') OR k.said = 'completed'
               AND (k.amount IS DISTINCT FROM o.amount OR k.reference <> t.transaction_id)))
      AND NOT EXISTS (SELECT FROM o later WHERE later.transaction_pk = o.transaction_pk AND later.id > o.id)
      AND NOT EXISTS (
          SELECT FROM cases WHERE cases.transaction_pk = o.transaction_pk AND cases.resolved_at > k.asked_at
              AND cases.resolved_by <> '' AND cases.kind IN ('contradiction', 'late_success', 'mismatch'))
    GROUP BY o.transaction_pk
), told AS (
    SELECT transaction_pk, min(account) AS account, min(account) <> max(account) AS of_two_accounts,
           bool_or(kind = 'completed') AS completed, bool_or(kind = 'notcompleted') AS notcompleted,
           bool_or(kind = 'refused') AS refused
    FROM notices
    WHERE transaction_pk > :after AND transaction_pk <= :upto
      AND (:every OR transaction_pk = ANY(CAST(:ids AS bigint[])))
    GROUP BY transaction_pk
), matter AS (
    SELECT transaction_pk, bool_or(resolved_at IS NULL) AS is_open,
           min(kind) FILTER (WHERE resolved_at IS NULL AND kind = ANY(CAST(:parking AS text[]))) AS parking,
           bool_or(kind = 'approval' AND resolved_at IS NULL) AS approval, bool_or(kind = 'mismatch') AS mismatch, bool_or(kind = 'late_success') AS late_success,
           bool_or(kind = 'contradiction') AS contradiction,
           min(id) FILTER (WHERE resolved_at IS NOT NULL AND (resolution = ''
               OR resolved_by = '' AND kind IN ('mismatch', 'late_success', 'contradiction'))) AS unsigned
    FROM cases
    WHERE transaction_pk > :after AND transaction_pk <= :upto
      AND (:every OR transaction_pk = ANY(CAST(:ids AS bigint[])))
    GROUP BY transaction_pk
), facts AS (
    SELECT COALESCE(t.id, s.transaction_pk, told.transaction_pk, said.transaction_pk) AS pk, t.transaction_id,
           t.kind, t.account, t.amount, t.status, t.is_open, t.sent_at, t.approval, t.queued_at, t.wait_ended_at, t.has_token, t.created_at, t.final_at, t.next_check_at, t.parked_at,
           t.decided_asked_at, t.held_asked_at, t.asked, t.answered,
           t.erased_at IS NOT NULL OR said.is_erased AS is_erased,
           COALESCE(said.is_half_erased, FALSE) OR t.erased_at IS NOT NULL AND t.has_persons AS is_half_erased,
           COALESCE(said.is_kept, FALSE) OR t.erased_at IS NULL AND t.has_persons
               AND t.id <= CASE t.status WHEN 'completed' THEN {settled} ELSE {persons} END AS is_kept,
           s.transaction_pk IS NOT NULL AS is_settled, s.times, s.check_id, s.override_id, s.account AS settled_account,
           s.amount AS settled_amount, k.said AS proof, k.amount AS proven_amount, k.reference AS proven_reference,
           COALESCE(said.questions, 0) AS questions, COALESCE(said.answers, 0) AS answers, said.last_asked_at,
           o.new_status AS hand_status, o.amount AS hand_amount, hand.unsettled AS unsettled_override,
           gainsaid.override_id AS gainsaid_override, gainsaid.check_id AS gainsaying_check,
           matter.unsigned AS unsigned_case, COALESCE(said.held, FALSE) AS is_held,
           COALESCE(said.decided, FALSE) OR COALESCE(hand.decided, FALSE) AS is_decided, said.paid AS paid_check, said.mismatch AS mismatch_check,
           said.contradiction AS contradiction_check,
           told.transaction_pk IS NOT NULL AS is_told, told.account AS told_account, told.of_two_accounts,
           COALESCE(told.completed, FALSE) AS told_completed, COALESCE(told.notcompleted, FALSE) AS told_notcompleted,
           COALESCE(told.refused, FALSE) AS told_refused,
           COALESCE(matter.is_open, FALSE) AS has_open_case, matter.parking AS parking_case,
           COALESCE(matter.approval, FALSE) AS has_approval_case, COALESCE(matter.mismatch, FALSE) AS had_mismatch, COALESCE(matter.late_success, FALSE) AS had_late_success,
           COALESCE(matter.contradiction, FALSE) AS had_contradiction
    FROM t FULL JOIN s ON s.transaction_pk = t.id
    FULL JOIN told ON told.transaction_pk = COALESCE(t.id, s.transaction_pk)
    FULL JOIN said ON said.transaction_pk = COALESCE(t.id, s.transaction_pk, told.transaction_pk)
    LEFT JOIN k ON k.id = s.check_id AND k.transaction_pk = s.transaction_pk
    LEFT JOIN o ON o.id = s.override_id AND o.transaction_pk = s.transaction_pk
    LEFT JOIN hand ON hand.transaction_pk = t.id
    LEFT JOIN gainsaid ON gainsaid.transaction_pk = t.id
    LEFT JOIN matter ON matter.transaction_pk = t.id
)
""".format(  # noqa: S608 - our own words
    **{shelf: cleared(shelf) for shelf in ("proofs", "answers", "settled", "persons")}
)

# While the sweep is switched off, and for as long after as it has at any other time, what nobody asked about is no neglect.
SWEPT_SINCE = on_since("sweep")

MONEY = (
    Rule(
        name="unsettled",
        promise="A completed transaction has a settlement.",
        broken="status = 'completed' AND NOT is_settled",
        detail="format('completed over %s XOF, without a settlement', amount)",
        advice=f"{BY_HAND}, and settle it from the check that says completed",
    ),
    Rule(
        name="settled_unpaid",
        promise="A settlement is of a completed transaction.",
        broken="is_settled AND status <> 'completed'",
        detail="format('%s, with a settlement of %s XOF', status, settled_amount)",
        advice=f"{BY_HAND}, and ask the gateway with `reconciler invoices check`",
    ),
    Rule(
        name="settled_twice",
        promise="A transaction has at most one settlement.",
        broken="times > 1",
        detail="format('%s settlements, one of %s XOF by check %s', times, settled_amount, check_id)",
        advice="see which one the merchant's application was told of, remove the other, and REINDEX TABLE settlements",
    ),
    Rule(
        name="hearsay",
        promise="A settlement that no person answers for rests on a stored answer about its transaction: completed, its"
        " amount, its reference.",
        broken="is_settled AND override_id IS NULL AND transaction_id IS NOT NULL AND (proof IS DISTINCT FROM 'completed'"
        " OR proven_amount IS DISTINCT FROM settled_amount OR proven_reference IS DISTINCT FROM transaction_id)",
        detail="CASE WHEN proof IS NULL THEN format('check %s is no check of this transaction', check_id)"
        " ELSE format('check %s says %s over %s XOF for %L; settled over %s XOF', check_id, proof,"
        " COALESCE(CAST(proven_amount AS text), 'no'), proven_reference, settled_amount) END",
        advice="treat it as unpaid until `reconciler invoices check` has asked the gateway",
    ),
    Rule(
        name="other_terms",
        promise="A settlement has the account of its transaction and, unless a person answers for another, its amount.",
        broken="is_settled AND (settled_amount <> amount AND override_id IS NULL OR settled_account <> account)",
        detail="format('settled over %s XOF in account %L; the transaction is over %s XOF in account %L',"
        " settled_amount, settled_account, amount, account)",
        advice=f"{BY_HAND}, and correct the one that the stored answer contradicts",
    ),
    Rule(
        name="paid_unsettled",
        promise="An answer that says completed, with our amount and reference, has settled its transaction.",
        broken="paid_check IS NOT NULL",
        detail="format('check %s says completed over %s XOF, and the books say %s', paid_check, amount, status)",
        advice="ask again with `reconciler invoices check`, and report it: an answer was stored and not acted upon",
    ),
    Rule(
        name="stray",
        promise="Settlements, notices and checks are about a transaction that exists.",
        broken="transaction_id IS NULL",
        detail="concat_ws(', ', CASE WHEN is_settled THEN format('a settlement of %s XOF', settled_amount) END,"
        " CASE WHEN is_told THEN 'notices' END, CASE WHEN questions > 0 THEN format('%s checks', questions) END)"
        " || ' of a transaction that does not exist'",
        advice=f"{BY_HAND}, and restore the transaction from a backup",
    ),
)

EVIDENCE = (
    Rule(
        name="undecided",
        promise="A final transaction has a date, and a stored answer or an override that says so, of the time in the row.",
        broken="status IN ('completed', 'notcompleted') AND (final_at IS NULL OR NOT is_decided)",
        detail="CASE WHEN final_at IS NULL THEN format('%s, without the date since when', status)"
        f" ELSE format('%s, and no check asked or override made at %s says so', status, COALESCE({moment('decided_asked_at')}, 'no time'))"
        " END",
        advice=f"{BY_HAND}, and ask the gateway with `reconciler invoices check`",
    ),
    Rule(
        name="evidence_gone",
        promise="A transaction counts as many answers as are stored about it.",
        broken="answered <> answers OR asked < questions",
        detail="format('%s questions and %s answers are counted; %s checks with %s answers are stored',"
        " asked, answered, questions, answers)",
        advice="restore the missing checks from a backup: they are the evidence",
    ),
    Rule(
        name="unflagged",
        promise="An answer that no rule may decide about has a case.",
        broken="(mismatch_check IS NOT NULL AND NOT had_mismatch)"
        " OR (contradiction_check IS NOT NULL AND NOT had_contradiction)"
        " OR (status = 'completed' AND told_notcompleted AND override_id IS NULL AND NOT had_late_success)",
        detail="CASE WHEN mismatch_check IS NOT NULL AND NOT had_mismatch"
        " THEN format('check %s says completed on other terms, without a case', mismatch_check)"
        " WHEN contradiction_check IS NOT NULL AND NOT had_contradiction"
        " THEN format('check %s takes the outcome back, without a case', contradiction_check)"
        " ELSE 'completed after notcompleted, without a case' END",
        advice="read its timeline with `reconciler invoices show`, and decide as if the case were there",
    ),
)

HAND = (
    Rule(
        name="override_differs",
        promise="A settlement by hand and its override say the same: completed, its transaction, its amount.",
        broken="(is_settled AND override_id IS NOT NULL AND transaction_id IS NOT NULL AND (hand_status IS DISTINCT FROM"
        " 'completed' OR hand_amount IS DISTINCT FROM settled_amount)) OR unsettled_override IS NOT NULL",
        detail="CASE WHEN unsettled_override IS NOT NULL THEN format('override %s says completed, and no settlement rests"
        " on it', unsettled_override) WHEN hand_status IS NULL THEN format('override %s is no override of this"
        " transaction', override_id) ELSE format('override %s says %s over %s XOF; settled over %s XOF', override_id,"
        " hand_status, hand_amount, settled_amount) END",
        advice=f"{BY_HAND}, and ask whoever signed the override what was received",
    ),
    Rule(
        name="override_contradicted",
        promise="What a person decided by hand, no later answer contradicts, or a person has ended the case about that or"
        " decided anew.",
        broken="gainsaid_override IS NOT NULL",
        detail="format('check %s, asked after override %s, says otherwise', gainsaying_check, gainsaid_override)",
        advice="compare both with `reconciler invoices show`, put right what is wrong, and end the case about it with"
        " `reconciler cases resolve`",
    ),
    Rule(
        name="unsigned",
        promise="A case that only a person can end says who ended it, and every case that is over says why.",
        broken="unsigned_case IS NOT NULL",
        detail="format('case %s is over, and does not say why or by whom', unsigned_case)",
        advice=f"{BY_HAND}, and look at the matter as if the case were open",
    ),
)

NEXT = (
    Rule(
        name="forgotten",
        promise="An open transaction has a time of its next check, or is parked with an open case.",
        broken="is_open AND next_check_at IS NULL AND (parked_at IS NULL OR NOT has_open_case)",
        detail="format('%s, without a next check, %s', status,"
        " CASE WHEN parked_at IS NULL THEN 'and not parked' ELSE 'and parked without an open case' END)",
        advice="ask with `reconciler invoices check`, which gives it a next check again",
    ),
    Rule(
        name="overdue",
        promise="An open transaction whose next check has come is taken up soon; in the queue of payouts, when its turn comes.",
        broken="is_open AND next_check_at < now() - CAST(:overdue AS interval)"
        f" AND NOT {waits_its_turn('CAST(:overdue AS interval)')}"
        f" AND (status = 'pending' AND {SWEPT_SINCE} > now() - CAST(:overdue AS interval)) IS NOT TRUE",
        detail=f"format('%s, due since %s, %s ago', status, {moment('next_check_at')}, {age('next_check_at')})",
        advice="see that beat and workers run; `reconciler sweep --loop` does their work",
    ),
    Rule(
        name="held_back",
        promise="An outcome is held back only by a stop, is on record, and is asked for again.",
        broken="held_asked_at IS NOT NULL AND (NOT is_held"
        " OR NOT EXISTS (SELECT FROM stops WHERE switch = 'settle')"
        " OR (status = 'notcompleted' AND held_asked_at > decided_asked_at"
        " AND COALESCE(last_asked_at, held_asked_at) <= held_asked_at AND next_check_at IS NULL AND parked_at IS NULL))",
        detail="CASE WHEN NOT is_held THEN format('no check asked at %s was to be held back',"
        f" {moment('held_asked_at')}) WHEN next_check_at IS NULL AND status = 'notcompleted'"
        " THEN format('%s, an outcome is held back, and nobody asks again', status)"
        " ELSE 'an outcome was held back, and settling was never switched off' END",
        advice="ask again with `reconciler invoices check`, and find out who changed the tables by hand",
    ),
    Rule(
        name="unasked",
        promise="A pending transaction that is not parked is asked about as often as its age wants.",
        broken=f"""CASE WHEN status = 'pending' AND parked_at IS NULL THEN
            now() - GREATEST(COALESCE(last_asked_at, created_at), {SWEPT_SINCE}) > COALESCE((
                SELECT tier.patience
                FROM unnest(CAST(:ages AS interval[]), CAST(:patiences AS interval[])) AS tier(until, patience)
                WHERE last_asked_at IS NOT NULL AND now() - created_at < tier.until ORDER BY tier.until LIMIT 1
            ), CAST(:longest AS interval)) END""",  # noqa: S608 - our own words
        detail=f"format('no question was answered since %s, %s ago', {moment('COALESCE(last_asked_at, created_at)')},"
        f" {age('COALESCE(last_asked_at, created_at)')})",
        advice="see that workers run and what keeps them from asking, then `reconciler invoices check`",
    ),
    Rule(
        name="case_left_open",
        promise="A case that only said that nothing is known ends with the outcome.",
        broken="parking_case IS NOT NULL AND status IN ('refused', 'completed')",
        detail="format('%s, and the case %s is still open', status, parking_case)",
        advice="nothing is left to decide about it; report it, for the outcome should have closed the case",
    ),
)

TOLD = (
    Rule(
        name="untold",
        promise="Each outcome has its notice.",
        broken="(status = 'completed' AND NOT told_completed) OR (status = 'notcompleted' AND NOT told_notcompleted)"
        " OR (status = 'refused' AND wait_ended_at IS NOT NULL AND NOT told_refused)",
        detail="format('%s, without the notice that tells it', status)",
        advice="tell the merchant's application by hand, and report it",
    ),
    Rule(
        name="told_wrong",
        promise="A notice tells an outcome that its transaction has or had, to the account it belongs to.",
        broken="is_told AND (told_completed AND status <> 'completed'"
        " OR told_notcompleted AND status NOT IN ('completed', 'notcompleted')"
        " OR told_refused AND (kind <> 'payout' OR status <> 'refused')"
        " OR of_two_accounts OR told_account <> account)",
        detail="format('%s in account %L; told in account %L: %s', status, account, told_account, concat_ws(', ',"
        " CASE WHEN told_notcompleted THEN 'notcompleted' END, CASE WHEN told_completed THEN 'completed' END,"
        " CASE WHEN told_refused THEN 'refused' END))",
        advice=f"{BY_HAND}, and tell the merchant's application what is true",
    ),
)

ERASED = (
    half_erased("is_half_erased"),
    erased_early("is_erased AND is_open", status="status"),
    kept_too_long("is_kept"),
)

PAYMENTS = Walk(
    facts=FACTS,
    subject="COALESCE('transaction ' || transaction_id, 'row ' || pk)",
    rules=(*MONEY, *EVIDENCE, *HAND, *NEXT, *SENT, *TOLD, *ERASED),
)
