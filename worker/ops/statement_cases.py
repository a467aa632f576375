"""Cases about a statement of the gateway: what both sides say, and what a person should do about it."""

from __future__ import annotations

from collections.abc import Mapping

from models.queries.cases import CaseFacts, StatementFacts
from models.statement import Match
from models.transaction import Status
from worker.language import N_, _
from worker.ops.action import CHECK, END, SHOW, Action
from worker.ops.sentences import told
from worker.ops.shown import francs, safe, stamp

PAID = 'reconciler cases resolve {case} --as completed --reason "..."'
UNPAID = 'reconciler cases resolve {case} --as notcompleted --reason "..."'

WHAT_IS_IT = Action(
    brief=N_("find out what it is: the books do not know it"),
    what=N_(
        "Look the line up in the gateway's dashboard. If it is a payment of yours, register its invoice with the token, if you"
        " have one; else credit or refund it outside these books. Then end the case."
    ),
    commands=(END,),
)
ASK_NOW = Action(
    brief=N_("ask the gateway now: its answer settles it"),
    what=N_(
        "The statement says that it was paid. Only an answer of the gateway settles it: ask now. If it says otherwise, look it"
        " up in the dashboard, and write down what became of it."
    ),
    commands=(CHECK, PAID, UNPAID),
)
ASK_CLOSED = Action(
    brief=N_("ask the gateway now: it is closed as not paid"),
    what=N_(
        "It is closed as not paid, and the statement says that it was. Only an answer of the gateway settles it: ask now, then"
        " end the case."
    ),
    commands=(CHECK, PAID, END),
)
COMPARE = Action(
    brief=N_("compare both sides; ask LigdiCash support"),
    what=N_(
        "What is settled rests on an answer of the gateway, or on a person: see which. Ask LigdiCash support with that and with"
        " the line; correct what is wrong outside these books. Then end the case."
    ),
    commands=(SHOW, END),
)

STATEMENT_ACTIONS: Mapping[Status | None, Action] = {
    None: WHAT_IS_IT,
    Status.CREATED: WHAT_IS_IT,
    Status.REFUSED: WHAT_IS_IT,
    Status.PENDING: ASK_NOW,
    Status.NOTCOMPLETED: ASK_CLOSED,
    Status.COMPLETED: COMPARE,
}


def statement_story(case: CaseFacts) -> str:
    """What is different, in a sentence, and who looked."""
    if case.statement is None:  # cannot happen: the books hold them together
        return told(case.detail)
    found = _("{what}. Found by {author} when reconciling {file}: {reason}")
    return found.format(
        what=told(case.detail),
        author=case.statement.found_by,
        file=case.statement.file,
        reason=case.statement.reason,
    )


def statement_about(facts: StatementFacts) -> str:
    """Whom it is about, where our books have no transaction."""
    return safe(facts.reference or facts.gateway_id)


def statement_sides(facts: StatementFacts) -> list[tuple[str, str]]:
    """Both sides of it, each under its name."""
    way = _("money out") if facts.direction.value == "out" else _("money in")
    there = [] if facts.there is None else [francs(facts.there), way]
    if facts.at is not None:
        there.append(f"{stamp(facts.at)} UTC")
    where = "" if facts.line is None else _("{file}, line {line}").format(file=safe(facts.file), line=facts.line)
    here = _("nothing settled") if facts.here is None else francs(facts.here)
    return [
        (_("difference"), match_word(facts.match)),
        (
            _("statement"),
            ", ".join([*there, where]) if there else _("no line about it in {file}").format(file=safe(facts.file)),
        ),
        (_("our books"), _("not in our books") if facts.match is Match.ONLY_THERE else here),
        (_("gateway's id"), safe(facts.gateway_id)),
        (_("reference"), safe(facts.reference)),
    ]


WORDS: Mapping[Match, str] = {
    Match.MATCHED: N_("both have it"),
    Match.UNPAID: N_("not paid, by both"),
    Match.AMOUNT: N_("different amount"),
    Match.STATUS: N_("different status"),
    Match.DIRECTION: N_("different direction"),
    Match.ACCOUNT: N_("wrong account"),
    Match.TWICE: N_("there twice"),
    Match.ONLY_THERE: N_("only there"),
    Match.ONLY_HERE: N_("only here"),
    Match.EDGE: N_("at the edge"),
    Match.OUTSIDE: N_("of other days"),
}


def match_word(match: Match) -> str:
    """What came of a line, in a few words."""
    return _(WORDS[match])
