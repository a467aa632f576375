"""`reconciler status`: one screen that says whether all is well, also when little is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from models.callback import Receipt
from models.case import CaseKind
from models.check import Lane
from models.queries.record import NewCase, open_cases
from models.queries.status import CASES, NOTICES, OPEN, OVERDUE, REPLAYS, UNREAD, books_status
from models.queries.stops import switch_off
from models.session import transaction
from models.stop import Switch
from tasks.toolbox import BreakerState, Heard
from tests.fakes import API_KEY, CALLBACK_URL, settings_for, with_own
from tests.forked import reconciler
from tests.ledger import add_created, add_pending, knock, let_pass, open_books, run
from tests.proxy import wire_to
from tests.servers import patient
from tests.settled import put_settled
from worker.breaker import FleetBreaker, FleetStore
from worker.fleet import Fleet
from worker.locks import connect
from worker.ops.desk import Desk
from worker.ops.situation import DATABASE, HOURS, NO_ANSWER, Lookout
from worker.ops.status_view import MONEY_FIRST
from worker.web.spool import Spool, Spooled

BOUNDS = [300.0, 1800.0]


def lines(ops, *argv):
    return [line.rstrip() for line in ops.say("status", *argv).splitlines()]


def line(ops, label):
    """What stands behind this label, its further lines included."""
    shown = lines(ops)
    start = next(n for n, text in enumerate(shown) if text.startswith(label))
    more = [text.strip() for text in shown[start + 1 :]]
    end = next((n for n, text in enumerate(shown[start + 1 :]) if not text.startswith("    ")), len(more))
    return " ".join([shown[start].removeprefix(label).strip(), *more[:end]])


def test_on_empty_books_with_both_servers_there_all_is_well(ops):
    assert lines(ops)[:9] == [
        "servers    database ok, redis ok",
        "cases      none",
        "invoices   0 open; 0 overdue; 0 parked",
        "by age     none",
        "callbacks  0 unread",
        "queues     callbacks 0, fresh 0",
        "breaker    closed",
        "budget     50/s; last minute: none",
        "           room: callback 1M, person 1M, sweep 1M, replay 1M, audit 1M",
    ]


def test_it_counts_what_is_open_by_age_and_what_is_overdue_parked_or_unread(ops):
    sessions = ops.tools.sessions
    add_pending(sessions, 3, due_in=-200)
    let_pass(sessions, 400)
    add_pending(sessions, 2)
    add_created(sessions)
    run(sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now() WHERE transaction_id = 'ORD-1'")
    knock(sessions, b"{}", b"{}")
    run(sessions, "UPDATE callbacks SET received_at = received_at - interval '42 seconds' WHERE id = 1")
    assert re.fullmatch("5 open; 2 overdue, the longest for 10m0[0-9]s; 1 parked", line(ops, "invoices"))
    assert line(ops, "by age") == "<5m ############ 3  <30m ######## 2"
    assert re.fullmatch("2 unread, the longest for 4[2-9]s", line(ops, "callbacks"))


def test_open_cases_are_counted_by_kind_and_those_about_money_come_first(ops):
    pks = add_pending(ops.tools.sessions, 2)
    [callback] = knock(ops.tools.sessions, b"{}")
    with transaction(ops.tools.sessions) as step:
        open_cases(
            step.session,
            [
                NewCase(kind=CaseKind.UNREADABLE, detail="x", callback_id=callback),
                NewCase(kind=CaseKind.CONTRADICTION, detail="x", transaction_pk=pks[0]),
                *[NewCase(kind=CaseKind.MISMATCH, detail="x", transaction_pk=pk) for pk in pks],
            ],
        )
    run(ops.tools.sessions, "UPDATE cases SET resolved_at = now() WHERE kind = 'contradiction'")
    assert line(ops, "cases") == "mismatch 2, unreadable 1"


def test_every_kind_of_case_has_its_place():
    assert sorted(MONEY_FIRST) == sorted(CaseKind)


def test_every_lane_of_the_budget_is_told(ops):
    ops.fakes.budget.left = 12
    ops.fakes.budget.take(Lane.SWEEP, 3)
    told = line(ops, "budget")
    assert told.startswith("50/s; last minute: sweep 3 room: callback 9, person 9")
    assert all(lane.value in told for lane in Lane)


def test_a_closed_breaker_is_a_word(ops):
    assert line(ops, "breaker") == "closed"


def test_an_open_breaker_says_since_when_until_when_and_why(ops, redis_url):
    with connect(patient(redis_url)) as client:
        breaker = FleetBreaker(FleetStore(Fleet(client), name="us"), probe_life=29)
        breaker.report(Heard(refusals=1, reason="the address is\x1b not allowed"))
        breaker.leave(7)
        ops.desk = Desk(settings=ops.desk.settings, tools=with_own(ops.tools, ops.fakes, breaker=breaker))
        shown = line(ops, "breaker")
        assert "open since" in shown
        assert "7 questions held back" in shown
        assert "the address is\\x1b not allowed" in shown
        view = ops.document("status")["breaker"]
    assert (view["state"], view["held_back"], view["is_shared"]) == (BreakerState.OPEN, 7, True)


def test_what_is_switched_off_stands_on_top_with_who_and_why_and_until_when(ops):
    with transaction(ops.tools.sessions) as step:
        switch_off(step.session, Switch.SETTLE, author="awa", reason="wrong\x1bamounts", length=timedelta(hours=1))
    shown = lines(ops)
    assert shown[0].startswith("SWITCHED OFF: settle, by awa until ")
    assert "wrong\\x1bamounts" in " ".join(shown[:2])
    assert ops.document("status")["stops"][0]["switch"] == "settle"


def test_notices_that_wait_or_were_given_up_are_counted(ops):
    put_settled(ops.tools.sessions, 5, ago=90, heard=2)
    run(ops.tools.sessions, "UPDATE notices SET state = 'delivered', next_try_at = NULL WHERE id = 1")
    run(ops.tools.sessions, "UPDATE notices SET state = 'stopped', next_try_at = NULL WHERE id = 2")
    assert line(ops, "notices") == "NOTICE_URL is not set: none is pushed, GET /v1/events tells them; 1 stopped"
    ops.desk = Desk(settings=ops.desk.settings, tools=replace(ops.tools, merchant=ops.fakes.merchant))
    assert line(ops, "notices").startswith("3 waiting, the longest for 1m")
    assert line(ops, "notices").endswith("; 1 stopped")


def test_where_no_notice_is_pushed_none_waits(ops):
    put_settled(ops.tools.sessions, 5, ago=90, heard=2)
    assert line(ops, "notices") == "NOTICE_URL is not set: none is pushed, GET /v1/events tells them"
    assert not ops.document("status")["pushes"]
    listed = ops.say("notices", "list").splitlines()
    assert listed[2].rstrip().endswith("waiting  not pushed")
    assert listed[-1] == "NOTICE_URL is not set: none is pushed, GET /v1/events tells them"


def test_a_replay_under_way_says_how_far_it_is(ops):
    assert line(ops, "replays") == "none running"
    run(
        ops.tools.sessions,
        """INSERT INTO replay_plans (state, author, filters, items, digest, expires_at, run_by, reason, run_at)
           VALUES ('running', 'awa', '{}', 3, sha256(''), now() + interval '1 day', 'ali', 'lost', now())""",
    )
    for position, pk in enumerate(add_pending(ops.tools.sessions, 3), start=1):
        run(
            ops.tools.sessions,
            """INSERT INTO replay_items (plan_id, position, transaction_pk, prediction, done_at, actual)
               VALUES (1, :position, :pk, 'pending', CASE WHEN :position < 3 THEN now() END,
                       CASE WHEN :position < 3 THEN 'pending' ELSE '' END)""",
            position=position,
            pk=pk,
        )
    assert line(ops, "replays") == "plan 1: 2 of 3 worked, run by ali"


def test_the_spool_of_this_machine_is_told_and_that_it_is_of_this_machine(ops, tmp_path):
    url = ops.desk.settings.database_url.get_secret_value()
    ops.desk = Desk(settings=settings_for(url, spool_dir=tmp_path / "nowhere"), tools=ops.tools)
    assert line(ops, "spool") == "not on this machine (no folder nowhere here)"
    ops.desk = Desk(settings=settings_for(url, spool_dir=tmp_path), tools=ops.tools)
    assert line(ops, "spool") == "empty (on this machine)"
    spool = Spool(tmp_path, max_mb=1)
    receipt = Receipt(body=b"{}", content_type="application/json", headers={}, source="203.0.113.7")
    spool.append([Spooled(receipt, datetime.now(UTC))] * 2)
    assert line(ops, "spool").startswith("2 waiting to be stored")
    assert line(ops, "spool").endswith("; on this machine")


def test_a_machine_is_told_the_same(ops):
    add_pending(ops.tools.sessions, 2, due_in=-90)
    put_settled(ops.tools.sessions, 3, ago=1, heard=2)
    document = ops.document("status")
    assert document["ok"] is True
    assert (document["database"], document["redis"], document["unknown"]) == ("", "", {})
    assert document["books"]["open_by_age"] == [2, 0, 0, 0, 0, 0]
    assert document["books"]["overdue"] == 2
    assert [level["lane"] for level in document["lanes"]] == ["callback", "person", "sweep", "replay", "audit"]
    assert (document["stops"], document["replays"], document["callbacks_silent"]) == ([], [], [])
    assert document["notices"]["waiting"] == 3
    [share] = document["learned"]["shares"]
    assert (share["operator"], share["callback"], share["sweep"]) == ("ORANGE BURKINA", 3, 0)
    assert [wait["p50"] for wait in document["learned"]["waits"]] == pytest.approx([2.0, 2.0], abs=0.1)


def test_when_callbacks_have_stopped_it_says_so_first_and_leaves_with_3(ops):
    put_settled(ops.tools.sessions, 10, ago=60)
    result = ops.run("status")
    assert result.exit_code == 3
    assert result.stdout.startswith("CALLBACKS SILENT: none came, and 10 payments or more")
    result = ops.run("status", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["callbacks_silent"][0]["completed"] == 10


def test_a_collapse_says_what_is_usual_and_an_operator_is_named(ops):
    put_settled(ops.tools.sessions, 60, ago=2 * 3600, heard=3, operator="ORANGE BURKINA")
    put_settled(ops.tools.sessions, 40, ago=2 * 3600, heard=3, operator="MOOV\x1b AFRICA")
    put_settled(ops.tools.sessions, 12, ago=600, operator="MOOV\x1b AFRICA")
    put_settled(ops.tools.sessions, 30, ago=300, heard=3, operator="ORANGE BURKINA")
    shown = " ".join(ops.run("status").stdout.split())
    assert "SILENT for MOOV\\x1b AFRICA: of 12 payments completed in the last 30m, 0 had one (usually 100%)" in shown


def test_without_the_database_it_says_so_and_tells_the_rest(ops_without_database):
    result = ops_without_database.run("status")
    assert result.exit_code == 1
    assert result.stdout.startswith("database   the database cannot be reached")
    assert "redis      ok" in result.stdout
    assert "invoices   not known\n" in result.stdout
    assert "breaker    closed" in result.stdout
    assert "settling   not known" in result.stdout
    assert result.stderr == ""
    document = json.loads(ops_without_database.run("status", "--json").stdout)
    assert document["books"] is None
    assert "cannot be reached" in document["unknown"]["books"]


def test_before_the_migrations_it_says_what_to_run(ops, empty_database_url):
    with open_books(empty_database_url) as sessions:
        ops.desk = Desk(settings=settings_for(empty_database_url), tools=replace(ops.tools, sessions=sessions))
        result = ops.run("status")
    assert result.exit_code == 1
    assert "run `reconciler migrate`" in " ".join(result.stdout.split())
    assert "queues     callbacks 0" in result.stdout


def test_tables_of_an_older_version_cost_only_the_parts_that_need_newer_ones(ops_alone):
    for table in ("stops", "replay_items", "replay_plans"):
        run(ops_alone.tools.sessions, f"DROP TABLE {table}")
    result = ops_alone.run("status")
    assert result.exit_code == 0, result.output
    assert "replays    not known: tables are missing; run `reconciler migrate`" in result.stdout
    assert "switches   not known: tables are missing" in result.stdout
    assert "invoices   0 open" in result.stdout


def test_a_part_that_breaks_costs_only_itself(ops_alone):
    run(ops_alone.tools.sessions, "ALTER TABLE stops DROP CONSTRAINT ck_stops_known_switch")
    run(
        ops_alone.tools.sessions,
        "INSERT INTO stops (switch, author, reason, until) VALUES ('gravity', 'awa', 'x', now() + interval '1 hour')",
    )
    shown = ops_alone.say("status")
    assert "switches   not known: unexpected ValueError: 'gravity'" in shown
    assert "servers    database ok, redis ok" in shown


def test_options_that_do_not_go_together_are_refused(ops):
    for argv in (("--watch", "--json"), ("--every", "5s"), ("--hours", "0"), ("--hours", "49")):
        assert ops.run("status", *argv).exit_code == 2


def test_a_database_that_does_not_answer_does_not_hold_it_up(ops, database_url, hurry):
    with wire_to(database_url) as (wire, url), open_books(url) as sessions:
        ops.desk = Desk(settings=settings_for(url), tools=replace(ops.tools, sessions=sessions))
        lookout = Lookout(ops.desk, hours=6)
        assert lookout.look(within=60).is_well
        wire.freeze()
        hurry(DATABASE, HOURS)
        situation = lookout.look(within=0.5)  # comes back while the database says nothing
        again = lookout.look(within=0.5)
        for seen in (situation, again):
            assert (seen.database, seen.unknown["books"], seen.redis) == (NO_ANSWER, NO_ANSWER, "")
        wire.mend()
        assert lookout.look(within=60).is_well


def status_of_a_process(database_url, redis_url, tmp_path):
    """The command as it is deployed, with the real tools on these servers."""
    settings = {
        "ENVIRONMENT": "development",
        "LIGDICASH_API_KEY": "sim-key",
        "LIGDICASH_API_TOKEN": "sim-token",
        "RECONCILER_API_KEY": API_KEY,
        "CALLBACK_URL": CALLBACK_URL,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
    }
    return reconciler("status", env=settings, cwd=tmp_path)


def test_without_redis_it_says_so_and_tells_the_rest(database_url, tmp_path):
    ended = status_of_a_process(database_url, "redis://127.0.0.1:1/0", tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "redis      cannot be reached" in ended.stdout
    assert "invoices   0 open" in ended.stdout
    assert "breaker    not known" in ended.stdout


def test_with_both_servers_the_real_tools_agree(database_url, redis_url, tmp_path):
    ended = status_of_a_process(database_url, redis_url, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "queues     callbacks 0, fresh 0, recheck 0, notices 0, control 0" in ended.stdout
    assert "room: callback 110" in ended.stdout
    assert "breaker    closed" in ended.stdout


OLD_CASES = text("""
    WITH knocks AS (
        INSERT INTO callbacks (body, content_type, headers, source, digest)
        SELECT ''::bytea, '', '{}'::jsonb, '', ''::bytea FROM generate_series(1, 300) RETURNING id
    )
    INSERT INTO cases (kind, callback_id, detail, resolved_at) SELECT 'orphan', id, '', clock_timestamp() FROM knocks
""")


@pytest.mark.parametrize(
    ("statement", "parameters", "index"),
    [
        (OPEN, {"bounds": BOUNDS, "open": ["created", "pending"]}, "ix_transactions_status_id"),
        (OVERDUE, {}, "ix_transactions_due"),
        (OVERDUE, {}, "ix_transactions_out_of_queue"),
        (UNREAD, {"received": "received"}, "ix_callbacks_outcome_id"),
        (NOTICES, {"most": 10, "newest": 10}, "ix_notices_due"),
        (NOTICES, {"most": 10, "newest": 10}, "pk_notices"),
        (REPLAYS, {}, "ix_replay_plans_running"),
        (REPLAYS, {}, "ix_replay_items_left"),
        (CASES, {}, "uq_cases_open_transaction"),
        (CASES, {}, "uq_cases_open_callback"),
    ],
)
def test_what_is_settled_is_not_read_however_much_there_is_of_it(sessions, statement, parameters, index):
    with transaction(sessions) as step:
        # On a nearly empty table all indexes cost the same, and the planner may take any of them.
        step.session.execute(OLD_CASES)
        step.session.execute(text("ANALYZE cases"))
        step.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = step.session.scalars(text(f"EXPLAIN {statement.text}"), parameters).all()
    assert any(index in line for line in plan), "\n".join(plan)


def test_the_oldest_class_has_no_bound(sessions):
    add_pending(sessions, 2)
    let_pass(sessions, 10**8)
    with transaction(sessions) as step:
        assert books_status(step.session, bounds=BOUNDS).open_by_age == (0, 0, 2)
