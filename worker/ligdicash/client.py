"""The client for LigdiCash: create an invoice, have a wallet's owner sent a code, send a payout, ask what became of either.

Every trouble of the network ends here: callers see our error tree and `Answer`, and no text with a token in it. Does not
retry, and does not judge what an answer means for the books.
"""

from __future__ import annotations

import functools
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import requests

from models.answers import Answer, Created, Said
from models.errors import GatewayMisconfigured, NoAnswer, NotSent, OutcomeUnknown, PayoutUnknown, SettingsFault
from models.order import InvoiceOrder
from models.payout import Accepted, PayoutOrder
from models.transaction import Mode, Route
from worker.ligdicash.line import Line
from worker.ligdicash.reading import Reply, read_body
from worker.ligdicash.transport import FAILURES, Trouble, open_session, trouble_of
from worker.ligdicash.wire import (
    MAX_BODY,
    read_accepted,
    read_confirm,
    read_created,
    read_otp_sent,
    read_payout_confirm,
    write_create,
    write_payout,
)

CREATE_PATHS: Mapping[Mode, str] = {
    Mode.HOSTED: "/pay/v01/redirect/checkout-invoice/create",
    Mode.DIRECT: "/pay/v01/straight/checkout-invoice/create",
    Mode.WALLET: "/pay/v02/debitwallet/withotp",
}
OTP_PATH = "/pay/v02/debitotp/{number}/{amount}"
# With the slash and with `invoiceToken`: the newest pages, the official kits and all merchants that work do so, though
# the reference page says `token`.
CONFIRM_PATH = "/pay/v01/redirect/checkout-invoice/confirm/"
PAYOUT_PATHS = {Route.WALLET: "/pay/v01/withdrawal/create", Route.MOBILE_MONEY: "/pay/v01/straight/payout"}
# For both kinds, by the reference; the kits ask about the second one at an address that no page has.
PAYOUT_CONFIRM_PATH = "/pay/v01/withdrawal/confirm/"

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
        asking = self._open(pool_size=pool_size)
        self._line = Line(asking, self._base_url + CONFIRM_PATH)
        self._payout_line = Line(asking, self._base_url + PAYOUT_CONFIRM_PATH)

    def create_invoice(self, order: InvoiceOrder, *, otp: str = "") -> Created:
        """Create a payin, in the mode of the order. The one-time code goes into this one request and into no error.

        Raises `NotSent` when nothing reached the gateway, `OutcomeUnknown` when it may have acted, `GatewayRefused` or
        `GatewayMisconfigured` when it said no, and `Invalid` for an order that must not be sent.
        """
        # A kept connection may be closed by the far end at the moment we write to it. A lost question is asked again; a
        # lost create needs a person. So each create opens a connection of its own.
        body = write_create(order, otp=otp)
        with self._open(pool_size=1) as session:
            reply = self._exchange(
                functools.partial(self._send, session, method="POST", path=CREATE_PATHS[order.mode], body=body)
            )
        if isinstance(reply, Trouble):
            if reply.sent:
                raise OutcomeUnknown(f"The create was sent, and {reply.sentence}: the invoice may exist.")
            raise NotSent(f"The create was not sent: {reply.sentence}.")
        self._check_it_is_real(reply)
        return read_created(reply.http_status, self._without_secrets(reply.body), mode=order.mode, otp=otp)

    def send_wallet_otp(self, number: str, amount: int) -> None:
        """Have LigdiCash send the owner of this wallet a one-time code for so many francs.

        Raises `NotSent` when nothing reached the gateway, `NoAnswer` when nobody knows whether a code was sent, and
        `GatewayRefused` or `GatewayMisconfigured` when it said no.
        """
        path = OTP_PATH.format(number=number, amount=amount)
        with self._open(pool_size=1) as session:
            reply = self._exchange(functools.partial(self._send, session, method="GET", path=path))
        if isinstance(reply, Trouble):
            if reply.sent:
                raise NoAnswer(f"The one-time code was asked for, and {reply.sentence}. Ask for another one.")
            raise NotSent(f"The one-time code was not asked for: {reply.sentence}.")
        self._check_it_is_real(reply)
        read_otp_sent(reply.http_status, self._without_secrets(reply.body))

    def confirm(self, token: str) -> Answer:
        """Ask what became of a payment. Never raises for trouble with the gateway: that is an answer of `SILENCE`."""
        began = time.monotonic()
        reply = self._exchange(functools.partial(self._ask, self._line, {"invoiceToken": token}))
        return replace(self._answer(reply, token, read_confirm), took=time.monotonic() - began)

    def send_payout(self, order: PayoutOrder) -> Accepted:
        """Send money out, once: the caller must not send the same payout again, whatever comes of this.

        Raises `NotSent` when nothing reached the gateway, `GatewayRefused` or `GatewayMisconfigured` for a documented no after
        which no money moves, and `PayoutUnknown` for everything else.
        """
        body = write_payout(order)
        # A connection of its own, as for a create, and for a better reason: a lost payout costs more than a question.
        with self._open(pool_size=1) as session:
            send = functools.partial(self._send, session, method="POST", path=PAYOUT_PATHS[order.route], body=body)
            reply = self._exchange(send)
        if isinstance(reply, Trouble):
            if reply.sent:
                raise PayoutUnknown(f"The payout was sent, and {reply.sentence}: it may be under way")
            raise NotSent(f"The payout was not sent: {reply.sentence}.")
        self._check_it_is_real(reply)
        return read_accepted(reply.http_status, self._without_secrets(reply.body), route=order.route)

    def confirm_payout(self, token: str) -> Answer:
        """Ask what became of a payout, of either kind. Never raises for trouble with the gateway."""
        began = time.monotonic()
        reply = self._exchange(functools.partial(self._ask, self._payout_line, {"withdrawalToken": token}))
        read = functools.partial(read_payout_confirm, token=token)
        return replace(self._answer(reply, token, read), took=time.monotonic() - began)

    def close(self) -> None:
        """Close the kept connections."""
        self._line.close()
        self._payout_line.close()

    def _check_it_is_real(self, reply: Reply) -> None:
        if self._is_play(reply):
            raise GatewayMisconfigured("LIGDICASH_BASE_URL: this is the simulator, which only development may speak to")

    def _answer(self, reply: Reply | Trouble, token: str, read: Callable[[int, bytes], Answer]) -> Answer:
        if isinstance(reply, Trouble):
            return Answer(said=Said.SILENCE, trouble=reply.sentence)
        body = self._without_secrets(reply.body, token)
        if self._is_play(reply):
            trouble = "the answer comes from the simulator, which only development may speak to"
            return Answer(said=Said.REFUSED, http_status=reply.http_status, body=body[:MAX_BODY], trouble=trouble)
        return read(reply.http_status, body)

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

    def _ask(self, line: Line, query: dict[str, str], connect_timeout: float) -> Reply:
        return line.ask(query, connect_timeout=connect_timeout, answer_timeout=self._answer_timeout, limit=MAX_BODY)

    def _send(
        self,
        session: requests.Session,
        connect_timeout: float,
        *,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
    ) -> Reply:
        timeouts = (connect_timeout, self._answer_timeout)
        address = self._base_url + path
        with session.request(
            method, address, json=body, timeout=timeouts, allow_redirects=False, stream=True
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, headers, read_body(response.raw, limit=MAX_BODY))

    def _is_play(self, reply: Reply) -> bool:
        return self._refuse_simulator and SIMULATOR_HEADER.lower() in reply.headers

    def _without_secrets(self, body: bytes, token: str = "") -> bytes:
        """Hide what a reply repeats of our secrets; answers are stored, and a repeated token proves nothing."""
        tokens = [token.encode(errors="replace")] if len(token) >= _SECRET_LENGTH else []
        for secret in (*self._secrets, *tokens):
            body = body.replace(secret, b"[hidden]")
        return body
