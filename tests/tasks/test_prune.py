"""Erasing what is past its time: what goes, what stays, and what is said of it afterwards."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.celery_settings import PRUNE
from config.retention import DUTY, LEAST, MOST, TARGET, Pace, Retention
from config.settings import SettingsProblem
from models.errors import Conflict, GatewayRefused
from models.order import InvoiceOrder
from models.payout import PayoutOrder
from models.queries.cases import Signature
from models.queries.events import events_after
from models.queries.receive import reopen_callbacks
from models.queries.replay.choice import CallbackChoice
from models.queries.retention import Things
from models.session import transaction
from models.shelf import Shelf
from models.transaction import Route
from tasks import invoices, payouts
from tasks.erase import begin
from tasks.intake import intake
from tasks.job import provide_tools
from tasks.prune import Fate, prune, stock
from tasks.record import record
from tasks.watch import fsck
from tests.fakes import Fakes, completed, notcompleted, settings_for, toolbox
from tests.ledger import LANE, add_pending, answered, claim, knock, run, value
from tests.plans import plan
from tests.soundbooks import write_sound_books
from worker.app import make_app

AGED = {
    "transactions": ("created_at", "final_at", "decided_asked_at", "last_asked_at", "sent_at"),
    "callbacks": ("received_at", "stored_at"),
    "checks": ("asked_at",),
    "overrides": ("made_at",),
}
YEAR = Retention(callbacks=365, answers=365, persons=365)
ALL = Retention(callbacks=365, answers=365, persons=365, proofs=365, settled=365)
WORDING = b'{"customer": "22670000000", "status": "completed"}'


def age(sessions, days: float) -> None:
    """Let everything have happened so many days earlier; past the guards, which keep dates as they are."""
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        for table, columns in AGED.items():
            moved = ", ".join(f"{column} = {column} - :by" for column in columns)
            step.session.execute(text(f"UPDATE {table} SET {moved}"), {"by": timedelta(days=days)})


def erase(sessions, keep=YEAR, **how):
    return {shelf.value: rows for shelf, rows in prune(sessions, keep, rest=lambda _: None, **how).items() if rows}


def add_paid(sessions, number: int = 1, **more) -> list[int]:
    """Paid invoices, each with a callback about it, a proof with its wording, and an answer before that."""
    tools = toolbox(sessions)
    pks = add_pending(sessions, number)
    intake(tools, knock(sessions, *[claim(f"ORD-{pk}", customer="22670000000") for pk in pks]))
    for pk in pks:
        answer = completed(5000, f"ORD-{pk}", body=WORDING, **more)
        record(tools, [answered(sessions, pk, answer)], lane=LANE)
    return pks


def test_of_a_settled_payment_its_rumours_go_and_its_proof_stays_until_that_is_wanted_too(sessions):
    add_paid(sessions, 3)
    age(sessions, 400)
    with transaction(sessions) as step:
        told = [event.body() for event in events_after(step.session, "default", after=0, limit=9).events]
    sha = hashlib.sha256(value(sessions, "SELECT body FROM callbacks WHERE id = 1")).hexdigest()
    assert erase(sessions) == {"callbacks": 3}
    assert value(sessions, "SELECT count(*) FROM checks WHERE body = :body", body=WORDING) == 3

    assert erase(sessions, ALL) == {"proofs": 3}
    kept = run(sessions, "SELECT said, amount, reference, encode(digest, 'hex'), body FROM checks ORDER BY id LIMIT 1")
    assert kept == [("completed", 5000, "ORD-1", hashlib.sha256(WORDING).hexdigest(), b"")]
    assert run(sessions, "SELECT body, headers, source, encode(digest, 'hex') FROM callbacks WHERE id = 1") == [
        (b"", {}, "", sha)
    ]
    with transaction(sessions) as step:
        assert [event.body() for event in events_after(step.session, "default", after=0, limit=9).events] == told
    assert list(fsck(sessions)) == []
    assert erase(sessions, ALL) == {}


def test_nothing_open_and_nothing_young_is_erased_and_it_is_once_that_is_over(sessions):
    write_sound_books(sessions)
    assert erase(sessions, ALL) == {}
    age(sessions, 730)
    assert erase(sessions, ALL) == {
        "persons": 3,
        "settled": 2,
    }  # ORD-11, OUT-4 and OUT-6 were refused, OUT-1 and OUT-3 paid
    by_fate = {tally.fate: tally.rows for tally in stock(sessions, ALL)[Shelf.CALLBACKS]}
    assert by_fate == {Fate.OPEN: 5}
    assert run(sessions, "SELECT transaction_id, customer FROM transactions WHERE kind = 'payout' ORDER BY id") == [
        ("OUT-1", ""),
        ("OUT-2", "22670000000"),  # sent, and nobody knows
        ("OUT-3", ""),
        ("OUT-4", ""),
        ("OUT-5", "22670000000"),  # on its way
        ("OUT-6", ""),
    ]
    run(sessions, "UPDATE cases SET resolved_at = now(), resolved_by = 'awa', resolution = 'x' WHERE callback_id > 0")
    assert erase(sessions, ALL) == {"callbacks": 2}  # an orphan and an unreadable one; the others are still under way


def test_it_goes_on_where_it_was_cut_short_and_two_at_once_erase_each_row_once(sessions):
    add_paid(sessions, 2 * LEAST)
    age(sessions, 400)
    assert erase(sessions, is_wanted=iter([True, *[False] * 9]).__next__) == {"callbacks": LEAST}
    upto, walked = run(sessions, "SELECT upto, walked FROM shelf_marks WHERE shelf = 'callbacks'")[0]
    assert (upto, walked) == (LEAST, LEAST)
    with transaction(sessions) as busy:  # somebody else's handful is under way
        busy.session.execute(text("SELECT FROM shelf_marks WHERE shelf = 'callbacks' FOR UPDATE"))
        assert erase(sessions) == {}
    assert erase(sessions) == {"callbacks": LEAST}
    assert erase(sessions, again_after=timedelta(hours=1)) == {}


def test_a_row_that_somebody_holds_is_passed_by_and_comes_again(sessions):
    add_paid(sessions, 3)
    age(sessions, 400)
    with transaction(sessions) as busy:
        busy.session.execute(text("SELECT FROM callbacks WHERE id = 2 FOR NO KEY UPDATE"))
        assert erase(sessions) == {"callbacks": 2}
    assert value(sessions, "SELECT upto FROM shelf_marks WHERE shelf = 'callbacks'") == 1
    assert erase(sessions) == {"callbacks": 1}
    assert list(fsck(sessions)) == []


def test_what_was_passed_by_is_found_by_walking_anew(sessions):
    add_paid(sessions, 2)
    age(sessions, 400)
    erase(sessions)
    run(sessions, "UPDATE shelf_marks SET upto = 9, walked = 9 WHERE shelf = 'proofs'")
    assert erase(sessions, ALL) == {}
    assert {violation.rule for violation in fsck(sessions)} == {"kept_too_long"}
    assert erase(sessions, ALL, anew=True) == {"proofs": 2}
    assert list(fsck(sessions)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE callbacks SET body = 'other'",
        "UPDATE callbacks SET body = '', headers = '{}', source = ''",
        "UPDATE callbacks SET erased_at = now(), source = ''",
        "UPDATE callbacks SET erased_at = now(), body = '', headers = '{}', source = '', digest = ''",
        "UPDATE checks SET body = 'other'",
        "UPDATE checks SET body = '', erased_at = now(), digest = sha256('other')",
        "UPDATE transactions SET erased_at = now(), description = 'x'",
    ],
)
def test_the_database_lets_nothing_but_erasing_happen(sessions, statement):
    add_paid(sessions)
    with pytest.raises(DBAPIError, match=r"never rewritten|erased_whole"):
        run(sessions, statement)


def test_the_database_keeps_what_is_open_and_what_was_erased(sessions):
    add_paid(sessions)
    age(sessions, 400)
    erase(sessions, ALL)
    with pytest.raises(DBAPIError, match="never rewritten"):
        run(sessions, "UPDATE callbacks SET erased_at = now()")
    with pytest.raises(DBAPIError, match="erased_whole"):
        run(sessions, "UPDATE callbacks SET outcome = 'received'")
    [two] = add_pending(sessions)
    intake(toolbox(sessions), knock(sessions, claim(f"ORD-{two}")))
    gone = "UPDATE callbacks SET body = '', headers = '{}', source = '', erased_at = now() WHERE transaction_pk = :pk"
    with pytest.raises(DBAPIError, match="something about it is open"):
        run(sessions, gone, pk=two)


def test_what_was_erased_is_neither_read_again_nor_taken_up_again(sessions):
    fakes = Fakes()
    tools = toolbox(sessions, fakes)
    order = InvoiceOrder(transaction_id="ORD-X", amount=5000, description="Pagne pour Awa")
    invoices.register(tools, order, token="token-x")
    out = PayoutOrder(transaction_id="OUT-X", amount=700, route=Route.MOBILE_MONEY, customer="22670000000")
    fakes.gateway.payouts.send_fault = GatewayRefused("no")
    with pytest.raises(GatewayRefused):
        payouts.create(tools, out)
    record(tools, [answered(sessions, 1, notcompleted())], lane=LANE)
    intake(tools, knock(sessions, claim("ORD-X")))
    age(sessions, 400)
    assert erase(sessions) == {"callbacks": 1, "persons": 2}
    with pytest.raises(Conflict, match="callback 1 was erased on 20"), transaction(sessions) as step:
        reopen_callbacks(step.session, [1])
    with pytest.raises(Conflict, match="callback 1 was erased on 20"):
        plan(tools, CallbackChoice(ids=(1,)))
    assert value(sessions, "SELECT items FROM replay_plans WHERE id = :id", id=plan(tools, CallbackChoice())) == 0
    with pytest.raises(Conflict, match=r"erased on 20.*use a new transaction_id"):
        payouts.create(tools, out)
    assert not invoices.register(tools, order, token="token-x").is_new


def test_the_pace_follows_the_database():
    pace = Pace()
    for _ in range(50):
        pace, rest = pace.after(TARGET / 2, erased=pace.rows)
    assert (pace.rows, rest) == (MOST, pytest.approx(TARGET / 2 * (1 / DUTY - 1)))
    slower, longer = pace.after(4 * TARGET, erased=pace.rows)
    assert (slower.rows, longer) == (MOST // 2, pytest.approx(8 * rest))
    for _ in range(9):
        slower, _rest = slower.after(4 * TARGET, erased=slower.rows)
    assert slower.rows == LEAST


def test_bodies_go_when_persons_go_if_their_own_time_is_not_over_before():
    def kept(bodies: int, personal: int, settled: int = 0) -> Retention:
        return Retention.from_settings(
            settings_for(
                "postgresql://x@127.0.0.1/x",
                retention_bodies_days=bodies,
                retention_personal_days=personal,
                retention_settled_days=settled,
            )
        )

    assert kept(180, 365) == Retention(callbacks=180, answers=180, persons=365)
    assert kept(0, 365).callbacks == kept(730, 365).answers == 365
    assert kept(0, 0) == Retention()
    assert kept(0, 0, 3650) == Retention(proofs=3650, settled=3650)
    with pytest.raises(SettingsProblem, match=r"RETENTION_BODIES_DAYS: must be 0 or at least 31"):
        kept(30, 0)


def test_the_message_of_beat_works_by_the_settings(sessions):
    add_paid(sessions)
    age(sessions, 400)
    young = Things(transactions=tuple(add_paid(sessions)))  # its customer asked for it
    begin(sessions, young, Signature(author="awa", reason="a letter"), keeps_settled=True)
    app = make_app(settings_for("postgresql://nobody@127.0.0.1:1/none"))
    provide_tools(app, lambda: toolbox(sessions, retention=YEAR))
    app.loader.import_default_modules()
    app.tasks[PRUNE]()
    app.close()
    assert value(sessions, "SELECT count(*) FROM callbacks WHERE erased_at IS NOT NULL") == 2
