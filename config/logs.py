"""Logs: one event name plus fields, as JSON for machines or lines for people; secrets are masked on the way out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from config.settings import Settings

SECRET_FIELDS = frozenset({"token", "apikey", "api_key", "api_token", "authorization", "password", "secret"})
MASK = "***"

# A JWT (LigdiCash tokens are), the credentials of a header, the password of a URL, wherever in a sentence they stand.
SECRET_SHAPES = (
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"), MASK),
    (re.compile(r"whsec_[\w+/=-]+"), MASK),
    (re.compile(r"(?i)(bearer\s+)\S+"), rf"\1{MASK}"),
    (re.compile(r"(://[^:/@\s]*:)[^@\s]+@"), rf"\1{MASK}@"),
    (re.compile(r"(?i)((?:invoice|withdrawal|payout)?token=)[^&\s\"']+"), rf"\1{MASK}"),
    (re.compile(r"(?i)(apikey[\"']?\s*[:=]\s*[\"']?)[^\s\"',]+"), rf"\1{MASK}"),
    # PostgreSQL repeats the row it refuses.
    (re.compile(r"(?m)^(DETAIL:\s+).*$"), rf"\1{MASK}"),
)

# What a stranger wrote is read once from left to right: nothing that was taken (`*+`) is tried again in another way.
TOKEN_MEMBER = re.compile(r'("(?=[^"]*token)[^"]*+"\s*+:\s*+")(?:[^"\\]|\\.)+', re.IGNORECASE)

# The same in JSON that stands as a text in other JSON, as custom_data may: up to a quotation mark behind a single backslash.
NESTED_TOKEN_MEMBER = re.compile(
    r'(\\"(?=[^"\\]*token)[^"\\]*+\\"\s*+:\s*+\\")(?:[^"\\]|\\[^"\\]|\\\\\\?.)+', re.IGNORECASE
)

SUSPICIOUS = [
    "eyj",
    "whsec_",
    "bearer",
    "://",
    "token",
    "apikey",
    "api_key",
    "authorization",
    "password",
    "secret",
    "detail",
]
"""In small letters: each line that holds one of those shapes or names has one of these in it, and nearly no other has."""


def mask(text: str) -> str:
    """The same text without anything that looks like a token or a password."""
    for shape, replacement in SECRET_SHAPES:
        text = shape.sub(replacement, text)
    return text


def without_tokens(text: str, *, known: Iterable[str] = ()) -> str:
    """The same for what others wrote: also without the value of any JSON member whose name speaks of a token.

    Secrets that are `known` are masked wherever they stand, whatever they look like.
    """
    for secret in known:
        text = text.replace(secret, MASK)
    return NESTED_TOKEN_MEMBER.sub(rf"\1{MASK}", TOKEN_MEMBER.sub(rf"\1{MASK}", mask(text)))


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: MASK if str(key).lower() in SECRET_FIELDS else _masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner) for inner in value]
    return value


def _mask_event(logger: Any, method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    del logger, method
    masked: structlog.types.EventDict = _masked(event)
    return masked


_as_json = structlog.processors.JSONRenderer()


def _masked_json(logger: Any, method: str, event: structlog.types.EventDict) -> str:
    """Look at the finished line first: to mask each of its fields takes several times as long."""
    line = str(_as_json(logger, method, event))
    small = line.lower()
    return str(_as_json(logger, method, _masked(event))) if any(sign in small for sign in SUSPICIOUS) else line


def set_up_logs(settings: Settings) -> None:
    """Send structlog and the standard library's logs of this process to stderr, in one form."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Tracebacks become text before masking: an exception's text may hold a URL with a token.
    ending: list[structlog.types.Processor] = [structlog.processors.format_exc_info]
    if settings.log_format == "console":
        ending += [_mask_event, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    else:
        ending.append(_masked_json)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # Celery tells of every message at INFO; our own jobs say what came of it.
    for chatty in ("celery.worker.strategy", "celery.app.trace", "celery.beat", "kombu", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
