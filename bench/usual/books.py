"""Its two tables, and the four statements on them."""

from __future__ import annotations

from sqlalchemy import Engine, RowMapping, create_engine, text

TABLES = (
    """
    CREATE TABLE IF NOT EXISTS usual_invoices (
        transaction_id text PRIMARY KEY,
        amount bigint NOT NULL,
        token text NOT NULL,
        payment_url text NOT NULL,
        status text NOT NULL DEFAULT 'pending',
        created_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS usual_payments (
        transaction_id text PRIMARY KEY REFERENCES usual_invoices,
        amount bigint NOT NULL,
        paid_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
)

FIND = text("SELECT * FROM usual_invoices WHERE transaction_id = :transaction_id")
ADD = text("""
    INSERT INTO usual_invoices (transaction_id, amount, token, payment_url)
    VALUES (:transaction_id, :amount, :token, :payment_url)
""")
CLOSE = text("UPDATE usual_invoices SET status = :status WHERE transaction_id = :transaction_id")
PAY = text("INSERT INTO usual_payments (transaction_id, amount) VALUES (:transaction_id, :amount)")


class Books:
    """Each call is one transaction."""

    def __init__(self, database_url: str, *, pool_size: int = 10) -> None:
        self.engine: Engine = create_engine(database_url, pool_size=pool_size, pool_pre_ping=True)

    def make_tables(self) -> None:
        """Safe to run twice."""
        with self.engine.begin() as connection:
            for statement in TABLES:
                connection.execute(text(statement))

    def find(self, transaction_id: str) -> RowMapping | None:
        """The invoice, or None."""
        with self.engine.begin() as connection:
            return connection.execute(FIND, {"transaction_id": transaction_id}).mappings().one_or_none()

    def add(self, *, transaction_id: str, amount: int, token: str, payment_url: str) -> None:
        """Raises IntegrityError for an id that is there already."""
        row = {"transaction_id": transaction_id, "amount": amount, "token": token, "payment_url": payment_url}
        with self.engine.begin() as connection:
            connection.execute(ADD, row)

    def close(self, transaction_id: str, *, status: str, amount: int | None = None) -> None:
        """Write down the outcome; with an amount, the payment too. Raises IntegrityError for a second payment."""
        with self.engine.begin() as connection:
            connection.execute(CLOSE, {"transaction_id": transaction_id, "status": status})
            if amount is not None:
                connection.execute(PAY, {"transaction_id": transaction_id, "amount": amount})
