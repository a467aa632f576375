"""What is true: tables, words, pure decisions, every SQL statement, migrations."""

from models.base import Base
from models.callback import Callback
from models.case import Case
from models.check import Check
from models.notice import Notice, NoticeCounter
from models.settlement import Settlement
from models.transaction import Invoice, Transaction

__all__ = ["Base", "Callback", "Case", "Check", "Invoice", "Notice", "NoticeCounter", "Settlement", "Transaction"]
