"""The spool: fsynced files that hold receipts while the database is away, and that drain by themselves.

See docs/decisions/0008-spool.md.
"""

from worker.web.spool.drain_file import REFUSED, TORN, DrainFile
from worker.web.spool.folder import Spool, SpoolRefuses, SpoolState
from worker.web.spool.record import Spooled, Stretch

__all__ = ["REFUSED", "TORN", "DrainFile", "Spool", "SpoolRefuses", "SpoolState", "Spooled", "Stretch"]
