"""The table: what each piece of work costs, exactly. A lower figure is welcome, a higher one needs a reason."""

from __future__ import annotations

from tests.counted.counts import Counts

LONE = Counts(
    sql={
        "INSERT callbacks": 1,
        "INSERT checks": 1,
        "SELECT callbacks": 1,
        "SELECT transactions": 2,
        "ask.BEGIN": 1,
        "receive.COUNT_ATTEMPTS": 1,
        "receive.FINISH": 1,
        "receive.NUDGE": 1,
        "record.ADD_NOTICES": 1,
        "record.CLOSE_CASES": 1,
        "record.COUNT_NOTICES": 1,
        "record.MOVE": 1,
        "record.SCHEDULE": 1,
        "record.SETTLE": 1,
        "stops.ACTING": 1,
        "stops.OFF_NOW": 1,
    },
    commits=5,
    postgres_round_trips=32,
    redis={
        "EVALSHA": 5,
        "LPUSH": 2,
    },
    redis_round_trips=7,
    messages={
        "callbacks": 1,
        "fresh": 1,
    },
    message_bytes=1_949,
    questions=1,
)
"""A lone callback, from the door until it is settled."""

TWIN = Counts(
    sql={
        "INSERT callbacks": 1,
        "SELECT callbacks": 1,
        "SELECT transactions": 1,
        "receive.COUNT_ATTEMPTS": 1,
        "receive.FINISH": 1,
    },
    commits=3,
    postgres_round_trips=14,
    redis={
        "LPUSH": 1,
    },
    redis_round_trips=1,
    messages={
        "callbacks": 1,
    },
    message_bytes=968,
    questions=0,
)
"""Its twin, when that is done."""

MANY = Counts(
    sql={
        "INSERT callbacks": 1,
        "INSERT checks": 2,
        "SELECT callbacks": 2,
        "SELECT transactions": 4,
        "ask.BEGIN": 2,
        "receive.COUNT_ATTEMPTS": 2,
        "receive.FINISH": 2,
        "receive.NUDGE": 2,
        "record.ADD_NOTICES": 2,
        "record.CLOSE_CASES": 2,
        "record.COUNT_NOTICES": 2,
        "record.MOVE": 2,
        "record.SCHEDULE": 2,
        "record.SETTLE": 2,
        "stops.ACTING": 2,
        "stops.OFF_NOW": 2,
    },
    commits=9,
    postgres_round_trips=60,
    redis={
        "EVALSHA": 10,
        "LPUSH": 4,
    },
    redis_round_trips=14,
    messages={
        "callbacks": 2,
        "fresh": 2,
    },
    message_bytes=6_870,
    questions=100,
)
"""The twins of a hundred payments, all at the same moment, until they are settled."""

NOTHING_DUE = Counts(
    sql={
        "SELECT clock_timestamp()": 1,
        "due.CLAIM_CALLBACKS": 1,
        "due.CLAIM_TRANSACTIONS": 1,
        "due.PARK_HOLES": 1,
        "replay.work.LEFT_ALONE": 1,
        "stops.IS_OFF": 2,
    },
    commits=4,
    postgres_round_trips=19,
    redis={
        "EVALSHA": 2,
        "EXEC": 3,
        "LLEN": 3,
        "MULTI": 3,
        "SET": 1,
        "TIME": 1,
    },
    redis_round_trips=7,
    messages={},
    message_bytes=0,
    questions=0,
)
"""A sweep that finds nothing."""

MUCH_DUE = Counts(
    sql={
        "SELECT clock_timestamp()": 1,
        "due.CLAIM_CALLBACKS": 1,
        "due.CLAIM_TRANSACTIONS": 2,
        "due.PARK_HOLES": 1,
        "replay.work.LEFT_ALONE": 1,
        "stops.IS_OFF": 3,
    },
    commits=5,
    postgres_round_trips=25,
    redis={
        "EVALSHA": 2,
        "EXEC": 4,
        "LLEN": 4,
        "LPUSH": 2,
        "MULTI": 4,
        "SET": 1,
        "TIME": 1,
    },
    redis_round_trips=10,
    messages={
        "recheck": 2,
    },
    message_bytes=4_022,
    questions=0,
)
"""A sweep that finds two hundred payments due, and rings for them."""
