"""How the world of `tests.machine` comes to rest: what is under way is worked off, and told."""

from __future__ import annotations

from models.account import DEFAULT
from models.queries.events import events_after
from models.queries.notice_lines import send_again
from models.session import transaction
from tasks.notify import notify
from tasks.replay import work_batch
from tasks.sweep import sweep
from tests.fakes import answers
from tests.ledger import run
from tests.machine import World

HOUR, DAY = 3600, 86_400

RUNNING = "SELECT id FROM replay_plans WHERE state = 'running'"


def things_take_their_course(world: World) -> None:
    """Longer than any single wait of what is not older than a few days."""
    for seconds in [4, 45, 300, HOUR, HOUR, 45]:
        world.let_pass(seconds)
        sweep(world.tools)
        world.deliver_all()


def plans_come_to_an_end(world: World) -> None:
    """All that runs is done, and of no payment more than one item of a plan has the settlement."""
    for _ in range(20):
        for (plan_id,) in run(world.sessions, RUNNING):
            while work_batch(world.tools, plan_id):
                pass
        world.let_pass(61)
    assert run(world.sessions, RUNNING) == []


def the_application_knows_all(world: World) -> None:
    """It was told each outcome, at least once and by one id; what was given up is sent again."""
    merchant = world.fakes.merchant
    merchant.says = lambda _event: answers(200)
    with transaction(world.sessions) as step:
        send_again(step.session, DEFAULT, [], failed=True)
    for _ in range(3):
        world.let_pass(DAY)
        notify(world.tools)
    with transaction(world.sessions) as step:
        events = events_after(step.session, DEFAULT, after=0, limit=100).events
    assert {event.id for event in events} == set(merchant.ids)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert all(event.evidence for event in events)
