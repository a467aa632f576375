"""The console at `/console`: what the commands show and do, in a browser, for people who sign in by name.

It has no rule and no statement of its own: pages call what the commands call. How to add one:

A *room* is a module with functions that take a `Visit` and give a response, and a list of `Page` and `Action` (`rooms.py`), which
`rooms.all_rooms()` names. Paths are below `/console`, with Starlette's parameters.

    def cases(visit: Visit) -> Response:                       # GET; reads
        kind = visit.query.one("kind")
        return visit.show("cases.html", title=_("Cases"), lines=...)

    def resolve(visit: Visit) -> Response:                     # POST; acts, and goes on to a page
        case = visit.number("case")
        end_plainly(visit.tools, [case], Signature(author=visit.person, reason=visit.form.words("reason")))
        return visit.go_to(f"/cases/{case}", told=_("Case {case} is resolved.").format(case=case))

    ROOM = [Page("/cases", cases, nav=N_("Cases")), Action("/cases/{case:int}/resolve", resolve)]

* They run on threads of the console's own, in the language of the visitor (`_` just works), with `visit.tools`: the toolbox of the
  door on the console's own few connections, whose statements are ended after `READ_WITHIN` seconds.
* Whoever is not signed in does not reach them; neither does a form without `{{ csrf() }}`, or one of another site.
* What goes wrong is raised as one of `models.errors`, whose sentence becomes a page: `NotFound` 404, `Invalid` 422, `StoreAway` 503...
* Templates extend `base.html`, fill `{% block main %}`, and import `parts.html` for what pages share: `command(text)` for the command
  that does the same, `badge`, `facts`, `picture`. A form is `<form method="post" action="{{ to('/cases/12/resolve') }}">{{ csrf() }}`.
  Addresses are made by `to('/path', name=value)`. Filters: `francs`, `stamp` (a `<time>`), `length` (of a timedelta), `number`,
  `plain` (text of others: what hides or steers is escaped). Every text goes through `_('...')`, `ngettext`, values by `.format`.
  Whatever a template writes is masked like a log line: no token gets through.
* Tables are `<table class="cards">` with `data-label` on each cell (on a phone each row becomes a card), or stand in
  `<div class="scroll" tabindex="0" role="region" aria-label="...">`.
* No style and no script within the page: the policy of the console refuses both. Looks go into `static/console.css`.
* `tests/worker/console/test_every_page.py` walks every room by itself; `EXAMPLES` there fills path parameters.
"""

from __future__ import annotations

from worker.console.app import add_console

__all__ = ["add_console"]
