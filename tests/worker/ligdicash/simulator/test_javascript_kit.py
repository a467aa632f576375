"""The vendor's JavaScript kit, 1.0.2, creates and asks. It is not among our locks: name a built copy of it to have it driven.

LIGDICASH_JAVASCRIPT_KIT=/path/to/node_modules/ligdicash pytest tests/worker/ligdicash/simulator/test_javascript_kit.py
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.servers import PATIENCE

KIT = os.environ.get("LIGDICASH_JAVASCRIPT_KIT", "")
DRIVER = Path(__file__).with_name("javascript_kit.cjs")


@pytest.mark.skipif(
    not KIT, reason="NOT RUN: the JavaScript kit is in no package registry; see this file for how to name a copy"
)
@pytest.mark.ligdicash_double(profile="sdk-legacy")
def test_the_javascript_kit_creates_and_asks_in_every_way_it_has(ligdicash_double):
    base_url = f"{ligdicash_double.base_url}/pay/v01/"

    ran = subprocess.run(
        ["node", DRIVER, KIT, base_url, ligdicash_double.api_key, ligdicash_double.api_token],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    paid = {"status": "completed", "amount": "4200"}
    sent = {"status": "completed", "amount": "500"}
    expected = {"hosted": paid, "direct": paid, "wallet": sent, "straight": sent}
    assert json.loads(ran.stdout.splitlines()[-1]) == expected | {"refused": "AmountOutOfRangeError"}
    assert ligdicash_double.transaction("ART1")["callback_url"] == "http://127.0.0.1:9/callback"
    # The kit puts the callback's address where the one for giving up belongs: a direct payin of its has none.
    assert ligdicash_double.transaction("ART2")["callback_url"] == ""
