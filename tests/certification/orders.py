"""The steps at which a process can die while an invoice is created or a payout sent; the rest of the table is in `table`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.certification.steps import Healer, Left, Scene, Step, When, web_step, worker_step

CREATED = "created, within 120 s"
FIRST_CHECK = "pending, within 20 s"
FIRST_CHECK_OF_A_PAYOUT = "pending, within 30 s"

ORDERS = (
    web_step(
        "ordered",
        "the row is stored, the gateway not called yet",
        when=When.BEFORE,
        where="worker.ligdicash.client:LigdicashClient.create_invoice",
        scene=Scene.ORDERED,
        left=Left(invoice=CREATED),
        healer=Healer.PERSON,
        within=10,
    ),
    web_step(
        "created",
        "the gateway has made the invoice, its reply is in hand and not stored",
        when=When.AFTER,
        where="worker.ligdicash.client:LigdicashClient.create_invoice",
        scene=Scene.ORDERED,
        left=Left(invoice=CREATED),
        healer=Healer.PERSON,
        within=10,
    ),
    web_step(
        "kept",
        "the token is stored, the merchant not answered",
        when=When.BEFORE,
        where="tasks.invoices:_reread",
        scene=Scene.ORDERED,
        left=Left(invoice=FIRST_CHECK),
        healer=Healer.MERCHANT,
        within=20,
    ),
)

PAYOUTS = (
    web_step(
        "payout stored",
        "the payout is stored and not marked as sent",
        when=When.BEFORE,
        where="models.queries.payouts:mark_sent",
        scene=Scene.PAID_OUT,
        left=Left(invoice=CREATED),
        healer=Healer.MERCHANT,
        within=20,
        received=(0, 1),
    ),
    web_step(
        "payout marked",
        "it is marked as sent, the gateway not called yet",
        when=When.BEFORE,
        where="worker.ligdicash.client:LigdicashClient.send_payout",
        scene=Scene.PAID_OUT,
        left=Left(invoice=CREATED),
        healer=Healer.PERSON,
        within=20,
        received=(0, 0),
    ),
    web_step(
        "payout sent",
        "the gateway has taken it, its reply is in hand and not stored",
        when=When.AFTER,
        where="worker.ligdicash.client:LigdicashClient.send_payout",
        scene=Scene.PAID_OUT,
        left=Left(invoice=CREATED),
        healer=Healer.PERSON,
        within=20,
        received=(1, 1),
    ),
    web_step(
        "payout kept",
        "its token is stored, the merchant not answered",
        when=When.AFTER,
        where="tasks.payouts:_finish",
        scene=Scene.PAID_OUT,
        left=Left(invoice=FIRST_CHECK_OF_A_PAYOUT),
        healer=Healer.MERCHANT,
        within=20,
        received=(1, 1),
    ),
)


def _finds_any(_tools: Any, pks: Sequence[int], **_: Any) -> bool:
    return bool(pks)


def _queued(name: str, says: str, where: str, *, when: When = When.BEFORE, **more: Any) -> Step:
    """A step of whoever sends what waited; its message is not acknowledged yet."""
    usual = {"scene": Scene.QUEUED, "left": Left(invoice=CREATED, to_ask=1), "healer": Healer.PERSON, "within": 20}
    return worker_step(name, says, when=when, where=where, **{**usual, **more})


QUEUE = (
    _queued(
        "queue claimed",
        "a sweep has claimed what is due in the queue, nobody was rung for",
        "tasks.sweep:_have_sent",
        aimed=_finds_any,
        left=Left(invoice=CREATED),
        healer=Healer.SWEEP_SENDS,
        received=(0, 1),
    ),
    _queued(
        "queue taken",
        "whoever is to send it has the message, nothing is marked",
        "tasks.queued:payout_by_pk",
        healer=Healer.SENT_BY_MESSAGE,
        received=(0, 1),
    ),
    _queued(
        "queue marked",
        "it is out of the queue and marked as sent, the gateway not called yet",
        "worker.ligdicash.client:LigdicashClient.send_payout",
        received=(0, 0),
    ),
    _queued(
        "queue sent",
        "the gateway has taken it, its reply is in hand and not stored",
        "worker.ligdicash.client:LigdicashClient.send_payout",
        when=When.AFTER,
        received=(1, 1),
    ),
    _queued(
        "queue kept",
        "its token is stored, the message not acknowledged",
        "tasks.payouts:_finish",
        when=When.AFTER,
        left=Left(invoice=FIRST_CHECK_OF_A_PAYOUT, to_ask=1),
        healer=Healer.NOBODY,
        received=(1, 1),
    ),
    _queued(
        "queue refused",
        "the gateway has refused it, and that and its notice are inserted, not committed",
        "tasks.payouts:tell_refused",
        when=When.AFTER,
        scene=Scene.TURNED_DOWN,
        received=(1, 1),
    ),
    _queued(
        "queue over",
        "the refusal and its notice are committed, nobody was rung for",
        "tasks.payouts:_refuse",
        when=When.AFTER,
        scene=Scene.TURNED_DOWN,
        left=Left(invoice="refused", to_ask=1),
        healer=Healer.SWEEP_TELLS,
        received=(1, 1),
    ),
)
