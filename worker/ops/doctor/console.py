"""The console: whether it is on, whether a stolen hash could be guessed, and whether its cookies can be read on their way."""

from __future__ import annotations

from collections.abc import Mapping

from config.values import LOOPBACK
from worker.language import N_
from worker.ops.doctor.finding import Finding, Name, ok, warn
from worker.passwords import is_heavy, is_weak


def judge_console(people: Mapping[str, str], *, is_in_file: bool, is_production: bool, host: str) -> Finding:
    """From the settings alone: `people` with their hashes, whether a file names them, and the address the door listens on."""
    if not people:
        return _judge_nobody(is_in_file=is_in_file)
    again = N_("a new one by `reconciler console password {first}`")
    if weak := [name for name, hashed in people.items() if is_weak(hashed)]:
        found = N_("a stolen hash would be guessed too cheaply, of {names}")
        return warn(Name.CONSOLE, found, again, names=", ".join(weak), first=weak[0])
    if heavy := [name for name, hashed in people.items() if is_heavy(hashed)]:
        found = N_("one sign-in costs more than a door should spend, of {names}")
        return warn(Name.CONSOLE, found, again, names=", ".join(heavy), first=heavy[0])
    if not is_production and host not in LOOPBACK:
        found = N_("on {host} over plain http: passwords and cookies can be read on their way")
        fix = N_("put https before it, or have the door listen on 127.0.0.1")
        return warn(Name.CONSOLE, found, fix, host=host)
    if not is_production:
        return ok(Name.CONSOLE, N_("on, for {count} people, on this machine"), count=len(people))
    return ok(Name.CONSOLE, N_("on, for {count} people, over https alone"), count=len(people))


def _judge_nobody(*, is_in_file: bool) -> Finding:
    if not is_in_file:
        return ok(Name.CONSOLE, N_("off: CONSOLE_USERS is empty"))
    found = N_("the file of CONSOLE_USERS_FILE names nobody: a door that runs with it lets nobody in")
    return warn(Name.CONSOLE, found, N_("a name by `reconciler console password NAME`; or take the variable out"))
