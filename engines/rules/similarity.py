"""
Likeness of a message to the example utterances, by an inverted index.

Each feature has a short list of the examples in which it weighs most, so the
work per message is bounded by its own length, however large the pack is.
Two figures tell how like two texts are: the cosine of their weighted features,
lowered for each contrast (not, already, second, …) that only one side has, and
the overlap of their bare letters, which sees what the lexicon does not know.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from engines.rules.reading import Reader, Reading


#: Examples kept per feature: those in which it carries the largest share.
MAX_POSTINGS: Final = 64

#: Features of a message that are looked up, rarest first.
MAX_FEATURES: Final = 32

#: Examples scored in full.
MAX_SCORED: Final = 10

#: Squared weight of a particle; a rare word has about 20.
PARTICLE_WEIGHT: Final = 0.3

#: Factor on likeness for each contrast that only one side has.
CONTRAST_FACTOR: Final = 0.72


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


_NOTHING: Final[frozenset[str]] = frozenset()


class _Card(NamedTuple):
    """What is compared of an example, with everything worked out beforehand."""

    intent: int
    contrasts: frozenset[str]
    particles: frozenset[str]
    grams: frozenset[str]
    letters: int
    root: float
    full_root: float


class SimilarityIndex:
    """Examples of one language, indexed by feature."""

    def __init__(self, reader: Reader, examples: Sequence[Example]) -> None:
        self._reader = reader
        self._examples = examples
        self._weights = _squared_weights(reader, examples)
        self._unseen = max(self._weights.values(), default=1.0)
        self._vocabulary = _vocabulary(examples)
        self._cards = [self._card(example) for example in examples]
        self._postings = self._invert(examples)

    def weights(self, reading: Reading) -> dict[str, float]:
        """Return squared weight of each feature; unseen ones weigh as the rarest."""
        weights = self._weights
        return {
            feature: weights[feature]
            if feature in weights
            else self._unseen * self._reader.weight(feature) ** 2
            for feature in reading.features
        }

    def nearest(
        self,
        reading: Reading,
        grams: frozenset[str],
        weights: dict[str, float],
    ) -> tuple[dict[int, Likeness], int]:
        """Intents with an example like a message, and the work done."""
        lists = [self._postings[f] for f in weights if f in self._postings]
        if not lists:
            return {}, 0
        if len(lists) > MAX_FEATURES:
            lists = sorted(lists, key=_length)[:MAX_FEATURES]
        ids = np.concatenate([one[0] for one in lists])
        shares = np.concatenate([one[1] for one in lists])
        best = _best(ids, shares, MAX_SCORED)
        total = sum(weights.values())
        return self._by_intent(reading, grams, best, total), len(ids)

    def known(self, intent: int, weights: dict[str, float]) -> float:
        """Weight of a message that the intent's examples know."""
        vocabulary = self._vocabulary.get(intent, _NOTHING)
        return sum([weights[feature] for feature in vocabulary.intersection(weights)])

    def _by_intent(
        self,
        reading: Reading,
        grams: frozenset[str],
        best: Iterable[tuple[int, float]],
        total: float,
    ) -> dict[int, Likeness]:
        found: dict[int, Likeness] = {}
        _, _, contrasts, particles = reading
        own_root = math.sqrt(len(particles) * PARTICLE_WEIGHT + total)
        length = len(grams) or 1
        for number, share in best:
            card = self._cards[number]
            intent, theirs, others, letters, their_length, root, full_root = card
            common = len(particles & others) * PARTICLE_WEIGHT
            cosine = (share * root + common) / (own_root * full_root)
            if contrasts != theirs:
                cosine *= CONTRAST_FACTOR ** len(contrasts ^ theirs)
            overlap = 2 * len(grams & letters) / (length + their_length)
            known = found.get(intent)
            if known is None or known[0] + known[1] < cosine + overlap:
                found[intent] = Likeness(cosine, overlap)
        return found

    def _card(self, example: Example) -> _Card:
        _, features, contrasts, particles = example.reading
        total = sum([self._weights[feature] for feature in features])
        full = total + len(particles) * PARTICLE_WEIGHT
        return _Card(
            example.intent,
            contrasts,
            particles,
            example.grams,
            len(example.grams),
            math.sqrt(total) or 1.0,
            math.sqrt(full) or 1.0,
        )

    def _invert(
        self, examples: Sequence[Example]
    ) -> dict[str, tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]]:
        postings: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for number, example in enumerate(examples):
            root = self._cards[number].root
            for feature in example.reading.features:
                postings[feature].append((self._weights[feature] / root, number))
        return {feature: _cut(entries) for feature, entries in postings.items()}


def _length(posting: tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]) -> int:
    return len(posting[0])


def _cut(
    entries: list[tuple[float, int]],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    entries = sorted(entries, key=lambda entry: (-entry[0], entry[1]))[:MAX_POSTINGS]
    return (
        np.array([number for _, number in entries], dtype=np.int32),
        np.array([share for share, _ in entries], dtype=np.float64),
    )


def _best(
    ids: npt.NDArray[np.int32], shares: npt.NDArray[np.float64], count: int
) -> list[tuple[int, float]]:
    """Sum the shares of each id, and return the *count* largest sums."""
    order = ids.argsort()
    ids = ids[order]
    first = np.empty(len(ids), dtype=np.bool_)
    first[0] = True
    np.not_equal(ids[1:], ids[:-1], out=first[1:])
    starts = first.nonzero()[0]
    sums = np.add.reduceat(shares[order], starts)
    ids = ids[starts]
    if len(sums) > count:
        top = sums.argpartition(-count)[-count:]
        ids, sums = ids[top], sums[top]
    return list(zip(ids.tolist(), sums.tolist(), strict=True))


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


def _vocabulary(examples: Sequence[Example]) -> dict[int, frozenset[str]]:
    words: dict[int, set[str]] = defaultdict(set)
    for intent, reading, _ in examples:
        words[intent].update(reading.features)
    return {intent: frozenset(known) for intent, known in words.items()}
