"""One id leads through the logs, from the door's receipt to the notice; that of a transaction also where no callback came."""

from __future__ import annotations

from models.check import Lane
from tasks.confirm import confirm
from tasks.intake import intake, read_and_ask
from tasks.notify import notify
from tests.fakes import completed, toolbox
from tests.ledger import add_pending, claim, knock
from tests.webdoor import until
from worker.web.ringer import Ringer


def story(logs, one):
    """The events of the lines that grep would find."""
    return [entry["event"] for entry in logs if one in entry.get("trace", ())]


def test_the_id_of_a_callback_leads_from_the_door_to_the_notice(sessions, fakes, logs):
    tools = toolbox(sessions, fakes, merchant=fakes.merchant)
    add_pending(sessions, 2)
    fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    ids = knock(sessions, claim("ORD-1"), claim("ORD-1"), claim("ORD-2"))
    ringer = Ringer(lambda rung: read_and_ask(tools, rung), rest=0)
    ringer.start()
    ringer.ring(ids)
    until(lambda: fakes.gateway.asked)
    ringer.stop()
    notify(tools)
    for one in (f"cb-{ids[0]}", f"cb-{ids[1]}"):
        assert story(logs, one) == ["callbacks_stored", "callback_read", "answered", "notices_told"]
    assert story(logs, "tx-1") == ["callback_read", "answered", "notices_told"]
    assert story(logs, f"cb-{ids[2]}") == ["callbacks_stored", "callback_read", "answered"]  # no outcome: no notice


def test_a_question_that_another_process_asks_later_knows_the_callbacks_that_led_to_it(sessions, fakes, logs):
    tools = toolbox(sessions, fakes, merchant=fakes.merchant)
    [pk] = add_pending(sessions)
    ids = knock(sessions, *[claim("ORD-1", "pending", n=n) for n in range(6)], claim("ORD-1"))
    intake(tools, ids)
    fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    confirm(tools, [pk], lane=Lane.SWEEP)
    [line] = [entry for entry in logs if entry["event"] == "answered"]
    assert line["trace"] == ["tx-1", *(f"cb-{i}" for i in reversed(ids[-4:]))]  # the newest: a flood fills no line


def test_what_the_sweep_found_is_followed_by_its_transaction(sessions, fakes, logs):
    tools = toolbox(sessions, fakes, merchant=fakes.merchant)
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    confirm(tools, [pk], lane=Lane.SWEEP)
    notify(tools)
    assert story(logs, f"tx-{pk}") == ["answered", "notices_told"]
