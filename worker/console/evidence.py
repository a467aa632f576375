"""The evidence of one payment as one file, and its seal, which is to be told by another way."""

from __future__ import annotations

from starlette.responses import Response

from models.errors import Conflict
from models.session import transaction
from worker.console.rooms import Page, Room
from worker.console.transactions import address_of, argument_of, id_of
from worker.console.visit import Visit
from worker.evidence import evidence_of, file_name, pack
from worker.language import _
from worker.ops.shown import safe


def evidence(visit: Visit) -> Response:
    """What would be in the file, and its seal; with that seal behind the `?`, the file itself.

    Raises `Conflict` when something happened since the seal was shown: then it is another file.
    """
    transaction_id = id_of(visit)
    with transaction(visit.tools.sessions) as step:
        packed = pack(evidence_of(step.session, transaction_id))
    if seal := visit.query.one("seal"):
        if seal != packed.seal:
            raise Conflict(
                _("something happened since: go back, load the page anew, and take the file of the new seal")
            )
        attached = f'attachment; filename="{file_name(transaction_id)}"'
        return Response(packed.content, media_type="application/zip", headers={"Content-Disposition": attached})
    return visit.show(
        "evidence.html",
        title=_("Evidence of {id}").format(id=safe(transaction_id)),
        packed=packed,
        file=address_of(transaction_id, page="/evidence", seal=packed.seal),
        back=address_of(transaction_id),
        command_line=f"reconciler evidence {argument_of(transaction_id)}",
    )


ROOM: Room = [Page("/transactions/{transaction_id:path}/evidence", evidence)]
