"""Evidence of one payment: nothing of it is missing, nothing secret is in it, and it is the same whenever it is made."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from models.errors import NotFound, Unreadable
from models.session import transaction
from tasks.intake import intake
from tasks.prune import prune
from tasks.record import record
from tests.fakes import completed, toolbox
from tests.ledger import LANE, add_pending, answered, claim, knock, run
from tests.soundbooks import write_sound_books
from tests.tasks.test_prune import ALL, age
from worker.evidence import evidence_of, pack, verify
from worker.language import speaking

SECRET = "token-of-ORD-1"
ANSWER = json.dumps({"status": "completed", "invoiceToken": "eyJhbGciOi.eyJzdWIiOi.c2ln", "customer": "22670000000"})


def evidence(sessions, transaction_id: str):
    with transaction(sessions) as step:
        return evidence_of(step.session, transaction_id)


def kinds(found) -> list[str]:
    return [entry.kind for entry in found.entries]


def add_paid(sessions) -> None:
    """ORD-1, paid: a callback that repeats its token, a forged one in no known text, and an answer with two of them."""
    tools = toolbox(sessions)
    [pk] = add_pending(sessions)
    intake(tools, knock(sessions, claim("ORD-1", note=f"see /pay/{SECRET}"), claim("ORD-1", note="<script>")))
    run(sessions, "UPDATE transactions SET payment_url = 'https://pay.example.com/' || token")
    body = ANSWER.replace("}", f', "again": "{SECRET}"}}').encode()
    record(tools, [answered(sessions, pk, completed(5000, "ORD-1", body=body))], lane=LANE)


def test_all_of_a_paid_invoice_is_in_it_and_no_secret(sessions):
    add_paid(sessions)
    found = evidence(sessions, "ORD-1")
    assert kinds(found)[:2] == ["subject", "order"]
    assert sorted(kinds(found)[2:]) == ["answer", "decision", "notice", "receipt", "receipt"]
    packed = pack(found)
    assert packed.content == pack(evidence(sessions, "ORD-1")).content
    for secret in (SECRET, "eyJhbGciOi"):
        assert secret.encode() not in packed.content
    said = {entry.kind: entry.facts for entry in found.entries}
    assert (said["answer"]["exact"], "***" in said["answer"]["body"]) == (False, True)
    assert said["decision"] == {"decided": "settled", "amount": 5000, "check_id": 1, "override_id": None}
    assert said["notice"]["event"]["data"]["evidence"]["sha256"] == said["answer"]["sha256"]
    assert b"<script>" not in zipfile.ZipFile(io.BytesIO(packed.content)).read("page.html")
    checked = verify(packed.content)
    assert (checked.is_whole, checked.seal, checked.entries) == (True, packed.seal, len(found.entries) + 1)


def test_decisions_of_persons_and_payouts_are_in_it(sessions):
    write_sound_books(sessions)
    by_hand = evidence(sessions, "ORD-9")
    assert {"override", "case_opened", "case_ended", "decision", "notice"} <= set(kinds(by_hand))
    [override] = [entry.facts for entry in by_hand.entries if entry.kind == "override"]
    assert (override["by"], override["reason"], override["amount"]) == ("awa", "seen in the dashboard", 4000)
    out = evidence(sessions, "OUT-1")
    assert (out.entries[0].facts["customer"], out.entries[0].facts["route"]) == ("22670000000", "mobile_money")
    assert "sent" in kinds(out)
    with speaking("fr"):
        assert verify(pack(out).content).is_whole
    with pytest.raises(NotFound):
        evidence(sessions, "ORD-9999")


def test_what_was_erased_stands_in_it_with_its_hash(sessions):
    add_paid(sessions)
    before = {entry.n: entry.facts.get("sha256") for entry in evidence(sessions, "ORD-1").entries}
    age(sessions, 400)
    prune(sessions, ALL, rest=lambda _: None)
    after = evidence(sessions, "ORD-1")
    assert {entry.n: entry.facts.get("sha256") for entry in after.entries} == before
    told = [entry.facts["erased_at"] for entry in after.entries if "sha256" in entry.facts]
    assert len(told) == 3
    assert all(told)
    page = zipfile.ZipFile(io.BytesIO(pack(after).content)).read("page.html").decode()
    assert page.count("The wording was erased on") == 3


def test_another_page_is_told_and_no_zip_is_no_evidence(sessions):
    add_pending(sessions)
    made = zipfile.ZipFile(io.BytesIO(pack(evidence(sessions, "ORD-1")).content))
    with zipfile.ZipFile(again := io.BytesIO(), "w") as archive:
        archive.writestr("evidence.jsonl", made.read("evidence.jsonl"))
        archive.writestr("page.html", made.read("page.html").replace(b"pending", b"completed"))
    other = verify(again.getvalue())
    assert (other.is_whole, other.faults, other.is_page_changed) == (False, [], True)
    with pytest.raises(Unreadable, match="no evidence"):
        verify(b"PK nothing")
