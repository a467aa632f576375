"""Replies with something wrong: what each fault does to a call, before or after the gateway has acted."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.requests import Request
from starlette.responses import Response

from worker.ligdicash.simulator import replies
from worker.ligdicash.simulator.options import Fault, FaultKind

HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"

NOES = (FaultKind.REFUSE01, FaultKind.AUTH)
"""Faults whose reply says for certain that nothing was done."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER, on, for 0 seconds: closing sends RST and not FIN (socket(7))."""


def before_acting(request: Request, fault: Fault, *, wiki: str, code: str) -> Response | None:
    """The reply of a fault that keeps the gateway from doing anything; None when it gets to work.

    `code` is the sub-code of a general trouble at this endpoint.
    """
    match fault.kind:
        case FaultKind.HTTP500:
            return Response("Internal Server Error", status_code=500, media_type="text/plain")
        case FaultKind.HTTP429:
            return too_many()
        case FaultKind.HTML:
            return Response(HTML, media_type="text/html")
        case FaultKind.RESET:
            return _cut(request)
        case FaultKind.REFUSE01 | FaultKind.AUTH:
            return as_json(replies.refused("00" if fault.kind is FaultKind.AUTH else code, wiki=wiki))
        case _:
            return None


async def spoilt(request: Request, fault: Fault, reply: replies.Json, *, wiki: str) -> Response:
    """The reply, as a fault that strikes after the work leaves it."""
    match fault.kind:
        case FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
            return as_json(reply)
        case FaultKind.REPLY_LOST:
            return _cut(request)
        case FaultKind.NO_STATUS:
            return as_json(replies.empty_acceptance(wiki=wiki))
        case FaultKind.GARBAGE:
            whole = replies.dumps(reply)
            return Response(whole[: len(whole) // 2], media_type="application/json")
        case _:
            return as_json(reply)


def as_json(reply: replies.Json) -> Response:
    """HTTP 200 with a JSON body, which is how the gateway says yes and no alike."""
    return Response(replies.dumps(reply), media_type="application/json")


def too_many() -> Response:
    """One guess at a rate limit; the vendor documents no form for it."""
    return Response("Too Many Requests", status_code=429, media_type="text/plain")


def _cut(request: Request) -> Response:
    """Reset the connection: the client sees neither a status nor a clean end. The response returned goes nowhere."""
    transport = request.scope["state"]["connection"].transport
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()
    return Response(status_code=500)
