"""The probes: alive is alive, and ready means that a callback sent now would be taken."""

from __future__ import annotations

import asyncio
import threading

import psycopg

from tests.servers import PATIENCE, libpq, patient
from tests.webdoor import NOWHERE, open_door
from worker.web.health import Finding, Outside, look_at_database, look_at_spool
from worker.web.spool import Spool


def test_a_door_with_everything_in_place_is_ready(database_url, redis_url):
    with open_door(database_url, redis_url=patient(redis_url)) as door:
        assert door.call("GET", "/healthz").json() == {"ok": True}
        answer = door.call("GET", "/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "checks": {
            "database": {"ok": True, "detail": ""},
            "writer": {"ok": True, "detail": "0 wait to be stored"},
            "spool": {
                "ok": True,
                "detail": "",
                "waiting": 0,
                "bytes": 0,
                "limit": 1024**3,
                "oldest": 0.0,
                "apart": 0,
            },
            "redis": {"ok": True, "detail": ""},
        },
    }


def test_redis_away_is_told_of_and_makes_nothing_unready(database_url):
    with open_door(database_url) as door:
        answer = door.call("GET", "/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["redis"] == {
        "ok": False,
        "detail": "away (ConnectionError); receiving and settling go on without it",
    }


def test_a_database_away_is_told_of_and_makes_nothing_unready_while_the_spool_has_room():
    with open_door(NOWHERE) as door:
        answer = door.call("GET", "/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert answer.json()["checks"]["database"]["detail"].startswith("the database cannot be reached")


def full(folder) -> dict[str, object]:
    """Settings of a door whose spool is full."""
    (folder / "0-1-2.torn").write_bytes(bytes(1024 * 1024))
    return {"spool_dir": folder, "spool_max_mb": 1}


def test_with_the_database_away_and_the_spool_full_the_door_is_unready_and_alive(tmp_path):
    with open_door(NOWHERE, **full(tmp_path)) as door:
        answer = door.call("GET", "/readyz")
        assert door.call("GET", "/healthz").status_code == 200
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("not ready: database (the database cannot be reached")
    assert answer.json()["error"].endswith("spool (full; files kept apart for a person: 1)")
    assert answer.json()["ready"] is False


def test_a_full_spool_alone_makes_nothing_unready(database_url, tmp_path):
    with open_door(database_url, **full(tmp_path)) as door:
        answer = door.call("GET", "/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["spool"]["ok"] is False


def test_a_spool_that_cannot_be_looked_at_is_told_of(tmp_path):
    found = look_at_spool(Spool(tmp_path / "gone", max_mb=1))
    assert (found.ok, found.detail) == (False, "cannot be looked at (No such file or directory)")


def test_a_database_without_tables_is_not_ready_and_says_what_to_run(empty_database_url):
    found = look_at_database(empty_database_url)
    assert not found.ok
    assert found.detail.endswith("run `reconciler migrate`")


def test_a_database_of_a_newer_release_is_ready(database_url):
    with psycopg.connect(libpq(database_url)) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    assert look_at_database(database_url) == Finding(ok=True, detail="migrated further than this version knows")


def test_a_writer_that_does_not_run_makes_the_door_unready(database_url):
    with open_door(database_url) as door:
        door.app.state.writer.stop()
        answer = door.call("GET", "/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"] == "not ready: writer (not all of its threads run)"


def test_any_number_of_probes_cause_one_look(monkeypatch):
    monkeypatch.setattr("worker.web.health.LOOK_WITHIN", PATIENCE)
    monkeypatch.setattr("worker.web.health.FRESH_FOR", PATIENCE)
    looks = []
    may_end = threading.Event()

    def look() -> Finding:
        looks.append(1)
        may_end.wait(PATIENCE)
        return Finding(ok=True)

    async def main() -> list[Finding]:
        outside = Outside(look)
        probes = [asyncio.create_task(outside.finding()) for _ in range(20)]
        await asyncio.sleep(0)
        may_end.set()
        found = await asyncio.gather(*probes)
        return [*found, await outside.finding()]

    assert asyncio.run(main()) == [Finding(ok=True)] * 21
    assert len(looks) == 1


def test_a_look_that_takes_too_long_counts_as_failed(monkeypatch):
    monkeypatch.setattr("worker.web.health.LOOK_WITHIN", 0.05)
    may_end = threading.Event()

    async def main() -> Finding:
        outside = Outside(lambda: Finding(ok=may_end.wait(PATIENCE)))
        try:
            return await outside.finding()
        finally:
            may_end.set()

    assert asyncio.run(main()) == Finding(ok=False, detail="no answer within 0.05 seconds")
