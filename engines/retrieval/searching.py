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
from engines.retrieval.compose import Piece, extract, source_of
from engines.retrieval.confidence import (
    BAR,
    NO_MATCH_COVERAGE,
    STATEMENT_BAR,
    confidence,
)
from engines.retrieval.documents import LOCALES, Passage
from engines.retrieval.index import Hit, Index, Scope
from engines.retrieval.questions import Part
from engines.retrieval.rewriting import Rewriter, Topic
from engines.retrieval.terms import Analyzer


#: Passages looked at to answer one question.
DEPTH: Final = 5
#: Passages given to a writer for one question.
_CONTEXT: Final = 3


class Found(NamedTuple):
    """Passages for a question, best first, and how sure the best one answers."""

    hits: tuple[Hit, ...]
    confidence: float


class Searcher:
    """Finds what a shop's knowledge says, on the day *today* tells."""

    def __init__(
        self,
        shop_id: ShopId,
        index: Index,
        analyzers: Mapping[Locale, Analyzer],
        facts: Facts,
        today: Callable[[], date],
    ) -> None:
        self._shop_id = shop_id
        self._analyzers = analyzers
        self._rewriters = {loc: Rewriter(loc, analyzers[loc]) for loc in LOCALES}
        self._index = index
        self._facts = facts
        self._today = today

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

    def find(self, topic: Topic, locale: Locale, k: int = DEPTH) -> Found:
        """The best *k*; a product spoken of lately counts if it explains more."""
        scope = Scope(shop=self._shop_id, locale=locale, on=self._today())
        hits = self._index.search(topic.query, scope, k)
        if topic.recent_products and not topic.query.products:
            query = topic.query.about(topic.recent_products)
            near = self._index.search(query, scope, k)
            if _is_better(near, hits):
                hits = near
        return Found(hits, confidence(hits))

    def answer(
        self, topic: Topic, locale: Locale, share: float = 1.0
    ) -> Piece | Escalation:
        """
        Say what the best passage says, if it is sure enough to answer.

        Args:
            share: Of the usual length of an answer.
        """
        found = self.find(topic, locale)
        bar = BAR if topic.asks else STATEMENT_BAR
        if found.confidence < bar and topic.continued is not None:
            return self.answer(topic.continued, locale, share)
        if found.confidence < bar:
            return _not_found(topic, found)
        best, analyzer = found.hits[0], self._analyzers[locale]
        piece = extract(best.passage, topic.query, analyzer, found.confidence, share)
        context = tuple(source_of(hit.passage) for hit in found.hits[:_CONTEXT])
        piece = msgspec.structs.replace(piece, context=context)
        return _with_subject(piece, best.passage, topic)


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
