"""
How a folded message is read: as words with their meaning.

A :class:`Reader` replaces synonyms by one word for all of them, drops
particles, and leaves a set of features: words of the lexicon, and characters
(zh) or words (en) that are not in it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from ahocorasick_rs import MATCHKIND_LEFTMOST_LONGEST, AhoCorasick

from engines.contract import Locale
from engines.rules.folding import SEPARATORS, fold, squeeze
from engines.rules.pack import LOCALES, Intent, Lexicon, Words


#: A word that is not in the lexicon, or of it; and pieces of unknown text.
WORD_WEIGHT: Final = 1.0
PAIR_WEIGHT: Final = 0.55
CHARACTER_WEIGHT: Final = 0.35

#: Marks a particle among the words of a message.
_PARTICLE: Final = "~"

#: Marks a particle that stands among particles only, and so is all there is.
_ALONE: Final = "="

#: Digits in a row that identify an order, a parcel or a phone.
LONG_NUMBER: Final = 7

#: From here on every character is a piece of its own.
_FIRST_CJK: Final = "\u3400"

#: Shorter English words keep their endings.
MIN_STEMMED: Final = 4

_A_NOT_A = re.compile(r"([\u4e00-\u9fff])[不没]\1")
_FINAL_NOT = re.compile(r"(?<=..)(?:不|没|没有)(?:[呢啊呀]?)[?!。.~ ]*\Z")
_GAP = re.compile(r"[a-z]+|\d+|.")
_APOSTROPHES = re.compile(r"['`\u2018\u2019]")
_DOUBLED = re.compile(r"([bdgmnprt])\1\Z")


class Reading(NamedTuple):
    """
    A message as the matcher sees it.

    Attributes:
        canonical: The words in order, synonyms replaced, particles dropped.

        features: Distinct features, in order of appearance.

        contrasts: Those features that turn the meaning.

        particles: Words that mean nothing; they break ties between examples.
    """

    canonical: str
    features: tuple[str, ...]
    contrasts: frozenset[str]
    particles: frozenset[str]


class Reader:
    """
    Reads folded messages of one language by one lexicon.

    Immutable after construction; reading keeps no state between messages.
    """

    def __init__(self, locale: Locale, words: Words, keywords: Iterable[str]) -> None:
        self.locale: Locale = locale
        self._joint = "" if locale == "zh" else "  "
        self._split: Callable[[str], list[str]] = (
            _split_gap if locale == "zh" else _split_words
        )
        meanings = _meanings(self, words, keywords)
        patterns = list(meanings)
        self._meanings = [meanings[pattern] for pattern in patterns]
        self._automaton = AhoCorasick(
            patterns or ["\x00"], matchkind=MATCHKIND_LEFTMOST_LONGEST
        )
        self._lexical = frozenset(self._meanings)
        self._contrasts = frozenset(
            self.plain(group[0]) for group in words.contrasts if group
        )
        self._social = frozenset(
            self.plain(group[0]) for group in words.social if group
        )

    def plain(self, text: str) -> str:
        """Form *text* as words of the lexicon are compared: no punctuation."""
        if self.locale == "zh":
            return squeeze(text)
        words = SEPARATORS.sub(" ", _APOSTROPHES.sub("", text)).split()
        return "  ".join(map(_stem, words))

    def read(self, folded: str) -> Reading:
        """Read one folded message. Cost grows with its length only."""
        words, particles = self._words(folded)
        if not words:
            words, particles = [_ALONE + word[1:] for word in particles], []
        if not self._social.isdisjoint(words):
            words = [word for word in words if word not in self._social] or words
        features = self._features(words)
        contrasts = self._contrasts.intersection(features)
        canonical = self._joint.join(words)
        return Reading(canonical, features, contrasts, frozenset(particles))

    def canonical(self, text: str) -> str:
        """Form of a keyword or text in which one is searched in the other."""
        canonical = self.read(fold(text)).canonical
        return canonical if self.locale == "zh" else f" {canonical} "

    def is_social(self, message: Reading) -> bool:
        """Tell if nothing but greetings and thanks is in a message."""
        return self._social.issuperset(message.features)

    def weight(self, feature: str) -> float:
        """Weight of a feature by its kind: lexicon, pair or single character."""
        if feature in self._lexical:
            return WORD_WEIGHT
        if len(feature) == 1:
            return CHARACTER_WEIGHT
        return PAIR_WEIGHT if "+" in feature else WORD_WEIGHT

    def _words(self, folded: str) -> tuple[list[str], list[str]]:
        """Words of the lexicon and what stands between them; and the particles."""
        text = self._prepared(folded)
        words: list[str] = []
        particles: list[str] = []
        position = 0
        for index, start, end in self._automaton.find_matches_as_indexes(text):
            if start > position:
                gap = text[position:start]
                words += (
                    gap if gap.isalpha() and self._is_cjk(gap) else self._split(gap)
                )
            word = self._meanings[index]
            (particles if word[0] == _PARTICLE else words).append(word)
            position = end
        if position < len(text):
            words += self._split(text[position:])
        return words, particles

    def _is_cjk(self, gap: str) -> bool:
        """Tell if a gap of letters is to be split at every character."""
        return self.locale == "zh" and min(gap) >= _FIRST_CJK

    def _prepared(self, folded: str) -> str:
        if self.locale == "en":
            return f" {self.plain(folded)} "
        if "不" in folded or "没" in folded:
            folded = _FINAL_NOT.sub("", _A_NOT_A.sub(r"\1", folded))
        return folded if folded.isalnum() else SEPARATORS.sub("\n", folded)

    def _features(self, words: list[str]) -> tuple[str, ...]:
        """Distinct words, and pairs of neighbouring single characters."""
        features: dict[str, None] = {}
        lexical = self._lexical
        previous = ""
        for word in words:
            features[word] = None
            if len(word) > 1 or word in lexical:
                previous = ""
                continue
            if previous:
                features[f"{previous}+{word}"] = None
            previous = word
        return tuple(features)


def build_readers(lexicon: Lexicon, intents: Iterable[Intent]) -> dict[Locale, Reader]:
    """One reader for each language, knowing the keywords of all intents."""
    intents = list(intents)
    return {
        locale: Reader(
            locale,
            lexicon.words(locale),
            [
                word
                for intent in intents
                for rule in intent.wording(locale).keywords
                for word in (*rule.all, *rule.any, *rule.none)
            ],
        )
        for locale in LOCALES
    }


def _split_gap(gap: str) -> list[str]:
    """Split unknown text into Latin words, numbers and single characters."""
    pieces: list[str] = _GAP.findall(gap)
    return [_masked(piece) if piece.isdigit() else piece for piece in pieces]


def _split_words(gap: str) -> list[str]:
    """Split unknown English text at spaces."""
    return [_masked(word) if word.isdigit() else word for word in gap.split()]


def _masked(number: str) -> str:
    """Which number it is rarely matters; that it is an order's or a phone's does."""
    return "#" if len(number) < LONG_NUMBER else "#long"


def _meanings(reader: Reader, words: Words, keywords: Iterable[str]) -> dict[str, str]:
    """Pattern of the automaton to the word that stands for it."""
    meanings: dict[str, str] = {}
    for group in (*words.social, *words.synonyms, *words.contrasts):
        for word in group:
            _mean(reader, meanings, word, reader.plain(fold(group[0])))
    for word in words.particles:
        _mean(reader, meanings, word, _PARTICLE + word)
    if reader.locale == "zh":
        for keyword in sorted({reader.plain(fold(k)) for k in keywords}, key=len):
            if keyword and not _splits(keyword, meanings):
                meanings.setdefault(keyword, keyword)
    return meanings


def _splits(word: str, meanings: dict[str, str]) -> bool:
    """Tell if *word* is made of longer known words, which then stand for it."""
    ends = {0}
    for end in range(2, len(word) + 1):
        if any(e in ends and word[e:end] in meanings for e in range(end - 1)):
            ends.add(end)
    return len(word) in ends


def _mean(reader: Reader, meanings: dict[str, str], word: str, meaning: str) -> None:
    pattern = reader.plain(fold(word))
    if pattern:
        meanings[f" {pattern} " if reader.locale == "en" else pattern] = meaning


@functools.lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    """Cut the commonest English endings, so that forms of a word meet."""
    if len(word) < MIN_STEMMED or not word.isascii():
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("ses", "xes", "ches", "shes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= MIN_STEMMED:
            word = _DOUBLED.sub(r"\1", stem)
    return word[:-1] if word.endswith("e") and len(word) > MIN_STEMMED else word
