"""The simulator as a process: it says where it listens, remembers, stops cleanly, and stays away from production."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from models.errors import SettingsFault
from tests.servers import PATIENCE
from worker.ligdicash.simulator.command import parse_options
from worker.ligdicash.simulator.manners import Manners, Twins
from worker.ligdicash.simulator.options import Options, Payer, Shares, Span, refuse_production
from worker.ligdicash.simulator.running import running_simulator

ROOT = Path(__file__).parents[4]
QUIET = {name: value for name, value in os.environ.items() if not name.startswith(("LIGDICASH_", "ENVIRONMENT"))}


@pytest.fixture
def launch(tmp_path, wait_until):
    """Start the process with some arguments; get the process and its address."""
    started = []

    def launching(*arguments):
        port_file = tmp_path / f"port-{len(started)}"
        command = [sys.executable, "-m", "worker.ligdicash.simulator", "--port-file", str(port_file), *arguments]
        process = subprocess.Popen(
            command, cwd=ROOT, env=QUIET, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        wait_until(lambda: port_file.exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        return process, f"http://127.0.0.1:{int(port_file.read_text())}"

    yield launching
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_where_it_listens_and_stops_without_a_word(launch, stop):
    process, address = launch()

    assert requests.get(f"{address}/_sim/books", timeout=PATIENCE).json()["created"] == 0
    process.send_signal(stop)
    out, err = process.communicate(timeout=PATIENCE)

    assert out == f"LigdiCash simulator at {address}\n"
    assert err == ""
    assert process.returncode in (0, -stop)


def test_a_second_start_finds_the_books_again(launch, tmp_path):
    state = tmp_path / "deep" / "state.json"
    first, address = launch("--state", str(state))
    headers = {"Apikey": "sim-k", "Authorization": "Bearer sim-t"}
    order = {
        "invoice": {"items": [], "total_amount": 4200, "devise": "XOF"},
        "store": {},
        "actions": {},
        "custom_data": {"transaction_id": "ART1"},
    }
    create = "/pay/v01/redirect/checkout-invoice/create"
    made = requests.post(address + create, json={"commande": order}, headers=headers, timeout=PATIENCE).json()
    requests.post(f"{address}/_sim/transactions/ART1/decide", json={"status": "completed"}, timeout=PATIENCE)
    before = requests.get(f"{address}/_sim/transactions/ART1", timeout=PATIENCE).json()
    first.terminate()
    first.wait(timeout=PATIENCE)

    _, address = launch("--state", str(state))

    assert requests.get(f"{address}/_sim/transactions/ART1", timeout=PATIENCE).json() == before
    asked = {"invoiceToken": made["token"]}
    answer = requests.get(
        address + create.replace("create", "confirm"), params=asked, headers=headers, timeout=PATIENCE
    )
    assert answer.json()["status"] == "completed"
    again = requests.post(address + create, json={"commande": order}, headers=headers, timeout=PATIENCE).json()
    assert again["token"] != made["token"]
    assert state.stat().st_mode & 0o077 == 0


def test_a_state_file_survives_a_kill_a_moment_after_the_change(launch, tmp_path, wait_until):
    state = tmp_path / "state.json"
    process, address = launch("--state", str(state), "--payer", "auto", "--pay-delay", "0", "--completed", "1")
    headers = {"Apikey": "sim-k", "Authorization": "Bearer sim-t"}
    order = {"invoice": {"total_amount": 10, "devise": "XOF"}, "store": {}, "actions": {}}
    create = f"{address}/pay/v01/redirect/checkout-invoice/create"
    requests.post(create, json={"commande": order}, headers=headers, timeout=PATIENCE)

    wait_until(lambda: state.exists() and '"completed"' in state.read_text())
    process.kill()

    assert len(json.loads(state.read_text())) == 1


def test_something_else_in_the_place_of_the_state_file_is_left_alone(tmp_path):
    state = tmp_path / "state.json"
    state.write_text("my letters")

    command = [sys.executable, "-m", "worker.ligdicash.simulator", "--state", str(state)]
    done = subprocess.run(command, cwd=ROOT, env=QUIET, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert done.returncode == 2
    assert done.stderr == f"simulator: {state} is not a state file of the simulator; move it away\n"
    assert state.read_text() == "my letters"


@pytest.mark.parametrize(
    "environment",
    [
        {"ENVIRONMENT": "production"},
        {"ENVIRONMENT": "Production", "LIGDICASH_API_KEY": "sim-key"},
        {"LIGDICASH_API_KEY": "REALKEY"},
        {"LIGDICASH_API_TOKEN": "REALKEY"},
        {"LIGDICASH_API_KEY_FILE": "/run/secrets/key"},
    ],
)
def test_it_refuses_to_start_where_real_money_may_be_near(environment):
    with pytest.raises(SettingsFault) as caught:
        refuse_production(environment)

    assert "REALKEY" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [{}, {"LIGDICASH_API_KEY": "sim-key"}, {"ENVIRONMENT": "development", "LIGDICASH_API_KEY": "REALKEY"}],
)
def test_it_starts_on_a_development_machine(environment):
    refuse_production(environment)


def test_the_process_refuses_production_with_one_line():
    command = [sys.executable, "-m", "worker.ligdicash.simulator"]
    environment = QUIET | {"ENVIRONMENT": "production"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "simulator: ENVIRONMENT is production: the simulator does not run there\n"


def test_a_port_that_is_taken_is_told_in_one_sentence():
    with running_simulator() as simulator:
        port = int(simulator.base_url.rpartition(":")[2])

        with (
            pytest.raises(SettingsFault, match=f"cannot listen on 127.0.0.1 port {port}"),
            running_simulator(Options(port=port)),
        ):
            pass


def test_arguments_become_options_and_the_rest_keeps_its_default():
    options = parse_options(
        ["--payer", "auto", "--completed", "0.5", "--pay-delay", "0.1-0.3", "--twins", "none", "--confirm-latency", "2"]
    )

    assert options == Options(
        payer=Payer.AUTO,
        shares=Shares(completed=0.5),
        pay_delay=Span(low=0.1, high=0.3),
        manners=Manners(twins=Twins.NONE),
        confirm_latency=Span(low=2, high=2),
    )


@pytest.mark.parametrize("wrong", [["--copies", "0"], ["--lost", "1.5"], ["--pay-delay", "soon"], ["--port", "70000"]])
def test_a_value_out_of_range_is_a_settings_fault_that_names_the_option(wrong):
    with pytest.raises(SettingsFault, match=wrong[0].strip("-").split("-")[-1]):
        parse_options(wrong)
