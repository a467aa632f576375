"""Send payouts that wait in the queue: sending was switched off, or whoever was to send them is gone. Nobody waits for a reply.

So what stops one from being sent is not told to a caller: trouble on our side, or on the way, leaves it in the queue for
another try. One that the gateway refuses for itself is over, with a notice, or waits for the person who approved it.
"""

from __future__ import annotations

import structlog
from celery import shared_task

from models import trace
from models.errors import GatewayMisconfigured, GatewayRefused, Invalid, NotSent, PayoutUnknown
from models.queries import sending
from models.queries.payouts import payout_by_pk
from models.session import transaction
from models.transaction import Payout
from tasks.job import Job
from tasks.payouts import is_queued, send
from tasks.strangers import WAIT, missed
from tasks.toolbox import Toolbox

log = structlog.get_logger()


def send_queued(tools: Toolbox, pk: int) -> bool:
    """Send this payout if it still waits in the queue; whether the gateway accepted it.

    Raises `TryAgain` for trouble of the database alone: then it is due again by itself.
    """
    with transaction(tools.sessions) as step:
        payout = payout_by_pk(step.session, pk)
    if payout is None or not is_queued(payout):
        return False
    try:
        return send(tools, payout)
    except (GatewayRefused, GatewayMisconfigured, NotSent, PayoutUnknown) as exc:
        log.warning("queued_payout_not_sent", trace=trace.of_transaction(pk), reason=str(exc))
    except Invalid:
        _wait_for_its_account(tools, payout)
    return False


def _wait_for_its_account(tools: Toolbox, payout: Payout) -> None:
    """Its account is not set up here: it is looked at again from time to time, and a case about the account says so."""
    with transaction(tools.sessions) as step:
        sending.put_off(step.session, payout.id, wait=WAIT)
        missed(step.session, {payout.account})


@shared_task(bind=True, base=Job, name="reconciler.send")
def send_one(self: Job, transaction_pk: int) -> None:
    """Message from the sweep: this payout waited in the queue, and sending is on."""
    send_queued(self.tools, transaction_pk)
