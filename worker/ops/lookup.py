"""Finding one transaction for a command."""

from __future__ import annotations

from models.errors import NotFound
from models.queries.history import History, find_history
from models.session import transaction
from models.transaction import Kind
from tasks.toolbox import Toolbox
from worker.language import _


def find_transaction(tools: Toolbox, transaction_id: str) -> History:
    """The invoice or the payout with this id of ours and all about it. Raises `NotFound`."""
    if history := _find(tools, transaction_id, kind=None):
        return history
    raise NotFound(_("there is no invoice or payout {transaction_id!r}").format(transaction_id=transaction_id))


def find_invoice(tools: Toolbox, transaction_id: str) -> History:
    """The invoice with this id of ours and all about it. Raises `NotFound`."""
    if history := _find(tools, transaction_id, kind=Kind.INVOICE):
        return history
    raise NotFound(_("there is no invoice {transaction_id!r}").format(transaction_id=transaction_id))


def find_payout(tools: Toolbox, transaction_id: str) -> History:
    """The payout with this id of ours and all about it. Raises `NotFound`."""
    if history := _find(tools, transaction_id, kind=Kind.PAYOUT):
        return history
    raise NotFound(_("there is no payout {transaction_id!r}").format(transaction_id=transaction_id))


def _find(tools: Toolbox, transaction_id: str, *, kind: Kind | None) -> History | None:
    # Bytes of a command line that are no text cannot be an id, and would not reach the database.
    if not transaction_id.isprintable():
        return None
    with transaction(tools.sessions) as step:
        return find_history(step.session, transaction_id, kind=kind)
