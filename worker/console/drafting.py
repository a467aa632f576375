"""Drafting a replay plan behind a page: asking the gateway for predictions takes longer than anybody waits for a page.

Each draft has a thread of its own that nothing waits for. Should the process end meanwhile, the draft stays where it got, its
lease ends, and whoever looks at the plan can go on with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from starlette.responses import Response

from config.policy import PLAN_LIFE
from models.errors import Conflict, ReconcilerError
from models.queries.replay.choice import Choice
from tasks.foresee import Drafted, Told, draft_plan, go_on
from worker.console.visit import Visit
from worker.language import _

log = structlog.get_logger()

PATIENCE = 3.0
"""Seconds a page waits for a draft to be done, which without asking it mostly is."""

LONGEST_START = 30.0
"""Seconds until there is a plan, or trouble: choosing begins with two statements."""

AT_ONCE = threading.BoundedSemaphore(3)
"""Drafts under way in one process. Each holds a connection now and then, and questions of the replay lane."""


class Draft:
    """One draft under way. The plan has a number as soon as it is begun."""

    def __init__(self, work: Callable[[Told], int]) -> None:
        self._work = work
        self._begun = threading.Event()
        self._over = threading.Event()
        self._trouble: Exception | None = None
        self.plan_id = 0

    def start(self) -> int:
        """Begin, and wait a little for its end; the plan's id. Raises what kept it from being begun."""
        if not AT_ONCE.acquire(blocking=False):
            raise Conflict(_("other plans are being drafted here: wait until one of them is done"))
        threading.Thread(target=self._run, name="console-draft", daemon=True).start()
        self._begun.wait(LONGEST_START)
        self._over.wait(PATIENCE)
        if not self.plan_id:
            raise self._trouble or Conflict(_("the plan could not be begun in time: look for it in the list of plans"))
        return self.plan_id

    def _run(self) -> None:
        try:
            self._work(self._told)
        except ReconcilerError as exc:
            self._trouble = exc
            log.info("draft_cut_short", plan_id=self.plan_id, error=str(exc))
        except Exception as exc:  # a thread's outermost place
            self._trouble = exc
            log.exception("draft_broke", plan_id=self.plan_id)
        finally:
            AT_ONCE.release()
            self._over.set()
            self._begun.set()

    def _told(self, at: Drafted) -> None:
        self.plan_id = at.plan_id
        self._begun.set()


def drafted(visit: Visit, choice: Choice, *, ask: bool) -> Response:
    """Draft a plan of this choice in the visitor's name, and go on to its page."""
    tools, author = visit.tools, visit.person
    draft = Draft(lambda told: draft_plan(tools, choice, author=author, ask=ask, life=PLAN_LIFE, told=told))
    return visit.go_to(f"/replays/{draft.start()}")


def gone_on(visit: Visit, plan_id: int) -> Response:
    """Go on with a draft that was cut short."""
    tools = visit.tools
    return visit.go_to(f"/replays/{Draft(lambda told: go_on(tools, plan_id, told=told)).start()}")
