"""Finding one invoice for a command."""

from __future__ import annotations

from models.errors import NotFound
from models.queries.history import History, find_history
from models.session import transaction
from tasks.toolbox import Toolbox
from worker.language import _


def find_invoice(tools: Toolbox, transaction_id: str) -> History:
    """The invoice with this id of ours and all about it. Raises `NotFound`."""
    # Bytes of a command line that are no text cannot be an id, and would not reach the database.
    if transaction_id.isprintable():
        with transaction(tools.sessions) as step:
            if history := find_history(step.session, transaction_id):
                return history
    raise NotFound(_("there is no invoice {transaction_id!r}").format(transaction_id=transaction_id))
