"""This machine: the folder that keeps callbacks while the database is away, and how many files a process may open."""

from __future__ import annotations

import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

from models.errors import TryAgain
from worker.language import N_
from worker.ops.doctor.errand import Away
from worker.ops.doctor.finding import Finding, Name, bad, ok, unknown, warn
from worker.web.spool import Spool

WITHIN = 5.0
"""Seconds one look may take."""

FILES = 10_000
"""Open files a door needs: each connection is one."""

MEGABYTE = 1024 * 1024

LEAST_FREE = 16 * MEGABYTE
"""Bytes: room for one file of the spool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFacts:
    """What one look at the folder saw. Sizes are bytes; a folder that is not there yet is empty."""

    folder: str
    exists: bool
    limit: int
    free: int
    used: int = 0
    waiting: int = 0
    oldest: float = 0.0
    apart: int = 0


def look_at_spool(folder: Path, *, max_mb: int) -> SpoolFacts:
    """Write a file as the door would, and look what lies there. Makes no folder. Raises `SettingsFault`, `TryAgain`."""
    here = folder.absolute()
    spool = Spool(folder, max_mb=max_mb)
    if not here.is_dir():
        parent = next(one for one in here.parents if one.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise TryAgain(f"the folder {here} is not there, and cannot be made in {parent}")
        return SpoolFacts(folder=str(here), exists=False, limit=spool.limit, free=shutil.disk_usage(parent).free)
    spool.prepare()
    try:
        state, free = spool.look(), shutil.disk_usage(here).free
    except OSError as exc:
        raise TryAgain(f"the folder {here} cannot be read ({exc.strerror})") from exc
    return SpoolFacts(
        folder=str(here),
        exists=True,
        limit=spool.limit,
        free=free,
        used=state.bytes,
        waiting=state.waiting,
        oldest=state.oldest,
        apart=state.apart,
    )


def judge_spool(seen: SpoolFacts | Away) -> Finding:  # noqa: PLR0911 - one return per fault
    """Whether callbacks would find a place there."""
    if isinstance(seen, Away):
        fix = N_("set SPOOL_DIR to a folder on a durable disk that the door may write")
        return bad(Name.SPOOL, N_("{why}"), fix, why=seen.why)
    values = {
        "folder": seen.folder,
        "used": round(seen.used / MEGABYTE),
        "limit": round(seen.limit / MEGABYTE),
        "free": round(seen.free / MEGABYTE),
        "waiting": seen.waiting,
        "apart": seen.apart,
    }
    if seen.used >= seen.limit:
        found = N_("full: {used} of {limit} MB, {waiting} callbacks wait for the database")
        return bad(Name.SPOOL, found, N_("bring the database back; a door drains it by itself"), **values)
    if seen.free < LEAST_FREE:
        found = N_("its disk is full: {free} MB left")
        return bad(Name.SPOOL, found, N_("free some, or move SPOOL_DIR to another disk"), **values)
    if seen.free < seen.limit - seen.used:
        found = N_("its disk has {free} MB left, less than the {limit} MB it may take")
        return warn(Name.SPOOL, found, N_("free some, or lower SPOOL_MAX_MB"), **values)
    if seen.apart:
        found = N_("files kept apart for a person: {apart}, in {folder}")
        return warn(Name.SPOOL, found, N_("look at them; rename a .refused to .spool to have it tried again"), **values)
    if not seen.exists:
        return ok(Name.SPOOL, N_("{folder} is not there yet; a door makes it"), **values)
    return ok(Name.SPOOL, N_("{folder} can be written, {waiting} callbacks wait there"), **values)


def open_files() -> int:
    """How many files a process of this shell may open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def judge_open_files(limit: int | Away) -> Finding:
    """Whether a door started from this shell could hold its connections."""
    if isinstance(limit, Away):
        return unknown(Name.OPEN_FILES, N_("not looked at: {why}"), why=limit.why)
    if limit != resource.RLIM_INFINITY and limit < FILES:
        found = N_("a process started like this one may open {limit:,}; a door needs {files:,}")
        return warn(
            Name.OPEN_FILES, found, N_("`ulimit -n {files}`, or LimitNOFILE= of its service"), limit=limit, files=FILES
        )
    return ok(Name.OPEN_FILES, N_("{limit:,}"), limit=limit)
