"""The complete environment of the children: what the user set wins, and the rest is filled in so that it works."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from models.errors import SettingsFault
from worker.embedded.folder import LOOPBACK, DataFolder, is_free, write_privately

USUAL_WEB_PORT = 8000
CONSOLE_PASSWORD = "console-password"  # noqa: S105 - the name of a file
EVERYWHERE = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - where to knock when a door listens everywhere


def given(env: Mapping[str, str], name: str) -> str:
    """The value the user gave to a setting, directly or through `NAME_FILE`; empty when neither."""
    by_name = {key.upper(): value for key, value in env.items()}
    if value := by_name.get(name, ""):
        return value
    file = by_name.get(f"{name}_FILE", "")
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise SettingsFault(f"{name}_FILE: cannot be read ({exc.strerror})") from exc


def refuse_play_in_real_books(env: Mapping[str, str]) -> None:
    """Raise `SettingsFault` where play money would settle in a database that is not ours, and nobody said development.

    Production leaves both ENVIRONMENT and LIGDICASH_BASE_URL out, as their defaults are right there: a shell with its
    settings must not become a play shop by one command.
    """
    theirs = [name for name in ("DATABASE_URL", "REDIS_URL") if given(env, name)]
    if theirs and given(env, "ENVIRONMENT") != "development":
        raise SettingsFault(
            f"{theirs[0]} is set: the simulator's play money would end up there; set ENVIRONMENT=development if that "
            f"is what you want, or unset {theirs[0]} to use the embedded servers"
        )


def web_host(env: Mapping[str, str]) -> str:
    """The address the HTTP door listens on."""
    return given(env, "WEB_HOST") or LOOPBACK


def web_port(env: Mapping[str, str], folder: DataFolder) -> int:
    """The port the user wants; else that of last time, else the usual one, else any. `WEB_PORT=0` skips the usual one."""
    wanted = given(env, "WEB_PORT")
    if wanted not in ("", "0"):
        if not wanted.isdecimal() or not is_free(int(wanted), host=web_host(env)):
            raise SettingsFault(f"WEB_PORT: {wanted} is not a free port; WEB_PORT=0 takes one that is")
        # Remembered too: open invoices tell the gateway to call back at this port, also after the next start.
        return folder.remember_port("web", int(wanted))
    return folder.port("web", preferred=0 if wanted else USUAL_WEB_PORT)


def http_address(host: str, port: int) -> str:
    """How a program on this machine reaches a server that listens there."""
    host = EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


PERSON = "me"
"""Who is let into the console where nobody else was named."""


def let_in(folder: DataFolder) -> Path:
    """The file of those who may sign in to the console: one person, with a password kept in the folder for its owner alone.

    Made once, so that whoever is signed in stays so when everything is started again.
    """
    from worker.passwords import hash_of

    file = folder.path / "secrets" / "console-users"
    password = folder.secret(CONSOLE_PASSWORD)
    if not file.exists():
        write_privately(file, f"{PERSON}:{hash_of(password)}\n")
    return file


def complete(
    env: Mapping[str, str], *, folder: DataFolder, found: Mapping[str, str], simulated: bool
) -> dict[str, str]:
    """The user's environment, plus what was `found` on this machine, plus keys made once and kept in the folder.

    Keys of the simulator begin with `sim-`: the real gateway would refuse them, and the simulator refuses all others.
    """
    filled = {"ENVIRONMENT": "development", **found}
    made = {"RECONCILER_API_KEY": ""}
    if simulated:
        made |= {"LIGDICASH_API_KEY": "sim-", "LIGDICASH_API_TOKEN": "sim-"}
    result = dict(env)
    result |= {name: value for name, value in filled.items() if not given(env, name)}
    for name, prefix in made.items():
        if not given(env, name):
            result[name] = folder.secret(name.lower().replace("_", "-"), prefix=prefix)
    # Logs must reach their files when a process is killed; and `-m` must find the packages in the working directory.
    result["PYTHONUNBUFFERED"] = "1"
    result.pop("PYTHONSAFEPATH", None)
    return result
