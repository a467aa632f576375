"""Our own handler under examination: the deployed processes before the double, and every trial there is."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import start_up
from tests.servers import reachable_folder
from worker.conformance.examination import Examination, Patience
from worker.conformance.shop import State
from worker.conformance.trials import TRIALS
from worker.ligdicash.double import running_double
from worker.ligdicash.simulator.options import Profile

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


class Ours:
    """Our API, as the examination drives a shop."""

    def __init__(self, up):
        self.up = up

    def order(self, order_id, amount):
        self.up.order(order_id, amount=amount)

    def state(self, order_id):
        invoice = self.up.invoice(order_id)
        return State(is_paid=invoice["status"] == "completed", credited=invoice["settled_amount"])


def test_our_own_handler_passes_every_trial():
    with running_double(profile=Profile.DOCS) as double, reachable_folder() as folder:
        gateway = {
            "ENVIRONMENT": "development",
            "LIGDICASH_BASE_URL": double.base_url,
            "LIGDICASH_API_KEY": double.api_key,
            "LIGDICASH_API_TOKEN": double.api_token,
        }
        up = start_up(folder, **gateway)
        try:
            examination = Examination(
                double=double, url=up.callback_url, shop=Ours(up), patience=Patience(prompt=60, slow=60, calm=5)
            )
            results = examination.hold(TRIALS)
        finally:
            assert up.stop() == 0, up.said
    assert {result.trial.name: [*result.flaws, result.trouble] for result in results if result.flaws} == {}
    assert len(results) == len(TRIALS)
