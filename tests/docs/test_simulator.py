"""What docs/simulator.md says to say to the double is understood by it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from worker.ligdicash.simulator.command import parse_options
from worker.ligdicash.simulator.control import _decision, _faults, _merged, _phone
from worker.ligdicash.simulator.manners import CustomData, FormShape, Manners, Stray, Twins
from worker.ligdicash.simulator.options import FaultKind, RateLimit

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
WORDS = {str(word) for kind in (CustomData, FaultKind, FormShape, RateLimit, Stray, Twins) for word in kind}


def rows() -> list[str]:
    table = PAGE.split("| to play this |")[1].split("\n\n")[0]
    return [line.split("|")[2] for line in table.splitlines()[2:]]


def said(row: str) -> list[str]:
    return re.findall(r"`([^`]+)`", row)


def is_understood(text: str) -> bool:
    if text.startswith("--"):
        parse_options(text.split())
    elif text.startswith(("GET ", "POST /_sim/forge")) or text in WORDS | {"D", "Code07", '"01"', '"nocompleted"'}:
        pass
    elif "phones/" in text or text.startswith(('{"operator', '{"otp')):
        _phone.validate_python(braces(text))
    elif "clock" in text:
        assert isinstance(braces(text)["offset"], int)
    elif text.startswith(("PUT /_sim", '{"confirm":', '{"create":')):
        _faults.validate_python(braces(text))
    else:
        decide(braces(text if "{" in text.partition(":")[0] else f"{{{text}}}"))
    return True


def braces(text: str) -> dict:
    """The JSON object in a text; empty when it names an address only."""
    at = text.find('{"')
    return json.loads(text[at:]) if at >= 0 else {}


def decide(body: dict) -> None:
    callbacks = body.pop("callbacks", {})
    fields = {name: getattr(Manners(), name) for name in Manners.__dataclass_fields__}
    _decision.validate_python({"status": "completed", "manners": _merged(fields, callbacks)} | body)


@pytest.mark.parametrize("row", rows(), ids=[row.strip()[:40] for row in rows()])
def test_each_line_of_the_table_is_understood(row):
    assert all(is_understood(text) for text in said(row))


def test_a_misspelt_line_would_be_found():
    with pytest.raises(ValueError, match="twin"):
        is_understood('"callbacks": {"twin": "none"}')
