"""
Turn text into terms: what the index stores and what a question looks for.

A term is a short string whose first character tells its sort: ``w`` a word
(segmented Chinese, or an English stem), ``b`` two neighbouring Chinese
characters, ``c`` one of them, ``s`` a group of synonyms, ``f`` a sort of figure.
Characters make up for a segmenter that cuts question and passage differently.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec
import rjieba

from engines.contract import Locale
from engines.retrieval.asked_for import sorts_asked, sorts_held
from engines.retrieval.language import STOP_EN, STOP_ZH, clean, latin_words, stem
from engines.retrieval.weighing import gravity_en, gravity_zh
from engines.retrieval.words import Found, Phrases, Synonyms


#: What one sort of term counts for in a question.
WEIGHT: Final = {"w": 1.0, "s": 1.5, "b": 0.5, "c": 0.12, "f": 1.0}
#: Share of a unit that a passage covers with its characters alone.
_PAIR_CREDIT: Final = 0.8
#: Share that it covers with single characters of a word.
_LETTER_CREDIT: Final = 0.45
_HAN_RUN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_SKIP: Final = re.compile(r"[\W_]+\Z")
_FIGURE_GRAVITY: Final = 0.6
_WEIGHTY: Final = 0.8
#: Names of products are matched apart; here they only break ties.
_NAME_WEIGHT: Final = 0.4


class Unit(NamedTuple):
    """
    One word of a question that carries meaning.

    Attributes:
        terms: Any of these in a passage shows that it speaks of the word.

        parts: Else the share of these counts.

        letters: Else the share of these, its characters one by one, counts a little:
            试弹 and 试琴, 裂缝 and 裂纹 are near in meaning.

        is_must: True if a passage that does not speak of it is no answer.

        is_soft: True if an answer need not speak of it.

        gravity: 0 to 1, how much of the question hangs on it: a name all, a verb
            that anything is done with little.
    """

    word: str
    terms: tuple[str, ...]
    parts: tuple[str, ...]
    is_must: bool = False
    is_soft: bool = False
    gravity: float = 1.0
    letters: tuple[str, ...] = ()

    @property
    def all_terms(self) -> tuple[str, ...]:
        """Whatever of it may stand in a passage."""
        return self.terms + self.parts + self.letters


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """
    A question, ready to be searched.

    Attributes:
        weights: Term to weight.

        units: The words that an answer should cover.

        products: Stock numbers of the products it names.

        names: Terms that only name these products.
    """

    weights: dict[str, float]
    units: tuple[Unit, ...]
    products: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def blend(self, other: Query, weight: float) -> Query:
        """
        With *other*'s terms at *weight*: the topic of an earlier turn.

        A product of one's own replaces the earlier one, names and all.
        """
        gone = other.names if self.products else frozenset()
        weights = {t: w * weight for t, w in other.weights.items() if t not in gone}
        for term, own in self.weights.items():
            weights[term] = max(own, weights.get(term, 0.0))
        return Query(
            weights=weights,
            units=self.units + other.units if self.is_light else self.units,
            products=self.products or other.products,
            names=self.names if self.products else other.names,
        )

    @property
    def is_light(self) -> bool:
        """True if no word of it says by itself what it is about."""
        return not any(unit.gravity >= _WEIGHTY for unit in self.units)

    def about(self, products: frozenset[str]) -> Query:
        """The same question, asked about *products*."""
        return msgspec.structs.replace(self, products=products)


class _Token(NamedTuple):
    """A word with its place: in characters (zh) or words (en)."""

    start: int
    end: int
    word: str
    gravity: float = 1.0


class Analyzer:
    """Turns texts of one language into terms, with a shop's own words."""

    def __init__(self, locale: Locale, synonyms: Synonyms, names: Phrases) -> None:
        self._locale = locale
        self._synonyms = synonyms.phrases[locale]
        self._must = synonyms.must
        self._soft = synonyms.soft
        self._names = names

    def count(self, text: str) -> Counter[str]:
        """Terms of a passage with their number."""
        text = clean(text).lower()
        tokens, synonyms, _ = self._parse(text)
        terms = Counter("w" + token.word for token in tokens if self._says(token))
        terms.update("s" + name for found in synonyms for name in found.names)
        terms.update("f" + sort for sort in sorts_held(text))
        if self._locale == "zh":
            for run in _HAN_RUN.findall(text):
                terms.update("b" + pair for pair in _pairs(run))
                terms.update("c" + char for char in run)
        return terms

    def query(self, text: str) -> Query:
        """What *text* looks for."""
        clear = clean(text).lower()
        tokens, synonyms, names = self._parse(clear)
        said = [t for t in tokens if self._says(t) and not _is_inside(t, synonyms)]
        units = [
            self._unit(token, synonyms) for token in said if not _covered(token, names)
        ]
        naming = [
            self._unit(token, synonyms) for token in said if _covered(token, names)
        ]
        for found in synonyms:
            if not _covered(found, names):
                inner = [t for t in tokens if self._says(t) and _overlap(t, found)]
                self._add_synonym(found, inner, units)
        units += [
            Unit(sort, ("f" + sort,), (), gravity=_FIGURE_GRAVITY)
            for sort in sorts_asked(clear, self._locale)
        ]
        weights = _weights(naming, _NAME_WEIGHT) | _weights(units, 1.0)
        return Query(
            weights=weights,
            units=tuple(dict.fromkeys(units)),
            products=frozenset(sku for found in names for sku in found.names),
            names=frozenset(_weights(naming, 1.0)) - frozenset(_weights(units, 1.0)),
        )

    def products(self, text: str) -> frozenset[str]:
        """Products that *text* names."""
        names = self._parse(clean(text).lower())[2]
        return frozenset(sku for found in names for sku in found.names)

    def _parse(self, text: str) -> tuple[list[_Token], list[Found], list[Found]]:
        if self._locale == "en":
            stems = [stem(word) for word in latin_words(text)]
            tokens = [
                _Token(i, i + 1, word, gravity_en(word)) for i, word in enumerate(stems)
            ]
            return (
                tokens,
                self._synonyms.in_stems(stems),
                self._names.in_stems(stems),
            )
        synonyms = self._synonyms.in_text(text)
        fixed = [f for f in synonyms if not self._must.isdisjoint(f.names)]
        tokens = _segment(text, fixed)
        edges = {token.start for token in tokens} | {len(text)}
        # "动车" inside "电动车" is no wording of its own.
        aligned = [f for f in synonyms if f.start in edges and f.end in edges]
        return tokens, aligned, self._names.in_text(text)

    def _says(self, token: _Token) -> bool:
        if self._locale == "en":
            return token.word not in _STEMMED_STOPS
        return token.word not in STOP_ZH and not _SKIP.match(token.word)

    def _unit(self, token: _Token, synonyms: list[Found]) -> Unit:
        terms = ["w" + token.word]
        names = [n for found in synonyms if _overlap(token, found) for n in found.names]
        if not self._must.isdisjoint(names):
            return Unit(
                token.word, tuple("s" + name for name in names), (), is_must=True
            )
        terms += ["s" + name for name in names]
        if not self._soft.isdisjoint(names):
            return Unit(token.word, tuple(terms), (), is_soft=True)
        parts: tuple[str, ...] = ()
        if self._locale == "zh" and _HAN_RUN.match(token.word):
            if len(token.word) == 1:
                terms.append("c" + token.word)
            parts = tuple("b" + pair for pair in _pairs(token.word))
        # A wording that the shop lists as one of its trade is no filler.
        gravity = 1.0 if names else token.gravity
        letters = tuple("c" + char for char in token.word) if parts else ()
        return Unit(token.word, tuple(terms), parts, gravity=gravity, letters=letters)

    def _add_synonym(
        self, found: Found, inner: list[_Token], units: list[Unit]
    ) -> None:
        """A wording of several words is one unit; its words apart count in part."""
        terms = tuple("s" + name for name in found.names)
        if not any(set(terms) <= set(unit.terms) for unit in units):
            is_must = not self._must.isdisjoint(found.names)
            is_soft = not self._soft.isdisjoint(found.names)
            # Half of the name of a sale is another sale.
            parts = () if is_must else tuple("w" + token.word for token in inner)
            units.append(Unit(found.names[0], terms, parts, is_must, is_soft))


_STEMMED_STOPS: Final = frozenset(STOP_EN | {stem(word) for word in STOP_EN})


def coverage(unit: Unit, has: Mapping[str, bool]) -> float:
    """How far a passage that *has* these terms speaks of *unit*, 0 to 1."""
    if any(has.get(term) for term in unit.terms):
        return 1.0
    return max(
        _PAIR_CREDIT * _share(unit.parts, has),
        _LETTER_CREDIT * _share(unit.letters, has),
    )


def _share(terms: tuple[str, ...], has: Mapping[str, bool]) -> float:
    """How many of *terms* are there, as a share; none of no terms."""
    return sum(bool(has.get(term)) for term in terms) / len(terms) if terms else 0.0


def _segment(text: str, fixed: list[Found]) -> list[_Token]:
    """Words of Chinese *text*; *fixed* wordings are not torn apart."""
    pieces: list[str] = []
    at = 0
    for found in fixed:
        pieces += (text[at : found.start], text[found.start : found.end])
        at = found.end
    tokens, start = [], 0
    for number, piece in enumerate([*pieces, text[at:]]):
        # Without guessing new words: a guess glues neighbours together.
        words = [(piece, "n")] if number % 2 else rjieba.tag(piece, False)
        for word, sort in words:
            tokens.append(
                _Token(start, start + len(word), word, gravity_zh(word, sort))
            )
            start += len(word)
    return tokens


def _weights(units: Iterable[Unit], factor: float) -> dict[str, float]:
    return {
        term: WEIGHT[term[0]] * factor
        for unit in units
        for term in unit.terms + unit.parts
    }


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


def _overlap(token: _Token, found: Found) -> bool:
    return token.start < found.end and found.start < token.end


def _is_inside(token: _Token, synonyms: list[Found]) -> bool:
    size = token.end - token.start
    return any(
        f.start <= token.start and token.end <= f.end and f.end - f.start > size
        for f in synonyms
    )


def _covered(place: _Token | Found, by: list[Found]) -> bool:
    return any(f.start <= place.start and place.end <= f.end for f in by)
