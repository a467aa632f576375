"""The command line of the simulator."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from models.errors import SettingsFault
from worker.ligdicash.simulator.manners import CustomData, FailedAs, FormShape, Stray, Twins
from worker.ligdicash.simulator.options import Expiry, FaultKind, Options, Payer, Profile, RateLimit

_options = TypeAdapter(Options)


def parse_options(argv: Sequence[str]) -> Options:
    """Options from arguments. Leaves through argparse for a spelling fault; raises `SettingsFault` for a wrong value."""
    given = vars(_parser().parse_args(argv))
    try:
        return _options.validate_python(_nested(given))
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsFault(f"simulator option {where}: {first['msg']}") from exc


def _nested(given: dict[str, object]) -> dict[str, object]:
    """`manners.delay` becomes `{"manners": {"delay": ...}}`; what was not given keeps its default."""
    tree: dict[str, object] = {}
    for name, value in given.items():
        branch = tree
        *path, leaf = name.split(".")
        for part in path:
            inner = branch.setdefault(part, {})
            assert isinstance(inner, dict)  # noqa: S101 - for mypy: no name is both a branch and a leaf
            branch = inner
        branch[leaf] = value
    return tree


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reconciler simulator",
        description="A server that speaks LigdiCash's documented wire. No money moves. It takes credentials that begin with sim-.",
        argument_default=argparse.SUPPRESS,
    )
    _server(parser.add_argument_group("server"))
    _payer(parser.add_argument_group("payer: who decides, and how"))
    _callbacks(parser.add_argument_group("callbacks"))
    _trouble(parser.add_argument_group("trouble"))
    return parser


Group = argparse._ArgumentGroup  # noqa: SLF001 - argparse gives its groups no public name


def _server(group: Group) -> None:
    group.add_argument("--host", help="address to listen on (127.0.0.1)")
    group.add_argument("--port", type=int, help="port; 0 takes a free one (0)")
    group.add_argument("--port-file", type=Path, help="file that gets the real port once it listens")
    group.add_argument("--state", type=Path, help="file that keeps the books between two runs")
    group.add_argument("--public-url", help="how a browser reaches the payment page")
    _choice(group, "--profile", Profile)
    group.add_argument("--seed", type=int, help="same seed, same fate for the same transaction id (0)")


def _payer(group: Group) -> None:
    _choice(group, "--payer", Payer)
    _share(group, "--completed", dest="shares.completed", text="share of payments the automatic payer pays (0.9)")
    _share(group, "--notcompleted", dest="shares.notcompleted", text="share that fails; the rest stays pending (0.07)")
    _span(group, "--pay-delay", dest="pay_delay", text="how long the payer takes (0.5-2)")
    _choice(group, "--failed-as", FailedAs)


def _callbacks(group: Group) -> None:
    _choice(group, "--twins", Twins, dest="manners.twins")
    _choice(group, "--form-shape", FormShape, dest="manners.form_shape")
    _choice(group, "--custom-data", CustomData, dest="manners.custom_data")
    _choice(group, "--pending-callback", Stray, dest="manners.pending")
    group.add_argument(
        "--callback-delay", dest="manners.delay", type=float, metavar="S", help="seconds before the first (0)"
    )
    group.add_argument("--twin-gap", dest="manners.gap", type=float, metavar="S", help="seconds between two (0.1)")
    group.add_argument("--copies", dest="manners.copies", type=int, metavar="N", help="how often each set is sent (1)")
    for name in ("lost", "late", "doubled", "reordered"):
        _share(group, f"--{name}", dest=f"mishaps.{name}", text=f"share of payments whose callbacks are {name} (0)")
    _span(group, "--late-by", dest="mishaps.late_by", text="how late (5-30)")


def _trouble(group: Group) -> None:
    _span(group, "--create-latency", dest="create_latency", text="before the reply to create (0)")
    _span(group, "--confirm-latency", dest="confirm_latency", text="before the reply to confirm (0)")
    for call in ("create", "confirm", "otp"):
        _choice(group, f"--{call}-fault", FaultKind, dest=f"faults.{call}.kind")
        _share(group, f"--{call}-fault-share", dest=f"faults.{call}.share", text="share of calls it strikes (1)")
        group.add_argument(
            f"--{call}-fault-seconds", dest=f"faults.{call}.seconds", type=float, metavar="S", help="for slow (0)"
        )
    group.add_argument("--strict-token-param", action="store_true", help="confirm takes invoiceToken only")
    _choice(group, "--rate-limit", RateLimit)
    _choice(group, "--token-expiry", Expiry)
    group.add_argument("--token-life", type=float, metavar="S", help="seconds until a token expires (86400)")


def _choice(group: Group, flag: str, kind: type[StrEnum], *, dest: str = "") -> None:
    group.add_argument(flag, dest=dest or flag.strip("-").replace("-", "_"), choices=[str(each) for each in kind])


def _share(group: Group, flag: str, *, dest: str, text: str) -> None:
    group.add_argument(flag, dest=dest, type=float, metavar="0..1", help=text)


def _span(group: Group, flag: str, *, dest: str, text: str) -> None:
    group.add_argument(flag, dest=dest, type=_seconds, metavar="S[-S]", help=f"seconds, one number or a range: {text}")


def _seconds(text: str) -> dict[str, str]:
    low, _, high = text.partition("-")
    return {"low": low, "high": high or low}
