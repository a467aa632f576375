"""What is true: tables, words, pure decisions, every SQL statement, migrations."""

from models.base import Base
from models.callback import Callback
from models.case import Case
from models.check import Check
from models.difference import Difference
from models.erasure import Erasure, ErasureItem
from models.notice import Delivery, Endpoint, Notice, NoticeCounter
from models.override import Override
from models.replay import ReplayItem, ReplayPlan
from models.settlement import Settlement
from models.shelf import ShelfMark
from models.stop import Stop
from models.transaction import Invoice, Payout, Transaction

__all__ = [
    "Base",
    "Callback",
    "Case",
    "Check",
    "Delivery",
    "Difference",
    "Endpoint",
    "Erasure",
    "ErasureItem",
    "Invoice",
    "Notice",
    "NoticeCounter",
    "Override",
    "Payout",
    "ReplayItem",
    "ReplayPlan",
    "Settlement",
    "ShelfMark",
    "Stop",
    "Transaction",
]
