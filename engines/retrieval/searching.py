"""
One shop's knowledge, ready to be asked: words, index and rewriting together.

Synchronous and bounded: a search costs well under a millisecond and waits for
nothing. The same searcher serves every turn of its shop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec

from engines.contract import Escalation, Locale, Reason, ShopId, Utterance
from engines.retrieval.compiled import Facts, title_of
from engines.retrieval.compose import Piece, extract, joined, source_of
from engines.retrieval.confidence import (
    BAR,
    NO_MATCH_COVERAGE,
    STATEMENT_BAR,
    confidence,
)
from engines.retrieval.dense import QuestionVectors
from engines.retrieval.documents import LOCALES, Passage
from engines.retrieval.index import Hit, Index, Scope
from engines.retrieval.questions import Part
from engines.retrieval.rewriting import Rewriter, Topic
from engines.retrieval.terms import Analyzer
from engines.retrieval.vectors import Floats


#: Passages looked at to answer one question.
DEPTH: Final = 5
#: Passages given to a writer for one question.
_CONTEXT: Final = 3


#: Rows of a table that are said together, and how near the best they must be.
_ROWS: Final = 3
_AS_WELL: Final = 0.85
#: What is ingested answers unless something else is surer by this.
_GIVES_WAY: Final = 0.3

#: Vectors of questions, by their text.
Vectors = Mapping[str, Floats]
NO_VECTORS: Final[Vectors] = {}


class Found(NamedTuple):
    """Passages for a question, best first, and how sure the best one answers."""

    hits: tuple[Hit, ...]
    confidence: float


class Searcher:
    """
    Finds what a shop's knowledge says, on the day *today* tells.

    Args:
        ingested: What the shop gave us itself, apart from *index*: where it answers
            a question, it answers before *index* does.
    """

    def __init__(
        self,
        shop_id: ShopId,
        index: Index,
        analyzers: Mapping[Locale, Analyzer],
        facts: Facts,
        today: Callable[[], date],
        questions: QuestionVectors | None = None,
        ingested: Index | None = None,
    ) -> None:
        self._shop_id = shop_id
        self._analyzers = analyzers
        self._rewriters = {loc: Rewriter(loc, analyzers[loc]) for loc in LOCALES}
        self._index = index
        self._ingested = ingested
        self._facts = facts
        self._today = today
        #: Encodes questions; None where words alone decide.
        self.questions = questions

    @property
    def has_ingested(self) -> bool:
        """True if the shop gave us documents of its own."""
        return self._ingested is not None

    @property
    def passages(self) -> int:
        """How many there are to be found."""
        return self._facts.passages

    def topic(
        self, part: Part, message: str, history: Sequence[Utterance], locale: Locale
    ) -> Topic:
        """Make *part* of *message* complete from what was said before."""
        return self._rewriters[locale].resolve(part, message, history)

    def titles(self, topic: Topic, locale: Locale) -> Mapping[str, str]:
        """The products *topic* is about, with titles the shop's search knows."""
        known = self._facts.titles[locale]
        skus = sorted(topic.query.products or topic.recent_products)
        return {sku: known[sku] for sku in skus if sku in known}

    def find(
        self,
        topic: Topic,
        locale: Locale,
        k: int = DEPTH,
        vectors: Vectors = NO_VECTORS,
    ) -> Found:
        """
        The best *k*; a product spoken of lately counts if it explains more.

        Args:
            vectors: Of questions by their text, as far as they are known.
        """
        found = self._find_in(self._index, topic, locale, k, vectors)
        if self._ingested is None:
            return found
        own = self._find_in(self._ingested, topic, locale, k, vectors)
        first, then = (own, found) if _comes_first(own, found) else (found, own)
        return Found((*first.hits, *then.hits)[:k], first.confidence)

    def knows(self, topic: Topic, locale: Locale) -> bool:
        """True if what was ingested answers *topic* by its words alone."""
        if self._ingested is None:
            return False
        found = self._find_in(self._ingested, topic, locale, DEPTH, NO_VECTORS)
        return found.confidence >= BAR

    def _find_in(
        self, index: Index, topic: Topic, locale: Locale, k: int, vectors: Vectors
    ) -> Found:
        scope = Scope(shop=self._shop_id, locale=locale, on=self._today())
        vector = vectors.get(topic.text)
        hits = index.search(topic.query, scope, k, vector)
        if topic.recent_products and not topic.query.products:
            query = topic.query.about(topic.recent_products)
            near = index.search(query, scope, k, vector)
            if _is_better(near, hits):
                hits = near
        if topic.inherits:
            far = index.search(topic.query.about(frozenset()), scope, k, vector)
            if far and self._is_meant(far[0], hits, topic):
                hits = far
        return Found(hits, confidence(hits))

    def _is_meant(self, other: Hit, hits: Sequence[Hit], topic: Topic) -> bool:
        """True if words of the question's own name the product of *other*."""
        names = self._analyzers[other.passage.locale].count(
            "\n".join(other.passage.header.names)
        )
        is_named = any(t in names for unit in topic.query.units for t in unit.terms)
        return is_named and (not hits or other.coverage > hits[0].coverage)

    def find_best(
        self, topic: Topic, locale: Locale, k: int, vectors: Vectors
    ) -> Found:
        """As :meth:`find`; a question that is unclear alone is read as a follow-up."""
        found = self.find(topic, locale, k, vectors)
        if topic.continued is None or found.confidence >= BAR:
            return found
        return self.find(topic.continued, locale, k, vectors)

    def vectors_now(self, topic: Topic) -> Vectors:
        """Vectors that finding *topic* needs; blocks while they are made."""
        if self.questions is None:
            return NO_VECTORS
        return self.questions.now(_texts_of(topic))

    async def vectors_soon(self, topic: Topic) -> Vectors:
        """As :meth:`vectors_now` without blocking; none if it takes too long."""
        if self.questions is None:
            return NO_VECTORS
        return await self.questions.soon(_texts_of(topic))

    def answer(
        self,
        topic: Topic,
        locale: Locale,
        share: float = 1.0,
        vectors: Vectors = NO_VECTORS,
    ) -> Piece | Escalation:
        """
        Say what the best passage says, if it is sure enough to answer.

        Args:
            share: Of the usual length of an answer.

            vectors: As for :meth:`find`.
        """
        found = self.find(topic, locale, vectors=vectors)
        bar = BAR if topic.asks else STATEMENT_BAR
        if found.confidence < bar and topic.continued is not None:
            return self.answer(topic.continued, locale, share, vectors)
        if found.confidence < bar:
            return _not_found(topic, found)
        analyzer, sure = self._analyzers[locale], found.confidence
        alike = _alike(found.hits)
        piece = joined([extract(p, topic.query, analyzer, sure, share) for p in alike])
        if not piece.text:
            return _not_found(topic, found)
        context = tuple(source_of(hit.passage) for hit in found.hits[:_CONTEXT])
        piece = msgspec.structs.replace(piece, context=context)
        return piece if alike[0].is_record else _with_subject(piece, alike[0], topic)


def _alike(hits: Sequence[Hit]) -> list[Passage]:
    """The best passage; of a table the rows too that answer as well as it."""
    best, *others = hits
    rows = [
        hit.passage
        for hit in others
        if best.passage.is_record
        and hit.passage.document == best.passage.document
        and hit.rank_by_words >= best.rank_by_words * _AS_WELL
        and hit.coverage >= best.coverage
    ]
    return [best.passage, *rows[: _ROWS - 1]]


def _comes_first(own: Found, other: Found) -> bool:
    """The shop's own word counts where it answers, if not far less surely."""
    if own.confidence >= BAR:
        return own.confidence >= other.confidence - _GIVES_WAY
    return other.confidence < BAR and own.confidence >= other.confidence


def _texts_of(topic: Topic) -> list[str]:
    texts = [topic.text]
    if topic.continued is not None:
        texts.append(topic.continued.text)
    return texts


def _with_subject(piece: Piece, passage: Passage, topic: Topic) -> Piece:
    """Name the product if the customer did not: it may be another one they mean."""
    header = passage.header
    if not header.names or topic.query.products == frozenset(header.products):
        return piece
    joint = "：" if passage.locale == "zh" else ": "
    return msgspec.structs.replace(
        piece, text=f"{title_of(passage)}{joint}{piece.text}"
    )


def _is_better(near: Sequence[Hit], far: Sequence[Hit]) -> bool:
    """True if the passages on a recent product explain as much as any other."""
    if not near or not near[0].passage.header.products:
        return False
    return not far or near[0].coverage >= far[0].coverage


def _not_found(topic: Topic, found: Found) -> Escalation:
    if not found.hits or found.hits[0].coverage < NO_MATCH_COVERAGE:
        return Escalation(reason=Reason.NO_MATCH, note=topic.text)
    note = f"{found.hits[0].passage.id} at {found.confidence:.2f}"
    return Escalation(reason=Reason.LOW_CONFIDENCE, note=note)
