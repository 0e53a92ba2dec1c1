"""
What an intent sounds like as a whole: words and letters of all its examples.

A naive Bayes score over the features, particles and letter pieces of a message.
The likest single example says how near a message is; the profile says which of
several near intents it belongs to. Only candidates are scored, so the cost does
not grow with the pack.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from engines.rules.reading import Reading
from engines.rules.similarity import Example


#: Added to every count: how much an unseen word counts against an intent.
SMOOTHING: Final = 0.3

#: Gains are kept as multiples of 1 / GAIN_STEPS, which any arithmetic has exactly.
GAIN_STEPS: Final = 1 << 20

#: A message by token and weight; the squares of the weights sum to 1.
Projection = list[tuple[str, float]]


class IntentProfiles:
    """
    Word and letter statistics of every intent of one language.

    Attributes:
        rarity: Weight of each token that any example has.

        gains: By intent, what each of its tokens adds to its score.

        costs: By intent, what every token of a message takes from it.

        usual_cost: The same for an intent without examples.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        self.rarity: Mapping[str, float] = _rarity(examples)
        counts: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for intent, reading, grams in examples:
            for token, weight in self.project(reading, grams):
                counts[intent][token] += weight
        self.gains = {
            intent: {
                token: round(math.log1p(count / SMOOTHING) * GAIN_STEPS) / GAIN_STEPS
                for token, count in known.items()
            }
            for intent, known in counts.items()
        }
        floor = SMOOTHING * max(1, len(self.rarity))
        self.costs = {
            intent: math.log((sum(known.values()) + floor) / SMOOTHING)
            for intent, known in counts.items()
        }
        self.usual_cost = math.log(floor / SMOOTHING)

    def project(self, reading: Reading, grams: Iterable[str]) -> Projection:
        """Weigh the tokens of a message that any example has."""
        rarity = self.rarity
        tokens = (*reading.features, *reading.particles, *grams)
        items = [(token, rarity[token]) for token in tokens if token in rarity]
        norm = math.sqrt(sum([weight * weight for _, weight in items])) or 1.0
        return [(token, weight / norm) for token, weight in items]

    def score(self, intent: int, projection: Projection) -> float:
        """How well the intent explains a message; higher is better."""
        gains = self.gains.get(intent, {})
        cost = self.costs.get(intent, self.usual_cost)
        return sum(
            [weight * (gains.get(token, 0.0) - cost) for token, weight in projection]
        )

    def known(self, intent: int, weights: Mapping[str, float]) -> float:
        """Weight of a message that the intent's examples know."""
        gains = self.gains.get(intent, {})
        return sum([weight for feature, weight in weights.items() if feature in gains])


def _rarity(examples: Sequence[Example]) -> dict[str, float]:
    """Weight of each token: the rarer among examples, the heavier."""
    seen: Counter[str] = Counter()
    for _, reading, grams in examples:
        seen.update({*reading.features, *reading.particles, *grams})
    return {
        token: 1.0 + math.log((1 + len(examples)) / (1 + count))
        for token, count in seen.items()
    }
