"""The plain design, to be measured against: what the documentation of FastAPI, Celery and SQLAlchemy adds up to.

Door: `uvicorn bench.plain:door`. Worker: `celery -A bench.plain:celery worker --pool threads --concurrency 32`. Tables:
`python -m bench.plain tables`. A row and a message for each request, a task for each callback: Redis lock, load, ask,
settle. No straw man: it acknowledges what is committed, asks before it believes, holds no transaction open while it asks,
settles by conditional update with a unique payment, keeps all its connections, and writes no log line for a good callback.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from datetime import datetime
from functools import cache
from typing import Annotated, Any
from urllib.parse import parse_qsl

import psycopg
import redis
import requests
from celery import Celery
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel, ValidationError, field_validator
from requests.adapters import HTTPAdapter
from sqlalchemy import BigInteger, DateTime, Engine, ForeignKey, Identity, LargeBinary, create_engine, func, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

CONFIRM_PATH = "/pay/v01/redirect/checkout-invoice/confirm/"
CALLBACK_PATH = "/api/callback/ligdicash"

TIMEOUTS = (3.05, 10.0)
"""Seconds to connect, and between two bytes of an answer."""

LOCK_LIFE = 60
LOCK_PATIENCE = 5
"""Seconds a task waits for its twin."""

POOL = ("threads", 32)
"""The worker's best pool: see `docs/decisions/0024-settling-in-batches.md` for the others."""


# Tables


class Base(DeclarativeBase):
    """Times with a zone, whole numbers of 8 bytes."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        int: BigInteger(),
        bytes: LargeBinary(),
    }


class Invoice(Base):
    """What should be paid, and whether it was."""

    __tablename__ = "plain_invoices"

    transaction_id: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int]
    token: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="pending")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StoredCallback(Base):
    """One request at the door."""

    __tablename__ = "plain_callbacks"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    transaction_id: Mapped[str]
    claims: Mapped[str]
    content_type: Mapped[str]
    body: Mapped[bytes]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    processed_at: Mapped[datetime | None]


class Payment(Base):
    """Money that moved: once, by its key. Keeps the gateway's answer."""

    __tablename__ = "plain_payments"

    transaction_id: Mapped[str] = mapped_column(ForeignKey(Invoice.transaction_id), primary_key=True)
    amount: Mapped[int]
    answer: Mapped[bytes]
    paid_at: Mapped[datetime] = mapped_column(server_default=func.now())


@cache
def engine() -> Engine:
    """Of this process; made after the fork, on first use."""
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(url, pool_size=20, max_overflow=20, pool_pre_ping=True)


@cache
def sessions() -> sessionmaker[Session]:
    """Of this process."""
    return sessionmaker(engine(), expire_on_commit=False)


# Door


class Claim(BaseModel):
    """A callback, as far as it is needed to know whom it is about."""

    transaction_id: str
    status: str

    @field_validator("transaction_id")
    @classmethod
    def _named(cls, value: str) -> str:
        if not 1 <= len(value) <= 255:
            raise ValueError("must have 1 to 255 characters")
        return value


def _transaction_id(fields: dict[str, Any]) -> Any:
    custom_data = fields.get("custom_data") or []
    if isinstance(custom_data, str):
        custom_data = json.loads(custom_data)
    for entry in custom_data:
        if entry.get("keyof_customdata") == "transaction_id":
            return entry.get("valueof_customdata")
    return fields.get("external_id", "")


async def stored_form(request: Request) -> StoredCallback:
    """Read and check the request: form or JSON."""
    content_type = request.headers.get("content-type", "")
    body = await request.body()
    try:
        is_form = content_type.startswith("application/x-www-form-urlencoded")
        fields = dict(parse_qsl(body.decode())) if is_form else json.loads(body)
        claim = Claim(transaction_id=_transaction_id(fields), status=fields.get("status", ""))
    except (ValidationError, ValueError, AttributeError, TypeError) as exc:
        raise HTTPException(400, "not a callback") from exc
    return StoredCallback(
        transaction_id=claim.transaction_id, claims=claim.status, content_type=content_type, body=body
    )


door = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@door.post(CALLBACK_PATH)
def take_callback(callback: Annotated[Any, Depends(stored_form)]) -> dict[str, bool]:
    """Store it, start a task for it, say so."""
    with sessions().begin() as session:
        session.add(callback)
    process_callback.delay(callback.id)
    return {"ok": True}


# Worker

celery = Celery("plain", broker=os.environ.get("REDIS_URL", "redis://localhost:6379/0"))
celery.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 3600},
    worker_log_format="%(message)s",
    worker_prefetch_multiplier=4,
    task_default_queue="plain",
)


class NotYet(Exception):
    """The gateway has no final answer, or none at all."""


@cache
def store() -> redis.Redis:
    """For the locks; its connections are pooled."""
    return redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5)


_of_this_thread = threading.local()


def gateway() -> requests.Session:
    """Of this thread: a session keeps its connection."""
    if not hasattr(_of_this_thread, "session"):
        session = requests.Session()
        session.trust_env = False
        session.headers.update(
            {
                "Apikey": os.environ["LIGDICASH_API_KEY"],
                "Authorization": f"Bearer {os.environ['LIGDICASH_API_TOKEN']}",
                "Accept": "application/json",
            }
        )
        session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1))
        session.mount("https://", HTTPAdapter(pool_connections=1, pool_maxsize=1))
        _of_this_thread.session = session
    return _of_this_thread.session


@celery.task(
    name="plain.process_callback",
    autoretry_for=(NotYet, OperationalError, redis.RedisError, requests.RequestException),
    retry_backoff=2,
    retry_backoff_max=60,
    retry_jitter=True,
    max_retries=10,
)
def process_callback(callback_id: int) -> None:
    """Ask the gateway about the invoice that this callback names, and settle it."""
    with sessions().begin() as session:
        transaction_id = session.get_one(StoredCallback, callback_id).transaction_id
    with store().lock(f"plain:{transaction_id}", timeout=LOCK_LIFE, blocking_timeout=LOCK_PATIENCE):
        with sessions().begin() as session:
            invoice = session.get(Invoice, transaction_id)
        if invoice is None:
            raise NotYet("the invoice is not stored yet")
        if invoice.status == "pending":
            _settle(invoice, answer=_ask(invoice))
        with sessions().begin() as session:
            done = update(StoredCallback).where(StoredCallback.id == callback_id).values(processed_at=func.now())
            session.execute(done)


def _ask(invoice: Invoice) -> bytes:
    """The answer, if it is final and says what our books say; raises `NotYet` otherwise."""
    url = os.environ["LIGDICASH_BASE_URL"] + CONFIRM_PATH
    response = gateway().get(url, params={"invoiceToken": invoice.token}, timeout=TIMEOUTS)
    response.raise_for_status()
    said = response.json()
    if said["status"] != "completed" or int(said["amount"]) != invoice.amount:
        raise NotYet(f"the gateway says {said['status']}")
    if _transaction_id(said) != invoice.transaction_id:
        raise NotYet("the gateway speaks of another invoice")
    return response.content


def _settle(invoice: Invoice, *, answer: bytes) -> None:
    ours = (Invoice.transaction_id == invoice.transaction_id, Invoice.status == "pending")
    with sessions().begin() as session:
        if session.execute(update(Invoice).where(*ours).values(status="completed")).rowcount == 1:
            session.add(Payment(transaction_id=invoice.transaction_id, amount=invoice.amount, answer=answer))


# For the measurements

ADD = """
    INSERT INTO plain_invoices (transaction_id, amount, token)
    SELECT 'ORD-' || n, 5000, 'ORD-' || n || '~5000' FROM generate_series({first}, {last}) AS n
"""


def make_tables(url: str) -> None:
    """In this database."""
    made = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    Base.metadata.create_all(made)
    made.dispose()


def add_pending(url: str, *, first: int, count: int) -> None:
    """Invoices as `bench.books.add_pending` adds them to our tables."""
    with psycopg.connect(_libpq(url), autocommit=True) as connection:
        connection.execute(ADD.format(first=first, last=first + count - 1).encode())
        connection.execute("VACUUM ANALYZE plain_invoices")


def settled(url: str) -> int:
    """How many payments there are."""
    return _count(url, "SELECT count(*) FROM plain_payments")


def processed(url: str) -> int:
    """How many callbacks are done with, second twins included."""
    return _count(url, "SELECT count(*) FROM plain_callbacks WHERE processed_at IS NOT NULL")


def _count(url: str, statement: str) -> int:
    with psycopg.connect(_libpq(url), autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0


def _libpq(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


if __name__ == "__main__":
    if sys.argv[1:] != ["tables"]:
        raise SystemExit("python -m bench.plain tables")
    make_tables(os.environ["DATABASE_URL"])
