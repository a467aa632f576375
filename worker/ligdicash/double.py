"""The simulator as a merchant's test sees it: pay, fail, lose callbacks, forge, and read what the gateway knows.

    def test_an_order_is_shipped_when_it_is_paid(ligdicash_double, shop):
        shop.configure(base_url=ligdicash_double.base_url, api_key=ligdicash_double.api_key, ...)
        shop.checkout("ORDER-1")
        ligdicash_double.pay("ORDER-1")
        ligdicash_double.wait_for_callbacks()
        assert shop.order("ORDER-1").is_shipped

Other languages drive the same over HTTP: see `worker.ligdicash.simulator.control`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from models.errors import SettingsFault
from worker.ligdicash.simulator.control import in_full
from worker.ligdicash.simulator.gateway import Decision, Forgery, Gateway
from worker.ligdicash.simulator.manners import Encoding
from worker.ligdicash.simulator.options import API_KEY, API_TOKEN, Faults, Options
from worker.ligdicash.simulator.payment import Delivery
from worker.ligdicash.simulator.running import running_simulator

_options, _decision, _faults = TypeAdapter(Options), TypeAdapter(Decision), TypeAdapter(Faults)

LOOK_AGAIN = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Double:
    """One running double. References are the merchant's own `transaction_id`; amounts are whole francs."""

    base_url: str
    gateway: Gateway
    api_key: str = API_KEY
    api_token: str = API_TOKEN

    def pay(self, reference: str, **decision: Any) -> None:
        """The customer pays; callbacks leave. `decision` is any part of the control API's `decide`. Raises `NotFound`."""
        self.decide(reference, "completed", **decision)

    def fail(self, reference: str, **decision: Any) -> None:
        """The customer declines, or the operator fails."""
        self.decide(reference, "notcompleted", **decision)

    def decide(self, reference: str, status: str, **decision: Any) -> None:
        """The same for any status: `pending` sends callbacks that say so. Raises `NotFound`."""
        self.gateway.decide(reference, _decision.validate_python({"status": status, **decision}))

    def break_calls(self, reference: str = "", **faults: Any) -> None:
        """From now on calls fail as told: `confirm={"kind": "http500"}`; of one transaction, or of all without a reference."""
        self.gateway.faults.set(_faults.validate_python(faults), key=reference)

    def forge(self, url: str, reference: str, *, amount: int = 100, encoding: str = "json") -> Delivery:
        """Send a callback that no payment caused, and wait for its reply. A merchant that ships on it has been robbed."""
        return self.gateway.forge(
            Forgery(url=url, transaction_id=reference, amount=amount, encoding=Encoding(encoding))
        )

    def transaction(self, reference: str) -> dict[str, Any]:
        """What the gateway knows of one, as `GET /_sim/transactions/{id}` tells it. Raises `NotFound`."""
        return in_full(self.gateway.books.record(reference))

    def received_payouts(self, reference: str) -> int:
        """How many payouts came in under this reference: more than one is money sent twice."""
        return self.gateway.payouts_received[reference]

    def wait_for_callbacks(self, *, within: float = 5.0) -> None:
        """Wait until every callback was sent and answered. Raises `TimeoutError` after so many seconds."""
        deadline = time.monotonic() + within
        while self.gateway.callbacks_waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.gateway.callbacks_waiting} callbacks are still on their way")
            time.sleep(LOOK_AGAIN)


@contextmanager
def running_double(**options: Any) -> Iterator[Double]:
    """A double on a free port until the block ends. Raises `SettingsFault` for an option that is not the simulator's."""
    try:
        chosen = _options.validate_python(options)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        raise SettingsFault(f"option {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    with running_simulator(chosen) as simulator:
        yield Double(base_url=simulator.base_url, gateway=simulator.gateway)
