"""
When L1 may answer although the router chose another tier.

A simple first message that the rules are sure of needs no search: the lowest tier that
can do it well has it. Of any other message that stands alone they have it where L2 is
less sure than they are. And before a customer is told that nobody knows, the rules are
asked once more. A turn that leans on others is not theirs: of follow-ups that they feel
sure of, about half are about something else.
"""

from __future__ import annotations

from engines.contract import Answer, Complexity, Decision, Reason, Risk, Tier, Turn


#: Confidence from which rules are right about as often as people are: on the 380
#: held-out questions of the demo shop, 2 of the 99 above it are beside the point.
SURE = 0.9
NOT_UNDERSTOOD = frozenset({Reason.NO_MATCH, Reason.LOW_CONFIDENCE, Reason.GUARD})


def is_plain(decision: Decision, turn: Turn) -> bool:
    """Tell if *turn* is a harmless one, with nothing open and nobody asked for."""
    is_grave = decision.risk is Risk.HIGH or decision.asks_human
    return not is_grave and turn.open_task is None


def may_be_known(decision: Decision, turn: Turn) -> bool:
    """Tell if the rules are asked of what is L2's: of a message that stands alone."""
    is_alone = not turn.history and is_plain(decision, turn)
    return is_alone and decision.tier is Tier.L2


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
