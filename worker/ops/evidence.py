"""`reconciler evidence`: all that is known about one payment in one file, and whether such a file is as it was made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import Invalid
from worker.language import N_, _, ngettext
from worker.ops.desk import desk_of
from worker.ops.edge import WENT_WRONG
from worker.ops.options import JsonOption

if TYPE_CHECKING:
    from worker.evidence import Verified

FLAWS = {
    "unreadable": N_("line {n} is no entry"),
    "changed": N_("entry {n} was changed"),
    "missing": N_("entry {n} is missing"),
    "misplaced": N_("entry {n} stands where it does not belong"),
    "detached": N_("entry {n} does not follow the one before: one of the two was changed, and its own hash with it"),
    "words": N_("the body in entry {n} is not the one whose hash stands beside it"),
    "unsealed": N_("after entry {n} the seal is missing, or something stands behind it"),
}


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(evidence)


def evidence(
    ctx: typer.Context,
    transaction_id: Annotated[
        str,
        typer.Argument(metavar="TRANSACTION_ID", help="Your own id of the invoice or payout.", show_default=False),
    ] = "",
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write it; never over a file that is there.",
            show_default="evidence-ID.zip",
        ),
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option("--verify", metavar="FILE", help="Say whether this file is as it was made.", show_default=False),
    ] = None,
    seal: Annotated[
        str, typer.Option("--seal", metavar="HASH", help="With --verify: the seal it must have.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Everything about one payment or payout in one file: receipts, questions and answers word for word, decisions, notices.

    For LigdiCash's support desk or an auditor: a page to read, and a chain of hashes that shows whether anything was changed,
    taken out or moved. Tokens and keys are masked. It names who paid or was paid. docs/evidence.md describes it.
    """
    if bool(transaction_id) is (verify is not None):
        raise typer.BadParameter(_("either a transaction id is needed, or --verify with a file"))
    if verify is not None:
        _verify(verify, seal=seal, as_json=as_json)
    else:
        _write(ctx, transaction_id, output, as_json=as_json)


def _write(ctx: typer.Context, transaction_id: str, output: Path | None, *, as_json: bool) -> None:
    from models.session import transaction
    from worker.evidence import evidence_of, file_name, pack
    from worker.ops.shown import print_json, safe

    with transaction(desk_of(ctx).tools.sessions) as step:
        packed = pack(evidence_of(step.session, transaction_id))
    path = output or Path(file_name(transaction_id))
    try:
        # It names persons: for nobody but whoever asked for it.
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - with its rights
            file.write(packed.content)
    except OSError as exc:
        raise Invalid(_("{path} cannot be written: {why}").format(path=path, why=exc.strerror)) from exc
    if as_json:
        print_json({"file": str(path), "entries": packed.entries, "seal": packed.seal})
        return
    told = ngettext("{path}: {count} entry", "{path}: {count} entries", packed.entries)
    typer.echo(told.format(path=safe(str(path)), count=packed.entries))
    typer.echo(_("seal {seal}").format(seal=packed.seal))
    typer.echo(_("Tell the seal by another way than the file: it is how one sees that nobody made the file anew."))


def _verify(path: Path, *, seal: str, as_json: bool) -> None:
    from worker.evidence import verify
    from worker.ops.shown import print_json

    try:
        content = path.read_bytes()
    except OSError as exc:
        raise Invalid(_("{path} cannot be read: {why}").format(path=path, why=exc.strerror)) from exc
    found = verify(content)
    is_other = bool(seal) and seal.strip().lower() != found.seal
    if as_json:
        print_json({"is_whole": found.is_whole and not is_other, "is_other_seal": is_other, "found": found})
    else:
        _tell(found, seal=seal, is_other=is_other)
    if not found.is_whole or is_other:
        raise typer.Exit(WENT_WRONG)


def _tell(found: Verified, *, seal: str, is_other: bool) -> None:
    from worker.ops.shown import safe

    for fault in found.faults:
        typer.echo(_(FLAWS[fault.flaw.value]).format(n=fault.n))
    if found.is_page_changed:
        typer.echo(_("the page is not the one that was sealed; evidence.jsonl counts"))
    if is_other:
        typer.echo(_("it has another seal: somebody made it anew"))
    if not found.is_whole or is_other:
        return
    told = ngettext(
        "whole: {count} entry about {transaction_id}", "whole: {count} entries about {transaction_id}", found.entries
    )
    typer.echo(told.format(count=found.entries, transaction_id=safe(found.transaction_id)))
    if seal:
        typer.echo(_("It has the seal that was told."))
    else:
        typer.echo(_("seal {seal}").format(seal=found.seal))
        typer.echo(_("Compare the seal with the one that was told to you, or give it with --seal."))
