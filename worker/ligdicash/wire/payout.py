"""Payouts: the two requests as the gateway takes them, what their replies mean, and what is answered to a question.

Vendor pages "reference/endpoints/withdrawal-create", "reference/endpoints/straight-payout", "payout/to-ligdicash-wallet",
"payout/to-mobile-money" and "reference/endpoints/withdrawal-confirm".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from models.answers import Answer, Said
from models.errors import GatewayMisconfigured, GatewayRefused, PayoutUnknown, Unreadable
from models.order import LONGEST_TOKEN
from models.payout import Accepted, PayoutOrder
from models.transaction import Route
from worker.ligdicash.payout_codes import payout_confirm_refusal, payout_refusal
from worker.ligdicash.sub_codes import NextStep, sub_code_of
from worker.ligdicash.wire.confirm import read_confirm
from worker.ligdicash.wire.decode import MAX_BODY, json_fields, json_value
from worker.ligdicash.wire.fields import MAX_TEXT, OUR_KEY, is_vague, text, word

_PRINTABLE = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_TOKEN}}}")

_PERHAPS = "the payout may be under way"


def write_payout(order: PayoutOrder) -> dict[str, object]:
    """Write the body of a payout. `callback_url` stands directly under `commande`, other than for payins.

    Our id goes out twice: callbacks have it at the root, from `external_id` by one page ("callback/payout-payload"), while
    the request's own pages know `custom_data` alone. `top_up_wallet` is 1 where the money stays in the wallet, as the
    current pages and the kits have it; the oldest page says the opposite.
    """
    wanted: dict[str, object] = {
        "amount": order.amount,
        "description": order.description,
        "customer": order.customer,
        "callback_url": order.callback_url,
        "external_id": order.transaction_id,
        "custom_data": {OUR_KEY: order.transaction_id},
    }
    if order.route is Route.WALLET:
        wanted["top_up_wallet"] = int(bool(order.stays_in_wallet))
    return {"commande": wanted}


def read_accepted(http_status: int, body: bytes, *, route: Route) -> Accepted:
    """Read the reply to a payout.

    Raises `GatewayRefused` or `GatewayMisconfigured` only for a documented no after which no money can be on its way. All
    else is `PayoutUnknown`: any other HTTP status than 200, 401 and 403 included, since every documented no has 200; what
    cannot be read; a sub-code that may come after the gateway has acted, or that nobody has listed.
    """
    fields = _reply(http_status, body)
    code, token = word(fields.get("response_code")), fields.get("token")
    if code == "00":
        if not isinstance(token, str) or not _PRINTABLE.fullmatch(token):
            raise PayoutUnknown("LigdiCash accepted the payout and sent no usable token: it cannot be asked about")
        return Accepted(token=token)
    if not code or token not in (None, ""):
        raise PayoutUnknown(
            f"LigdiCash's reply contradicts itself (a token without response_code 00, or no code at all): {_PERHAPS}"
        )
    raise _refusal(fields, route)


def read_payout_confirm(http_status: int, body: bytes, *, token: str) -> Answer:
    """Read an answer to a question with this token; never raises. Neither amount nor reference is in it, as the page has it.

    So nothing but the token says which payout it is about. One that is about another says nothing of ours, and `completed`
    beside an amount or an id that nobody can read contradicts itself: both are `UNKNOWN`.
    """
    answer = read_confirm(http_status, body, refusal=payout_confirm_refusal)
    if answer.said not in (Said.COMPLETED, Said.NOTCOMPLETED, Said.PENDING):
        return answer
    fields = json_fields(body)
    ours, theirs = _number_in(token), _number_in(fields.get("token"))
    if ours and theirs and ours != theirs:
        return replace(
            answer, said=Said.UNKNOWN, trouble="the answer is about another payout, by the number in its token"
        )
    if answer.said is Said.COMPLETED and is_vague(fields):
        return replace(answer, said=Said.UNKNOWN, trouble="completed, beside an amount or an id that nobody can read")
    return answer


def _number_in(token: object) -> str:
    """The gateway's own number of a payout, which its tokens hold unencrypted; empty where nobody can read it.

    The tokens themselves are not compared: a new one may be made out for each answer.
    """
    if not isinstance(token, str) or token.count(".") != 2:  # noqa: PLR2004 - the parts of a JWT
        return ""
    payload = token.split(".")[1]
    try:
        held = json_value(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode())
    except (Unreadable, ValueError):
        return ""
    return word(held.get("id_finance")) if isinstance(held, dict) else ""


def _reply(http_status: int, body: bytes) -> dict[str, object]:
    if http_status != HTTPStatus.OK:
        raise PayoutUnknown(f"LigdiCash answered HTTP {http_status} instead of 200: {_PERHAPS}")
    if len(body) > MAX_BODY:
        raise PayoutUnknown(f"LigdiCash's reply is longer than {MAX_BODY} bytes: {_PERHAPS}")
    try:
        return json_fields(body)
    except Unreadable as exc:
        raise PayoutUnknown(f"LigdiCash's reply is not a JSON object: {_PERHAPS}") from exc


def _refusal(fields: Mapping[str, object], route: Route) -> GatewayRefused | GatewayMisconfigured | PayoutUnknown:
    said = text(fields.get("response_text"), limit=MAX_TEXT)
    details = text(fields.get("response_text_details"), limit=MAX_TEXT)
    row = payout_refusal(sub_code_of(said), route=route)
    name = f"Code{row.code}" if row.code else "no sub-code"
    if not row.is_certain:
        after = f". Details: {details}" if details else ""
        return PayoutUnknown(f"LigdiCash answered with {name}: {row.meaning}; {_PERHAPS}{after}")
    after = f" Details: {details}" if details else ""
    kind = GatewayMisconfigured if row.next_step is NextStep.FIX_CONFIGURATION else GatewayRefused
    return kind(
        f"LigdiCash refused the payout with {name}: {row.meaning}. {row.next_step}{after}",
        sub_code=row.code,
        text=said,
        details=details,
        wiki=text(fields.get("wiki")),
    )
