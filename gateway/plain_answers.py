"""
When L1 may answer although the router chose another tier.

A simple first message that the rules are sure of needs no search: the lowest tier that
can do it well has it. Of any other message that stands alone they have it where L2 is
less sure than they are. And before a customer is told that nobody knows, the rules are
asked. A turn that leans on others is not theirs: the rules read each line by itself, and
feel as sure of "how do I charge it" as of a question that names what it is about.
"""

from __future__ import annotations

import re

from engines.contract import Answer, Complexity, Decision, Reason, Risk, Tier, Turn


#: Calibrated confidence from which an answer stands against another judgement.
SURE = 0.9
NOT_UNDERSTOOD = frozenset({Reason.NO_MATCH, Reason.LOW_CONFIDENCE, Reason.GUARD})


#: A whole message of nothing but assent.
_ASSENT = re.compile(
    r"(?:(?:yes|yeah|yep|yup|ok(?:ay)?|sure|fine|right|alright|confirm(?:ed)?|please|go(?: ahead)?|do it|then"
    r"|确认|确定|好[的吧嘞滴呀]?|嗯+|是的?|对的?|可以的?|行[的吧]?|没问题|知道了|明白)[\s,.!~，。！～]*)+",
    re.IGNORECASE,
)


def is_assent_to_nothing(decision: Decision, turn: Turn) -> bool:
    """
    Tell if a customer says yes where nothing was proposed.

    Nothing can be looked up or done for it, however grave the talk before was.
    """
    if turn.open_task is not None or decision.asks_human or decision.is_ruled:
        return False
    return _ASSENT.fullmatch(turn.text.strip()) is not None


def is_harmless(decision: Decision) -> bool:
    """Tell if nothing grave is in a turn and nobody is asked for."""
    return decision.risk is not Risk.HIGH and not decision.asks_human


def may_be_known(decision: Decision, turn: Turn) -> bool:
    """Tell if the rules are asked of what is L2's: of a message that stands alone."""
    if is_assent_to_nothing(decision, turn):
        return True
    is_alone = not turn.history and turn.open_task is None
    return is_alone and is_harmless(decision) and decision.tier is Tier.L2


def is_enough(answer: Answer, decision: Decision, turn: Turn) -> bool:
    """Tell if L1's *answer* needs no other tier: to a simple message, and sure."""
    is_simple = decision.complexity is Complexity.SIMPLE
    return (is_simple or is_assent_to_nothing(decision, turn)) and _is_sure(answer)


def is_better(rules: Answer, searched: Answer) -> bool:
    """Tell if what L1 says is better than what L2 says of the same message."""
    return searched.confidence < SURE and _is_sure(rules)


def is_better_than_none(answer: Answer, turn: Turn) -> bool:
    """Tell if L1's *answer* is better than to say that nobody knows."""
    return answer.open_task is None and (not turn.history or _is_sure(answer))


def _is_sure(answer: Answer) -> bool:
    """Sure, and asking nothing back."""
    return answer.confidence >= SURE and answer.open_task is None
