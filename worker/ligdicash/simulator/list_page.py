"""The page of all transactions, newest first: a person watches them, and decides each."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from models.errors import NotFound
from worker.ligdicash.simulator.gateway import Decision, Gateway
from worker.ligdicash.simulator.manners import Status, Twins
from worker.ligdicash.simulator.markup import document, francs
from worker.ligdicash.simulator.page import HEADERS
from worker.ligdicash.simulator.payment import OPERATORS, Payment, Record

PATH = "/_sim"

ROWS = 50

STYLE = """
main{max-width:72rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th{text-align:left;color:#5a6675;font-weight:600}
th,td{padding:.4rem .5rem;border-bottom:1px solid #e3e8ef;vertical-align:top;white-space:nowrap}
td.name{white-space:normal;overflow-wrap:anywhere;min-width:9rem}
td small{display:block}
td.number{text-align:right}
td form{display:flex;flex-wrap:wrap;min-width:10.5rem;gap:.35rem;align-items:center}
td button,td select{width:auto;margin:0;padding:.25rem .55rem;font-size:.88rem}
nav{margin:.6rem 0}nav a{margin-right:1rem}
nav [aria-current]{color:inherit;font-weight:700;text-decoration:none}
.pending{color:#7a5200}
@media (max-width:68rem){thead{position:absolute;left:-999rem}tr{display:block;padding:.5rem 0;border-bottom:2px solid #cfd7e2}
td,td.name{display:flex;white-space:normal;justify-content:space-between;gap:1rem;border:0;padding:.15rem 0}td.number,td div{text-align:right}
td::before{content:attr(data-name);color:#5a6675;flex:none}}
"""

COLUMNS = ("Created", "Reference", "What", "Amount", "Status", "Asked", "Callbacks", "Decide")

VERBS = {Status.COMPLETED: "Complete", Status.NOTCOMPLETED: "Fail"}

CALLBACKS = {"": "callbacks", Twins.NONE.value: "no callback"}


def routes(gateway: Gateway) -> list[Route]:
    """The page, what its buttons do, and the way to it from the address a person tries first."""
    page = _ListPage(gateway)
    return [
        Route("/", page.lead_here, methods=["GET"]),
        Route(PATH, page.show, methods=["GET"]),
        Route(PATH, page.decide, methods=["POST"]),
    ]


class _ListPage:
    """One method per route."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._form_key = secrets.token_urlsafe(16)
        """What only a page of this very simulator has: another site's form does not know it."""

    async def lead_here(self, _: Request) -> Response:
        return RedirectResponse(PATH, status_code=307, headers=HEADERS)

    async def show(self, request: Request) -> Response:
        only_pending = request.query_params.get("show") == Status.PENDING.value
        records = self._gateway.books.records()
        chosen = [each for each in records if not only_pending or each.payment.status is Status.PENDING]
        before = _place(request, upto=len(chosen))
        shown = chosen[max(0, before - ROWS) : before][::-1]
        body = [_heading(records), _views(only_pending=only_pending), self._table(shown, only_pending=only_pending)]
        if before > ROWS:
            older = urlencode({"before": before - ROWS} | ({"show": "pending"} if only_pending else {}))
            body.append(f'<nav><a href="{PATH}?{older}">Older</a></nav>')
        return _html(document("Transactions of the simulator", "".join(body), style=STYLE, language="en"))

    async def decide(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        if not secrets.compare_digest(form.get("key", "").encode(), self._form_key.encode()):
            return _refused("This form is not of the simulator that runs now. Load the page anew.", status=403)
        try:
            payment = self._gateway.books.get(form.get("transaction", ""))
            status, twins = Status(form.get("status", "")), form.get("callbacks") or payment.manners.twins
            self._gateway.decide(
                payment.request_id, Decision(status=status, manners=replace(payment.manners, twins=Twins(twins)))
            )
        except (NotFound, ValueError):
            return _refused("There is no such transaction, or no such decision. Load the page anew.", status=404)
        back = f"{PATH}?show=pending" if form.get("show") == Status.PENDING.value else PATH
        return RedirectResponse(back, status_code=303, headers=HEADERS)

    def _table(self, records: list[Record], *, only_pending: bool) -> str:
        if not records:
            return "<p>Nothing here yet.</p>"
        head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
        rows = "".join(self._row(record, only_pending=only_pending) for record in records)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _row(self, record: Record, *, only_pending: bool) -> str:
        payment = record.payment
        created = datetime.fromtimestamp(payment.created_at, UTC)
        lost = sum(not delivery.arrived for delivery in record.deliveries)
        cells = [
            ("", f"<div>{created:%H:%M:%S} <small>{created:%Y-%m-%d}</small></div>"),
            ("name", f"<div>{escape(payment.order.transaction_id)} <small>{escape(payment.request_id)}</small></div>"),
            ("", _what(payment)),
            ("number", francs(payment.order.amount)),
            (payment.status.value, payment.status.value),
            ("number", str(len(record.asked_at))),
            ("number", f"{len(record.deliveries)}, {lost} not taken" if lost else str(len(record.deliveries))),
            ("", self._buttons(payment, only_pending=only_pending)),
        ]
        named = zip(COLUMNS, cells, strict=True)
        inner = "".join(f'<td data-name="{name}" class="{kind}">{text}</td>' for name, (kind, text) in named)
        return f"<tr>{inner}</tr>"

    def _buttons(self, payment: Payment, *, only_pending: bool) -> str:
        hidden = {"key": self._form_key, "transaction": payment.request_id, "show": "pending" if only_pending else ""}
        fields = "".join(f'<input type="hidden" name="{name}" value="{escape(text)}">' for name, text in hidden.items())
        options = "".join(f'<option value="{value}">{text}</option>' for value, text in CALLBACKS.items())
        about = escape(payment.key)
        buttons = "".join(
            f'<button name="status" value="{status.value}" aria-label="{verb} {about}">{verb}</button>'
            for status, verb in VERBS.items()
            if status is not payment.status
        )
        select = f'<select name="callbacks" aria-label="callbacks of {about}">{options}</select>'
        return f'<form method="post" action="{PATH}">{fields}{buttons}{select}</form>'


def _heading(records: list[Record]) -> str:
    pending = sum(record.payment.status is Status.PENDING for record in records)
    return f"<h1>Transactions</h1><p>{len(records)} in all, {pending} pending. Times are UTC. The API is described in docs/simulator.md.</p>"


def _views(*, only_pending: bool) -> str:
    links = [("All", PATH, not only_pending), ("Pending only", f"{PATH}?show=pending", only_pending)]
    inner = "".join(_link(text, href, is_here=is_here) for text, href, is_here in links)
    return f"<nav>{inner}</nav>"


def _link(text: str, href: str, *, is_here: bool) -> str:
    current = ' aria-current="page"' if is_here else ""
    return f'<a href="{href}"{current}>{text}</a>'


def _what(payment: Payment) -> str:
    kind = f"payout, {payment.payout.value}" if payment.payout else f"payin, {payment.channel.value}"
    number = escape(payment.phone or payment.order.customer)
    operator = OPERATORS.get(payment.operator_id or payment.asked_operator, "")
    return f"<div>{kind} <small>{number} {operator}</small></div>"


def _place(request: Request, *, upto: int) -> int:
    """Up to which place the page goes; all that is not a number in range is the newest page."""
    text = request.query_params.get("before", "")
    return min(int(text[:9]), upto) if text.isascii() and text.isdigit() else upto


def _refused(sentence: str, *, status: int) -> Response:
    inner = f'<p class="wrong" role="alert">{sentence}</p><p><a href="{PATH}">All transactions</a></p>'
    return _html(document("Not done", inner, language="en"), status=status)


def _html(text: str, *, status: int = 200) -> Response:
    return HTMLResponse(text, status_code=status, headers=HEADERS)
