"""The pictures of docs/console.md: `python -m tests.screenshots` fills books, opens the console in a browser, and takes them.

Everything in them is made up, and goes the way of the real thing: jobs and answers of a stand-in for the gateway.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from models import migrate
from models.answers import Answer
from models.case import CaseKind
from models.queries.record import NewCase, open_cases
from models.queries.replay.choice import CallbackChoice
from models.session import Sessions, transaction
from tasks.intake import intake
from tasks.record import record
from tasks.sweep import SWEPT
from tasks.toolbox import Toolbox
from tests.fakes import Fakes, completed, notcompleted, pending, toolbox
from tests.ledger import LANE, add_pending, answered, claim, knock, let_pass, open_books, run, value
from tests.plans import add_failed, all_paid, plan
from tests.servers import create_database, running_servers
from tests.settled import put_settled
from tests.worker.console.browser import PASSWORD, OpenConsole, open_console
from tests.worker.console.chromium import DESKTOP, PHONE, Person, person_at, running_browser

PICTURES = Path(__file__).parents[1] / "docs" / "pictures" / "console"
LATE = 12
"""Payments that were registered after their callbacks came."""

WRITTEN_ONCE = (
    ("checks", "asked_at"),
    ("cases", "opened_at"),
    ("notices", "created_at"),
    ("settlements", "settled_at"),
    ("transactions", "final_at"),
)


def go_by(sessions: Sessions, seconds: float) -> None:
    """Time goes by for all the books, past the guards that keep what is written from being changed."""
    let_pass(sessions, seconds)
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        for table, column in WRITTEN_ONCE:
            step.session.execute(
                text(f"UPDATE {table} SET {column} = {column} - CAST(:by AS interval)"),
                {"by": timedelta(seconds=seconds)},
            )


def ask(tools: Toolbox, pk: int, answer: Answer) -> None:
    """One question and its answer, which took as long as answers take."""
    one = answered(tools.sessions, pk, replace(answer, took=0.31 + pk % 7 / 20))
    record(tools, [one], lane=LANE)


def fill(sessions: Sessions, fakes: Fakes) -> dict[str, Any]:
    """A day's payments, some of them with a story; what the pages to be pictured are about."""
    tools = toolbox(sessions, fakes)
    fakes.signs.leave(SWEPT, life=60)
    *_late, told, short, silent = add_pending(sessions, LATE + 3)
    forged = knock(sessions, claim(f"ORD-{told}"))
    go_by(sessions, 2)
    intake(tools, forged)
    for wait in (14, 16, 31):
        ask(tools, told, pending())
        go_by(sessions, wait)
    intake(tools, knock(sessions, claim(f"ORD-{told}"), claim(f"ORD-{told}")))
    go_by(sessions, 1)
    ask(tools, told, completed(5000, f"ORD-{told}"))
    go_by(sessions, 40)
    ask(tools, short, pending())
    go_by(sessions, 300)
    ask(tools, short, completed(4000, f"ORD-{short}"))
    go_by(sessions, 7000)
    run(sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now() WHERE id = :pk", pk=silent)
    with transaction(sessions) as step:
        detail = "still pending. Nothing final in all this time. A callback would wake it up; else look it up in the dashboard."
        open_cases(step.session, [NewCase(kind=CaseKind.PARKED, detail=detail, transaction_pk=silent)])
    add_failed(sessions, LATE)
    all_paid(fakes.gateway, LATE)
    for number in (3, 7):
        fakes.gateway.says(f"token-of-ORD-{number}", notcompleted())
    fakes.gateway.says("token-of-ORD-9", completed(4500, "ORD-9"))
    go_by(sessions, 5400)
    for hour in range(23, 0, -1):
        put_settled(sessions, 6 + hour * 5 % 9, ago=hour * 3600 - 900, heard=hour % 4 + 0.6)
        put_settled(sessions, hour % 3, ago=hour * 3600 - 600, created=150)
    run(
        sessions, "UPDATE transactions SET next_check_at = now() + interval '9 minutes' WHERE next_check_at IS NOT NULL"
    )
    case = value(sessions, "SELECT id FROM cases WHERE kind = 'mismatch'")
    return {"told": f"ORD-{told}", "case": case, "plan": plan(tools, CallbackChoice(failed=True), ask=True)}


def take(person: Person, path: str, name: str) -> None:
    """One picture of one page, as it fills the window; longer pages are cut below."""
    person.go(path)
    person.page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


def sign_in(person: Person) -> None:
    """By the form, as everybody."""
    person.go("")
    person.page.fill("#person", "awa")
    person.page.fill("#password", PASSWORD)
    person.page.press("#password", "Enter")
    person.page.wait_for_selector("nav")


def take_all(console: OpenConsole, about: dict[str, Any]) -> None:
    """Desktop in light and dark, and a phone."""
    with running_browser() as launched:
        roomy = {**DESKTOP, "height": 900}
        with person_at(launched, console.url, viewport=roomy, color_scheme="light") as awa:
            sign_in(awa)
            take(awa, "", "overview")
            take(awa, f"/transactions/{about['told']}", "transaction")
            take(awa, f"/replays/{about['plan']}", "plan")
        with person_at(launched, console.url, viewport=roomy, color_scheme="dark") as awa:
            sign_in(awa)
            take(awa, f"/cases/{about['case']}", "case")
        with person_at(launched, console.url, viewport=PHONE, color_scheme="light", locale="fr-FR") as awa:
            sign_in(awa)
            take(awa, "/cases", "phone")


def main() -> None:
    """Take them all anew."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        servers = stack.enter_context(running_servers())
        url = create_database(servers.postgres_url, "pictures")
        migrate.upgrade(url)
        sessions = stack.enter_context(open_books(url))
        console = stack.enter_context(open_console(url, servers.redis_url, sessions))
        take_all(console, fill(sessions, console.fakes))


if __name__ == "__main__":
    main()
