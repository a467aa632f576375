"""Settings: every fault named at once, no secret ever repeated, files for secrets, and no simulator in production."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from config.settings import Environment, Settings, SettingsProblem, load_settings

GOOD = {
    "LIGDICASH_API_KEY": "the-project-key",
    "LIGDICASH_API_TOKEN": "the-api-token",
    "DATABASE_URL": "postgresql://user:db-password@db.example:5432/books",
    "REDIS_URL": "redis://:redis-password@redis.example:6379/0",
    "RECONCILER_API_KEY": "a-key-of-the-merchant-app",
    "CALLBACK_URL": "https://pay.example.com/callback",
}
SECRETS = ("the-project-key", "the-api-token", "db-password", "redis-password", "a-key-of-the-merchant-app")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """Nothing from this machine: no variables, and a working directory without a `.env`."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def environment(monkeypatch):
    """Sets variables; None takes one away."""

    def put(**changes):
        for name, value in (GOOD | changes).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    put()
    return put


def faults():
    with pytest.raises(SettingsProblem) as caught:
        load_settings()
    return caught.value.faults


@pytest.mark.usefixtures("environment")
def test_what_is_needed_is_six_variables():
    settings = load_settings()
    assert settings.environment is Environment.PRODUCTION
    assert settings.ligdicash_api_key.get_secret_value() == "the-project-key"


def test_a_machine_without_any_is_told_of_all_that_are_missing():
    assert sorted(faults()) == sorted(f"{name}: is not set" for name in GOOD)


def test_all_faults_come_at_once_each_under_its_name(environment):
    environment(
        LIGDICASH_API_KEY=None,
        DATABASE_URL="mysql://db-password@x",
        REDIS_URL="amqp://redis-password@x",
        RECONCILER_API_KEY="short-secret",
        CALLBACK_URL="http://localhost/callback",
        SWEEP_EVERY="often",
        LOG_LEVEL="LOUD",
        WEB_PORT="70000",
    )
    found = faults()
    named = ["LIGDICASH_API_KEY", "DATABASE_URL", "REDIS_URL", "RECONCILER_API_KEY", "CALLBACK_URL"]
    assert sorted(line.partition(":")[0] for line in found) == sorted([*named, "SWEEP_EVERY", "LOG_LEVEL", "WEB_PORT"])
    assert all(len(line.splitlines()) == 1 for line in found)
    assert "short-secret" not in str(found)
    assert "password" not in str(found).replace("user:password@host", "")


def test_an_empty_variable_is_a_missing_one(environment):
    environment(LIGDICASH_API_TOKEN="")
    assert faults() == ["LIGDICASH_API_TOKEN: is not set"]


def test_a_blank_key_is_no_key(environment):
    environment(LIGDICASH_API_KEY="  ")
    assert faults() == ["LIGDICASH_API_KEY: is empty"]


@pytest.mark.usefixtures("environment")
def test_secrets_are_in_no_repr_no_text_and_no_dump():
    settings = load_settings()
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert [secret for secret in SECRETS if secret in shown] == []


@pytest.mark.usefixtures("environment")
def test_settings_do_not_change_once_read():
    with pytest.raises(ValidationError):
        load_settings().log_level = "DEBUG"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_the_database_is_postgresql_by_psycopg_however_it_is_written(environment, scheme):
    environment(DATABASE_URL=f"{scheme}://u:p@h/d")
    assert load_settings().database_url.get_secret_value() == "postgresql+psycopg://u:p@h/d"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://"),
        ("DATABASE_URL", "sqlite:///x.db"),
        ("DATABASE_URL", "db.example"),
        ("REDIS_URL", "http://redis"),
        ("REDIS_URL", "redis"),
        ("CALLBACK_URL", "pay.example.com/callback"),
        ("CALLBACK_URL", "https://"),
        ("CALLBACK_URL", "https://user:pass-word@pay.example.com/callback"),
        ("RETURN_URL", "javascript:alert(1)"),
        ("LIGDICASH_BASE_URL", "ftp://app.ligdicash.com"),
        ("LIGDICASH_ANSWER_TIMEOUT", "0"),
        ("PENDING_AFTER", "-1"),
        ("SWEEP_BATCH", "0"),
        ("ENVIRONMENT", "staging"),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(environment, name, value):
    environment(**{name: value})
    [fault] = faults()
    assert fault.startswith(f"{name}: ")
    assert "pass-word" not in fault


@pytest.mark.parametrize("name", ["LIGDICASH_BASE_URL", "CALLBACK_URL"])
@pytest.mark.parametrize("url", ["http://pay.example.com", "https://localhost", "https://127.0.0.1:9", "https://[::1]"])
def test_production_speaks_to_public_addresses_by_https_only(environment, name, url):
    environment(**{name: url})
    [fault] = faults()
    assert fault.startswith(f"{name}: ")
    assert "ENVIRONMENT=development" in fault
    environment(ENVIRONMENT="development", **{name: url})
    assert load_settings().environment is Environment.DEVELOPMENT


NOTICE_KEY = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
"""24 bytes, the fewest there may be."""


def test_notices_go_out_by_https_with_a_key(environment):
    environment(NOTICE_URL="https://shop.example.com/hooks/", NOTICE_SECRET=NOTICE_KEY)
    settings = load_settings()
    assert settings.notice_url == "https://shop.example.com/hooks/", "a slash at the end matters there"
    assert NOTICE_KEY not in f"{settings!r} {settings.model_dump()}"


def test_without_an_address_for_notices_no_key_is_needed(environment):
    environment()
    assert (load_settings().notice_url, load_settings().notice_allow_private) == ("", False)


def test_an_address_for_notices_needs_a_key(environment):
    environment(NOTICE_URL="https://shop.example.com/hooks")
    [fault] = faults()
    assert fault.startswith("NOTICE_SECRET: is not set")
    assert "openssl" in fault


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTICE_URL", "http://shop.example.com/hooks"),
        ("NOTICE_URL", "https://127.0.0.1/hooks"),
        ("NOTICE_URL", "https://user:pass-word@shop.example.com/hooks"),
        ("NOTICE_URL", "https://shop.example.com/a b"),
        ("NOTICE_URL", "https://shop.example.com/#part"),
        ("NOTICE_SECRET", "pass-word"),
        ("NOTICE_SECRET", "whsec_pass-word"),
        ("NOTICE_SECRET", "whsec_c2hvcnQ="),
        ("NOTICE_SECRET", NOTICE_KEY.removeprefix("whsec_")),
        ("NOTICE_SECRET_PREVIOUS", "whsec_pass-word"),
        ("NOTICE_TIMEOUT", "31"),
    ],
)
def test_what_notices_cannot_go_out_with_is_named_and_not_repeated(environment, name, value):
    environment(**{"NOTICE_URL": "https://shop.example.com/hooks", "NOTICE_SECRET": NOTICE_KEY, name: value})
    [fault] = faults()
    assert fault.startswith(f"{name}: ")
    assert "pass-word" not in fault


def test_the_key_for_notices_can_stand_in_a_file(environment, tmp_path, monkeypatch):
    (tmp_path / "key").write_text(f"{NOTICE_KEY}\n")
    environment(NOTICE_URL="https://shop.example.com/hooks")
    monkeypatch.setenv("NOTICE_SECRET_FILE", str(tmp_path / "key"))
    assert load_settings().notice_secret.get_secret_value() == NOTICE_KEY


def test_a_misspelt_environment_does_not_loosen_the_rules(environment):
    environment(ENVIRONMENT="develop", CALLBACK_URL="http://localhost/x")
    assert sorted(line.partition(":")[0] for line in faults()) == ["CALLBACK_URL", "ENVIRONMENT"]


def test_a_trailing_slash_of_an_address_is_dropped(environment):
    environment(LIGDICASH_BASE_URL="https://gateway.example/")
    assert load_settings().ligdicash_base_url == "https://gateway.example"


def test_a_secret_can_stand_in_a_file(environment, tmp_path, monkeypatch):
    (tmp_path / "key").write_text("key-from-a-file\n")
    environment(LIGDICASH_API_KEY=None)
    monkeypatch.setenv("LIGDICASH_API_KEY_FILE", str(tmp_path / "key"))
    assert load_settings().ligdicash_api_key.get_secret_value() == "key-from-a-file"
    environment(LIGDICASH_API_KEY="the variable wins")
    assert load_settings().ligdicash_api_key.get_secret_value() == "the variable wins"


@pytest.mark.usefixtures("environment")
def test_files_that_cannot_be_used_are_all_named_without_their_content(tmp_path, monkeypatch):
    (tmp_path / "binary").write_bytes(b"\xff\xfesecret")
    monkeypatch.setenv("LIGDICASH_API_KEY_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv("LIGDICASH_API_TOKEN_FILE", str(tmp_path / "binary"))
    found = faults()
    assert [line.partition(":")[0] for line in found] == ["LIGDICASH_API_KEY_FILE", "LIGDICASH_API_TOKEN_FILE"]
    assert "secret" not in str(found)


def test_an_empty_file_is_a_missing_value(environment, tmp_path, monkeypatch):
    (tmp_path / "key").write_text("\n")
    environment(LIGDICASH_API_KEY=None)
    monkeypatch.setenv("LIGDICASH_API_KEY_FILE", str(tmp_path / "key"))
    assert faults() == ["LIGDICASH_API_KEY: is not set"]


def test_a_dotenv_file_is_read_and_real_variables_win_over_it(environment, tmp_path):
    environment(LIGDICASH_API_KEY=None)
    (tmp_path / ".env").write_text("LIGDICASH_API_KEY=from-dotenv\nLIGDICASH_API_TOKEN=from-dotenv\nUNRELATED=x\n")
    settings = load_settings()
    assert settings.ligdicash_api_key.get_secret_value() == "from-dotenv"
    assert settings.ligdicash_api_token.get_secret_value() == os.environ["LIGDICASH_API_TOKEN"]


def test_no_secret_hides_in_the_error_or_its_causes(environment):
    environment(DATABASE_URL="mysql://user:db-password@x")
    with pytest.raises(SettingsProblem) as caught:
        load_settings()
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "db-password" not in f"{error!r}{error}"


def test_every_setting_says_what_it_is_for():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("written", "ids"),
    [("", ()), ("11", ("11",)), (" 11, 12 ,11", ("11", "12")), ("77", ("77",))],
    ids=["none", "one", "twice", "stranger"],
)
def test_the_projects_operators_are_ids_with_commas_between_each_once(environment, written, ids):
    environment(LIGDICASH_OPERATORS=written)
    assert load_settings().operator_ids == ids


@pytest.mark.parametrize(
    "written", ["11 12", "11,,12", "11,", "orange", "-1", "\N{FULLWIDTH DIGIT ONE}1"], ids=range(6)
)
def test_operators_that_are_no_ids_are_a_fault_that_shows_how(environment, written):
    environment(LIGDICASH_OPERATORS=written)
    assert faults() == [
        "LIGDICASH_OPERATORS: must be operator ids with commas between them, as 11,12: `reconciler operators` lists them"
    ]
