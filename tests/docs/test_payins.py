"""The page for merchants: each of its examples is sent to a door before a simulator, and its tables leave nothing out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import requests

from models.payin import Hitch, StepKind
from models.transaction import Mode
from tests.fakes import API_KEY
from tests.servers import PATIENCE
from tests.simulated import client_to
from tests.webdoor import open_door
from worker.ligdicash.simulator.running import running_simulator

PAGE = (Path(__file__).parents[2] / "docs" / "payins.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r'curl -s "\$RECONCILER(\S+)" .*? -d \'(.*?)\'\n    # (\d+) (.*?)\n', PAGE, re.DOTALL)
PLACEHOLDER = '"736415"'


@pytest.fixture
def simulator():
    with running_simulator() as running:
        yield running


@pytest.fixture
def door(database_url, simulator):
    with client_to(simulator) as client, open_door(database_url, gateway=client) as door:
        yield door


def code_on_the_phone(simulator, body: dict) -> str:
    """What the customer reads there: out of a message, or after dialling."""
    invoice = body["commande"]["invoice"]
    phone = f"{simulator.base_url}/_sim/phones/{invoice['customer']}"
    if body["mode"] == "wallet":
        return requests.get(phone, timeout=PATIENCE).json()["sms"]
    return requests.post(f"{phone}/dial", json={"amount": invoice["total_amount"]}, timeout=PATIENCE).json()["otp"]


def test_every_example_is_answered_as_the_page_says(door, simulator):
    assert len(EXAMPLES) == 6
    for path, written, status, words in EXAMPLES:
        body = json.loads(written)
        if PLACEHOLDER in written:
            body["commande"]["invoice"]["otp"] = code_on_the_phone(simulator, body)
        answer = door.call("POST", path, json=body, headers={"Authorization": f"Bearer {API_KEY}"})
        told = answer.json()
        found = [str(answer.status_code), *([told["code"]] if "code" in told else []), told["next"]["kind"]]
        assert found == [status, *words.split()], answer.text


def test_the_example_of_a_next_step_is_one_that_is_given(door):
    [shown] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    path, body, *_ = EXAMPLES[1]
    answer = door.call(
        "POST", path.partition("?")[0], json=json.loads(body), headers={"Authorization": f"Bearer {API_KEY}"}
    )
    assert answer.json()["next"] == json.loads(shown)


@pytest.mark.parametrize("words", [Mode, Hitch, StepKind], ids=["modes", "codes", "kinds"])
def test_its_tables_list_every_word_there_is(words):
    listed = set(re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE))
    assert {word.value for word in words} <= listed
