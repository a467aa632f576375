"""Reading a request's body, with an end to its size and to its time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MAX_BODY = 64 * 1024
"""Bytes. A documented callback has about 1 kB, an order hardly more."""

BODY_WITHIN = 10.0
"""Seconds a sender may take for its body."""


async def read_body(request: Request, *, media_types: Collection[str]) -> bytes:
    """The whole body, if it is one of these media types; a missing content type is given the benefit of the doubt.

    Stops at the limit whatever length was declared. Raises `HTTPException` 415, 413, 408, or 400 for a sender who left.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() not in {*media_types, ""}:
        wanted = " or ".join(media_types)
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the Content-Type must be {wanted}")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BODY:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            return await _read(request)
    except TimeoutError as exc:
        sentence = f"the body did not come within {BODY_WITHIN:g} seconds"
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, sentence, {"Connection": "close"}) from exc
    except ClientDisconnect as exc:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the sender left before its body was complete") from exc


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise _too_large()
    return bytes(body)


def _too_large() -> HTTPException:
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body must not be over {MAX_BODY // 1024} kB")
