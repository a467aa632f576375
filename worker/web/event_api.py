"""The route of /v1/events: what became of every payment, in the order of the numbers, for an application to read on its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from models.account import DEFAULT
from models.notice import NoticeKind
from models.queries.events import events_after, is_told
from models.session import transaction
from tasks.toolbox import Toolbox
from worker.web.invoice_api import key_guard, never_cached
from worker.web.invoice_examples import REFERENCE

PREFIX = "/v1/events"
BIGGEST = 2**63 - 1
LONGEST_PAGE = 1000


class AnswerView(BaseModel):
    """The gateway's own answer, stored word for word: `reconciler invoices show` has it in full."""

    kind: Literal["answer"] = "answer"
    check_id: int = Field(description="Which stored answer.")
    asked_at: datetime = Field(description="When the gateway was asked.")
    said: str = Field(description="What it said, in one word.")
    amount: int | None = Field(description="Whole francs it named.")
    reference: str = Field(description="The transaction_id it named.")
    sha256: str = Field(description="Of the answer's body, in hexadecimal.")


class OverrideView(BaseModel):
    """A person who answers for it, where no answer of the gateway says so."""

    kind: Literal["override"] = "override"
    override_id: int
    by: str
    reason: str
    made_at: datetime


class RejectionView(BaseModel):
    """A person who rejected a payout that waited."""

    kind: Literal["rejection"] = "rejection"
    by: str
    reason: str
    made_at: datetime


class RefusalView(BaseModel):
    """The gateway's refusal of a payout that had waited."""

    kind: Literal["refusal"] = "refusal"
    reason: str = Field(description="What it said, in one sentence; empty once it is erased.")


class PaymentView(BaseModel):
    """What became of one payment."""

    transaction_id: str
    account: str = Field(description="Which of your LigdiCash projects it belongs to.")
    status: NoticeKind
    amount: int = Field(description="Whole francs: what settled, or what did not.")
    currency: str
    settled_at: datetime | None = Field(description="Null when nothing settled.")
    evidence: AnswerView | OverrideView | RejectionView | RefusalView | None = Field(description="What it rests on.")


class EventView(BaseModel):
    """One event, just as it is pushed to NOTICE_URL."""

    id: str = Field(description="The same for ever, and by push and by cursor: deduplicate by it.")
    type: Literal[
        "payment.completed", "payment.notcompleted", "payout.completed", "payout.notcompleted", "payout.refused"
    ] = Field(
        description="`payment` is money that came in, `payout` money that went out. `payout.refused`: its order was taken, "
        "it waited, and was not sent; nothing is sent under its id any more."
    )
    timestamp: datetime = Field(description="When the outcome was written down.")
    seq: int = Field(description="1, 2, 3 and so on without a gap, in the order of the commits.")
    data: PaymentView


class EventQuery(BaseModel):
    """Where to go on, and how far. A misspelt parameter is refused: it would begin at the beginning."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(0, ge=0, le=BIGGEST, description="The last number you have seen; 0 begins.")
    limit: int = Field(100, ge=1, le=LONGEST_PAGE, description="Events of one page.")
    account: str = Field(
        DEFAULT, max_length=40, description="Whose events: each account has numbers of its own, and a cursor for them."
    )


class EventPageView(BaseModel):
    """One page of events."""

    events: list[EventView]
    next: int = Field(description="Give it as `after` to go on, also when there is no more yet.")
    more: bool = Field(description="Whether there is more now.")


EVENT = {
    "id": "evt_42_4f7b1c0de95a2f36",
    "type": "payment.completed",
    "timestamp": "2026-05-09T07:21:07.314159Z",
    "seq": 42,
    "data": {
        "transaction_id": "ORDER-42-7f3c9a",
        "account": "default",
        "status": "completed",
        "amount": 4200,
        "currency": "XOF",
        "settled_at": "2026-05-09T07:21:07.313370Z",
        "evidence": {
            "kind": "answer",
            "check_id": 97,
            "asked_at": "2026-05-09T07:21:07.101010Z",
            "said": "completed",
            "amount": 4200,
            "reference": "ORDER-42-7f3c9a",
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        },
    },
}
REFUSALS: dict[int | str, tuple[str, str]] = {
    401: ("The API key is missing or wrong.", "the API key is missing or wrong: send `Authorization: Bearer ...`"),
    422: ("A parameter breaks a rule.", "query.limit: Input should be less than or equal to 1000"),
    503: ("Send the same request again later, see Retry-After.", "the database cannot be reached or is too busy"),
    "default": ("Anything else.", "something went wrong here; the log of this server says what"),
}


def event_routes(tools: Toolbox, *, api_key: str) -> APIRouter:
    """The route, behind the key. Its work blocks, so it runs on the server's pool of threads."""
    router = APIRouter(dependencies=[Depends(key_guard(api_key)), Depends(never_cached)], tags=["events"])

    @router.get(
        PREFIX,
        summary="Read what became of payments, in order",
        response_model=EventPageView,
        responses={
            200: {"content": {"application/json": {"example": {"events": [EVENT], "next": 42, "more": False}}}},
            **{code: _refusal(*told) for code, told in REFUSALS.items()},
        },
    )
    def get_events(wanted: Annotated[EventQuery, Query()]) -> JSONResponse:
        """Every event once, without a gap: whoever has seen 7 has seen 1 to 7.

        Keep `next`, once what came with it is worked off, and an application that was down goes on where it was.
        """
        with transaction(tools.sessions) as step:
            if wanted.account not in tools.accounts.names and not is_told(step.session, wanted.account):
                tools.account(wanted.account)
            page = events_after(step.session, wanted.account, after=wanted.after, limit=wanted.limit)
        events = [event.document() for event in page.events]
        # As they are: the same members in the same form as they are pushed.
        return JSONResponse(
            {"events": events, "next": page.next, "more": page.more}, headers={"Cache-Control": "no-store"}
        )

    return router


def _refusal(meaning: str, sentence: str) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(model="Refusal")}
    return {
        "description": meaning,
        "content": {"application/json": {"schema": schema, "example": {"error": sentence}}},
    }
