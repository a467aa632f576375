"""One id to follow a payment by through the logs of all processes: of a callback `cb-` and its row, of a transaction `tx-`.

A log line that is about some of them names them all in its field `trace`. So the id of a callback leads from the door, which
knows nothing else of it, to the notice; that of a transaction, from what the sweep found too. Derived, and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST_CALLBACKS = 4
"""Of one transaction that a line names, the newest: the event's twins are among them, and a flood fills no log."""


def of_callback(callback_id: int) -> str:
    """The trace of a stored callback."""
    return f"cb-{callback_id}"


def of_transaction(pk: int, callbacks: Iterable[int] = ()) -> list[str]:
    """The trace of a transaction, and of callbacks about it."""
    return [f"tx-{pk}", *map(of_callback, callbacks)]


def of_all(traces: Iterable[Sequence[str]]) -> list[str]:
    """One list of many."""
    return [one for trace in traces for one in trace]
