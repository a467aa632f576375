"""Evidence of one payment or payout: everything that was received, asked, decided and told, in a chain of hashes.

For the gateway's support desk and for an auditor. `evidence_of` gathers it, `pack` makes the one file of it, and `verify` says
whether such a file is as it was made. Knows no terminal and no web.
"""

from worker.evidence.archive import Verified, file_name, pack, verify
from worker.evidence.gather import Evidence, evidence_of

__all__ = ["Evidence", "Verified", "evidence_of", "file_name", "pack", "verify"]
