"""Who is signed in: kept on the server under a hash of a random id that only the browser's cookie holds.

Redis keeps them, for all doors together; emptying it signs everybody out, and nothing else. While it is away each door goes by
what it remembers itself, so that whoever is looking why Redis is away is not thrown out of the console by it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

PREFIX = "reconciler:console:sign-in:"

IDLE = 3600.0
"""Seconds without a request of the person's own after which it is over."""

LONGEST = 12 * 3600.0
"""Seconds after which it is over however busy: a working day."""

MOST = 1000
"""Sign-ins one door remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """One signed-in browser."""

    id: str = field(repr=False)
    """The secret: whoever has it is that person."""
    person: str
    began: float
    """By this machine's clock, as the next one."""
    seen: float
    mark: str
    """Of the password's hash it began with: another hash ends it."""
    told: str = ""
    """A sentence for the next page, on what came of an action."""

    @property
    def ends(self) -> float:
        """When it is over, if nothing more comes."""
        return min(self.seen + IDLE, self.began + LONGEST)

    @property
    def csrf(self) -> str:
        """What each form of this sign-in carries. Says nothing about the id."""
        return hmac.new(self.id.encode(), b"form", hashlib.sha256).hexdigest()


def mark_of(hashed: str) -> str:
    """What is kept of a password's hash to know it again."""
    return hashlib.sha256(hashed.encode()).hexdigest()[:16]


class SignIns:
    """All sign-ins of this installation. Usable from many threads; raises nothing."""

    def __init__(self, redis: Redis, people: Callable[[], Mapping[str, str]]) -> None:
        """`people` are those who may sign in now, with the hash of each one's password."""
        self._redis = redis
        self._people = people
        self._here: dict[str, SignIn] = {}
        self._ended: dict[str, float] = {}
        """Keys signed out here, and when they would have ended by themselves: a page under way must not bring one back."""
        self._untold: set[str] = set()
        """Those of them that Redis does not know of yet."""
        self._lock = threading.Lock()

    def begin(self, person: str, hashed: str) -> SignIn:
        """A new one, under a new id. `hashed` is what the password was held against: it may be another one by now."""
        now = time.time()
        begun = SignIn(id=secrets.token_urlsafe(32), person=person, began=now, seen=now, mark=mark_of(hashed))
        self._keep(begun, is_new=True)
        return begun

    def find(self, id_: str, *, is_activity: bool = True) -> SignIn | None:
        """The one with this id, if it is not over. `is_activity`: whether a person, and not a timer, asks."""
        found, is_redis_away = self._read(id_)
        if found is None:
            return None
        hashed = self._people().get(found.person)
        now = time.time()
        if hashed is None or not hmac.compare_digest(mark_of(hashed), found.mark) or found.ends <= now:
            self.end(id_)
            return None
        if is_activity:
            found = replace(found, seen=now)
            # One that hangs costs seconds each time it is asked, and somebody waits for the page that says so.
            self._keep(found, here_alone=is_redis_away)
        return found

    def tell(self, sign_in: SignIn, sentence: str) -> None:
        """Have the next page of this one say this; empty once it was said."""
        self._keep(replace(sign_in, told=sentence))

    def end(self, id_: str) -> None:
        """It is over, on every door; with Redis away, on this one, and on the others once it is back."""
        key = _key(id_)
        with self._lock:
            gone = self._here.pop(key, None)
            self._ended[key] = gone.ends if gone else time.time() + LONGEST
            self._untold.add(key)
        self._tell_redis_of_ended()

    def _read(self, id_: str) -> tuple[SignIn | None, bool]:
        """And whether Redis is away."""
        key = _key(id_)
        self._tell_redis_of_ended()
        with self._lock:
            if key in self._ended:
                return None, False
        try:
            text = self._redis.get(key)
        except RedisError as exc:
            log.warning("console_redis_away", error=type(exc).__name__)
            with self._lock:
                return self._here.get(key), True
        kept = _from_text(text, id_) if text else None
        if kept is None:
            with self._lock:
                self._here.pop(key, None)
        return kept, False

    def _keep(self, sign_in: SignIn, *, is_new: bool = False, here_alone: bool = False) -> None:
        """Only a new one is made: of the others, what is not there any more was ended by another door."""
        key = _key(sign_in.id)
        now = time.time()
        with self._lock:
            if key in self._ended:  # it was ended while a page of its own was under way
                return
            self._here[key] = sign_in
            if len(self._here) > MOST:
                self._here = dict(sorted(self._here.items(), key=lambda each: each[1].ends)[-MOST // 2 :])
        if here_alone:
            return
        try:
            self._redis.set(key, _to_text(sign_in), px=max(1, round((sign_in.ends - now) * 1000)), xx=not is_new)
        except RedisError as exc:
            log.warning("console_redis_away", error=type(exc).__name__)

    def _tell_redis_of_ended(self) -> None:
        with self._lock:
            now = time.time()
            self._ended = {key: ends for key, ends in self._ended.items() if ends > now}
            keys = list(self._untold)
        if not keys:
            return
        try:
            self._redis.delete(*keys)
        except RedisError as exc:
            log.warning("console_redis_away", error=type(exc).__name__)
            return
        with self._lock:
            self._untold.difference_update(keys)


def _key(id_: str) -> str:
    """Not the id itself: whoever reads Redis is nobody for it."""
    return PREFIX + hashlib.sha256(id_.encode()).hexdigest()


def _to_text(sign_in: SignIn) -> str:
    return json.dumps({name: value for name, value in asdict(sign_in).items() if name != "id"})


def _from_text(text: bytes | str, id_: str) -> SignIn | None:
    try:
        return SignIn(id=id_, **json.loads(text))
    except (ValueError, TypeError):  # another release's
        return None
