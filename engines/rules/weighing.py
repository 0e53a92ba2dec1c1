"""
Gathers what speaks for each candidate of a message, and finds the best one.

Keyword rules and expressions propose candidates; likeness to examples and the
profile of the intent propose and rank them. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from engines.contract import Locale
from engines.rules import calibration, folding
from engines.rules.calibration import Evidence
from engines.rules.pack import Intent
from engines.rules.profiles import IntentProfiles
from engines.rules.reading import Reader, Reading
from engines.rules.scoring import PlainScorer, Scorer
from engines.rules.similarity import Example, SimilarityIndex
from engines.rules.wordrules import WordRules


_NONE: Final[dict[int, float]] = {}


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
        self._rules = _word_rules(locale, intents, reader)
        self._parts = (
            locale,
            SimilarityIndex(reader, examples),
            IntentProfiles(examples),
            [calibration.PRIORITY * intent.priority for intent in intents],
            self._rules.exclusions,
        )
        self.scorer: Scorer = PlainScorer(*self._parts)
        self._handed_on = frozenset(
            number for number, intent in enumerate(intents) if intent.needs
        )

    def use_native(self) -> None:
        """Do the sums in machine code from now on; ImportError without numba."""
        from engines.rules.native import NativeScorer

        self.scorer = NativeScorer(*self._parts)

    def weigh(self, folded: str, letters: str, message: Reading) -> Weighed:
        """Find the best candidate of a message and what speaks for it."""
        words = self._rules.words(message)
        ruled = self._rules.fitting(words, message.canonical) if words else _NONE
        excluding = self._rules.excluding(words) if words else ()
        matched = self._rules.matching(folded)
        bonuses = {intent: calibration.RULE * share for intent, share in ruled.items()}
        for intent in matched:
            bonuses[intent] = bonuses.get(intent, 0.0) + calibration.PATTERN
        scored = self.scorer.score(message, letters, bonuses, excluding)
        if scored is None:
            return Weighed(None, False, len(words))
        best, cosine, overlap, coverage, lead, work = scored
        evidence = Evidence(
            best,
            cosine,
            overlap,
            coverage,
            ruled.get(best, 0.0),
            best in matched,
            lead,
        )
        is_disputed = bool(matched) and self._is_disputed(matched, excluding)
        return Weighed(evidence, is_disputed, work + len(words))

    def _is_disputed(self, matched: Iterable[int], excluding: Iterable[int]) -> bool:
        exclusions = [self._rules.exclusions[number] for number in excluding]
        return any(
            one in self._handed_on and not any(one in barred for barred in exclusions)
            for one in matched
        )


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
    grams = folding.grams(folding.squeeze(folded), locale)
    return Example(number, reader.read(folded), grams)


def _word_rules(locale: Locale, intents: Sequence[Intent], reader: Reader) -> WordRules:
    wordings = [(n, intent.wording(locale)) for n, intent in enumerate(intents)]
    return WordRules(
        reader,
        [(n, rule) for n, wording in wordings for rule in wording.keywords],
        [(n, word) for n, wording in wordings for word in wording.exclude],
        [(n, pattern) for n, wording in wordings for pattern in wording.patterns],
    )
