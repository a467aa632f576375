"""Payments settled in the past, put straight into the tables: so many, so long ago, announced or not.

Past the guards of the database, which would not let anybody choose when something was settled. Put the oldest there first:
ids grow with time, as they do where nobody meddles.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text

from models.session import Sessions, transaction

PUT = text("""
    WITH paid AS (
        INSERT INTO transactions (kind, transaction_id, amount, status, order_digest, token, operator_name, created_at, final_at)
        SELECT 'invoice', gen_random_uuid()::text, 5000, 'completed', '\\x00', gen_random_uuid()::text, CAST(:operator AS text),
               clock_timestamp() - CAST(:ago AS interval) - CAST(:created AS interval), clock_timestamp() - CAST(:ago AS interval)
        FROM generate_series(1, CAST(:count AS int)) RETURNING id
    ), asked AS (
        INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, amount, body)
        SELECT id, CAST(:lane AS text), clock_timestamp() - CAST(:ago AS interval), 10, 'completed', 5000, '' FROM paid RETURNING id, transaction_pk
    ), money AS (
        INSERT INTO settlements (transaction_pk, check_id, account, amount, settled_at)
        SELECT transaction_pk, id, 'default', 5000, clock_timestamp() - CAST(:ago AS interval) FROM asked
    ), told AS (
        INSERT INTO notices (account, seq, transaction_pk, kind, created_at)
        SELECT 'default', id, id, 'completed', clock_timestamp() - CAST(:ago AS interval) FROM paid
    )
    INSERT INTO callbacks (received_at, stored_at, body, content_type, headers, source, digest, outcome, note, transaction_pk)
    SELECT clock_timestamp() - CAST(:ago AS interval) - CAST(:heard AS interval), clock_timestamp() - CAST(:ago AS interval) - CAST(:heard AS interval), '', 'application/json', '{}', '203.0.113.7',
           '\\x00', 'matched', CAST(:note AS text), id
    FROM paid WHERE CAST(:heard AS interval) IS NOT NULL
""")


def put_settled(
    sessions: Sessions,
    count: int,
    *,
    ago: float,
    heard: float | None = None,
    created: float = 600,
    operator: str = "ORANGE BURKINA",
    lane: str = "sweep",
    note: str = "claims completed",
) -> None:
    """`ago`, `created` and `heard` in seconds: how long ago settled, and how long before that made and announced."""
    parameters = {
        "count": count,
        "ago": timedelta(seconds=ago),
        "created": timedelta(seconds=created),
        "heard": None if heard is None else timedelta(seconds=heard),
        "operator": operator,
        "lane": lane,
        "note": note,
    }
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        step.session.execute(PUT, parameters)


PUT_AT = text("""
    WITH paid AS (
        INSERT INTO transactions (kind, account, transaction_id, amount, status, order_digest, token, operator_name, request_id,
                                  mode, payer, route, customer, sent_at, created_at, final_at)
        SELECT CAST(:kind AS text), CAST(:account AS text), :prefix || n, :amount, 'completed', '\\x00', 'token-of-' || :prefix || n,
               CAST(:operator AS text), CASE WHEN CAST(:kind AS text) = 'invoice' THEN 'P' || :prefix || n ELSE '' END, CAST(:mode AS text),
               CASE WHEN CAST(:mode AS text) = 'hosted' THEN '' ELSE '+226 70 ** ** 00' END,
               CASE WHEN CAST(:kind AS text) = 'payout' THEN 'mobile_money' END, CASE WHEN CAST(:kind AS text) = 'payout' THEN '22670000000' END,
               CASE WHEN CAST(:kind AS text) = 'payout' THEN CAST(:at AS timestamptz) END,
               CAST(:at AS timestamptz) - CAST(:took AS interval), CAST(:at AS timestamptz)
        FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n RETURNING id
    ), asked AS (
        INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, amount, body)
        SELECT id, 'sweep', CAST(:at AS timestamptz), 10, 'completed', :amount, '' FROM paid RETURNING id, transaction_pk
    )
    INSERT INTO settlements (transaction_pk, check_id, override_id, account, amount, settled_at)
    SELECT transaction_pk, CASE WHEN NOT :by_hand THEN id END, CASE WHEN :by_hand THEN id END, CAST(:account AS text), :amount,
           CAST(:at AS timestamptz)
    FROM asked
""")


def put_settled_at(
    sessions: Sessions,
    at: datetime,
    count: int = 1,
    *,
    prefix: str = "ORD-",
    first: int = 1,
    amount: int = 5000,
    kind: str = "invoice",
    mode: str = "hosted",
    account: str = "default",
    operator: str = "ORANGE BURKINA",
    by_hand: bool = False,
    took: timedelta = timedelta(minutes=5),
) -> None:
    """So many settled at this very moment, `took` after they were made; called `prefix` and a number, by the gateway `P` and that.

    By hand: the settlement rests on an override, which is not there.
    """
    parameters = {
        "at": at,
        "first": first,
        "last": first + count - 1,
        "prefix": prefix,
        "amount": amount,
        "kind": kind,
        "mode": mode,
        "account": account,
        "operator": operator,
        "by_hand": by_hand,
        "took": took,
    }
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        step.session.execute(PUT_AT, parameters)
