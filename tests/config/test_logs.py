"""Nothing that looks like a secret leaves through the logs: not in events, not in tracebacks, not from libraries."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from config.logs import MASK, SECRET_FIELDS, mask, set_up_logs
from tests.fakes import settings_for

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjEyMyJ9.s1gn-ature_"
CHATTY = ("celery.worker.strategy", "celery.app.trace", "celery.beat", "kombu", "alembic")
SECRETS = [JWT, "hunter2", "plain-token"]


@pytest.fixture
def logs():
    """Logs as a process has them; what was written so far, parsed. Everything is put back afterwards."""
    root, kept, written = logging.getLogger(), structlog.get_config(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in CHATTY}
    set_up_logs(settings_for("postgresql://x@127.0.0.1:1/x"))
    [handler] = root.handlers
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    structlog.configure(**kept)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def fail(error):
    raise error


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"token {JWT} refused", f"token {MASK} refused"),
        ("Authorization: Bearer hunter2", f"Authorization: Bearer {MASK}"),
        ("postgresql://me:hunter2@db/books", f"postgresql://me:{MASK}@db/books"),
        ("redis://:hunter2@cache:6379/0", f"redis://:{MASK}@cache:6379/0"),
        ("GET /confirm/?invoiceToken=plain-token&x=1", f"GET /confirm/?invoiceToken={MASK}&x=1"),
        ("GET /?token=plain-token", f"GET /?token={MASK}"),
        ("sent Apikey: hunter2, and more", f"sent Apikey: {MASK}, and more"),
        ("taken\nDETAIL:  Key (token)=(plain-token) exists.", f"taken\nDETAIL:  {MASK}"),
        ("nothing to hide: 12:30@noon", "nothing to hide: 12:30@noon"),
    ],
)
def test_what_looks_like_a_secret_is_masked_in_a_sentence(text, masked):
    assert mask(text) == masked


def test_an_event_is_one_json_line_with_its_fields(logs):
    structlog.get_logger("x").info("answered", transaction_id="ORD-1", took=0.5)
    [line] = logs()
    assert (line["event"], line["transaction_id"], line["took"], line["level"]) == ("answered", "ORD-1", 0.5, "info")
    assert line["timestamp"].endswith("Z")


def test_fields_with_secret_names_and_secrets_in_any_depth_are_masked(logs):
    structlog.get_logger("x").warning(
        "asked",
        token="plain-token",
        headers={"Authorization": "plain-token", "Apikey": "plain-token"},
        tried=[f"https://u:hunter2@h/{JWT}", ("Bearer hunter2",)],
    )
    [line] = logs()
    assert [secret for secret in SECRETS if secret in json.dumps(line)] == []
    assert line["token"] == line["headers"]["Authorization"] == MASK


@pytest.mark.parametrize("name", sorted(SECRET_FIELDS))
def test_each_secret_name_is_found_whatever_its_value(logs, name):
    structlog.get_logger("x").info("asked", **{name.upper(): "plain"})
    [line] = logs()
    assert line[name.upper()] == MASK


def test_the_text_of_an_exception_is_masked(logs):
    try:
        fail(ConnectionError(f"GET https://gateway/?invoiceToken=plain-token with {JWT}"))
    except ConnectionError:
        structlog.get_logger("x").exception("question_failed")
    [line] = logs()
    assert "ConnectionError" in line["exception"]
    assert [secret for secret in SECRETS if secret in json.dumps(line)] == []


def test_lines_of_libraries_are_masked_and_in_the_same_form(logs):
    logging.getLogger("some.library").warning("connecting to %s as %s", "redis://:hunter2@h", JWT)
    try:
        fail(OSError("postgresql://me:hunter2@db/books"))
    except OSError:
        logging.getLogger("some.library").exception("failed")
    first, second = logs()
    assert first["event"] == f"connecting to redis://:{MASK}@h as {MASK}"
    assert second["level"] == "error"
    assert [secret for secret in SECRETS if secret in json.dumps([first, second])] == []


def test_what_is_below_the_level_and_chatter_of_celery_stay_out(logs):
    structlog.get_logger("x").debug("too much")
    logging.getLogger("celery.beat").info("Scheduler: Sending due task")
    assert logs() == []
