"""One thing a person can do about a case, and what stands in many of them."""

from __future__ import annotations

from dataclasses import dataclass

from worker.language import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What to do: in few words for a list, in one or two sentences for one case, and the commands, best first.

    Texts are translated by whoever shows them. Commands have the names of `case_actions` in braces.
    """

    brief: str
    what: str
    commands: tuple[str, ...]


END = 'reconciler cases resolve {case} --reason "..."'
CHECK = "reconciler {noun} check {transaction} --now"
SHOW = "reconciler {noun} show {transaction}"

JUST_END = Action(
    brief=N_("nothing is left to decide: end it"),
    what=N_("Nothing is left to decide. End the case with a word on how you found it."),
    commands=(END,),
)
