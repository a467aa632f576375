"""The evidence of one payment as one file, and its seal, which is to be told by another way."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from models.session import transaction
from worker.console.rooms import Page, Room
from worker.console.transactions import address_of, argument_of, id_of
from worker.console.visit import Visit
from worker.evidence import evidence_of, file_name, pack
from worker.language import _
from worker.ops.shown import safe


def evidence(visit: Visit) -> Response:
    """What would be in the file, and its seal; with that seal behind the `?`, the file itself.

    Of something that is asked about every few seconds there may be another file by then: that one's seal is shown instead.
    """
    transaction_id = id_of(visit)
    with transaction(visit.tools.sessions) as step:
        packed = pack(evidence_of(step.session, transaction_id))
    seal = visit.query.one("seal")
    if seal == packed.seal:
        attached = f'attachment; filename="{file_name(transaction_id)}"'
        return Response(packed.content, media_type="application/zip", headers={"Content-Disposition": attached})
    return visit.show(
        "evidence.html",
        title=_("Evidence of {id}").format(id=safe(transaction_id)),
        status=HTTPStatus.CONFLICT if seal else HTTPStatus.OK,
        is_another=bool(seal),
        packed=packed,
        file=address_of(transaction_id, page="/evidence", seal=packed.seal),
        back=address_of(transaction_id),
        command_line=f"reconciler evidence {argument_of(transaction_id)}",
    )


ROOM: Room = [Page("/transactions/{transaction_id:path}/evidence", evidence)]
