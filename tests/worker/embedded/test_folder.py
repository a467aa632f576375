"""The data folder: one holder at a time, secrets that stay, ports that are remembered."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import SettingsFault
from worker.embedded.folder import PORTS, DataFolder, is_free


def test_a_second_holder_gets_one_line_that_names_the_first(tmp_path):
    with DataFolder(tmp_path) as first, pytest.raises(SettingsFault, match=r"in use by process \d+") as refusal:
        DataFolder(tmp_path).open()

    assert "\n" not in str(refusal.value)
    first.open().close()


def test_a_holder_that_was_killed_does_not_keep_the_folder(tmp_path):
    script = f"""import os
from pathlib import Path
from worker.embedded.folder import DataFolder
folder = DataFolder(Path({str(tmp_path)!r})).open()
os.kill(os.getpid(), 9)"""
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], check=False)

    assert done.returncode == -9
    with DataFolder(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_a_clear_line(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(SettingsFault, match="cannot be used"):
        DataFolder(tmp_path / "file" / "data").open()


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    with DataFolder(tmp_path) as folder:
        made = folder.secret("api-key", prefix="sim-")
    with DataFolder(tmp_path) as folder:
        assert folder.secret("api-key") == made

    assert made.startswith("sim-")
    assert len(made) > 64
    assert stat.S_IMODE((tmp_path / "secrets" / "api-key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_two_secrets_differ(tmp_path):
    with DataFolder(tmp_path) as folder:
        assert folder.secret("one") != folder.secret("two")


def test_a_port_is_remembered(tmp_path):
    with DataFolder(tmp_path) as folder:
        port = folder.port("web")
    with DataFolder(tmp_path) as folder:
        assert folder.port("web") == port

    assert port in PORTS


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path):
    with DataFolder(tmp_path) as folder, socket.socket() as stranger:
        port = folder.port("web")
        stranger.bind(("127.0.0.1", port))
        stranger.listen()

        assert folder.port("web") != port


def test_two_names_never_share_a_port(tmp_path):
    with DataFolder(tmp_path) as folder:
        port = folder.port("web")

        assert folder.port("simulator", preferred=port) != port


def test_a_preferred_port_is_taken_when_it_is_free(tmp_path):
    with DataFolder(tmp_path) as folder:
        free = folder.port("probe")
    (tmp_path / "ports.json").unlink()
    with DataFolder(tmp_path) as folder:
        assert folder.port("web", preferred=free) == free


def test_an_unreadable_list_of_ports_is_begun_anew(tmp_path):
    (tmp_path / "ports.json").write_text("{broken")

    with DataFolder(tmp_path) as folder:
        assert is_free(folder.port("web"))
