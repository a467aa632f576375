"""Reading a request's body, with an end to its size. How long it may take is the connection's to watch (`server.py`)."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope

MAX_BODY = 64 * 1024
"""Bytes. A documented callback has about 1 kB, an order hardly more."""


async def read_body(scope: Scope, receive: Receive, *, media_types: Collection[str]) -> bytes:
    """The whole body, if it is one of these media types; a missing content type is given the benefit of the doubt.

    Stops at the limit whatever length was declared. Raises `HTTPException` 415, 413, or 400 for a sender who left.
    """
    content_type = declared = b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = content_type or value
        elif name == b"content-length":
            declared = value
    if not is_one_of(content_type, media_types):
        wanted = " or ".join(media_types)
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the Content-Type must be {wanted}")
    if declared.isdigit() and int(declared[:20]) > MAX_BODY:
        raise _too_large()
    return await _read(receive)


def is_one_of(content_type: bytes, media_types: Collection[str]) -> bool:
    """Whether it is one of these, whatever its parameters, or nothing at all."""
    return not content_type or content_type.partition(b";")[0].strip().lower().decode("latin-1") in media_types


async def _read(receive: Receive) -> bytes:
    """Nearly always it is here already, in one piece."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(HTTPStatus.BAD_REQUEST, "the sender left before its body was complete")
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > MAX_BODY:
            raise _too_large()
        if not message.get("more_body"):
            return b"".join((*pieces, piece)) if pieces else piece
        pieces.append(piece)


def _too_large() -> HTTPException:
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body must not be over {MAX_BODY // 1024} kB")
