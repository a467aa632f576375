"""Cases at the command line: what is at stake first, no flood in the way, and one case with both sides' evidence."""

from __future__ import annotations

import json
import shlex

import pytest
import typer

from models.case import CaseKind
from models.queries.record import NewCase, open_cases
from models.session import transaction
from models.transaction import Status
from tasks.intake import intake
from tasks.record import record
from tests.fakes import completed, notcompleted, pending, silence
from tests.ledger import LANE, add_created, add_pending, answered, claim, knock, run
from worker.language import speaking
from worker.ops.action import JUST_END
from worker.ops.case_actions import ACTIONS, WITHOUT_A_PAGE
from worker.ops.command import app
from worker.ops.payout_cases import PAYOUT_ACTIONS


def learn(ops, pk, *answers):
    for answer in answers:
        run(ops.tools.sessions, "UPDATE transactions SET last_asked_at = NULL WHERE id = :pk", pk=pk)
        record(ops.tools, [answered(ops.tools.sessions, pk, answer)], lane=LANE)


def matter(ops, kind, **about):
    with transaction(ops.tools.sessions) as step:
        open_cases(step.session, [NewCase(kind=kind, detail="as it was noted", **about)])


@pytest.fixture
def books(ops):
    """A case of nearly every kind: 1 mismatch, 2 late success, 3 contradiction, 4 a hole, 5 orphan, 6 unreadable."""
    one, two, three = add_pending(ops.tools.sessions, 3)
    [four] = add_created(ops.tools.sessions)
    learn(ops, one, completed(4000, "ORD-1"))
    learn(ops, two, notcompleted(), completed(5000, "ORD-2"))
    learn(ops, three, completed(5000, "ORD-3"), notcompleted())
    matter(ops, CaseKind.TOKEN_LOST, transaction_pk=four)
    intake(ops.tools, knock(ops.tools.sessions, claim(None), b"junk"))
    return ops


# -- list ------------------------------------------------------------------------------------------------------------


def rows(said):
    """The rows of the last table, by case."""
    lines = said.rpartition("──\n")[2].splitlines()
    return [line.split()[:3:2] for line in lines if line[:4].strip().isdigit()]


def test_the_list_has_what_is_at_stake_of_each_kind_and_then_the_cases(books):
    said = books.say("cases", "list")
    assert said.splitlines()[0].split() == ["kind", "open", "XOF", "at", "stake", "oldest", "UTC"]
    assert said.splitlines()[5].split()[:3] == ["mismatch", "1", "4,000"]
    assert rows(said) == [["2", "late_success"], ["3", "contradiction"], ["4", "token_lost"], ["1", "mismatch"]]
    assert "deliver the order or refund it" in said


def test_a_flood_of_forged_callbacks_is_one_line_that_says_how_to_see_and_end_it(books):
    intake(books.tools, knock(books.tools.sessions, *[claim(None)] * 40))
    said = books.say("cases", "list")
    assert "41 orphan callbacks are not listed here" in said
    assert "to see them: reconciler cases list --kind orphan\n" in said
    assert 'to end them: reconciler cases resolve --kind orphan --older-than 1d --reason "..."\n' in said
    assert [kind for _, kind in rows(said)].count("orphan") == 0
    assert len(rows(books.say("cases", "list", "--kind", "orphan"))) == 41


def test_pages_follow_each_other_and_say_how(books):
    first = books.say("cases", "list", "--limit", "3")
    assert first.splitlines()[-1] == "more: reconciler cases list --after 4"
    assert rows(books.say("cases", "list", "--after", "4")) == [["1", "mismatch"]]
    assert books.say("cases", "list", "--after", "1") == "no cases after 1\n"
    newest = books.say("cases", "list", "--all", "--limit", "2")
    assert newest.splitlines()[-1] == "more: reconciler cases list --all --after 5"


def test_what_is_over_is_listed_with_its_end(books):
    books.say("cases", "resolve", "2", "--reason", "delivered on Tuesday", "--by", "awa")
    assert ["2", "late_success"] not in rows(books.say("cases", "list"))
    assert "ended by awa" in books.say("cases", "list", "--all", "--kind", "late_success")


def test_no_open_cases_is_one_line(ops):
    assert ops.say("cases", "list") == "no open cases\n"


def test_a_machine_gets_totals_and_facts(books):
    document = books.document("cases", "list")
    assert {total["kind"] for total in document["totals"]} >= {"orphan", "unreadable", "mismatch"}
    assert [case["id"] for case in document["items"]] == [2, 3, 4, 1]
    mismatch = document["items"][-1]
    assert (mismatch["amount"], mismatch["said_amount"], mismatch["at_risk"]) == (5000, 4000, 4000)
    assert books.document("cases", "list", "--limit", "1")["next"] == 2


def test_a_crowded_list_fits_80_columns_and_cuts_nothing(ops):
    ops.say("invoices", "create", "--amount", "2000000", "--transaction-id", "Z" * 255)
    matter(ops, CaseKind.CONTRADICTION, transaction_pk=1)
    with speaking("fr"):
        listed = ops.say("cases", "list")
    assert max(len(line) for line in listed.splitlines()) <= 80
    assert listed.count("Z") == 255


# -- show ------------------------------------------------------------------------------------------------------------


def test_a_case_is_shown_with_both_sides_and_what_to_do(books):
    said = " ".join(books.say("cases", "show", "1").split())
    for words in (
        "case 1 mismatch open for ",
        "The gateway says that 4,000 XOF were paid; the invoice is over 5,000 XOF.",
        "our amount 5,000 XOF ",
        "gateway says completed, 4,000 XOF, for ORD-1 ",
        "UTC, sweep: completed over 4,000 XOF; 5,000 XOF expected",
        "callbacks none ",
        "invoice over 5,000 XOF",
        "reconciler cases resolve 1 --as completed --amount 4000 --override --reason",
        "reconciler cases resolve 1 --as notcompleted --override --reason",
    ):
        assert words in said


STORIES = {
    "2": "Later the gateway said that it was paid",
    "3": "5,000 XOF are settled. Later the gateway said that it was not",
    "4": "its reply was",
    "5": "A callback from 203.0.113.7 names no invoice",
    "6": "A callback from 203.0.113.7 cannot be understood.",
}


@pytest.mark.parametrize("number", STORIES)
def test_each_kind_tells_what_happened(books, number):
    assert STORIES[number] in " ".join(books.say("cases", "show", number).split())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (completed(5000, "ORD-9"), "names 'ORD-9' instead of this"),
        (completed(5000, ""), "does not name this"),
        (completed(None, "ORD-1"), "without a readable amount"),
    ],
)
def test_what_does_not_fit_is_named(ops, answer, told):
    [pk] = add_pending(ops.tools.sessions)
    learn(ops, pk, answer)
    assert told in " ".join(ops.say("cases", "show", "1").split())


def test_callbacks_about_the_invoice_are_counted(ops):
    [pk] = add_pending(ops.tools.sessions)
    intake(ops.tools, knock(ops.tools.sessions, claim("ORD-1"), claim("ORD-1")))
    learn(ops, pk, completed(4000, "ORD-1"))
    assert "callbacks      2, the last on " in ops.say("cases", "show", "1")


def test_a_long_history_is_cut_and_says_where_the_rest_is(ops):
    [pk] = add_pending(ops.tools.sessions)
    learn(ops, pk, *[pending(), silence()] * 5, pending(), completed(4000, "ORD-1"))
    assert "4 earlier moments: reconciler invoices show ORD-1\n" in ops.say("cases", "show", "1")


def test_a_case_that_is_over_says_who_ended_it_and_suggests_nothing(books):
    books.say("cases", "resolve", "2", "--reason", "delivered", "--by", "awa")
    said = books.say("cases", "show", "2")
    assert said.startswith("case 2  late_success  ended by awa\n")
    assert "what to do" not in said


def test_a_machine_gets_the_facts_the_check_and_the_history(books):
    with speaking("fr"):
        document = books.document("cases", "show", "1")
    assert document["story"].startswith("The gateway says that 4,000 XOF were paid")
    assert document["check"]["said"] == "completed"
    assert document["invoice"]["transaction_id"] == "ORD-1"
    assert document["suggested"]["commands"][0] == "reconciler invoices check ORD-1 --now"
    assert books.document("cases", "show", "5")["invoice"] is None
    assert "token-of" not in json.dumps(document)


def test_an_unknown_case_is_one_line(ops):
    assert ops.fault("cases", "show", "7") == "error: there is no case 7"


def test_an_id_cannot_steer_the_terminal_or_the_shell(ops_alone):
    [pk] = add_pending(ops_alone.tools.sessions)
    learn(ops_alone, pk, completed(4000, "ORD\x1b[2J-9"))
    run(ops_alone.tools.sessions, "ALTER TABLE transactions DISABLE TRIGGER transactions_keep_terms")
    run(ops_alone.tools.sessions, "UPDATE transactions SET transaction_id = 'a; rm -rf \x1b[2J/'")
    said = ops_alone.say("cases", "show", "1") + ops_alone.say("cases", "list")
    assert "\x1b" not in said
    assert "reconciler invoices check 'a; rm -rf \\x1b[2J/' --now" in said


# -- what to do ------------------------------------------------------------------------------------------------------


def test_every_kind_with_every_status_has_its_action():
    assert ACTIONS.keys() == set(CaseKind)
    assert all(actions.keys() == {None, *Status} for actions in ACTIONS.values())


CAN_BE = {
    (CaseKind.MISMATCH, Status.PENDING),
    (CaseKind.MISMATCH, Status.NOTCOMPLETED),
    (CaseKind.LATE_SUCCESS, Status.COMPLETED),
    (CaseKind.CONTRADICTION, Status.COMPLETED),
    (CaseKind.CONTRADICTION, Status.NOTCOMPLETED),
    *((CaseKind.CALLED_BACK, status) for status in (Status.REFUSED, Status.NOTCOMPLETED, Status.COMPLETED)),
    (CaseKind.ORPHAN, None),
    (CaseKind.UNREADABLE, None),
    (CaseKind.TOKEN_LOST, Status.CREATED),
    (CaseKind.TOKEN_REFUSED, Status.PENDING),
    (CaseKind.TOKEN_REFUSED, Status.NOTCOMPLETED),
    (CaseKind.PARKED, Status.PENDING),
    (CaseKind.PARKED, Status.NOTCOMPLETED),
    (CaseKind.ENDPOINT, None),
    (CaseKind.ACCOUNT, None),
}
"""What a case is opened about."""


def test_whatever_a_case_is_opened_about_there_is_something_to_decide():
    assert not [pair for pair in CAN_BE if ACTIONS[pair[0]][pair[1]] is JUST_END]


def test_every_command_that_is_suggested_exists():
    root = typer.main.get_command(app)
    values = {"case": "1", "transaction": "ORD-1", "received": "5000", "callback": "1"}
    told = [*(action for actions in ACTIONS.values() for action in actions.values()), *PAYOUT_ACTIONS.values()]
    told += WITHOUT_A_PAGE.values()
    for action in {id(a): a for a in told}.values():
        for command in action.commands:
            for noun in ("invoices", "payouts"):
                _, name, *rest = shlex.split(command.format(noun=noun, **values))
                found = root.commands[name]
                if isinstance(found, typer.core.TyperGroup):
                    found = found.commands[rest.pop(0)]
                known = {option for parameter in found.params for option in parameter.opts}
                assert {word for word in rest if word.startswith("--")} <= known


def test_a_case_about_an_open_invoice_is_never_told_to_just_end():
    for kind in (CaseKind.MISMATCH, CaseKind.PARKED, CaseKind.TOKEN_REFUSED):
        assert all("--as" in c or "cases" not in c for c in ACTIONS[kind][Status.PENDING].commands)
    assert all("--as" in command for command in ACTIONS[CaseKind.TOKEN_LOST][Status.CREATED].commands)
