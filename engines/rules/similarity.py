"""
Likeness of a message to the example utterances, by an inverted index.

Each feature has a short list of the examples in which it weighs most, and only
the rarest features of a message are looked up, so the work is bounded however
large the pack is. Two figures tell how like two texts are: the cosine of their
weighted features, lowered for each contrast (not, already, second, …) that only
one side has, and the overlap of their bare letters, which sees what the lexicon
does not know.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from engines.rules.reading import Reader, Reading


#: Examples kept per feature: those in which it carries the largest share.
MAX_POSTINGS: Final = 40

#: Entries of these lists that are looked at per message, rarest feature first.
MAX_ENTRIES: Final = 320

#: Examples compared in full.
MAX_SCORED: Final = 64

#: Squared weight of a particle; a rare word has about 20.
PARTICLE_WEIGHT: Final = 0.3

#: Factor on likeness for each contrast that only one side has.
CONTRAST_FACTOR: Final = 0.72

#: Examples in which a feature occurs, by number, with the share that it carries.
Posting = tuple[tuple[int, float], ...]


class Example(NamedTuple):
    """
    One utterance of an intent, read.

    Attributes:
        grams: Pieces of its bare letters.
    """

    intent: int
    reading: Reading
    grams: frozenset[str]


class Likeness(NamedTuple):
    """
    How like a message an intent is.

    Attributes:
        cosine: Of the likest example, contrasts considered; 0 to 1.

        overlap: Share of letters in common with that example; 0 to 1.
    """

    cosine: float
    overlap: float


class Card(NamedTuple):
    """
    An example with everything worked out that is compared.

    Attributes:
        root: Length of its features as a vector.

        full_root: The same with its particles.
    """

    intent: int
    features: frozenset[str]
    contrasts: frozenset[str]
    particles: frozenset[str]
    grams: frozenset[str]
    root: float
    full_root: float


class SimilarityIndex:
    """Examples of one language, indexed by feature."""

    def __init__(self, reader: Reader, examples: Sequence[Example]) -> None:
        self._reader = reader
        self.weights = _squared_weights(reader, examples)
        self.contrasts = frozenset(one for e in examples for one in e.reading.contrasts)
        self._unseen = max(self.weights.values(), default=1.0)
        self.cards = [self._card(example) for example in examples]
        self.postings = self._invert(examples)

    def unseen(self, feature: str) -> float:
        """Squared weight of a feature that no example has: that of the rarest."""
        return self._unseen * self._reader.weight(feature) ** 2

    def weigh(self, reading: Reading) -> dict[str, float]:
        """Return squared weight of each feature of a message."""
        weights = self.weights
        return {
            feature: weights[feature] if feature in weights else self.unseen(feature)
            for feature in reading.features
        }

    def nearest(
        self, reading: Reading, grams: frozenset[str], weights: Mapping[str, float]
    ) -> tuple[dict[int, Likeness], int]:
        """Intents with an example like a message, and the work done."""
        shares, work = self._gather(weights)
        best = sorted(shares, key=shares.__getitem__, reverse=True)[:MAX_SCORED]
        return self._by_intent(reading, grams, weights, best), work

    def _gather(self, weights: Mapping[str, float]) -> tuple[dict[int, float], int]:
        """Sum the shares of each example over the rarest features."""
        lists = [self.postings[f] for f in weights if f in self.postings]
        shares: dict[int, float] = {}
        work = 0
        for posting in sorted(lists, key=len):
            if work + len(posting) > MAX_ENTRIES:
                break
            work += len(posting)
            for number, share in posting:
                shares[number] = shares.get(number, 0.0) + share
        return shares, work

    def _by_intent(
        self,
        reading: Reading,
        grams: frozenset[str],
        weights: Mapping[str, float],
        numbers: Iterable[int],
    ) -> dict[int, Likeness]:
        found: dict[int, Likeness] = {}
        total = sum(weights.values()) + len(reading.particles) * PARTICLE_WEIGHT
        for number in numbers:
            card = self.cards[number]
            common = sum([w for f, w in weights.items() if f in card.features])
            common += len(reading.particles & card.particles) * PARTICLE_WEIGHT
            cosine = common / (math.sqrt(total) * card.full_root)
            cosine *= CONTRAST_FACTOR ** len(reading.contrasts ^ card.contrasts)
            letters = len(grams) + len(card.grams)
            overlap = 2 * len(grams & card.grams) / letters if letters else 0.0
            known = found.get(card.intent)
            if known is None or known[0] + known[1] < cosine + overlap:
                found[card.intent] = Likeness(cosine, overlap)
        return found

    def _card(self, example: Example) -> Card:
        _, features, contrasts, particles = example.reading
        total = sum([self.weights[feature] for feature in features])
        full = total + len(particles) * PARTICLE_WEIGHT
        return Card(
            example.intent,
            frozenset(features),
            contrasts,
            particles,
            example.grams,
            math.sqrt(total) or 1.0,
            math.sqrt(full) or 1.0,
        )

    def _invert(self, examples: Sequence[Example]) -> dict[str, Posting]:
        entries: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, example in enumerate(examples):
            root = self.cards[number].root
            for feature in example.reading.features:
                entries[feature].append((number, self.weights[feature] / root))
        return {feature: _cut(found) for feature, found in entries.items()}


def _cut(entries: list[tuple[int, float]]) -> Posting:
    """Keep the entries with the largest shares."""
    return tuple(sorted(entries, key=lambda one: (-one[1], one[0]))[:MAX_POSTINGS])


def _squared_weights(reader: Reader, examples: Sequence[Example]) -> dict[str, float]:
    """Kind of feature times its rarity over intents, squared."""
    intents = {example.intent for example in examples}
    seen: dict[str, set[int]] = defaultdict(set)
    for intent, reading, _ in examples:
        for feature in reading.features:
            seen[feature].add(intent)
    return {
        feature: (
            reader.weight(feature) * math.log(1.0 + (len(intents) + 1) / len(users))
        )
        ** 2
        for feature, users in seen.items()
    }
