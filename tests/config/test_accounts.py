"""The accounts file: faults all told at once and without a secret, and changes taken up while the process runs."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from config.account_tables import DEFAULT
from config.accounts import KnownAccounts
from config.reread import LOOK_EVERY
from config.settings import SettingsProblem, secret_files
from models import account
from tests.fakes import settings_for

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
SHOP = '[shop]\napi_key = "key-of-the-shop"\napi_token = "token-of-the-shop"\n'


class Clock:
    """Moves when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "accounts.toml"


def known(path, text=SHOP, **more):
    path.write_text(text)
    return KnownAccounts(settings_for(NOWHERE, ligdicash_accounts_file=str(path)), **more)


def faults(path, text, **settings):
    path.write_text(text)
    with pytest.raises(SettingsProblem) as caught:
        settings_for(NOWHERE, ligdicash_accounts_file=str(path), **settings)
    return caught.value.faults


def replace_file(path, text):
    """As an operator does it: the old file stays whole until the new one is in its place."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def key_of(accounts, name):
    return accounts.now()[name].api_key.get_secret_value()


def test_both_floors_give_the_account_of_the_plain_settings_one_name():
    assert account.DEFAULT == DEFAULT


def test_without_a_file_there_is_the_one_account_and_no_file_is_looked_at(monkeypatch):
    accounts = KnownAccounts(settings_for(NOWHERE), clock=Clock())
    monkeypatch.setattr("config.accounts.Path.stat", lambda _: pytest.fail("a file was looked at"))
    assert list(accounts.now()) == [DEFAULT]
    assert accounts.now() is accounts.now()


def test_what_a_table_leaves_out_comes_from_the_plain_settings(path):
    path.write_text(SHOP)
    settings = settings_for(
        NOWHERE, ligdicash_accounts_file=str(path), store_name="Main", ligdicash_rate=7, ligdicash_operators="11"
    )
    shop = KnownAccounts(settings).now()["shop"]
    assert (shop.rate, shop.store_name, shop.operators) == (7, "Main", ("11",))
    assert shop.callback_url == f"{settings.callback_url}/shop"


def test_what_a_table_says_holds_for_its_account_alone(path):
    more = 'rate = 3\nstore_name = ""\noperators = ["1", "2"]\ncallback_url = "https://ci.example.com/hook"\n'
    accounts = known(path, SHOP + more).now()
    shop = accounts["shop"]
    assert (shop.rate, shop.store_name, shop.operators) == (3, "", ("1", "2"))
    assert (shop.callback_url, accounts[DEFAULT].rate) == ("https://ci.example.com/hook", 50)


def test_keys_may_stand_in_files_beside_it(path):
    (path.parent / "shop.key").write_text("key-from-a-file\n")
    accounts = known(path, '[shop]\napi_key_file = "shop.key"\napi_token = "t"\n')
    assert key_of(accounts, "shop") == "key-from-a-file"


FAULTY = """
api_key = "secret-outside"
[shop]
api_key = "secret with blanks"
api_token_file = "absent"
rate = "often"
colour = "secret-red"
return_url = "javascript:secret"
[Shop]
[default]
[bare]
[both]
api_key = "secret-1"
api_key_file = "secret.key"
api_token = ""
"""


def test_every_fault_of_every_table_is_told_at_once_and_no_value_of_any(path):
    found = faults(path, FAULTY)
    assert sorted(found) == sorted(
        f"LIGDICASH_ACCOUNTS_FILE: {fault}"
        for fault in (
            "api_key: stands outside a table; each account is one, as [shop-abidjan]",
            "[shop] api_key: must be visible ASCII characters without blanks",
            "[shop] api_token_file: cannot be read (No such file or directory)",
            "[shop] rate: input should be a valid number",
            "[shop] colour: is not known here; docs/accounts.md lists what is",
            "[shop] return_url: must be a whole http:// or https:// address",
            "[Shop]: must be named by up to 40 small letters, digits, - and _, as [shop-abidjan]",
            "[default]: is the account of the plain settings, LIGDICASH_API_KEY and the others; name it otherwise",
            "[bare] api_key: give it, or api_key_file",
            "[bare] api_token: give it, or api_token_file",
            "[both] api_key: give it or api_key_file, not both",
            "[both] api_token: is empty",
        )
    )
    assert "secret" not in str(found)


def test_its_faults_come_together_with_those_of_the_other_settings(path):
    found = faults(path, "[shop]\n", sweep_every="often", callback_url="nowhere")
    assert [line.partition(":")[0] for line in found] == [
        "CALLBACK_URL",
        "LIGDICASH_ACCOUNTS_FILE",
        "LIGDICASH_ACCOUNTS_FILE",
        "SWEEP_EVERY",
    ]


def test_what_is_no_toml_is_told_with_its_line_and_without_what_stands_there(path):
    [fault] = faults(path, "[shop]\napi_key = secret\n")
    assert fault.startswith("LIGDICASH_ACCOUNTS_FILE: is not TOML: invalid value (at line 2")
    [doubled] = faults(path, '[shop]\napi_key = "a"\nsecret = 1\nsecret = 2\n')
    assert "secret" not in doubled


def test_a_file_that_is_not_there_is_a_fault(path):
    with pytest.raises(SettingsProblem) as caught:
        settings_for(NOWHERE, ligdicash_accounts_file=str(path))
    assert caught.value.faults == ["LIGDICASH_ACCOUNTS_FILE: cannot be read (No such file or directory)"]


def test_one_key_in_two_accounts_is_a_fault(path):
    twice = (
        SHOP
        + SHOP.replace("[shop]", "[other]")
        + SHOP.replace("[shop]", "[own]").replace("key-of-the-shop", "key-for-tests")
    )
    assert faults(path, twice) == [
        "LIGDICASH_ACCOUNTS_FILE: [other] api_key: is that of the account shop too; one project is one account",
        "LIGDICASH_ACCOUNTS_FILE: [own] api_key: is that of the account default too; one project is one account",
    ]


def test_in_production_callbacks_must_come_by_https(path):
    strict = {"environment": "production", "ligdicash_base_url": "https://app.ligdicash.com"}
    [fault] = faults(path, SHOP + 'callback_url = "http://ci.example.com"\n', **strict)
    assert fault.startswith("LIGDICASH_ACCOUNTS_FILE: [shop] callback_url: must be a public https:// address")


def test_secrets_are_in_no_repr(path):
    accounts = known(path).now()
    assert "key-of-the-shop" not in repr(accounts)
    assert "token-of-the-shop" not in repr(accounts)


def test_a_changed_file_is_taken_up_at_the_next_look_and_not_before(path, clock):
    accounts = known(path, clock=clock)
    before = accounts.now()
    replace_file(path, SHOP.replace("key-of-the-shop", "new-key") + SHOP.replace("[shop]", "[second]"))
    clock.now = LOOK_EVERY / 2
    assert accounts.now() is before
    clock.now = LOOK_EVERY
    with capture_logs() as logs:
        assert list(accounts.now()) == [DEFAULT, "shop", "second"]
    assert key_of(accounts, "shop") == "new-key"
    assert [(line["event"], line["changed"]) for line in logs] == [("accounts_read", ["second", "shop"])]
    assert "new-key" not in json.dumps(logs)


def test_a_file_written_anew_with_the_same_contents_changes_nothing(path, clock):
    accounts = known(path, clock=clock)
    before = accounts.now()
    replace_file(path, SHOP)
    clock.now = LOOK_EVERY
    assert accounts.now() is before


def test_a_key_file_that_a_table_names_is_watched_too(path, clock):
    key = path.parent / "shop.key"
    key.write_text("old")
    accounts = known(path, '[shop]\napi_key_file = "shop.key"\napi_token = "t"\n', clock=clock)
    replace_file(key, "newer")
    clock.now = LOOK_EVERY
    assert key_of(accounts, "shop") == "newer"


def test_a_faulty_file_keeps_what_was_read_and_is_told_once_until_it_is_put_right(path, clock):
    accounts = known(path, clock=clock)
    before = accounts.now()
    replace_file(path, '[shop]\napi_key = "secret-key"\n')
    with capture_logs() as logs:
        for clock.now in (LOOK_EVERY, 2 * LOOK_EVERY, 3 * LOOK_EVERY):
            assert accounts.now() is before
    assert [line["event"] for line in logs] == ["accounts_not_read"]
    assert accounts.faults == ("LIGDICASH_ACCOUNTS_FILE: [shop] api_token: give it, or api_token_file",)
    assert "secret-key" not in json.dumps(logs)
    replace_file(path, SHOP.replace("key-of-the-shop", "put-right"))
    clock.now = 4 * LOOK_EVERY
    assert key_of(accounts, "shop") == "put-right"
    assert accounts.faults == ()


def test_a_file_that_vanishes_keeps_what_was_read(path, clock):
    accounts = known(path, clock=clock)
    path.unlink()
    clock.now = LOOK_EVERY
    assert list(accounts.now()) == [DEFAULT, "shop"]
    assert accounts.faults == ("LIGDICASH_ACCOUNTS_FILE: cannot be read (No such file or directory)",)


def test_a_key_file_that_comes_after_the_table_that_names_it_is_found(path, clock):
    accounts = known(path, clock=clock)
    replace_file(path, SHOP + '[late]\napi_key_file = "late.key"\napi_token = "t"\n')
    clock.now = LOOK_EVERY
    assert list(accounts.now()) == [DEFAULT, "shop"]
    (path.parent / "late.key").write_text("here-now")
    clock.now = 2 * LOOK_EVERY
    assert key_of(accounts, "late") == "here-now"


def test_the_keys_of_the_plain_settings_are_rotated_in_their_files(tmp_path, clock, monkeypatch):
    monkeypatch.delenv("LIGDICASH_API_KEY", raising=False)
    key = tmp_path / "key"
    key.write_text("the-first")
    monkeypatch.setenv("LIGDICASH_API_KEY_FILE", str(key))
    accounts = KnownAccounts(settings_for(NOWHERE), own_files=secret_files(), clock=clock)
    assert key_of(accounts, DEFAULT) == "the-first"
    replace_file(key, "the-second")
    clock.now = LOOK_EVERY
    assert key_of(accounts, DEFAULT) == "the-second"
    replace_file(key, "")
    clock.now = 2 * LOOK_EVERY
    assert key_of(accounts, DEFAULT) == "the-second"
    assert accounts.faults == ("LIGDICASH_API_KEY_FILE: is empty",)


def test_a_variable_that_is_set_wins_over_its_file(monkeypatch):
    monkeypatch.setenv("LIGDICASH_API_KEY", "x")
    monkeypatch.setenv("LIGDICASH_API_KEY_FILE", "/nowhere")
    assert secret_files() == {}
