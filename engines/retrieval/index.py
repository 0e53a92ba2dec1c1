"""
Find passages: BM25 over terms, exact, in flat numpy arrays.

One partition for each shop and language, so nothing of another shop can even
be scored. Who may read a passage, on which day it holds and of which product it
speaks are part of the query. Memory is 8 bytes a posting; a search costs one
slice for each term. Another engine can stand behind :class:`Index` if it
returns hits with the same meaning.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from engines.contract import Locale, ShopId
from engines.retrieval.documents import Audience, Passage
from engines.retrieval.terms import Analyzer, Query, Unit, coverage


Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

#: Saturation of repeated terms, and how much length counts.
K1: Final = 1.2
B: Final = 0.5
#: What a term counts in a heading, an asked wording or a title.
_FIELDS: Final = (("heading", 3.0), ("asked", 2.0), ("title", 1.0), ("body", 1.0))
#: What a passage on the named product gains, one on no product keeps.
_PRODUCT_GAIN: Final = 1.35
#: What a passage on some product loses when none was named.
_UNASKED_PRODUCT: Final = 0.8
#: What coverage keeps when a passage misses what it must speak of.
_MISSED_MUST: Final = 0.25
_FOREVER: Final = date.max.toordinal()


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
    """

    passage: Passage
    score: float
    coverage: float


class Index:
    """The passages of any number of shops, searched one shop at a time."""

    def __init__(
        self, passages: Iterable[Passage], analyzers: Mapping[Locale, Analyzer]
    ) -> None:
        groups: dict[tuple[ShopId, Locale], list[Passage]] = {}
        for passage in passages:
            groups.setdefault((passage.shop, passage.locale), []).append(passage)
        self._partitions = {
            key: _Partition(group, analyzers[key[1]]) for key, group in groups.items()
        }

    def search(self, query: Query, scope: Scope, k: int = 5) -> tuple[Hit, ...]:
        """The best *k* passages of *scope*, best first; fewer if fewer match."""
        partition = self._partitions.get((scope.shop, scope.locale))
        return partition.search(query, scope, k) if partition is not None else ()


class _Partition:
    """Passages of one shop in one language."""

    def __init__(self, passages: Sequence[Passage], analyzer: Analyzer) -> None:
        self._passages = tuple(passages)
        counts = (_weighted(passage, analyzer) for passage in passages)
        self._ids, self._starts, self._docs, self._impacts, self._idf = _postings(
            counts
        )
        headers = [passage.header for passage in passages]
        self._from = _array(h.effective_from.toordinal() for h in headers)
        self._until = _array(
            h.effective_until.toordinal() if h.effective_until else _FOREVER
            for h in headers
        )
        self._is_staff = np.array([h.audience == "staff" for h in headers])
        self._has_product = np.array([bool(h.products) for h in headers])
        self._of_product = _by_product(passages)
        self._unknown_idf = float(np.log(1 + 2 * len(passages)))

    def search(self, query: Query, scope: Scope, k: int) -> tuple[Hit, ...]:
        scores = self._scores(query.weights)
        scores *= self._product_factor(query.products)
        scores[~self._may_be_used(scope)] = 0.0
        best = _largest(scores, k)
        return tuple(
            Hit(self._passages[i], float(scores[i]), self._coverage(query.units, i))
            for i in best
        )

    def _scores(self, weights: Mapping[str, float]) -> Floats:
        scores = np.zeros(len(self._passages), np.float32)
        for term, weight in weights.items():
            number = self._ids.get(term)
            if number is not None:
                low, high = self._starts[number], self._starts[number + 1]
                scores[self._docs[low:high]] += weight * self._impacts[low:high]
        return scores

    def _may_be_used(self, scope: Scope) -> Mask:
        day = scope.on.toordinal()
        usable: Mask = (self._from <= day) & (day <= self._until)
        if scope.audience == "customer":
            usable &= ~self._is_staff
        return usable

    def _product_factor(self, products: frozenset[str]) -> Floats:
        """Passages on other products than those named are out."""
        factor = np.ones(len(self._passages), np.float32)
        if not products:
            factor[self._has_product] = _UNASKED_PRODUCT
            return factor
        factor[self._has_product] = 0.0
        for sku in products:
            if sku in self._of_product:
                factor[self._of_product[sku]] = _PRODUCT_GAIN
        return factor

    def _coverage(self, units: Sequence[Unit], number: int) -> float:
        total = covered = 0.0
        factor = 1.0
        for unit in units:
            terms = unit.terms + unit.parts
            idf = min((self._idf_of(term) for term in unit.terms), default=1.0)
            share = coverage(unit, {t: self._has(t, number) for t in terms})
            total += idf
            covered += idf * share
            if unit.is_must and not share:
                factor = _MISSED_MUST
        return factor * covered / total if total else 0.0

    def _idf_of(self, term: str) -> float:
        number = self._ids.get(term)
        return self._unknown_idf if number is None else float(self._idf[number])

    def _has(self, term: str, passage: int) -> bool:
        number = self._ids.get(term)
        if number is None:
            return False
        docs = self._docs[self._starts[number] : self._starts[number + 1]]
        at = int(np.searchsorted(docs, passage))
        return at < len(docs) and int(docs[at]) == passage


def _weighted(passage: Passage, analyzer: Analyzer) -> Counter[str]:
    """Terms of a passage; what stands in its heading counts more."""
    texts = {
        "heading": passage.heading,
        "asked": "\n".join(passage.asked),
        "title": "\n".join((passage.header.title, *passage.header.names)),
        "body": passage.text,
    }
    total: Counter[str] = Counter()
    for field, factor in _FIELDS:
        for term, number in analyzer.count(texts[field]).items():
            total[term] += number * factor  # type: ignore[assignment]
    return total


def _postings(
    counts: Iterable[Counter[str]],
) -> tuple[dict[str, int], Ints, Ints, Floats, Floats]:
    """
    Terms, where the postings of each begin, their passages, impacts and idf.

    *counts* is read once; a posting costs 12 bytes while sorting.
    """
    ids: dict[str, int] = {}
    terms, docs, tf, lengths = array("i"), array("i"), array("f"), array("f")
    for number, of_passage in enumerate(counts):
        terms.extend(ids.setdefault(term, len(ids)) for term in of_passage)
        docs.extend([number] * len(of_passage))
        tf.extend(of_passage.values())
        lengths.append(sum(of_passage.values()))
    sizes = np.bincount(np.asarray(terms, np.int32), minlength=len(ids))
    order = np.argsort(np.asarray(terms, np.int32), kind="stable")
    holders = np.asarray(docs, np.int32)[order]
    idf = np.log(1 + (len(lengths) - sizes + 0.5) / (sizes + 0.5)).astype(np.float32)
    length = np.asarray(lengths, np.float32)
    norm = K1 * (1 - B + B * length / max(float(length.mean()), 1.0))
    often = np.asarray(tf, np.float32)[order]
    impacts = np.repeat(idf, sizes) * often * (K1 + 1) / (often + norm[holders])
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return ids, starts, holders, impacts.astype(np.float32), idf


def _by_product(passages: Sequence[Passage]) -> dict[str, Ints]:
    numbers: dict[str, list[int]] = {}
    for number, passage in enumerate(passages):
        for sku in passage.header.products:
            numbers.setdefault(sku, []).append(number)
    return {sku: _array(of_sku) for sku, of_sku in numbers.items()}


def _array(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int32)


def _largest(scores: Floats, k: int) -> list[int]:
    """Positions of the *k* largest positive scores, ties by position."""
    if len(scores) > k:
        near = np.argpartition(-scores, k)[:k]
        near.sort()
    else:
        near = np.arange(len(scores))
    order = near[np.argsort(-scores[near], kind="stable")]
    return [int(i) for i in order if scores[i] > 0]
