"""Whether a payout that is due in the queue waits its turn, or for nothing: the queue moves, or stands still."""

from __future__ import annotations


def waits_its_turn(late: str) -> str:
    """SQL, over a transaction: it waits in the queue, and another payout came out of the queue within this interval.

    The queue goes out in order, so many in each sweep: of a long one the last are due for as long as it takes, and nobody is
    late. Those that a person let go do not count as movement; they may not have been in it. One probe of an index.
    """
    return (
        "(status = 'created' AND queued_at IS NOT NULL AND EXISTS ("
        "SELECT FROM transactions AS gone WHERE gone.approval IS NULL"
        f" AND gone.wait_ended_at > now() - {late}))"
    )
