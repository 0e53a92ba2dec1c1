"""
Find passages: BM25 over terms, exact, in flat numpy arrays.

One partition for each shop and language, so nothing of another shop can even
be scored. Who may read a passage, on which day it holds and of which product it
speaks are part of the query. :mod:`engines.retrieval.postings` builds the arrays;
they may lie in memory or in files that workers share. Another engine can stand
behind :class:`Index` if it returns hits with the same meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from engines.contract import Locale, ShopId
from engines.retrieval.documents import Audience, Passage
from engines.retrieval.postings import (
    K1,
    UNSEEN,
    Floats,
    Postings,
    numbers_of,
    postings_of,
)
from engines.retrieval.terms import Analyzer, Query, coverage
from engines.retrieval.vectors import Vectors


Mask = npt.NDArray[np.bool_]

#: What a passage on the named product gains, one on no product keeps.
_PRODUCT_GAIN: Final = 1.35
#: What a passage on some product loses when none was named.
_UNASKED_PRODUCT: Final = 0.8
#: What it counts for in coverage that a passage is of the named product.
_NAMED: Final = 0.5
#: Share of that which a passage on no product has.
_GENERAL: Final = 0.4
#: What coverage keeps when a passage misses what it must speak of.
_MISSED_MUST: Final = 0.25
#: In a larger partition a single character in more than this share of passages
#: tells nothing, and costs the most to add up.
_LARGE: Final = 2_000
_COMMON: Final = 0.2
#: How words and vectors are weighed; fitted on the tuning questions.
_FULL_SCORE: Final = 30.0
_COVERAGE_WEIGHT: Final = 0.5
_SIMILARITY_WEIGHT: Final = 3.0
_COVERAGE_BESIDE_FULLNESS: Final = 0.3
#: Passages by words alone that are weighed again.
_BY_WORDS: Final = 12
#: Passages by words, and by vectors, that are weighed against each other.
_CANDIDATES: Final = (30, 20)


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What may be found: whose, in which language, by whom, on which day."""

    shop: ShopId
    locale: Locale
    on: date
    audience: Audience = "customer"


class Hit(NamedTuple):
    """
    A passage that was found.

    Attributes:
        score: BM25; comparable within one search only.

        coverage: Share of the question's meaning that the passage speaks of,
            0 to 1, rare words counting more.

        similarity: Of the vectors, -1 to 1; 0 where words alone decided.

        fullness: The score as a share of the most that the question could score,
            which alone can be compared between shops.

        mass: How much the question says: 1 for a word that no passage holds, less for
            every common one.
    """

    passage: Passage
    score: float
    coverage: float
    similarity: float = 0.0
    fullness: float = 0.0
    mass: float = 0.0

    @property
    def rank_by_words(self) -> float:
        """What hits found without vectors are ordered by."""
        return self.fullness + _COVERAGE_BESIDE_FULLNESS * self.coverage

    @property
    def rank(self) -> float:
        """What hits found with vectors are ordered by."""
        return (
            self.score / _FULL_SCORE
            + _COVERAGE_WEIGHT * self.coverage
            + _SIMILARITY_WEIGHT * self.similarity
        )


class Index:
    """The passages of any number of shops, searched one shop at a time."""

    def __init__(self, partitions: Mapping[tuple[ShopId, Locale], Partition]) -> None:
        self._partitions = dict(partitions)

    @classmethod
    def build(
        cls,
        passages: Iterable[Passage],
        analyzers: Mapping[Locale, Analyzer],
        vectors_of: Callable[[Sequence[Passage]], Vectors | None] = lambda _: None,
    ) -> Index:
        """Index *passages* in memory."""
        groups: dict[tuple[ShopId, Locale], list[Passage]] = {}
        for passage in passages:
            groups.setdefault((passage.shop, passage.locale), []).append(passage)
        return cls(
            {
                key: Partition(
                    postings_of(group, analyzers[key[1]]), group, vectors_of(group)
                )
                for key, group in groups.items()
            }
        )

    def search(
        self, query: Query, scope: Scope, k: int = 5, vector: Floats | None = None
    ) -> tuple[Hit, ...]:
        """
        The best *k* passages of *scope*, best first; fewer if fewer match.

        Args:
            vector: Of the question; with it, passages that share no word with the
                question are found too.
        """
        partition = self._partitions.get((scope.shop, scope.locale))
        if partition is None:
            return ()
        return partition.search(query, scope, k, vector)


class Partition:
    """
    Passages of one shop in one language.

    Args:
        passages: By number; may be read from disk one by one.

        vectors: Of the same passages; None if there are none.
    """

    def __init__(
        self,
        postings: Postings,
        passages: Sequence[Passage],
        vectors: Vectors | None = None,
    ) -> None:
        self._postings = postings
        self._vectors = vectors
        self._passages = passages
        self._unknown_idf = float(np.log(1 + 2 * (len(passages) + UNSEEN)))
        self._is_large = len(passages) > _LARGE

    def search(
        self, query: Query, scope: Scope, k: int, vector: Floats | None = None
    ) -> tuple[Hit, ...]:
        """As :meth:`Index.search`, here."""
        scores = self._scores(query.weights)
        self._favour(scores, query.products)
        barred = ~self._may_be_used(scope)
        scores[barred] = 0.0
        if vector is None or self._vectors is None:
            found = self._hits(query, scores, _largest(scores, max(_BY_WORDS, k)))
            return tuple(sorted(found, key=lambda hit: -hit.rank_by_words)[:k])
        if query.products:
            barred |= self._of_others(query.products)
        by_words, by_meaning = _CANDIDATES
        numbers = _largest(scores, max(by_words, k))
        numbers += self._vectors.nearest(vector, barred, max(by_meaning, k))
        numbers = list(dict.fromkeys(numbers))
        near = self._vectors.similarities(vector, numbers)
        hits = self._hits(query, scores, numbers, near)
        return tuple(sorted(hits, key=lambda hit: -hit.rank)[:k])

    def _hits(
        self,
        query: Query,
        scores: Floats,
        numbers: list[int],
        near: Floats | None = None,
    ) -> tuple[Hit, ...]:
        terms = [t for unit in query.units for t in unit.all_terms]
        known = self._postings.find(terms)
        most = self._best_score(query.weights)
        hits = []
        for place, i in enumerate(numbers):
            share, mass = self._coverage(query, i, known)
            hits.append(
                Hit(
                    self._passages[i],
                    float(scores[i]),
                    share,
                    0.0 if near is None else float(near[place]),
                    min(float(scores[i]) / most, 1.0),
                    mass / self._unknown_idf,
                )
            )
        return tuple(hits)

    def _best_score(self, weights: Mapping[str, float]) -> float:
        """Of a passage that says every term again and again."""
        known = self._postings.find(list(weights))
        idfs = (weights[t] * self._idf_of(known.get(t)) for t in weights)
        return (K1 + 1) * sum(idfs) or 1.0

    def _scores(self, weights: Mapping[str, float]) -> Floats:
        found, scores = self._postings, np.zeros(len(self._passages), np.float32)
        for term, number in found.find(list(weights)).items():
            low, high = found.slice_of(number)
            is_common = high - low > _COMMON * len(scores)
            if self._is_large and is_common and term[0] == "c":
                continue
            scores[found.docs[low:high]] += weights[term] * found.impacts[low:high]
        return scores

    def _may_be_used(self, scope: Scope) -> Mask:
        day, found = scope.on.toordinal(), self._postings
        usable: Mask = (found.first_day <= day) & (day <= found.last_day)
        if scope.audience == "customer":
            usable &= ~found.is_staff
        return usable

    def _of_others(self, products: frozenset[str]) -> Mask:
        others: Mask = np.array(self._postings.has_product)
        others[numbers_of(self._postings.of_product, products)] = False
        return others

    def _favour(self, scores: Floats, products: frozenset[str]) -> None:
        """Passages on other products than those named are out."""
        of_products = self._postings.has_product
        if not products:
            scores[of_products] *= _UNASKED_PRODUCT
            return
        named = numbers_of(self._postings.of_product, products)
        kept = scores[named] * _PRODUCT_GAIN
        scores[of_products] = 0.0
        scores[named] = kept

    def _coverage(
        self, query: Query, number: int, known: Mapping[str, int]
    ) -> tuple[float, float]:
        """Share of the meaning of *query* that a passage speaks of, and all of it."""
        total = covered = 0.0
        factor = 1.0
        if query.products:
            # Only passages of the products that were named are left by now, and such
            # as are on none: these say nothing of the product.
            total = _NAMED * self._unknown_idf
            is_of_it = self._postings.has_product[number]
            covered = total if is_of_it else total * _GENERAL
        for unit in query.units:
            terms = unit.all_terms
            idf = min((self._idf_of(known.get(t)) for t in unit.terms), default=1.0)
            idf *= unit.gravity
            has = {t: self._has(known.get(t), number) for t in terms}
            share = coverage(unit, has)
            if unit.is_soft and not share:
                continue
            total += idf
            covered += idf * share
            if unit.is_must and not share:
                factor = _MISSED_MUST
        return (factor * covered / total if total else 0.0), total

    def _idf_of(self, number: int | None) -> float:
        return (
            self._unknown_idf if number is None else float(self._postings.idf[number])
        )

    def _has(self, number: int | None, passage: int) -> bool:
        if number is None:
            return False
        low, high = self._postings.slice_of(number)
        docs = self._postings.docs[low:high]
        at = int(np.searchsorted(docs, passage))
        return at < len(docs) and int(docs[at]) == passage


def _largest(scores: Floats, k: int) -> list[int]:
    """Positions of the *k* largest positive scores, ties by position."""
    if len(scores) > k:
        near = np.argpartition(-scores, k)[:k]
        near.sort()
    else:
        near = np.arange(len(scores))
    order = near[np.argsort(-scores[near], kind="stable")]
    return [int(i) for i in order if scores[i] > 0]
