"""Books with something of everything in them, and every secret there is: whatever a page shows, none of these may be in it."""

from __future__ import annotations

from sqlalchemy import text

from models.queries.replay.choice import CallbackChoice
from models.session import Sessions, transaction
from tasks.intake import read
from tasks.record import record
from tests.fakes import completed
from tests.ledger import LANE, add_pending, add_settled, answered, claim, knock, run
from tests.plans import plan
from tests.worker.console.browser import OpenConsole

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjQyIn0.c2lnbmF0dXJlLW9mLXRoZS1nYXRld2F5"
"""As the gateway's are."""

PLAIN_TOKEN = "a-token-without-a-shape-7f3c9a"

EXAMPLES = {"case": "1", "transaction_id": "ORD-1", "callback": "1", "switch": "notify", "plan": "1", "notice": "1"}
"""A value for each parameter of a path, by its name: what they name is in the books."""


def fill(console: OpenConsole) -> None:
    """ORD-1 waits with a case and a callback, ORD-2 waits, ORD-3 is settled; each was asked about, or called about."""
    sessions = console.sessions
    first, _second = add_pending(sessions, 2)
    _give_tokens(sessions)
    body = f'{{"token": "{PLAIN_TOKEN}", "custom_data": {{"invoiceToken": "{TOKEN}"}}}}'.encode()
    answer = completed(4000, "ORD-1", body=body, http_status=200)
    record(console.tools, [answered(sessions, first, answer)], lane=LANE)
    told = claim("ORD-1", token=PLAIN_TOKEN, invoiceToken=TOKEN, note=f"paid by {PLAIN_TOKEN}")
    read(console.tools, knock(sessions, told))
    knock(sessions, f"token={PLAIN_TOKEN}&x={TOKEN}".encode())
    add_settled(sessions, tools=console.tools)
    plan(console.tools, CallbackChoice(ids=(1,)))
    assert run(sessions, "SELECT id, kind FROM cases") == [(1, "mismatch")]


def secrets_of(console: OpenConsole) -> dict[str, str]:
    """Every one, by where it comes from."""
    known = console.settings
    return {
        "token": TOKEN,
        "token without a shape": PLAIN_TOKEN,
        "LIGDICASH_API_KEY": known.ligdicash_api_key.get_secret_value(),
        "LIGDICASH_API_TOKEN": known.ligdicash_api_token.get_secret_value(),
        "RECONCILER_API_KEY": known.reconciler_api_key.get_secret_value(),
        "NOTICE_SECRET": known.notice_secret.get_secret_value(),
        "DATABASE_URL": known.database_url.get_secret_value().partition("://")[2].partition("@")[0],
        "REDIS_URL": known.redis_url.get_secret_value().partition("://")[2].partition("@")[0],
        "CONSOLE_USERS": "$argon2id$",
    }


def _give_tokens(sessions: Sessions) -> None:
    """Past the guards of the database, which let no token be changed."""
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        for name, token in (("ORD-1", PLAIN_TOKEN), ("ORD-2", TOKEN)):
            statement = text("UPDATE transactions SET token = :token WHERE transaction_id = :name")
            step.session.execute(statement, {"token": token, "name": name})
