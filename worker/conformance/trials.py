"""Every trial there is: the gateway's manners as its pages and its merchants describe them, and what thieves do."""

from __future__ import annotations

from collections.abc import Callable

from worker.conformance.trial import Expect, Stage, Trial
from worker.language import N_

BREAK = 4.0
"""Seconds confirm is broken for: past the first question, short of anybody's patience."""

A_MOMENT = 2.0
"""Seconds in which a shop that asks at once has been told pending."""


def _decided(**decision: object) -> Callable[[Stage], None]:
    def play(stage: Stage) -> None:
        stage.decide(**decision)  # type: ignore[arg-type]  # read strictly by the double

    return play


def _with(**callbacks: object) -> Callable[[Stage], None]:
    return _decided(manners=callbacks)


def _forged(stage: Stage) -> None:
    stage.forge()


def _forged_about_nobody(stage: Stage) -> None:
    stage.forge(unknown=True)


def _failure_after_success(stage: Stage) -> None:
    stage.decide()
    stage.await_paid()
    stage.decide(callback_status="notcompleted")


def _pending_first(stage: Stage) -> None:
    stage.decide("pending")
    stage.rest(A_MOMENT)
    stage.decide()


def _confirm_broken(stage: Stage) -> None:
    stage.break_confirm(BREAK)
    stage.decide()


_TWINS = N_(
    "LigdiCash sends every callback twice, as form and as JSON, in no promised order, and repeats none. Whoever reads one of the "
    "two only, or answers the first with an error, has half the chances. Read both; let the second find the work done."
)
_FORM = N_(
    "In a form everything nested is text, and nobody promises in which of three shapes: JSON in one field, custom_data[key], or "
    "custom_data[0][keyof_customdata]. Read all three."
)
_CUSTOM_DATA = N_(
    "custom_data has come back as entries, older entries, an object, under another name, and empty. Look your id up in all of them, "
    "then in transaction_id and external_id."
)
_PENDING = N_(
    "Callbacks can say pending. Whoever marks a payment as handled at its first callback misses the one that counts: make the effect "
    "happen once, not the arrival."
)
_FAILED = N_("A failed payment was taken for paid. Only status completed is paid; response_code 00 says no such thing.")
_FORGED = N_(
    "Callbacks are unsigned: anybody can send one. Take it as a hint, and ask confirm with the token that you kept from the creation."
)
_SUM = N_(
    "Compare what confirm says with what you ordered: the sum and your own reference. Anything else is for a person, not paid."
)

TRIALS: tuple[Trial, ...] = (
    Trial(
        name="form-then-json",
        what=N_("paid; the form first, then the JSON"),
        expects=Expect.PAID,
        meaning=_TWINS,
        play=_with(twins="form-json"),
    ),
    Trial(
        name="json-then-form",
        what=N_("paid; the JSON first, then the form"),
        expects=Expect.PAID,
        meaning=_TWINS,
        play=_with(twins="json-form"),
    ),
    Trial(
        name="both-at-once",
        what=N_("paid; both at the same moment, each three times"),
        expects=Expect.PAID,
        meaning=N_(
            "Twins that arrive together run side by side in your handler. Let the database decide who comes first: one conditional "
            "update, and act only if it changed a row."
        ),
        play=_with(gap=0, copies=3),
    ),
    Trial(
        name="json-alone",
        what=N_("paid; the JSON alone, its token empty"),
        expects=Expect.PAID,
        meaning=N_(
            "The token of a callback is empty, or another than yours. Find the payment by your id in custom_data, and ask with the "
            "token that you kept from the creation."
        ),
        play=_with(twins="json-only"),
    ),
    *(
        Trial(
            name=f"form-{shape}",
            what=what,
            expects=Expect.PAID,
            meaning=_FORM,
            play=_with(twins="form-only", form_shape=shape),
        )
        for shape, what in (
            ("json-text", N_("paid; the form alone, custom_data as JSON text")),
            ("flattened", N_("paid; the form alone, custom_data[key]")),
            ("indexed", N_("paid; the form alone, custom_data[0][keyof_customdata]")),
        )
    ),
    *(
        Trial(
            name=f"custom-data-{shape}",
            what=what,
            expects=Expect.PAID,
            meaning=_CUSTOM_DATA,
            play=_with(custom_data=shape),
        )
        for shape, what in (
            ("old-entries", N_("paid; custom_data as entries of before")),
            ("object", N_("paid; custom_data as an object")),
            ("empty-list", N_("paid; custom_data empty, your id in external_id only")),
        )
    ),
    Trial(
        name="pending-first",
        what=N_("a pending callback, then the completed one"),
        expects=Expect.PAID,
        meaning=_PENDING,
        play=_pending_first,
    ),
    Trial(
        name="pending-last",
        what=N_("completed, and a stray pending callback after it"),
        expects=Expect.PAID,
        meaning=N_("A callback that says pending came late, and undid what was settled. What is paid stays paid."),
        play=_with(pending="last"),
    ),
    Trial(
        name="failure-after-success",
        what=N_("paid; later a callback that says notcompleted, while confirm says completed"),
        expects=Expect.PAID,
        meaning=N_(
            "A late callback undid a payment that confirm still calls completed. Ask before you believe bad news, too."
        ),
        play=_failure_after_success,
    ),
    Trial(
        name="callback-outruns-confirm",
        what=N_("the callback says completed, confirm says pending for a little longer"),
        expects=Expect.PAID,
        meaning=N_(
            "Confirm may lag behind the callback. When it says pending, ask again a little later: no further callback comes."
        ),
        play=_decided(confirm_after=BREAK),
        is_slow=True,
    ),
    Trial(
        name="confirm-broken",
        what=N_("paid, but confirm answers 500 for a while"),
        expects=Expect.PAID,
        meaning=N_(
            "The question failed, and nobody asked again: the callback is not repeated. Keep it, answer 200, and ask again until there "
            "is an answer."
        ),
        play=_confirm_broken,
        is_slow=True,
    ),
    Trial(
        name="no-callback",
        what=N_("paid, and no callback at all"),
        expects=Expect.PAID,
        meaning=N_(
            "Callbacks get lost. Ask confirm by yourself about what stays pending, more and more seldom, for days."
        ),
        play=_with(twins="none"),
        is_slow=True,
    ),
    Trial(
        name="callback-before-reply",
        what=N_("the callback comes before the reply to your create"),
        expects=Expect.PAID,
        meaning=N_(
            "The customer was quicker than the reply that brings you the token. Store your order before the call, keep callbacks about "
            "it, and look at them again once the token is there."
        ),
        play=_decided(),
        is_early=True,
        is_slow=True,
    ),
    *(
        Trial(
            name=f"failed-{name}",
            what=what,
            expects=Expect.NOT_PAID,
            meaning=_FAILED,
            play=_decided(status="notcompleted", failed_as=failed_as),
        )
        for name, failed_as, what in (
            ("with-00", "00", N_("failed, told with response_code 00")),
            ("with-01", "01", N_("failed, told with response_code 01")),
            ("misspelt", "nocompleted", N_("failed, spelt nocompleted")),
        )
    ),
    Trial(
        name="forged",
        what=N_("a forged callback says completed; nobody paid"),
        expects=Expect.NOT_PAID,
        meaning=_FORGED,
        play=_forged,
    ),
    Trial(
        name="forged-unknown",
        what=N_("a forged callback about an id that nobody has"),
        expects=Expect.ANSWER,
        meaning="",
        play=_forged_about_nobody,
    ),
    Trial(
        name="callback-wrong-sum",
        what=N_("paid; the callback names another sum, confirm the right one"),
        expects=Expect.PAID,
        meaning=N_("The sum in a callback proves nothing, either way. What confirm says counts."),
        play=_decided(callback_amount=1),
    ),
    Trial(
        name="confirm-wrong-sum",
        what=N_("confirm says completed, over another sum"),
        expects=Expect.NOT_PAID,
        meaning=_SUM,
        play=_decided(confirm_amount=9),
    ),
    Trial(
        name="confirm-of-another",
        what=N_("confirm says completed, about another order"),
        expects=Expect.NOT_PAID,
        meaning=_SUM,
        play=_decided(confirm_reference="ANOTHER-ORDER"),
    ),
)
