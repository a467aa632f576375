"""The demo's story: the same seed tells the same story, every fate is in it, and production is kept out of it."""

from __future__ import annotations

import pytest

from models.account import DEFAULT
from models.errors import SettingsFault
from models.transaction import Status
from worker.demo import demo_settings
from worker.demo.drive import quickstart_order
from worker.demo.payouts import EARLY, OUT_OF_A_FILE
from worker.demo.story import EVERYTHING, SHARES, Fate, with_a_second_account, write_story


def test_one_seed_tells_one_story():
    first = write_story(invoices=50, seconds=5, seed=3, prefix="X")
    assert first == write_story(invoices=50, seconds=5, seed=3, prefix="X")
    assert first != write_story(invoices=50, seconds=5, seed=4, prefix="X")


def test_every_fate_is_in_it_and_the_shares_are_parts_of_a_hundred():
    assert {visit.fate for visit in write_story(invoices=len(SHARES), seconds=1, seed=1, prefix="X")} == set(SHARES)
    assert sum(SHARES.values()) == 100


def test_a_second_account_has_a_part_of_every_kind_and_a_file_goes_out_of_one():
    visits = with_a_second_account(write_story(invoices=400, seconds=1, seed=1, prefix="X", shares=EVERYTHING), "shop")
    theirs = [visit for visit in visits if visit.account == "shop"]
    assert {bool(visit.payout) for visit in theirs} == {bool(visit.payment) for visit in theirs} == {True, False}
    assert {visit.account for visit in visits if visit.fate in OUT_OF_A_FILE} == {DEFAULT}
    assert [visit.fate in EARLY for visit in visits] == sorted((v.fate in EARLY for v in visits), reverse=True)


@pytest.mark.parametrize("invoices", [1, 5])
def test_a_short_story_has_as_many_visits_as_were_asked_for(invoices):
    assert len(write_story(invoices=invoices, seconds=1, seed=1, prefix="X")) == invoices


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        (Fate.PAID, Status.COMPLETED),
        (Fate.PAID_LOST, Status.COMPLETED),
        (Fate.FAILED_LOST, Status.NOTCOMPLETED),
        (Fate.FORGED, Status.PENDING),
        (Fate.ABANDONED, Status.PENDING),
        (Fate.WRONG_AMOUNT, Status.PENDING),
    ],
)
def test_each_fate_has_the_end_its_evidence_allows(fate, end):
    visits = write_story(invoices=len(Fate), seconds=1, seed=1, prefix="X")
    assert next(visit for visit in visits if visit.fate is fate).should_end is end


def bad_day(fate):
    shares = {**SHARES, fate: 1}
    return next(v for v in write_story(invoices=40, seconds=1, seed=1, prefix="X", shares=shares) if v.fate is fate)


@pytest.mark.parametrize(
    ("fate", "end", "finally_ends"),
    [
        (Fate.TAKEN_BACK, Status.COMPLETED, Status.COMPLETED),
        (Fate.LATE_SUCCESS, Status.NOTCOMPLETED, Status.COMPLETED),
        (Fate.WRONG_REFERENCE, Status.PENDING, Status.PENDING),
        (Fate.PAID_SLOW, Status.COMPLETED, Status.COMPLETED),
        (Fate.FAILED, Status.NOTCOMPLETED, Status.NOTCOMPLETED),
    ],
)
def test_what_is_completed_stays_so_and_a_failure_may_still_be_paid(fate, end, finally_ends):
    visit = bad_day(fate)
    assert (visit.should_end, visit.finally_ends) == (end, finally_ends)


@pytest.mark.parametrize(("fate", "said"), [(Fate.TAKEN_BACK, "notcompleted"), (Fate.LATE_SUCCESS, "completed")])
def test_a_gateway_with_second_thoughts_says_the_opposite(fate, said):
    visit = bad_day(fate)
    assert visit.second_thought["status"] == said != visit.decision["status"]


def test_a_spool_of_somebody_elses_is_left_out():
    assert "SPOOL_DIR" not in demo_settings({"SPOOL_DIR": "/var/spool/reconciler"})


def test_customers_order_with_the_quickstarts_body():
    visit = write_story(invoices=1, seconds=1, seed=1, prefix="X")[0]
    invoice = quickstart_order(visit)["commande"]["invoice"]
    assert invoice["items"][0].keys() == {"name", "price", "quantity"}


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_database_or_redis_of_somebody_elses_needs_a_word(name):
    with pytest.raises(SettingsFault, match=f"{name} is set"):
        demo_settings({name: "x://y"})
    assert demo_settings({name: "x://y", "ENVIRONMENT": "development"})[name] == "x://y"


def test_an_address_in_a_file_or_in_small_letters_is_an_address_too(tmp_path):
    file = tmp_path / "url"
    file.write_text("postgresql://shop@db.example/shop", encoding="utf-8")
    for name, value in (("DATABASE_URL_FILE", str(file)), ("database_url", "postgresql://shop@db.example/shop")):
        with pytest.raises(SettingsFault, match="DATABASE_URL is set"):
            demo_settings({name: value, "ENVIRONMENT": "production"})


def test_nobodys_application_is_told_of_invented_money():
    theirs = {"NOTICE_URL": "https://shop.example", "notice_secret": "x", "NOTICE_SECRET_FILE": "/x"}
    assert not [name for name in demo_settings(theirs) if name in theirs]


def test_the_real_gateways_credentials_are_left_out():
    real = {"LIGDICASH_API_KEY": "real", "ligdicash_base_url": "https://x.example", "LIGDICASH_API_TOKEN_FILE": "/x"}
    assert not [name for name in demo_settings(real) if real.get(name)]
