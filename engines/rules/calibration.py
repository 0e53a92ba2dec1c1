"""
From evidence to the probability that an intent is the right one.

Two small linear models. The first ranks candidates; the second turns what
speaks for the best one, and its lead, into a probability. The weights were
fitted on the packs' own utterances, a quarter left out in turn, and on messages
for other tiers (the router's data and ``tests/rules/tuning_*.yaml``), and
rounded; quality is reported on files that took no part.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import msgspec

from engines.contract import Locale
from engines.rules.pack import Intent


#: Weights of the ranking model.
COSINE: Final = 1.7
PROFILE: Final = 3.3
RULE: Final = 1.5
PATTERN: Final = 2.5
PRIORITY: Final = 0.003

#: A larger lead says nothing more.
MAX_LEAD: Final = 5.0


class Evidence(NamedTuple):
    """
    What speaks for one candidate.

    Attributes:
        cosine: Likeness to its likest example, 0 to 1.

        overlap: Letters in common with that example, 0 to 1.

        coverage: Share of the message's weight its examples know, 0 to 1.

        rule: Share of the message that a fitting keyword rule makes up.

        pattern: An expression fits.

        lead: How far its rank score is ahead of the next one, up to MAX_LEAD.
    """

    intent: int
    cosine: float
    overlap: float
    coverage: float
    rule: float
    pattern: bool
    lead: float


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """
    Weights of the acceptance model, and the bars above which L1 acts.

    Attributes:
        answer_bar: For an answer: a wrong one costs more than a miss.

        disputed_bar: For an answer, if an expression says the message must be
            handed on.

        hand_on_bar: For a typed escalation, which costs little if wrong.
    """

    bias: float = -4.25
    cosine: float = 0.97
    overlap: float = 1.02
    coverage: float = 2.29
    rule: float = 1.82
    pattern: float = 1.79
    lead: float = 0.41
    answer_bar: float = 0.55
    disputed_bar: float = 0.95
    hand_on_bar: float = 0.35

    def probability(self, evidence: Evidence) -> float:
        """Probability that the candidate is what the customer wants."""
        logit = (
            self.bias
            + self.cosine * evidence.cosine
            + self.overlap * evidence.overlap
            + self.coverage * evidence.coverage
            + self.rule * evidence.rule
            + self.pattern * evidence.pattern
            + self.lead * evidence.lead
        )
        return 1.0 / (1.0 + math.exp(-min(max(logit, -30.0), 30.0)))

    def bar(self, intent: Intent, is_disputed: bool) -> float:
        """Probability that *intent* has to reach."""
        if intent.needs:
            return self.hand_on_bar
        return self.disputed_bar if is_disputed else self.answer_bar


#: English leaves fewer requests of other tiers above the bar than Chinese does.
_BY_LOCALE: Final[dict[Locale, Calibration]] = {
    "zh": Calibration(),
    "en": Calibration(answer_bar=0.53),
}


def of(locale: Locale) -> Calibration:
    """Return the weights and bars of a language."""
    return _BY_LOCALE[locale]
