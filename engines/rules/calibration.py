"""
From evidence to the probability that an intent is the right one.

A logistic model over five figures of evidence. Deliberately small: a support
person's pack has a few thousand examples, and the model must stay right when
the pack is edited.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from engines.rules.pack import Intent


class Evidence(NamedTuple):
    """
    What speaks for one candidate.

    Attributes:
        cosine: Likeness to its likest example, 0 to 1.

        coverage: Share of the message's weight its examples know, 0 to 1.

        margin: Rank score ahead of the next candidate.

        rule / pattern: A keyword rule or an expression fits.
    """

    intent: int
    cosine: float
    coverage: float
    margin: float
    rule: bool
    pattern: bool


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """
    Weights of the evidence, and the bars above which L1 acts.

    Attributes:
        answer_bar: For an answer: a wrong one costs more than a miss.

        hand_on_bar: For a typed escalation, which costs little if wrong.
    """

    bias: float = -9.0
    cosine: float = 6.0
    coverage: float = 6.0
    margin: float = 5.0
    rule: float = 0.8
    pattern: float = 4.0
    answer_bar: float = 0.5
    hand_on_bar: float = 0.35

    def probability(self, evidence: Evidence) -> float:
        """Probability that the candidate is what the customer wants."""
        logit = (
            self.bias
            + self.cosine * evidence.cosine
            + self.coverage * evidence.coverage
            + self.margin * evidence.margin
            + self.rule * evidence.rule
            + self.pattern * evidence.pattern
        )
        return 1.0 / (1.0 + math.exp(-logit))

    def bar(self, intent: Intent) -> float:
        """Probability that *intent* has to reach."""
        return self.hand_on_bar if intent.needs else self.answer_bar
