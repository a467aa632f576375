"""/v1/events: the events of the books, page by page, just as they are pushed, and no is said in our one shape."""

from __future__ import annotations

import pytest

from models.queries.events import events_of
from models.session import transaction
from tests.fakes import API_KEY, toolbox
from tests.ledger import add_settled
from tests.webdoor import NOWHERE, open_door
from worker.web.event_api import EVENT, EventPageView, EventView

KEY = {"Authorization": f"Bearer {API_KEY}"}


@pytest.fixture
def door(shared_url):
    with open_door(shared_url) as door:
        yield door


def get(door, query="", headers=KEY):
    return door.call("GET", f"/v1/events{query}", headers=headers)


def test_an_application_reads_all_there_is_page_by_page(door):
    add_settled(door.sessions, 5, tools=toolbox(door.sessions))
    seen, after, more = [], 0, True
    while more:
        page = get(door, f"?after={after}&limit=2").json()
        seen += [event["seq"] for event in page["events"]]
        after, more = page["next"], page["more"]
    assert (seen, after) == ([1, 2, 3, 4, 5], 5)


def test_events_are_read_as_they_are_pushed(door):
    add_settled(door.sessions, tools=toolbox(door.sessions))
    with transaction(door.sessions) as step:
        [event] = events_of(step.session, [1]).values()
    answer = get(door)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"events": [event.document()], "next": 1, "more": False}
    EventPageView.model_validate(answer.json(), strict=False)
    assert answer.json()["events"][0].keys() == EVENT.keys() == EventView.model_fields.keys()


def test_behind_the_end_there_is_an_empty_page_and_the_same_place_to_go_on(door):
    assert get(door, "?after=12").json() == {"events": [], "next": 12, "more": False}


def test_a_page_has_a_hundred_unless_told_otherwise(door):
    add_settled(door.sessions, 101, tools=toolbox(door.sessions))
    page = get(door).json()
    assert (len(page["events"]), page["next"], page["more"]) == (100, 100, True)


@pytest.mark.parametrize(
    "query",
    ["?after=-1", "?after=x", "?after=1.5", f"?after={2**63}", "?limit=0", "?limit=1001", "?limit=many", "?afer=5"],
)
def test_a_number_that_is_none_is_refused_in_one_sentence(door, query):
    answer = get(door, query)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("query.")
    assert len(answer.json()["errors"]) == 1


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_without_the_key_nothing_is_told(door, headers):
    answer = get(door, headers=headers)
    assert (answer.status_code, list(answer.json())) == (401, ["error"])


def test_with_the_database_away_the_application_is_asked_to_come_back():
    with open_door(NOWHERE) as door:
        answer = get(door)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
