"""The page to read: everything that the chain holds, for somebody with a browser and nothing else. Loads and runs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape

from worker.evidence.chain import Entry
from worker.evidence.gather import Evidence
from worker.language import N_, _, number

KINDS: Mapping[str, str] = {
    "order": N_("ordered"),
    "approval": N_("approval"),
    "sent": N_("handed to LigdiCash"),
    "receipt": N_("callback received"),
    "answer": N_("LigdiCash asked"),
    "override": N_("changed by hand"),
    "decision": N_("decided"),
    "case_opened": N_("case opened"),
    "case_ended": N_("case ended"),
    "notice": N_("application told"),
}

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1c1c1c;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0}
th{font-weight:600;color:#555;white-space:nowrap}
.entry{border-top:1px solid #ddd;padding:.7rem 0}.entry b{font-weight:600}
.n{color:#777;display:inline-block;min-width:2.2rem}.at{color:#555;font-variant-numeric:tabular-nums}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f6f4;border:1px solid #e4e4e0;padding:.6rem;font-size:13px;margin:.4rem 0}
code{font-size:13px;overflow-wrap:anywhere}.note{color:#555}summary{cursor:pointer;color:#555}
.settled{color:#0a6b2d}.erased{color:#8a4b00}@media print{body{margin:0;max-width:none}}
"""


def page_of(evidence: Evidence) -> str:
    """One HTML document, in the language that is spoken."""
    subject, *entries = evidence.entries
    title = _("Evidence about {transaction_id}").format(transaction_id=evidence.transaction_id)
    language = _("en")  # each catalog gives its own name here
    payment, happened, last = _("The payment"), _("What happened"), _("Last entry")
    return "\n".join(
        [
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)}</title>',
            '<meta name="viewport" content="width=device-width">',
            f"<style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{_amount(subject)}, <b>{_word(subject.facts['status'])}</b></p>",
            f'<p class="note">{_word(HOW)}</p>',
            f"<h2>{escape(payment)}</h2>",
            _table({name: value for name, value in subject.facts.items() if name != "left_out"}),
            _left_out(subject),
            f"<h2>{escape(happened)}</h2>",
            *(_entry(entry) for entry in entries),
            f'<p class="note">{escape(last)}: <code>{evidence.entries[-1].hash}</code></p>',
            "</body></html>",
            "",
        ]
    )


def _word(text: object) -> str:
    return escape(_(str(text)))


HOW = N_(
    "Times are UTC, newest last. Each entry holds the hash of the one before; the file evidence.jsonl beside this page is what"
    " counts, and `reconciler evidence --verify` holds it, and this page, against the hashes. Tokens and keys are masked (***);"
    " the SHA-256 of each body is that of the bytes as they came."
)


def _amount(subject: Entry) -> str:
    return escape(f"{number(int(str(subject.facts['amount'])))} {subject.facts['currency']}")


def _left_out(subject: Entry) -> str:
    left = subject.facts["left_out"]
    if not isinstance(left, Mapping) or not any(left.values()):
        return ""
    told = _("Not in here, for there are too many: {receipts} older callbacks, {answers} older answers.")
    return f'<p class="note">{escape(told.format(**left))}</p>'


def _entry(entry: Entry) -> str:
    facts = {name: value for name, value in entry.facts.items() if name != "body"}
    everything = _("all of it")
    return "\n".join(
        [
            '<div class="entry">',
            f'<span class="n">{entry.n}</span> <span class="at">{escape(entry.at[:19].replace("T", " "))}</span>',
            f"<b>{_word(KINDS[entry.kind])}</b> {_in_short(entry)}",
            *_body(entry),
            f"<details><summary>{escape(everything)}</summary>{_table({**facts, 'hash': entry.hash})}</details>",
            "</div>",
        ]
    )


def _in_short(entry: Entry) -> str:
    """What it comes to, in the words of the books."""
    facts = entry.facts
    parts: Iterator[object]
    match entry.kind:
        case "receipt":
            parts = iter((_(str(facts["outcome"])), facts["note"]))
        case "answer":
            parts = iter((_(str(facts["said"])), _francs(facts["amount"]), facts["reference"]))
        case "decision":
            parts = iter((_(str(facts["decided"])), _francs(facts["amount"])))
        case "override":
            parts = iter((_(str(facts["new_status"])), _francs(facts["amount"]), facts["by"], facts["reason"]))
        case "case_opened":
            parts = iter((_(str(facts["case"])), facts["detail"]))
        case "case_ended":
            parts = iter((_(str(facts["case"])), facts["by"], facts["resolution"]))
        case "notice":
            event = facts["event"]
            parts = iter((event["type"] if isinstance(event, Mapping) else "", facts["state"]))
        case "approval":
            parts = iter((_(str(facts["approval"])), facts["by"], facts["reason"]))
        case _:
            parts = iter((facts.get("by"), facts.get("reason")))
    said = ", ".join(str(part) for part in parts if part)
    mark = ' class="settled"' if facts.get("decided") == "settled" else ""
    return f"<span{mark}>{escape(said)}</span>"


def _francs(amount: object) -> str:
    return f"{number(amount)} XOF" if isinstance(amount, int) and amount else ""


def _body(entry: Entry) -> Iterator[str]:
    if "sha256" not in entry.facts:
        return
    if entry.facts["erased_at"]:
        told = _(
            "The wording was erased on {day}, when its time was over or on request. Bytes with this SHA-256 are what stood here:"
        )
        day = str(entry.facts["erased_at"])[:10]
        yield f'<p class="erased">{escape(told.format(day=day))} <code>{entry.facts["sha256"]}</code></p>'
    elif entry.facts["body"]:
        yield f"<pre>{escape(str(entry.facts['body']))}</pre>"


def _table(facts: Mapping[str, object]) -> str:
    rows = [
        f"<tr><th>{escape(name)}</th><td>{_value(value)}</td></tr>"
        for name, value in facts.items()
        if value not in (None, "", {}, [])
    ]
    return f"<table>{''.join(rows)}</table>"


def _value(value: object) -> str:
    if isinstance(value, Mapping | list | tuple):
        return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
    return f"<code>{escape(str(value))}</code>"
