"""Pages of a list: where this one begins, and the addresses of the next and of the first."""

from __future__ import annotations

from dataclasses import dataclass

from models.queries.browse import Page, T
from worker.console.visit import Visit, to

ROWS = 25
"""Rows of one page."""

BIGGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a list a page begins, by key and never by count: nothing slips between two pages."""

    path: str
    query: dict[str, object]
    after: int | None
    name: str = "after"
    """Of the parameter that holds it, where a page has two lists."""

    @property
    def is_first(self) -> bool:
        """Whether it is the first page."""
        return self.after is None

    @property
    def below(self) -> int:
        """The same for a list that goes down from the newest id."""
        return BIGGEST_ID if self.after is None else self.after

    @property
    def first(self) -> str:
        """The address of the first page."""
        return to(self.path, **self.query)

    def next(self, page: Page[T]) -> str:
        """The address of the page behind this one; empty when it is the last."""
        return "" if page.next is None else to(self.path, **self.query, **{self.name: page.next})


def place_of(visit: Visit, path: str, *, name: str = "after", **query: object) -> Place:
    """Where the visitor is in the list of this path and query."""
    return Place(path=path, query=query, after=visit.query.whole(name), name=name)
