"""Programs that tests use and pip does not bring: a browser, and promtool. `python -m tests.programs` brings those that are missing.

What is on PATH is used. What is not is unpacked into `.programs/` of this checkout: nothing is installed on the machine, and
nobody has to be root. Only a browser for which that fails is installed by apt, where root runs this. With `--missing` it brings
nothing and says what there is not. Needs nothing but the standard library: it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

OWN = Path(__file__).parents[1] / ".programs"

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")

CHROMIUM = "@sparticuz/chromium@147.0.0"
"""A headless Chromium in a package of npm's registry, 68 MB, for Linux on x86-64, with the libraries that servers lack."""

CHROMIUM_SHA512 = (
    "e1929e01041af2ea769adebbe6a4a2b73b4b75b42b95ff0129d0b99da79aa7ee"
    "4cbf5395d4e94974fa14f84242fe9e6c414254426378afeab9f8485a68e507a5"
)
UNPACK = "const z=require('zlib'),f=require('fs'),[s,d]=process.argv.slice(1);f.writeFileSync(d,z.brotliDecompressSync(f.readFileSync(s)))"
"""npm comes with Node, which reads Brotli; Python does not."""

PATIENCE = 180
"""Seconds for one step over the network."""

WITHOUT_BROWSER = "NO BROWSER: the pages of the console were tested over HTTP, and NOT in a browser"
WITHOUT_PROMTOOL = "NO PROMTOOL: the alert rules were NOT tried"


@dataclass(frozen=True)
class Program:
    """One that runs here, and what its environment needs besides."""

    path: str
    environment: dict[str, str] = field(default_factory=dict)


@cache
def browser() -> Program | None:
    """A Chromium or Chrome, if there is one."""
    found = [Program(path) for name in BROWSERS if (path := shutil.which(name))]
    own = Program(str(OWN / "chromium" / "chromium"), {"LD_LIBRARY_PATH": str(OWN / "chromium" / "lib")})
    return next((one for one in (*found, own) if _runs(one)), None)


@cache
def promtool() -> Program | None:
    """The checker of Prometheus's rules, if there is one."""
    found = [Program(path) for path in (shutil.which("promtool"), str(OWN / "promtool")) if path]
    return next((one for one in found if _runs(one)), None)


def _runs(program: Program) -> bool:
    """Whether it starts: distributions have stubs of this name that only say where else to look."""
    try:
        environment = {**os.environ, **program.environment}
        done = subprocess.run(
            [program.path, "--version"], env=environment, capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def missing() -> list[str]:
    """A line for each that is not here."""
    return [line for find, line in ((browser, WITHOUT_BROWSER), (promtool, WITHOUT_PROMTOOL)) if find() is None]


def bring() -> None:
    """Bring what is missing; says on stderr what failed, and raises nothing."""
    if browser() is None:
        _try(_browser_from_npm)
        browser.cache_clear()
    if browser() is None:
        _try(_browser_from_apt)
        browser.cache_clear()
    if promtool() is None:
        _try(_promtool_from_debian)
        promtool.cache_clear()


def _try(step: Callable[[Path], None]) -> None:
    OWN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OWN) as folder:
        try:
            step(Path(folder))
        except (OSError, subprocess.SubprocessError, ValueError) as exc:
            sys.stderr.write(f"{step.__name__.strip('_').replace('_', ' ')}: {exc}\n")


def _run(*command: str, cwd: Path) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=True
    )


def _browser_from_npm(folder: Path) -> None:
    """Raises `ValueError` where the package is not the one whose hash stands here."""
    _run("npm", "pack", "--silent", CHROMIUM, cwd=folder)
    [package] = folder.glob("*.tgz")
    if hashlib.sha512(package.read_bytes()).hexdigest() != CHROMIUM_SHA512:
        raise ValueError(f"{CHROMIUM} is not the package it was")
    _run("tar", "xf", package.name, cwd=folder)
    made = folder / "made"
    made.mkdir()
    for name in ("chromium", "al2023.tar", "fonts.tar"):
        _run("node", "-e", UNPACK, str(folder / "package" / "bin" / f"{name}.br"), str(made / name), cwd=folder)
    for name in ("al2023.tar", "fonts.tar"):
        _run("tar", "xf", name, cwd=made)
        (made / name).unlink()
    (made / "chromium").chmod(0o755)
    shutil.rmtree(OWN / "chromium", ignore_errors=True)
    made.rename(OWN / "chromium")


def _browser_from_apt(folder: Path) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ValueError("neither root nor apt-get")
    _run("apt-get", "update", "-qq", cwd=folder)
    waits = "DPkg::Lock::Timeout=120"
    _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", waits, "chromium", cwd=folder)


def _promtool_from_debian(folder: Path) -> None:
    """Out of the package and not installed: installing it would start a Prometheus on the machine."""
    if os.geteuid() == 0:
        _run("apt-get", "update", "-qq", cwd=folder)
    _run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", "prometheus", cwd=folder)
    [package] = folder.glob("*.deb")
    _run("dpkg-deb", "-x", str(package), "unpacked", cwd=folder)
    (folder / "unpacked" / "usr" / "bin" / "promtool").rename(OWN / "promtool")


if __name__ == "__main__":
    if "--missing" not in sys.argv[1:]:
        bring()
    print("\n".join(missing()) or "a browser and promtool are here")  # noqa: T201 - what the command says
