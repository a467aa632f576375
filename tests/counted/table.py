"""The table: what each piece of work costs, exactly. A lower figure is welcome, a higher one needs a reason."""

from __future__ import annotations

from tests.counted.counts import Counts

LONE = Counts(
    sql={
        "ask.BEGIN": 1,
        "ask.LOCK": 1,
        "receive.FIND": 1,
        "receive.FINISH": 1,
        "receive.NUDGE": 1,
        "receive.SET_OUT": 1,
        "receive.STORE": 1,
        "receive.TAKE": 1,
        "record.ADD_NOTICES": 1,
        "record.CLOSE_CASES": 1,
        "record.COUNT_NOTICES": 1,
        "record.MOVE": 1,
        "record.RECORD": 1,
        "record.SCHEDULE": 1,
        "record.SETTLE": 1,
        "stops.ACTING": 1,
        "stops.OFF_NOW": 1,
    },
    commits=5,
    postgres_round_trips=32,
    redis={
        "EVALSHA": 5,
        "LPUSH": 1,
    },
    redis_round_trips=6,
    messages={
        "callbacks": 1,
    },
    message_bytes=968,
    questions=1,
)
"""A lone callback, from the door until it is settled."""

TWIN = Counts(
    sql={
        "receive.FIND": 1,
        "receive.FINISH": 1,
        "receive.SET_OUT": 1,
        "receive.STORE": 1,
        "receive.TAKE": 1,
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
        "ask.BEGIN": 1,
        "ask.LOCK": 1,
        "receive.FIND": 1,
        "receive.FINISH": 1,
        "receive.NUDGE": 1,
        "receive.SET_OUT": 1,
        "receive.STORE": 1,
        "receive.TAKE": 1,
        "record.ADD_NOTICES": 1,
        "record.CLOSE_CASES": 1,
        "record.COUNT_NOTICES": 1,
        "record.MOVE": 1,
        "record.RECORD": 1,
        "record.SCHEDULE": 1,
        "record.SETTLE": 1,
        "stops.ACTING": 1,
        "stops.OFF_NOW": 1,
    },
    commits=5,
    postgres_round_trips=32,
    redis={
        "EVALSHA": 5,
        "LPUSH": 1,
    },
    redis_round_trips=6,
    messages={
        "callbacks": 1,
    },
    message_bytes=3_041,
    questions=100,
)
"""The twins of a hundred payments, all at the same moment, until they are settled."""

NOTHING_DUE = Counts(
    sql={
        "SELECT clock_timestamp()": 1,
        "due.CLAIM_CALLBACKS": 1,
        "due.CLAIM_TRANSACTIONS": 1,
        "due.PARK_HOLES": 1,
        "payouts.UNSENT": 1,
        "replay.work.LEFT_ALONE": 1,
        "stops.IS_OFF": 2,
    },
    commits=4,
    postgres_round_trips=20,
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
        "payouts.UNSENT": 1,
        "replay.work.LEFT_ALONE": 1,
        "stops.IS_OFF": 3,
    },
    commits=5,
    postgres_round_trips=26,
    redis={
        "EVALSHA": 2,
        "EXEC": 4,
        "LLEN": 4,
        "LPUSH": 1,
        "MULTI": 4,
        "SET": 1,
        "TIME": 1,
    },
    redis_round_trips=9,
    messages={
        "recheck": 1,
    },
    message_bytes=3_049,
    questions=0,
)
"""A sweep that finds two hundred payments due, and rings for them."""
