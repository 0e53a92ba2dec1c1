"""
Finds the one intent a message has, or says that it does not know.

A decision list, cheapest first: the whole utterance is known; all its words are known
in this combination, and what else it says speaks for no other intent; then rules and
likeness are weighed together into a calibrated probability. What stays below the bar,
or asks two things at once, is a :class:`Miss`: never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from engines.contract import Locale
from engines.rules import calibration, folding
from engines.rules.pack import Intent
from engines.rules.reading import Reader, Reading
from engines.rules.similarity import Example
from engines.rules.weighing import Weigher, read_examples


#: Confidence if the words are those of an example, in other clothes.
SAME_WORDS: Final = 0.97

#: A clause counts as a question of its own from this probability.
CLAUSE_BAR: Final = 0.6


#: Clauses of a message that are looked at one by one.
MAX_CLAUSES: Final = 6


#: Languages in which particles can turn what the same words say: "where do vouchers go"
#: is not "get vouchers". Chinese ones only colour it; what turns it there is a word.
_TURNED: Final = frozenset({"en"})


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
        examples = read_examples(locale, intents, reader)
        self._exact = _exact(locale, intents)
        self._canonical = _unambiguous(examples)
        self._particles = _particles(examples) if locale in _TURNED else {}
        self._weigher = Weigher(locale, intents, reader, examples)
        self._calibration = calibration.of(locale)

    def use_native(self) -> None:
        """Do the sums in machine code from now on; ImportError without numba."""
        self._weigher.use_native()

    def match(self, folded: str, letters: str) -> Match | Miss:
        """Match one folded message, given with its squeezed *letters*."""
        known = self._exact.get(letters)
        if known is not None:
            return Match(self._intents[known], 1.0, "exact")
        whole = self._reader.read(folded)
        known = self._same_words(whole)
        if known is not None and self._says_no_more(whole):
            return Match(self._intents[known], SAME_WORDS, "words")
        verdict = self._weigh(folded, letters, whole)
        if known is not None and _agrees(verdict, self._intents[known]):
            return Match(self._intents[known], SAME_WORDS, "words")
        if isinstance(verdict, Miss) or verdict.intent.needs:
            return verdict
        pieces = folding.clauses(folded)
        return self._compare_clauses(verdict, pieces) if len(pieces) > 1 else verdict

    def _same_words(self, message: Reading) -> int | None:
        """Intent of an example with these very words; one word among many is none."""
        if len(message.features) == 1 and message.particles:
            return None
        return self._canonical.get(message.canonical)

    def _says_no_more(self, message: Reading) -> bool:
        """True if an example with these words has all the particles of *message*."""
        examples = self._particles.get(message.canonical)
        return examples is None or any(message.particles <= one for one in examples)

    def _weigh(self, folded: str, letters: str, message: Reading) -> Match | Miss:
        best, is_disputed, work = self._weigher.weigh(folded, letters, message)
        if best is None:
            return Miss(MissReason.UNKNOWN, None, work)
        intent = self._intents[best.intent]
        probability = self._calibration.probability(best)
        if probability < self._calibration.bar(intent, is_disputed):
            return Miss(MissReason.UNSURE, intent, work)
        how = "rule" if best.rule or best.pattern else "likeness"
        return Match(intent, probability, how, work)

    def _compare_clauses(self, whole: Match, pieces: Sequence[str]) -> Match | Miss:
        """Refuse an answer to a message whose clauses want different things."""
        wants = [self._clause(piece) for piece in pieces[:MAX_CLAUSES]]
        found = {m.intent.id: m for m in wants if m is not None}
        handed_on = [match for match in found.values() if match.intent.needs]
        if handed_on:
            return max(handed_on, key=lambda match: match.intent.priority)
        if len(found) > 1:
            return Miss(MissReason.TWO_QUESTIONS, whole.intent, whole.work)
        return whole

    def _clause(self, piece: str) -> Match | None:
        message = self._reader.read(piece)
        if self._reader.is_social(message):
            return None
        letters = folding.squeeze(piece)
        known = self._exact.get(letters)
        if known is None:
            known = self._same_words(message)
        if known is not None:
            return Match(self._intents[known], SAME_WORDS, "words")
        verdict = self._weigh(piece, letters, message)
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

    def use_native(self) -> None:
        """Do the sums in machine code from now on; ImportError without numba."""
        for matcher in self._locales.values():
            matcher.use_native()

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
        letters = folding.squeeze(folded)
        if not letters:
            if self._wordless is None:
                return Miss(MissReason.UNKNOWN)
            return Match(self._wordless, SAME_WORDS, "exact")
        matcher = self._locales.get(folding.language(folded, locale))
        return matcher.match(folded, letters) if matcher else Miss(MissReason.UNKNOWN)


def _agrees(verdict: Match | Miss, intent: Intent) -> bool:
    """Nothing else is found: the words of one example may say another thing here."""
    return isinstance(verdict, Miss) or verdict.intent is intent


def _exact(locale: Locale, intents: Sequence[Intent]) -> dict[str, int]:
    return {
        folding.squeeze(folding.fold(text)): number
        for number, intent in enumerate(intents)
        for text in intent.wording(locale).examples
    }


def _particles(examples: Iterable[Example]) -> dict[str, set[frozenset[str]]]:
    """The particles of each example, by its canonical text."""
    found: dict[str, set[frozenset[str]]] = {}
    for _, message, _ in examples:
        found.setdefault(message.canonical, set()).add(message.particles)
    return found


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
