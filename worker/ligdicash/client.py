"""The client for LigdiCash's hosted payins: create an invoice, confirm a payment.

Every trouble of the network ends here: callers see our error tree and `Answer`, and no text with a token in it. Does not
retry, and does not judge what an answer means for the books.
"""

from __future__ import annotations

import functools
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import requests

from models.answers import Answer, Created, Said
from models.errors import GatewayMisconfigured, NotSent, OutcomeUnknown, SettingsFault
from models.order import InvoiceOrder
from worker.ligdicash.line import Line
from worker.ligdicash.reading import Reply, read_body
from worker.ligdicash.transport import FAILURES, Trouble, open_session, trouble_of
from worker.ligdicash.wire import MAX_BODY, read_confirm, read_created, write_create

CREATE_PATH = "/pay/v01/redirect/checkout-invoice/create"
# With the slash and with `invoiceToken`: the newest pages, the official kits and all merchants that work do so, though
# the reference page says `token`.
CONFIRM_PATH = "/pay/v01/redirect/checkout-invoice/confirm/"

SIMULATOR_HEADER = "X-Ligdicash-Simulator"
"""Our simulator puts it on all it sends, so that a play payment is never taken for a real one."""

_SENDABLE = re.compile(r"[\x21-\x7e]+")

# A shorter secret is one of a test, and could be found in an answer by chance.
_SECRET_LENGTH = 16


class LigdicashClient:
    """Talks to one LigdiCash project. Safe for many threads; make one per process, since forks must not share sockets.

    Both timeouts are seconds. `answer_timeout` covers a whole answer, dripping ones included. At most `pool_size`
    requests run at once; one more waits up to `connect_timeout` for its turn and then counts as not sent.
    """

    def __init__(
        self,
        *,
        api_key: str,
        api_token: str,
        base_url: str,
        connect_timeout: float,
        answer_timeout: float,
        pool_size: int,
        use_environment_proxy: bool = False,
        refuse_simulator: bool = True,
    ) -> None:
        for name, value in (("LIGDICASH_API_KEY", api_key), ("LIGDICASH_API_TOKEN", api_token)):
            if not _SENDABLE.fullmatch(value):
                raise SettingsFault(f"{name}: must be visible ASCII characters without blanks, as a header carries it")
        self._base_url = base_url.rstrip("/")
        self._connect_timeout = connect_timeout
        self._answer_timeout = answer_timeout
        self._refuse_simulator = refuse_simulator
        self._secrets = tuple(value.encode() for value in (api_key, api_token) if len(value) >= _SECRET_LENGTH)
        self._turns = threading.BoundedSemaphore(pool_size)
        self._open = functools.partial(
            open_session, api_key=api_key, api_token=api_token, use_environment_proxy=use_environment_proxy
        )
        self._line = Line(self._open(pool_size=pool_size), self._base_url + CONFIRM_PATH)

    def create_invoice(self, order: InvoiceOrder) -> Created:
        """Create a hosted payin.

        Raises `NotSent` when nothing reached the gateway, `OutcomeUnknown` when it may have acted, `GatewayRefused` or
        `GatewayMisconfigured` when it said no, and `Invalid` for an order that must not be sent.
        """
        # A kept connection may be closed by the far end at the moment we write to it. A lost question is asked again; a
        # lost create needs a person. So each create opens a connection of its own.
        body = write_create(order)
        with self._open(pool_size=1) as session:
            reply = self._exchange(functools.partial(self._create, session, body))
        if isinstance(reply, Trouble):
            if reply.sent:
                raise OutcomeUnknown(f"The create was sent, and {reply.sentence}: the invoice may exist.")
            raise NotSent(f"The create was not sent: {reply.sentence}.")
        if self._is_refused(reply):
            raise GatewayMisconfigured("LIGDICASH_BASE_URL: this is the simulator, which only development may speak to")
        return read_created(reply.http_status, self._without_secrets(reply.body))

    def confirm(self, token: str) -> Answer:
        """Ask what became of a payment. Never raises for trouble with the gateway: that is an answer of `SILENCE`."""
        began = time.monotonic()
        reply = self._exchange(functools.partial(self._ask, token))
        return replace(self._answer(reply, token), took=time.monotonic() - began)

    def close(self) -> None:
        """Close the kept connections."""
        self._line.close()

    def _answer(self, reply: Reply | Trouble, token: str) -> Answer:
        if isinstance(reply, Trouble):
            return Answer(said=Said.SILENCE, trouble=reply.sentence)
        body = self._without_secrets(reply.body, token)
        if self._is_refused(reply):
            trouble = "the answer comes from the simulator, which only development may speak to"
            return Answer(said=Said.REFUSED, http_status=reply.http_status, body=body[:MAX_BODY], trouble=trouble)
        return read_confirm(reply.http_status, body)

    def _exchange(self, send: Callable[[float], Reply]) -> Reply | Trouble:
        """Send one request when its turn comes. Waiting for the turn and connecting share the connect timeout."""
        until = time.monotonic() + self._connect_timeout
        if not self._turns.acquire(timeout=self._connect_timeout):
            return Trouble("all connections to the gateway were busy", sent=False)
        try:
            return send(max(until - time.monotonic(), 0.001))
        except FAILURES as exc:
            return trouble_of(exc)
        finally:
            self._turns.release()

    def _ask(self, token: str, connect_timeout: float) -> Reply:
        query = {"invoiceToken": token}
        return self._line.ask(
            query, connect_timeout=connect_timeout, answer_timeout=self._answer_timeout, limit=MAX_BODY
        )

    def _create(self, session: requests.Session, order: dict[str, object], connect_timeout: float) -> Reply:
        timeouts = (connect_timeout, self._answer_timeout)
        address = self._base_url + CREATE_PATH
        with session.post(address, json=order, timeout=timeouts, allow_redirects=False, stream=True) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, headers, read_body(response.raw, limit=MAX_BODY))

    def _is_refused(self, reply: Reply) -> bool:
        return self._refuse_simulator and SIMULATOR_HEADER.lower() in reply.headers

    def _without_secrets(self, body: bytes, token: str = "") -> bytes:
        """Hide what a reply repeats of our secrets; answers are stored, and a repeated token proves nothing."""
        tokens = [token.encode(errors="replace")] if len(token) >= _SECRET_LENGTH else []
        for secret in (*self._secrets, *tokens):
            body = body.replace(secret, b"[hidden]")
        return body
