"""
L2 as an engine: read the turn, look up or search, and say it with sources.

    turn ──> parts ──> each: look-up | search ──> pieces ──> one answer
              │                        │
              └ wants a change         └ nothing sure enough
                  -> NEEDS_ACTION          -> NO_MATCH | LOW_CONFIDENCE

A part that a look-up can't answer is searched. All parts must be answered:
half an answer would leave the customer to find out which half.
"""

from __future__ import annotations

import time
from asyncio import timeout
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple, Self

from engines.contract import (
    Answer,
    Escalation,
    Locale,
    Reason,
    ShopId,
    Tier,
    Turn,
    Utterance,
)
from engines.retrieval import questions
from engines.retrieval.compose import Piece, extract, merge
from engines.retrieval.confidence import BAR, NO_MATCH_COVERAGE, confidence
from engines.retrieval.documents import LOCALES, load_passages
from engines.retrieval.index import Hit, Index, Scope
from engines.retrieval.language import clean, language_of
from engines.retrieval.questions import Kind, Part
from engines.retrieval.reads import Wanted, look_up
from engines.retrieval.rewriting import Rewriter, Topic
from engines.retrieval.terms import Analyzer
from engines.retrieval.words import load_synonyms, product_names
from engines.shops.port import ShopPort, ShopUnavailable


#: Passages looked at for one part.
DEPTH: Final = 10


class Found(NamedTuple):
    """Passages for a question, best first, and how sure the best one answers."""

    hits: tuple[Hit, ...]
    confidence: float


class RetrievalEngine:
    """
    Answers from one shop's knowledge and records; never changes anything.

    Holds no state of a conversation and may serve many turns at once.
    """

    def __init__(
        self,
        shop_id: ShopId,
        index: Index,
        analyzers: Mapping[Locale, Analyzer],
        titles: Mapping[Locale, Mapping[str, str]],
        shop: ShopPort | None,
        today: Callable[[], date],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shop_id = shop_id
        self._index = index
        self._rewriters = {loc: Rewriter(loc, analyzers[loc]) for loc in LOCALES}
        self._analyzers = analyzers
        self._titles = titles
        self._shop = shop
        self._today = today
        self._monotonic = monotonic

    @classmethod
    def load(
        cls,
        knowledge_dir: Path,
        shop: ShopPort | None,
        today: Callable[[], date],
        shop_id: ShopId | None = None,
    ) -> Self:
        """
        Read a knowledge folder and build its index; *shop_id* is its name.

        Raises:
            BadFile: With every problem of every file.
        """
        owner = ShopId(knowledge_dir.name) if shop_id is None else shop_id
        passages = load_passages(knowledge_dir, owner)
        synonyms, names = load_synonyms(knowledge_dir), product_names(passages)
        analyzers = {loc: Analyzer(loc, synonyms, names[loc]) for loc in LOCALES}
        titles: dict[Locale, dict[str, str]] = {loc: {} for loc in LOCALES}
        for passage in passages:
            if passage.header.names:
                sku = passage.header.products[0]
                titles[passage.locale][sku] = passage.header.title
        index = Index(passages, analyzers)
        return cls(owner, index, analyzers, titles, shop, today)

    @property
    def tier(self) -> Tier:
        """Retrieval is L2."""
        return Tier.L2

    async def answer(self, turn: Turn) -> Answer | Escalation:
        """Answer all parts of *turn* with sources, or say why not."""
        if turn.shop != self._shop_id:
            note = f"no knowledge of shop {turn.shop}"
            return Escalation(reason=Reason.NO_MATCH, note=note)
        text = clean(turn.text)
        locale = language_of(text, turn.locale)
        if questions.wants_change(text, locale):
            return Escalation(reason=Reason.NEEDS_ACTION, note="asks for a change")
        try:
            async with timeout(self._time_left(turn)):
                return await self._answer(turn, text, locale)
        except ShopUnavailable as exc:
            return Escalation(reason=Reason.UNAVAILABLE, note=str(exc))
        except TimeoutError:
            return Escalation(reason=Reason.DEADLINE)

    def find(
        self, text: str, locale: Locale, history: Sequence[Utterance] = ()
    ) -> Found:
        """Search for *text* as one question, as :meth:`answer` would."""
        clear = clean(text)
        language = language_of(clear, locale)
        part = Part(text=clear, kind=Kind.KNOWLEDGE)
        topic = self._rewriters[language].resolve(part, clear, history)
        hits = self._search(topic, language)
        return Found(hits, confidence(hits))

    def _time_left(self, turn: Turn) -> float | None:
        left = turn.deadline_s - self._monotonic()
        return None if left == float("inf") else max(0.0, left)

    async def _answer(
        self, turn: Turn, text: str, locale: Locale
    ) -> Answer | Escalation:
        parts = questions.parts(text, locale)
        pieces = []
        for part in parts:
            piece = await self._piece(turn, part, text, locale)
            if isinstance(piece, Escalation):
                return self._whole(turn, text, locale, piece, len(parts))
            pieces.append(piece)
        if not pieces:
            return Escalation(reason=Reason.NO_MATCH, note="nothing was asked")
        return merge(pieces)

    def _whole(
        self,
        turn: Turn,
        text: str,
        locale: Locale,
        failed: Escalation,
        parts: int,
    ) -> Answer | Escalation:
        """A message that was split in vain may make sense as one question."""
        if parts == 1:
            return failed
        whole = Part(text=text, kind=Kind.KNOWLEDGE)
        piece = self._from_passages(self._topic(turn, whole, text, locale), locale)
        return failed if isinstance(piece, Escalation) else merge([piece])

    async def _piece(
        self, turn: Turn, part: Part, message: str, locale: Locale
    ) -> Piece | Escalation:
        topic = self._topic(turn, part, message, locale)
        if topic.kind is not Kind.KNOWLEDGE and self._shop is not None:
            piece = await look_up(self._shop, self._wanted(turn, topic, locale))
            if piece is not None:
                return piece
        return self._from_passages(topic, locale)

    def _topic(self, turn: Turn, part: Part, message: str, locale: Locale) -> Topic:
        return self._rewriters[locale].resolve(part, message, turn.history)

    def _wanted(self, turn: Turn, topic: Topic, locale: Locale) -> Wanted:
        titles = self._titles[locale]
        skus = sorted(topic.query.products or topic.recent_products)
        return Wanted(
            kind=topic.kind,
            user_id=turn.user_id,
            locale=locale,
            text=topic.text,
            earlier=topic.earlier,
            products={sku: titles[sku] for sku in skus if sku in titles},
        )

    def _from_passages(self, topic: Topic, locale: Locale) -> Piece | Escalation:
        hits = self._search(topic, locale)
        sure = confidence(hits)
        if sure >= BAR:
            analyzer = self._analyzers[locale]
            return extract(hits[0].passage, topic.query, analyzer, sure)
        if not hits or hits[0].coverage < NO_MATCH_COVERAGE:
            return Escalation(reason=Reason.NO_MATCH, note=topic.text)
        note = f"{hits[0].passage.id} at {sure:.2f}"
        return Escalation(reason=Reason.LOW_CONFIDENCE, note=note)

    def _search(self, topic: Topic, locale: Locale) -> tuple[Hit, ...]:
        """Search; a product spoken of lately counts if it explains more."""
        scope = Scope(shop=self._shop_id, locale=locale, on=self._today())
        hits = self._index.search(topic.query, scope, DEPTH)
        if topic.query.products or not topic.recent_products:
            return hits
        query = topic.query.about(topic.recent_products)
        near = self._index.search(query, scope, DEPTH)
        if not near or not near[0].passage.header.products:
            return hits
        return near if not hits or near[0].coverage >= hits[0].coverage else hits
