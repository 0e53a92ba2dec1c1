"""
Which tier is asked first, which one next, and what came of it.

Decided again after each tier, not only at the door: pure functions of the router's
decision and of why a tier handed the turn on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from engines.contract import (
    TIER_ORDER,
    Answer,
    Complexity,
    Decision,
    Emotion,
    Engine,
    Escalation,
    Reason,
    Risk,
    Tier,
    Turn,
)


#: What looks like the number of an order: letters and four digits, or eight.
_ORDER_NUMBER = re.compile(
    r"(?<![a-z0-9])(?:[a-z]{1,6}[-_]?\d{4,}|\d{8,})", re.IGNORECASE
)


class Climb(msgspec.Struct, frozen=True):
    """A tier that handed the turn on, and why."""

    tier: Tier
    reason: Reason
    note: str = ""


class Verdict(msgspec.Struct, kw_only=True):
    """
    How a turn ends.

    Attributes:
        tier: Who has it now; ``human`` means a handoff must follow.

        answer: What is said; None exactly if *tier* is ``human``.

        needs_sure: True if only an answer that is sure counts from here on.

        is_fallback: True if the answer only says that we do not know.

        admitted: Tiers whose pools let this turn in.

        route_s / answer_s: Seconds spent judging and answering.
    """

    decision: Decision
    tier: Tier
    answer: Answer | None
    climbs: list[Climb]
    needs_sure: bool = False
    is_fallback: bool = False
    admitted: list[Tier] = msgspec.field(default_factory=list)
    route_s: float = 0.0
    answer_s: float = 0.0


def first_tier(decision: Decision, engines: Mapping[Tier, Engine]) -> Tier:
    """
    Who is asked first: the tier of *decision*, if the shop has it.

    A shop without L3 can still answer questions that look like tasks: L2 reads
    them, and hands on what is a task.
    """
    if decision.tier is Tier.L3 and Tier.L3 not in engines and Tier.L2 in engines:
        return Tier.L2
    return decision.tier


def next_tier(verdict: Verdict, escalation: Escalation, turn: Turn) -> Tier:
    """
    Who gets *turn* after the tier of *verdict* gave it back; none is asked twice.

    L3 changes things: a harmless question that L2 could not answer does not become a
    task by that, so it goes past L3, unless it is asked in the middle of one or names an
    order, which no document knows. What L3
    finds to be no task is a question after all, and L2 reads it; one on the rules is
    read there however grave it was thought. What the model thought grave, and no rule,
    L2 may answer if it is sure.
    """
    tier, decision = verdict.tier, verdict.decision
    asked = {climb.tier for climb in verdict.climbs}
    wanted = escalation.to
    if wanted is None and escalation.reason is Reason.NEEDS_ACTION:
        wanted = Tier.L3
    if wanted is not None and TIER_ORDER[wanted] > TIER_ORDER[tier]:
        return Tier.HUMAN if wanted in asked else wanted
    if tier is Tier.L1:
        return Tier.L2
    if tier is Tier.L2:
        is_task = (
            decision.complexity is Complexity.COMPLEX
            or decision.risk is Risk.HIGH
            or turn.open_task is not None
            or _ORDER_NUMBER.search(turn.text) is not None
        )
        return Tier.L3 if is_task and Tier.L3 not in asked else Tier.HUMAN
    is_question = wanted is Tier.L2 or (
        escalation.reason is Reason.NO_MATCH and _may_be_question(decision, turn)
    )
    return Tier.L2 if is_question and Tier.L2 not in asked else Tier.HUMAN


def is_doubtful(verdict: Verdict, escalation: Escalation, turn: Turn) -> bool:
    """
    Tell if what L3 gave back may be a harmless question, against the model's word.

    Nothing was found that could be done for it; but only an answer that is sure may
    say that there was nothing grave in it.
    """
    is_open = verdict.tier is Tier.L3 and escalation.to is None
    return is_open and not _is_plain_question(verdict.decision, turn)


def _may_be_question(decision: Decision, turn: Turn) -> bool:
    """True unless a rule made *turn* grave, or the customer is beside themselves."""
    if _is_plain_question(decision, turn):
        return True
    return not decision.is_ruled and decision.emotion is not Emotion.ANGRY


def _is_plain_question(decision: Decision, turn: Turn) -> bool:
    """No task, and not grave by itself and not by its episode alone."""
    is_grave = decision.risk is Risk.HIGH and turn.previous_risk is not Risk.HIGH
    return decision.complexity is not Complexity.COMPLEX and not is_grave
