"""
When L1 may answer although the router chose another tier.

A simple first message that the rules are sure of needs no search: the lowest tier that
can do it well has it. Of any other message that stands alone they have it where L2 is
less sure than they are. And before a customer is told that nobody knows, the rules are
asked. A turn that leans on others is not theirs: the rules read each line by itself, and
feel as sure of "how do I charge it" as of a question that names what it is about.
"""

from __future__ import annotations

from engines.contract import Answer, Complexity, Decision, Reason, Risk, Tier, Turn


#: Calibrated confidence from which an answer stands against another judgement.
SURE = 0.9
NOT_UNDERSTOOD = frozenset({Reason.NO_MATCH, Reason.LOW_CONFIDENCE, Reason.GUARD})


def is_harmless(decision: Decision) -> bool:
    """Tell if nothing grave is in a turn and nobody is asked for."""
    return decision.risk is not Risk.HIGH and not decision.asks_human


def may_be_known(decision: Decision, turn: Turn) -> bool:
    """Tell if the rules are asked of what is L2's: of a message that stands alone."""
    is_alone = not turn.history and turn.open_task is None
    return is_alone and is_harmless(decision) and decision.tier is Tier.L2


def is_enough(answer: Answer, decision: Decision) -> bool:
    """Tell if L1's *answer* needs no look at L2: to a simple message, and sure."""
    return decision.complexity is Complexity.SIMPLE and _is_sure(answer)


def is_better(rules: Answer, searched: Answer) -> bool:
    """Tell if what L1 says is better than what L2 says of the same message."""
    return searched.confidence < SURE and _is_sure(rules)


def is_better_than_none(answer: Answer, turn: Turn) -> bool:
    """Tell if L1's *answer* is better than to say that nobody knows."""
    return answer.open_task is None and (not turn.history or _is_sure(answer))


def _is_sure(answer: Answer) -> bool:
    """Sure, and asking nothing back."""
    return answer.confidence >= SURE and answer.open_task is None
