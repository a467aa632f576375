"""The gateway's wire formats in both directions: pure functions between bytes and our own words.

No network, no clock, no settings. Whoever works with the gateway imports these and no module below.
"""

from __future__ import annotations

from worker.ligdicash.wire.callback import read_callback
from worker.ligdicash.wire.confirm import read_confirm
from worker.ligdicash.wire.create import read_created, write_create
from worker.ligdicash.wire.decode import MAX_BODY
from worker.ligdicash.wire.payout import read_accepted, read_payout_confirm, write_payout
from worker.ligdicash.wire.wallet import read_otp_sent

__all__ = [
    "MAX_BODY",
    "read_accepted",
    "read_callback",
    "read_confirm",
    "read_created",
    "read_otp_sent",
    "read_payout_confirm",
    "write_create",
    "write_payout",
]
