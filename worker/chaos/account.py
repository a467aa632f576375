"""What is left of a chaos run: the ledger, with what struck, and what the accountant found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from worker.chaos.schedule import Kind
from worker.demo.evidence import Evidence, Promise
from worker.demo.ledger import Ledger, add_up
from worker.language import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """What struck, and what could not be done."""

    drawn: int
    struck: Counter[Kind]
    """What hit. The rest found its process just dead, or failed."""
    troubles: Sequence[str]
    spooled: int
    """Callbacks that came into the tables by way of the spool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything the last page shows."""

    evidence: Evidence
    ledger: Ledger
    toll: Toll
    violations: Sequence[str]
    seconds: float = 0.0
    """How long it all took, without starting and stopping."""
    restarts: Mapping[str, int] = field(default_factory=dict)
    """How often each process was started again."""

    @property
    def is_clean(self) -> bool:
        """Whether every promise held; the ledger has one on the violations too."""
        return self.ledger.is_clean


def account_of(evidence: Evidence, *, toll: Toll, violations: Sequence[str]) -> Account:
    """The account of one run."""
    ledger = add_up(evidence)
    found = _("violations {count}").format(count=len(violations))
    audit = Promise(name=_("fsck finds nothing"), held=not violations, figures=found)
    figures = _("{hit} of {drawn} strikes hit, {failed} failed")
    figures = figures.format(hit=toll.struck.total(), drawn=toll.drawn, failed=len(toll.troubles))
    storm = Promise(name=_("The storm struck as drawn"), held=not toll.troubles, figures=figures)
    ledger = replace(ledger, promises=[*ledger.promises, audit, storm])
    return Account(evidence=evidence, ledger=ledger, toll=toll, violations=violations)
