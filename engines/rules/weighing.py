"""
Gathers what speaks for each candidate of a message, and finds the best one.

Keyword rules, expressions, likeness to examples and the profile of the intent
propose and rank candidates. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from engines.contract import Locale
from engines.rules import calibration, folding
from engines.rules.calibration import MAX_LEAD, Evidence
from engines.rules.pack import Intent
from engines.rules.profiles import IntentProfiles
from engines.rules.reading import Reader, Reading
from engines.rules.similarity import Example, Likeness, SimilarityIndex
from engines.rules.wordrules import WordRules


#: A candidate that only a rule or an expression proposes.
UNLIKE: Final = Likeness(0.0, 0.0)


class Weighed(NamedTuple):
    """
    The best candidate of a message.

    Attributes:
        best: What speaks for it; None if there is no candidate.

        is_disputed: True if an expression of an intent that L1 must hand on
            fits, too.

        work: Postings, keywords and candidates touched.
    """

    best: Evidence | None
    is_disputed: bool
    work: int


class Weigher:
    """The compiled intents of one language, as far as they are weighed."""

    def __init__(
        self,
        locale: Locale,
        intents: Sequence[Intent],
        reader: Reader,
        examples: Sequence[Example],
    ) -> None:
        self._locale: Locale = locale
        self._index = SimilarityIndex(reader, examples)
        self._profiles = IntentProfiles(examples)
        self._rules = _word_rules(locale, intents, reader)
        self._handed_on = frozenset(
            number for number, intent in enumerate(intents) if intent.needs
        )
        self._priorities = [
            calibration.PRIORITY * intent.priority for intent in intents
        ]

    def weigh(self, folded: str, message: Reading) -> Weighed:
        """Find the best candidate of a message and what speaks for it."""
        words = self._rules.words(message)
        ruled = self._rules.fitting(words, message.canonical)
        matched = self._rules.matching(folded)
        weights = self._index.weights(message)
        letters = folding.grams(folded, self._locale)
        likest, work = self._index.nearest(message, letters, weights)
        for intent in (*ruled, *matched):
            likest.setdefault(intent, UNLIKE)
        for gone in self._rules.excluded(words):
            likest.pop(gone, None)
        work += len(words) + len(likest)
        if not likest:
            return Weighed(None, False, work)
        projection = self._profiles.project(message, letters)
        scores = [
            (
                calibration.COSINE * likeness[0]
                + calibration.PROFILE * self._profiles.score(intent, projection)
                + (calibration.RULE * ruled[intent] if intent in ruled else 0.0)
                + (calibration.PATTERN if intent in matched else 0.0)
                + self._priorities[intent],
                intent,
            )
            for intent, likeness in likest.items()
        ]
        best, lead = _first(scores)
        evidence = Evidence(
            best,
            *likest[best],
            self._coverage(best, weights),
            ruled.get(best, 0.0),
            best in matched,
            lead,
        )
        disputing = self._handed_on.intersection(matched)
        return Weighed(evidence, not disputing.isdisjoint(likest), work)

    def _coverage(self, intent: int, weights: dict[str, float]) -> float:
        total = sum(weights.values())
        return self._index.known(intent, weights) / total if total else 0.0


def read_examples(
    locale: Locale, intents: Sequence[Intent], reader: Reader
) -> list[Example]:
    """Read the example utterances of all intents in one language."""
    return [
        _example(number, folding.fold(text), locale, reader)
        for number, intent in enumerate(intents)
        for text in intent.wording(locale).examples
    ]


def _example(number: int, folded: str, locale: Locale, reader: Reader) -> Example:
    return Example(number, reader.read(folded), folding.grams(folded, locale))


def _first(scores: Iterable[tuple[float, int]]) -> tuple[int, float]:
    """Return the best candidate, and its lead, as far as a lead counts."""
    ranked = sorted(scores, reverse=True)
    lead = ranked[0][0] - ranked[1][0] if len(ranked) > 1 else MAX_LEAD
    return ranked[0][1], min(lead, MAX_LEAD)


def _word_rules(locale: Locale, intents: Sequence[Intent], reader: Reader) -> WordRules:
    wordings = [(n, intent.wording(locale)) for n, intent in enumerate(intents)]
    return WordRules(
        reader,
        [(n, rule) for n, wording in wordings for rule in wording.keywords],
        [(n, word) for n, wording in wordings for word in wording.exclude],
        [(n, pattern) for n, wording in wordings for pattern in wording.patterns],
    )
