"""The steps at which a process can die while an invoice is created or a payout sent; the rest of the table is in `table`."""

from __future__ import annotations

from tests.certification.steps import Healer, Left, Scene, When, web_step

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
