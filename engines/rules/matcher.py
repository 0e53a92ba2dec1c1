"""
Finds the one intent a message has, or says that it does not know.

A decision list, cheapest first: the whole utterance is known; all its words
are known in this combination; then rules and likeness are weighed together
into a calibrated probability. What stays below the bar, or asks two things at
once, is a :class:`Miss`: never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from engines.contract import Locale
from engines.rules import calibration, folding
from engines.rules.calibration import Calibration, Evidence
from engines.rules.pack import Intent
from engines.rules.profiles import IntentProfiles
from engines.rules.reading import Reader, Reading
from engines.rules.similarity import Example, Likeness, SimilarityIndex
from engines.rules.wordrules import WordRules


#: Confidence if the words are those of an example, in other clothes.
SAME_WORDS: Final = 0.97

#: A clause counts as a question of its own from this probability.
CLAUSE_BAR: Final = 0.6


#: Clauses of a message that are looked at one by one.
MAX_CLAUSES: Final = 6

#: A candidate that only a rule or an expression proposes.
UNLIKE: Final = Likeness(0.0, 0.0)


class MissReason(StrEnum):
    """Why no intent was found."""

    #: Nothing in the pack is like it.
    UNKNOWN = "unknown"
    #: Something is like it, but not enough, or two things equally.
    UNSURE = "unsure"
    #: Two things are asked in one message.
    TWO_QUESTIONS = "two_questions"
    #: Longer than anything L1 should answer.
    TOO_LONG = "too_long"


class Match(NamedTuple):
    """
    The intent of a message.

    Attributes:
        how: ``exact``, ``words``, ``rule`` or ``likeness``.

        work: Postings, keywords and candidates touched; bounded by the message.
    """

    intent: Intent
    confidence: float
    how: str
    work: int = 0


class Miss(NamedTuple):
    """
    No intent.

    Attributes:
        nearest: The likest intent, for reports; None if there is none.
    """

    reason: MissReason
    nearest: Intent | None = None
    work: int = 0


class LocaleMatcher:
    """The compiled intents of one language."""

    def __init__(
        self, locale: Locale, intents: Sequence[Intent], reader: Reader
    ) -> None:
        self._intents = intents
        self._reader = reader
        examples = list(_examples(locale, intents, reader))
        self._exact = _exact(locale, intents)
        self._canonical = _unambiguous(examples)
        self._index = SimilarityIndex(reader, examples)
        self._profiles = IntentProfiles(examples)
        self._rules = _word_rules(locale, intents, reader)
        self._calibration = Calibration()
        self._priorities = [
            calibration.PRIORITY * intent.priority for intent in intents
        ]

    def match(self, folded: str) -> Match | Miss:
        """Match one folded message."""
        known = self._exact.get(folding.squeeze(folded))
        if known is not None:
            return Match(self._intents[known], 1.0, "exact")
        whole = self._reader.read(folded)
        known = self._same_words(whole)
        if known is not None:
            return Match(self._intents[known], SAME_WORDS, "words")
        verdict = self._weigh(folded, whole)
        if isinstance(verdict, Miss) or verdict.intent.needs:
            return verdict
        pieces = folding.clauses(folded)
        return self._compare_clauses(verdict, pieces) if len(pieces) > 1 else verdict

    def _same_words(self, message: Reading) -> int | None:
        """Intent of an example with these very words; one word among many is none."""
        if len(message.features) == 1 and message.particles:
            return None
        return self._canonical.get(message.canonical)

    def evidence(self, folded: str, message: Reading) -> tuple[list[Evidence], int]:
        """Weigh all candidates of a message, best first, and count the work."""
        words = self._rules.words(message)
        ruled = self._rules.fitting(words, message.canonical)
        matched = self._rules.matching(folded)
        weights = self._index.weights(message)
        letters = folding.grams(folded, self._reader.locale)
        likest, work = self._index.nearest(message, letters, weights)
        for intent in (*ruled, *matched):
            likest.setdefault(intent, UNLIKE)
        for gone in self._rules.excluded(words):
            likest.pop(gone, None)
        projection = self._profiles.project(message, letters)
        total = sum(weights.values()) or 1.0
        found = [
            self._evidence(
                intent,
                likeness,
                self._index.known(intent, weights) / total,
                self._profiles.score(intent, projection),
                ruled.get(intent, 0.0),
                intent in matched,
            )
            for intent, likeness in likest.items()
        ]
        return _lead(found), work + len(words) + len(found)

    def _evidence(
        self,
        intent: int,
        likeness: Likeness,
        coverage: float,
        profile: float,
        rule: float,
        pattern: bool,
    ) -> Evidence:
        cosine, overlap = likeness
        score = (
            calibration.COSINE * cosine
            + calibration.PROFILE * profile
            + calibration.RULE * rule
            + self._priorities[intent]
        )
        if pattern:
            score += calibration.PATTERN
        return Evidence(intent, cosine, overlap, coverage, rule, pattern, score, 0.0)

    def _weigh(self, folded: str, message: Reading) -> Match | Miss:
        found, work = self.evidence(folded, message)
        if not found:
            return Miss(MissReason.UNKNOWN, None, work)
        best = found[0]
        intent = self._intents[best.intent]
        probability = self._calibration.probability(best)
        bar = self._calibration.bar(intent, self._is_disputed(found))
        if probability < bar:
            return Miss(MissReason.UNSURE, intent, work)
        how = "rule" if best.rule or best.pattern else "likeness"
        return Match(intent, probability, how, work)

    def _is_disputed(self, found: Sequence[Evidence]) -> bool:
        """Tell if an expression of an intent that L1 must hand on fits, too."""
        return any(one.pattern and self._intents[one.intent].needs for one in found)

    def _compare_clauses(self, whole: Match, pieces: Sequence[str]) -> Match | Miss:
        """Refuse an answer to a message whose clauses want different things."""
        wants = [self._clause(piece) for piece in pieces[:MAX_CLAUSES]]
        found = {m.intent.id: m for m in wants if m is not None}
        handed_on = [match for match in found.values() if match.intent.needs]
        if handed_on:
            return max(handed_on, key=lambda match: match.intent.priority)
        if len(found) > 1:
            return Miss(MissReason.TWO_QUESTIONS, work=whole.work)
        return whole

    def _clause(self, piece: str) -> Match | None:
        message = self._reader.read(piece)
        if self._reader.is_social(message):
            return None
        known = self._exact.get(folding.squeeze(piece))
        if known is None:
            known = self._same_words(message)
        if known is not None:
            return Match(self._intents[known], SAME_WORDS, "words")
        verdict = self._weigh(piece, message)
        is_sure = isinstance(verdict, Match) and verdict.confidence >= CLAUSE_BAR
        return verdict if is_sure and isinstance(verdict, Match) else None


class Matcher:
    """All intents of a pack in all its languages."""

    def __init__(
        self,
        intents: Sequence[Intent],
        readers: Mapping[Locale, Reader],
        wordless: Intent | None = None,
    ) -> None:
        self._locales = {
            locale: LocaleMatcher(locale, intents, reader)
            for locale, reader in readers.items()
        }
        self._wordless = wordless

    def match(self, text: str, locale: Locale) -> Match | Miss:
        """
        Find the intent of *text*; *locale* decides if its script does not.

        Never raises, whatever the text; the time is bounded by its length.
        """
        if len(text) > folding.MAX_CHARS:
            return Miss(MissReason.TOO_LONG)
        return self.match_folded(folding.fold(text), locale)

    def match_folded(self, folded: str, locale: Locale) -> Match | Miss:
        """As :meth:`match`, for a text that is folded already."""
        if not folding.squeeze(folded):
            if self._wordless is None:
                return Miss(MissReason.UNKNOWN)
            return Match(self._wordless, SAME_WORDS, "exact")
        matcher = self._locales.get(folding.language(folded, locale))
        return matcher.match(folded) if matcher else Miss(MissReason.UNKNOWN)


def _examples(
    locale: Locale, intents: Sequence[Intent], reader: Reader
) -> Iterable[Example]:
    for number, intent in enumerate(intents):
        for text in intent.wording(locale).examples:
            folded = folding.fold(text)
            letters = folding.grams(folded, locale)
            yield Example(number, reader.read(folded), letters)


def _lead(found: list[Evidence]) -> list[Evidence]:
    """Sort candidates, best first, and note how far each is ahead or behind."""
    found.sort(key=lambda one: -one.score)
    if not found:
        return found
    second = found[1].score if len(found) > 1 else -math.inf
    first = found[0]._replace(lead=found[0].score - second)
    return [first, *(one._replace(lead=one.score - first.score) for one in found[1:])]


def _exact(locale: Locale, intents: Sequence[Intent]) -> dict[str, int]:
    return {
        folding.squeeze(folding.fold(text)): number
        for number, intent in enumerate(intents)
        for text in intent.wording(locale).examples
    }


def _unambiguous(examples: Iterable[Example]) -> dict[str, int]:
    """Canonical texts that belong to one intent only."""
    found: dict[str, set[int]] = {}
    for intent, message, _ in examples:
        found.setdefault(message.canonical, set()).add(intent)
    return {
        text: next(iter(users))
        for text, users in found.items()
        if len(users) == 1 and text
    }


def _word_rules(locale: Locale, intents: Sequence[Intent], reader: Reader) -> WordRules:
    wordings = [(n, intent.wording(locale)) for n, intent in enumerate(intents)]
    return WordRules(
        reader,
        [(n, rule) for n, wording in wordings for rule in wording.keywords],
        [(n, word) for n, wording in wordings for word in wording.exclude],
        [(n, pattern) for n, wording in wordings for pattern in wording.patterns],
    )
