"""Every metric there is: its name, meaning, unit and labels. `docs/metrics.md` is written from here, and a test holds both.

No label ever holds a phone number, an id, a token or anything else that a customer or a stranger may choose. The words of the
labels are those of the books; they stand here once more so that beat, which needs no books, need not load them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config import policy
from worker.metrics.metric import Bounded, Kind, Metric, Process

ANSWERED = ("stored", "spooled", "unavailable", "refused")
ROUTES = ("default", "account")
STATUSES = ("400", "401", "402", "404", "405", "409", "413", "415", "422", "500", "502", "503", "504", "other")
LANES = ("callback", "person", "sweep", "replay", "audit")
SAID = ("completed", "notcompleted", "pending", "unknown", "not_found", "refused", "silence")
READ = ("matched", "unmatched", "orphan", "unreadable")
CASES = (
    "mismatch",
    "late_success",
    "contradiction",
    "called_back",
    "orphan",
    "unreadable",
    "token_lost",
    "token_refused",
    "parked",
    "approval",
    "endpoint",
    "account",
    "statement",
)
SWITCHES = ("settle", "sweep", "notify", "replay", "send")
BREAKER = ("closed", "open", "probing")
QUEUES = ("callbacks", "fresh", "recheck", "notices", "control")
TASKS = ("read_callbacks", "ask", "sweep", "watch", "echo", "listen", "notify", "replay", "prune", "send")
DIRECTIONS = ("in", "out")
RAN = ("done", "put_off", "failed")
AGES = (*(str(int(tier.until)) for tier in policy.AGE_TIERS), "+Inf")
STANDS = ("awaiting", "queued", "unsent", "unknown", "pending")
SCOPES = ("lately", "full")
PARTS = (
    "stops",
    "books",
    "notices",
    "replays",
    "learned",
    "cases",
    "payouts",
    "loads",
    "migrations",
    "queues",
    "budget",
    "breaker",
    "signs",
)

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
"""Seconds of what takes milliseconds when all is well."""
CALLS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)
"""Seconds of calls to others, and of tasks that make them."""
WAITS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 21_600, 86_400)
"""Seconds in which payments are settled."""
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)

ACCOUNT: Mapping[str, Bounded] = {"account": Bounded("the accounts that are set up here")}

ALL: dict[str, Metric] = {}
"""By name."""


def _keep(metric: Metric) -> Metric:
    ALL[metric.name] = metric
    return metric


def _counter(told_by: Process, name: str, meaning: str, /, **labels: Sequence[str] | Bounded) -> Metric:
    name = f"reconciler_{name}_total"
    return _keep(Metric(name=name, kind=Kind.COUNTER, meaning=meaning, told_by=told_by, labels=labels))


def _gauge(told_by: Process, name: str, meaning: str, /, **labels: Sequence[str] | Bounded) -> Metric:
    name = f"reconciler_{name}"
    return _keep(Metric(name=name, kind=Kind.GAUGE, meaning=meaning, told_by=told_by, labels=labels))


def _histogram(
    told_by: Process, name: str, meaning: str, /, *, buckets: Sequence[float], **labels: Sequence[str] | Bounded
) -> Metric:
    name = f"reconciler_{name}"
    kind = Kind.HISTOGRAM
    return _keep(Metric(name=name, kind=kind, meaning=meaning, told_by=told_by, labels=labels, buckets=buckets))


# ---- Every process ------------------------------------------------------------------------------------------------

EVERY = Process.EVERY
BUILD = _gauge(
    EVERY,
    "build_info",
    "1, with what runs here.",
    version=Bounded("one for each release that runs"),
    python=Bounded("one for each Python that runs"),
    process=tuple(process.value for process in Process if process is not EVERY),
)

# ---- The HTTP door ------------------------------------------------------------------------------------------------

WEB = Process.WEB
DOOR_CALLBACKS = _counter(
    WEB,
    "door_callbacks",
    "Callbacks by how they were answered: 200 because committed (stored) or fsynced (spooled), 503 because neither was"
    " possible (unavailable), refused because the database will not have this one.",
    outcome=ANSWERED,
    route=ROUTES,
)
DOOR_LATENCY = _histogram(
    WEB,
    "door_latency_seconds",
    "From a whole request to its callback being durable.",
    buckets=QUICK,
    outcome=("stored", "spooled"),
)
DOOR_COMMITS = _histogram(WEB, "door_commit_callbacks", "Callbacks stored by one commit.", buckets=SIZES)
DOOR_WAITING = _gauge(WEB, "door_waiting_callbacks", "Callbacks nobody has taken up to be stored yet.")
DOOR_ALIVE = _gauge(WEB, "door_alive", "1 while the threads that store, spool and drain run.")
DOOR_SPOOLING = _gauge(WEB, "door_spooling", "1 while the database counts as away and callbacks go to the spool.")
DOOR_DRAINED = _counter(WEB, "door_drained_callbacks", "Callbacks brought from the spool into the database.")
HTTP_REFUSALS = _counter(
    WEB,
    "http_refusals",
    "Requests that were answered with an error, callbacks and the API alike, by HTTP status.",
    status=STATUSES,
)
SPOOL_UP = _gauge(
    WEB, "spool_up", "1 while the spool's folder can be looked at. 0: the other spool metrics are absent."
)
SPOOL_CALLBACKS = _gauge(WEB, "spool_callbacks", "Callbacks in the spool, of all doors that share the folder.")
SPOOL_BYTES = _gauge(WEB, "spool_bytes", "Size of all files in the spool.")
SPOOL_LIMIT = _gauge(WEB, "spool_limit_bytes", "Size past which the spool takes nothing more (SPOOL_MAX_MB).")
SPOOL_OLDEST = _gauge(WEB, "spool_oldest_age_seconds", "Age of the oldest file that is not drained; 0 without one.")
SPOOL_APART = _gauge(WEB, "spool_apart_files", "Files kept apart because they could not be read or stored.")

# ---- Workers ------------------------------------------------------------------------------------------------------

WORKER = Process.WORKER
CALLBACKS_READ = _counter(WORKER, "callbacks_read", "Callbacks read, by what became of them.", outcome=READ)
QUESTIONS = _counter(
    WORKER, "questions", "Questions to the gateway, by what it said.", lane=LANES, answer=SAID, **ACCOUNT
)
ANSWERS = _histogram(
    WORKER, "answer_seconds", "From a question to its answer, or its silence.", buckets=CALLS, **ACCOUNT
)
PUT_OFF = _counter(
    WORKER,
    "questions_put_off",
    "Questions that did not go out: the breaker was open, or no turn was left in the budget.",
    lane=LANES,
    reason=("breaker", "budget"),
    **ACCOUNT,
)
SETTLEMENTS = _counter(
    WORKER,
    "settlements",
    "Money that moved on an answer of the gateway: in by invoices, out by payouts. Learned by callback: one about it came"
    " before. What a person settled by hand is not here.",
    direction=DIRECTIONS,
    learned_by=LANES,
    **ACCOUNT,
)
FRANCS = _counter(WORKER, "settled_francs", "Whole francs of those settlements.", direction=DIRECTIONS, **ACCOUNT)
CLOSED = _counter(
    WORKER, "closed", "Transactions closed as not completed, on an answer.", direction=DIRECTIONS, **ACCOUNT
)
AFTER_CALLBACK = _histogram(
    WORKER,
    "settled_after_callback_seconds",
    "From the first callback about a payment to its settlement; of those that were announced.",
    buckets=WAITS,
    direction=DIRECTIONS,
)
AFTER_CREATION = _histogram(
    WORKER,
    "settled_after_creation_seconds",
    "From creation to settlement, the time the customer took included.",
    buckets=WAITS,
    direction=DIRECTIONS,
    learned_by=LANES,
)
SWEPT = _counter(
    WORKER,
    "swept",
    "What sweeps found due: callbacks nobody read, transactions to ask about, holes that were parked.",
    what=("callbacks", "transactions", "parked"),
)
DELIVERIES = _counter(
    WORKER,
    "deliveries",
    "Deliveries of notices: taken by the application (delivered), to be tried again (failed), or given up (stopped).",
    outcome=("delivered", "failed", "stopped"),
)
DELIVERY_TIME = _histogram(WORKER, "delivery_seconds", "Time one delivery of a notice took.", buckets=CALLS)
TASKS_RUN = _counter(
    WORKER,
    "tasks",
    "Tasks by how they ended: done, put off by expected trouble, or failed by a surprise, which the log has.",
    task=TASKS,
    outcome=RAN,
)
TASK_TIME = _histogram(WORKER, "task_seconds", "Time one task ran.", buckets=CALLS, task=TASKS)

# ---- Beat ---------------------------------------------------------------------------------------------------------

BEAT = Process.BEAT
BEAT_RINGS = _counter(BEAT, "beat_rings", "Messages beat sent.", task=("sweep", "watch", "listen", "prune"))
BEAT_RANG = _gauge(BEAT, "beat_rang_timestamp_seconds", "When beat last sent a message, by its machine's clock.")

# ---- The exporter: how the books and Redis stand ------------------------------------------------------------------

EXPORTER = Process.EXPORTER
LOOK_UP = _gauge(
    EXPORTER,
    "look_up",
    "1 where this part could be looked at. 0: its metrics are absent until it can; none is told from memory.",
    part=PARTS,
)
LOOK_AGE = _gauge(EXPORTER, "look_age_seconds", "Age of the look that is told; looks are no closer than a few seconds.")
LOOK_TOOK = _gauge(EXPORTER, "look_seconds", "Time that look took.")
DATABASE_UP = _gauge(EXPORTER, "database_up", "1 while the books can be read.")
REDIS_UP = _gauge(EXPORTER, "redis_up", "1 while Redis answers.")
MIGRATIONS = _gauge(EXPORTER, "migrations_pending", "Migrations this release needs and the database lacks.")
AT_HEAD = _gauge(EXPORTER, "migrations_at_head", "1 when it lacks none.")

UNREAD = _gauge(EXPORTER, "unread_callbacks", "Callbacks that are stored and not read.")
UNREAD_AGE = _gauge(EXPORTER, "unread_callbacks_oldest_age_seconds", "Age of the oldest of them; 0 without one.")
HEARD_AGE = _gauge(
    EXPORTER, "callback_heard_age_seconds", "Since the last callback that is about a payment, or may be."
)
HUSHES = _gauge(
    EXPORTER,
    "hushes",
    "1 while payments go on and all callbacks stopped (everything); how many operators fell silent (operator).",
    scope=("everything", "operator"),
)
OPEN = _gauge(
    EXPORTER,
    "open_transactions",
    "Open transactions that are asked about by themselves, by the upper bound of their age in seconds.",
    younger_than=AGES,
)
PARKED = _gauge(EXPORTER, "parked_transactions", "Open transactions that are not asked about any more.")
OVERDUE = _gauge(
    EXPORTER,
    "overdue_transactions",
    "Transactions whose next check is more than a minute late; in the queue of payouts, only while it stands still.",
)
OVERDUE_AGE = _gauge(EXPORTER, "overdue_age_seconds", "How late the latest of them is; 0 without one.")
ASKED_ABOUT = _gauge(EXPORTER, "asked_about_transactions", "Transactions with a date of their next check.", **ACCOUNT)
ACCOUNT_OVERDUE = _gauge(EXPORTER, "overdue_account_transactions", "The overdue ones of each account.", **ACCOUNT)
CASES_OPEN = _gauge(EXPORTER, "open_cases", "Open cases.", kind=CASES)
CASES_AGE = _gauge(
    EXPORTER, "open_cases_oldest_age_seconds", "Age of the oldest open case; absent without one.", kind=CASES
)
CASES_RISK = _gauge(EXPORTER, "open_cases_at_stake_francs", "Sum somebody may be missing.", kind=CASES)
PAYOUTS = _gauge(
    EXPORTER,
    "payouts",
    "Open payouts: awaiting approval, held while sending is switched off (queued), about to be sent (unsent), sent with no reply stored (unknown), and pending.",
    stands=STANDS,
)
PAYOUTS_AGE = _gauge(
    EXPORTER,
    "payouts_oldest_age_seconds",
    "Age of the oldest of them; absent without one.",
    stands=STANDS,
)
PUSHED = _gauge(EXPORTER, "notices_pushed", "1 where notices are pushed (NOTICE_URL); else they wait to be read.")
NOTICES_WAITING = _gauge(EXPORTER, "waiting_notices", "Notices that are to be delivered, counted up to 10,000.")
NOTICES_AGE = _gauge(EXPORTER, "waiting_notices_oldest_age_seconds", "Age of the oldest of them; 0 without one.")
NOTICES_STOPPED = _gauge(EXPORTER, "stopped_notices", "Notices given up, among the newest 50,000.")
LEARNED = _gauge(
    EXPORTER,
    "learned_payments",
    "Payments settled within the last half hour by how they came to be known; callback: one came before.",
    learned_by=LANES,
)
REPLAYS = _gauge(EXPORTER, "running_replays", "Replay plans that are worked off.")
REPLAY_LEFT = _gauge(EXPORTER, "replay_items_left", "Items of running plans that are not done.")
SWITCH_OFF = _gauge(EXPORTER, "switch_off", "1 while a person has this switched off.", switch=SWITCHES)
SWITCH_AGE = _gauge(EXPORTER, "switch_off_age_seconds", "For how long; absent while it is on.", switch=SWITCHES)
BREAKER_STATE = _gauge(EXPORTER, "breaker_state", "1 for the state the breaker is in.", state=BREAKER, **ACCOUNT)
BREAKER_REFUSED = _gauge(
    EXPORTER,
    "breaker_refused",
    "1 while it is open because the gateway refuses our keys, address or project.",
    **ACCOUNT,
)
BREAKER_AGE = _gauge(
    EXPORTER, "breaker_open_age_seconds", "For how long it has been open; absent while closed.", **ACCOUNT
)
BREAKER_HELD = _gauge(EXPORTER, "breaker_held_back_questions", "Questions held back since it opened.", **ACCOUNT)
BUDGET_ROOM = _gauge(EXPORTER, "budget_room_questions", "Questions this lane could ask now.", lane=LANES, **ACCOUNT)
BUDGET_GRANTED = _gauge(
    EXPORTER, "budget_granted_questions", "Questions this lane was granted in the last minute.", lane=LANES, **ACCOUNT
)
BUDGET_RATE = _gauge(EXPORTER, "budget_rate_questions", "Questions a second the fleet may ask.", **ACCOUNT)
QUEUE = _gauge(EXPORTER, "queue_messages", "Messages that wait in the broker.", queue=QUEUES)
SWEEP_AGE = _gauge(
    EXPORTER, "sweep_age_seconds", "Since the last sweep that beat rang for; absent after a day without."
)
FSCK_AGE = _gauge(EXPORTER, "fsck_age_seconds", "Since fsck last ended; absent when its sign is gone.", scope=SCOPES)
FSCK_VIOLATIONS = _gauge(EXPORTER, "fsck_violations", "Violations that run found.", scope=SCOPES)
FSCK_RULES = _gauge(
    EXPORTER,
    "fsck_rule_violations",
    "The same, rule by rule; absent for rules that hold.",
    scope=SCOPES,
    rule=Bounded("the rules of fsck"),
)
ACCOUNTS = _gauge(EXPORTER, "accounts", "Accounts that are set up here.")
ACCOUNT_FAULTS = _gauge(
    EXPORTER, "account_faults", "Faults in the files accounts are read from; those read before hold."
)
