"""Writes and sends callbacks: twice per event in two encodings, unsigned, never retried (vendor page `callback/introduction`)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

import requests

from worker.ligdicash.simulator import payout_replies, replies
from worker.ligdicash.simulator.manners import Encoding, FormShape, Manners, Status, Stray
from worker.ligdicash.simulator.payment import Delivery, Payment

CONTENT_TYPES = {Encoding.JSON: "application/json", Encoding.FORM: "application/x-www-form-urlencoded"}

TIMEOUTS = (3.0, 10.0)
"""Seconds to connect, and to wait for the first byte of a reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """One POST to be sent, `after` seconds from the decision."""

    after: float
    event: Status
    encoding: Encoding


def plan(manners: Manners, *, event: Status) -> Iterator[Knock]:
    """Every POST of one decision, in sending order."""
    events = {
        Stray.NONE: (event,),
        Stray.FIRST: (Status.PENDING, event),
        Stray.LAST: (event, Status.PENDING),
    }[manners.pending if event is not Status.PENDING else Stray.NONE]
    after = manners.delay
    for each in events:
        for _ in range(manners.copies):
            for encoding in manners.twins.encodings:
                yield Knock(after=after, event=each, encoding=encoding)
                after += manners.gap


def write(payment: Payment, *, event: Status, encoding: Encoding) -> bytes:
    """The body of one POST."""
    tell = payout_replies.announcement if payment.payout else replies.announcement
    content = tell(payment, event=event)
    if encoding is Encoding.JSON:
        return replies.dumps(content)
    fields = list(_fields(content, payment))
    return urlencode(fields).encode("ascii")


def _fields(content: replies.Json, payment: Payment) -> Iterator[tuple[str, str]]:
    """The form twin: every scalar is text, empties stay as `key=`; three ways for what is nested."""
    shape = payment.manners.form_shape
    for key, value in content.items():
        if not isinstance(value, dict | list):
            yield key, "" if value is None else str(value)
        elif shape is FormShape.JSON_TEXT:
            yield key, json.dumps(value)
        elif shape is FormShape.FLATTENED and key == replies.custom_data_name(payment) and value:
            yield from _bracketed(key, replies.custom_data_pairs(payment))
        elif value:
            yield from _bracketed(key, value)
        else:
            yield key, ""


def _bracketed(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    """`a[b]=c` and `a[0][b]=c`, as PHP's http_build_query writes them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _bracketed(f"{prefix}[{key}]", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _bracketed(f"{prefix}[{index}]", inner)
    else:
        yield prefix, str(value)


def send(url: str, body: bytes, *, event: Status, encoding: Encoding) -> Delivery:
    """POST one body, once. Follows no redirect, reads no reply, raises nothing that the network does."""
    sent_at, began = time.time(), time.monotonic()
    done = partial(Delivery, event=event, encoding=encoding, sent_at=sent_at)
    headers = {"Content-Type": CONTENT_TYPES[encoding], "User-Agent": "ligdicash-simulator"}
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the machine must not see test traffic, nor swallow it
            with session.post(
                url, data=body, headers=headers, timeout=TIMEOUTS, allow_redirects=False, stream=True
            ) as reply:
                return done(http_status=reply.status_code, took=time.monotonic() - began)
    except requests.RequestException as exc:
        return done(trouble=type(exc).__name__, took=time.monotonic() - began)
