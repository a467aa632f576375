"""The ledger on a screen of 80 columns, in every language: nothing is cut, nothing runs over."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from models.check import Lane
from models.transaction import Status
from worker.chaos.account import Account, Toll
from worker.chaos.schedule import Kind, draw_schedule
from worker.chaos.show import show_account, show_schedule
from worker.demo.by_account import AccountSum
from worker.demo.drive import Played
from worker.demo.evidence import Evidence
from worker.demo.ledger import Ledger, Pace, add_up
from worker.demo.money_out import OutSum
from worker.demo.payins import PayinFate
from worker.demo.payouts import PayoutFate
from worker.demo.show import show_ledger
from worker.demo.story import Fate
from worker.demo.tables import francs
from worker.language import languages, speaking

WIDTH = 80


def ledger() -> Ledger:
    """Every fate there is, with figures of a run of some minutes."""
    nothing = add_up(Evidence(visits=[], ours={}, told={}, played=Played(), stored={}))
    ends = Counter({f"{Status.COMPLETED}/{Lane.CALLBACK}": 40, f"{Status.COMPLETED}/{Lane.SWEEP}": 9, "pending": 8})
    return Ledger(
        fates=dict.fromkeys(Fate, ends),
        paces={Lane.CALLBACK.value: Pace(count=9999, p50=0.5, p95=1.0, p99=22.25)},
        waits={Lane.CALLBACK.value: [0.4] * 5},
        promises=nothing.promises,
        settled_amount=1_004_250,
        questions=9999,
        callbacks_sent=9999,
        callbacks_refused=1,
        callbacks_unanswered=2,
        callbacks_stored=9999,
        duplicates_absorbed=999,
        forgeries=99,
        open_cases=Counter({"mismatch": 2}),
        holes=3,
        troubles=["the API did not answer"],
    )


def account(name: str) -> AccountSum:
    return AccountSum(account=name, payins=300, came_in=12_345_600, payouts=60, went_out=1_234_500, questions=1234)


@pytest.mark.parametrize("language", languages())
def test_a_ledger_with_every_way_to_pay_fits_80_columns_and_counts_a_refused_order_as_failed(language):
    ends = Counter({f"{Status.COMPLETED}/{Lane.CALLBACK}": 140, f"{Status.COMPLETED}/{Lane.SWEEP}": 19, "refused": 8})
    screen = StringIO()
    with speaking(language):
        everything = replace(
            ledger(),
            fates=dict.fromkeys([*Fate, *PayinFate, *PayoutFate], ends),
            money_out=OutSum(settled=3_456_700, in_doubt=1_234_500, unknown=12),
            accounts=[account("default"), account("abidjan")],
        )
        show_ledger(everything, Console(file=screen, width=WIDTH), restarts={})
        settled = francs(3_456_700)
    said = screen.getvalue()
    assert "…" not in said
    assert max(len(line) for line in said.splitlines()) <= WIDTH
    assert f" {8 * len([*Fate, *PayinFate])} " in said
    assert f" {8 * len(PayoutFate)} " in said, "payouts are added up apart"
    assert settled in said


@pytest.mark.parametrize("language", languages())
def test_the_account_of_a_run_fits_80_columns_and_cuts_nothing(language):
    screen = StringIO()
    console = Console(file=screen, width=WIDTH)
    toll = Toll(drawn=30, struck=Counter(dict.fromkeys(Kind, 99)), troubles=["worker: OSError"], spooled=9999)
    evidence = Evidence(visits=[], ours={}, told={}, played=Played(), stored={})
    with speaking(language):
        show_schedule(draw_schedule(seconds=300, seed=1), console)
        show_account(Account(evidence=evidence, ledger=ledger(), toll=toll, violations=[]), console)
        settled = francs(1_004_250)
    said = screen.getvalue()
    assert "…" not in said
    assert max(len(line) for line in said.splitlines()) <= WIDTH
    assert settled in said


def test_the_account_is_told_in_french():
    screen = StringIO()
    with speaking("fr"):
        show_schedule(draw_schedule(seconds=300, seed=1), Console(file=screen, width=WIDTH))
    assert "passerelle trop lente pendant " in screen.getvalue()
    assert "pannes de " in screen.getvalue()
