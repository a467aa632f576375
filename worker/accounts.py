"""The accounts as tools: a client, a budget, a breaker and a shop for each, made anew when its settings change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from config.accounts import AccountSettings, KnownAccounts
from tasks.toolbox import Account

Build = Callable[[AccountSettings], Account]


class LiveAccounts:
    """What `KnownAccounts` knows, ready to be used. Safe for many threads; make one per process, as of all tools.

    Whoever took an account goes on with it: questions that are out are answered to the client that asked them.
    """

    def __init__(self, known: KnownAccounts, build: Build) -> None:
        self._known = known
        self._build = build
        self._lock = threading.Lock()
        self._settings: Mapping[str, AccountSettings] = {}
        self._tools: Mapping[str, Account] = {}

    @property
    def names(self) -> Sequence[str]:
        """All of them, `default` first."""
        return tuple(self._known.now())

    @property
    def faults(self) -> Sequence[str]:
        """What is wrong with their files now."""
        self._known.now()
        return self._known.faults

    def find(self, name: str) -> Account | None:
        """The account of this name, with the keys it has now."""
        settings = self._known.now()
        if settings is not self._settings:
            with self._lock:
                self._renew(self._known.now())
        return self._tools.get(name)

    def _renew(self, settings: Mapping[str, AccountSettings]) -> None:
        """Those that did not change stay as they are, with their connections."""
        self._tools = {
            name: self._tools[name] if self._settings.get(name) == of else self._build(of)
            for name, of in settings.items()
        }
        self._settings = settings
