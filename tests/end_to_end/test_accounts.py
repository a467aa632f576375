"""Two accounts in a real worker with forked children: each payment with its own key, and a key that changes under way."""

from __future__ import annotations

import pytest

from models.check import Lane
from tests.config.test_accounts import replace_file
from tests.fakes import settings_for
from tests.ledger import add_pending, cases, let_pass, open_books, run
from tests.worker.test_accounts import Gateway
from tests.worker.test_app import eventually, good, running
from worker.app import make_app
from worker.queue import CeleryQueue

FILE = '[shop]\napi_key = "{key}"\napi_token = "token-of-the-shop"\n'
ARGUMENTS = ["worker", "-c", "1", "--without-gossip", "--without-mingle"]


@pytest.mark.processes
def test_a_running_fleet_asks_each_account_with_its_key_and_takes_up_a_new_one(database_url, redis_url, tmp_path):
    path = tmp_path / "accounts.toml"
    path.write_text(FILE.format(key="secret-first-key"))
    with Gateway() as gateway, open_books(database_url) as sessions:
        more = {"LIGDICASH_BASE_URL": gateway.url, "LIGDICASH_ACCOUNTS_FILE": str(path)}
        with running(ARGUMENTS, good(database_url, redis_url) | more, tmp_path) as process:
            app = make_app(settings_for(database_url, redis_url))
            queue = CeleryQueue(app)
            pks = [
                *add_pending(sessions),
                *add_pending(sessions, account="shop"),
                *add_pending(sessions, account="gone"),
            ]
            assert queue.ask_soon(pks, lane=Lane.CALLBACK)
            eventually(lambda: len(gateway.keys) == 2 and cases(sessions))
            asked = {
                asked.line.partition("invoiceToken=")[2].split()[0]: asked.headers["apikey"] for asked in gateway.asked
            }
            assert asked == {"token-of-ORD-1": "key", "token-of-ORD-2": "secret-first-key"}
            assert cases(sessions) == ["account"]
            eventually(lambda: run(sessions, "SELECT count(*) FROM checks WHERE said = 'pending'") == [(2,)])
            replace_file(path, FILE.format(key="secret-second-key"))

            def asked_again():
                let_pass(sessions, 10)
                queue.ask_soon(pks[1:2], lane=Lane.CALLBACK)
                return "secret-second-key" in gateway.keys

            eventually(asked_again)
            assert process.poll() is None
            app.close()
    output = (tmp_path / "output").read_text()
    assert '"event": "accounts_read"' in output
    assert "secret-" not in output
    assert "Traceback" not in output
