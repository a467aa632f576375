"""A sound shop passes every trial; each planted flaw is found, named, and nothing else is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.worker.conformance.shops import PlantedShop, SampleShop, open_shop
from worker.conformance import examination, trials
from worker.conformance.examination import Examination, Patience
from worker.conformance.trial import Flaw
from worker.conformance.trials import TRIALS, _decided
from worker.ligdicash.double import running_double

# All are examined side by side, so what one waits for costs nothing that another does not. Whoever is to lose a payment never
# gets it, and is waited for as long as a quiet one. What a machine that stands still must not pass over is there for LONG_ENOUGH:
# a confirm that says pending, or is broken, and a reply that is held back.
LONG_ENOUGH = 6.0
SURE = Patience(prompt=60, slow=60, calm=9)
BRIEF = Patience(prompt=9, slow=9, calm=9)

EVERY = tuple(trial.name for trial in TRIALS)
LATE = "callback-outruns-confirm"

PLANTED: dict[str, dict[str, set[Flaw]]] = {
    "trusts callbacks": {"form-then-json": {Flaw.HEARSAY}, "forged": {Flaw.CREDULOUS}},
    "credits each time": {"both-at-once": {Flaw.WRONG_SUM}},
    "reads JSON only": {"form-then-json": {Flaw.UNREAD}, "form-json-text": {Flaw.UNREAD}, "json-alone": set()},
    "reads forms only": {"json-alone": {Flaw.UNREAD}, "form-json-text": set()},
    "reads JSON text only, never asks by itself": {"form-flattened": {Flaw.LOST}, "form-json-text": set()},
    "counts arrivals, never asks by itself": {"pending-first": {Flaw.LOST}, "json-then-form": set()},
    "never asks by itself": {"no-callback": {Flaw.LOST}, "confirm-broken": {Flaw.LOST}, "form-then-json": set()},
    "believes bad news": {"failure-after-success": {Flaw.LOST}},
    "compares nothing": {"confirm-wrong-sum": {Flaw.CREDULOUS}, "confirm-of-another": {Flaw.CREDULOUS}},
    "takes 00 for paid": {"failed-with-00": {Flaw.CREDULOUS}, "failed-with-01": set()},
    "asks hastily": {"callback-outruns-confirm": {Flaw.HASTY}},
    "names no address": {"form-then-json": {Flaw.NO_ADDRESS}},
    "answers 302": {"json-alone": {Flaw.MOVED}},
    "answers 403": {"json-alone": {Flaw.LOCKED}},
    "answers 500": {"json-alone": {Flaw.CRASHED}},
    "hangs up": {"json-alone": {Flaw.SILENT}},
    "crashes": {"forged-unknown": {Flaw.CRASHED}, "form-then-json": set()},
}


LOST_BY_THE_SAMPLE = {
    "pending-first": {Flaw.LOST},
    "callback-outruns-confirm": {Flaw.LOST},
    "confirm-broken": {Flaw.LOST},
    "no-callback": {Flaw.LOST},
    "callback-before-reply": {Flaw.LOST, Flaw.UNREAD},
}


def examined(kind, expected, flaws=frozenset()):
    """The flaws found in each trial. Those in which a payment is to be lost are held apart, with less patience."""
    lost = {name for name, expected_flaws in expected.items() if Flaw.LOST in expected_flaws}
    found = {}
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(hold, kind, lost, flaws, BRIEF), pool.submit(hold, kind, set(expected) - lost, flaws, SURE)]
        for one in held:
            found |= one.result()
    return found


def hold(kind, names, flaws, patience):
    late = {LATE: _decided(confirm_after=LONG_ENOUGH)}
    chosen = [replace(trial, play=late.get(trial.name, trial.play)) for trial in TRIALS if trial.name in names]
    if not chosen:
        return {}
    with running_double() as double, open_shop(kind(double=double, flaws=flaws)) as shop:
        results = Examination(double=double, url=shop.url, shop=shop, patience=patience).hold(chosen)
    return {result.trial.name: set(result.flaws) for result in results}


@pytest.fixture(scope="module")
def found():
    """All shops, examined side by side: nearly all of it is waiting."""
    jobs = {"": (PlantedShop, dict.fromkeys(EVERY, frozenset()))}
    jobs |= {"sample": (SampleShop, dict.fromkeys(EVERY, frozenset()) | LOST_BY_THE_SAMPLE)}
    jobs |= {flaws: (PlantedShop, trials, frozenset(flaws.split(", "))) for flaws, trials in PLANTED.items()}
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        patch.setattr(trials, "A_MOMENT", LONG_ENOUGH)
        patch.setattr(trials, "BREAK", LONG_ENOUGH)
        patch.setattr(examination, "REPLY_HELD_BACK", LONG_ENOUGH)
        running = {name: pool.submit(examined, *job) for name, job in jobs.items()}
        return {name: job.result() for name, job in running.items()}


def test_a_sound_shop_passes_every_trial(found):
    assert found[""] == {name: set() for name in EVERY}


@pytest.mark.parametrize("flaws", PLANTED)
def test_a_planted_flaw_is_found_and_nothing_else(found, flaws):
    assert found[flaws] == PLANTED[flaws]


def test_the_vendors_sample_loses_what_comes_in_another_order_than_it_expects(found):
    wrong = {name: flaws for name, flaws in found["sample"].items() if flaws}

    assert wrong == LOST_BY_THE_SAMPLE
