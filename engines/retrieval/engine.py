"""
L2 as an engine: read the turn, look up or search, and say it with sources.

    turn ──> parts ──> each: look-up | search ──> pieces ──> one answer
              │                        │
              └ wants a change         └ nothing sure enough
                  -> NEEDS_ACTION          -> NO_MATCH | LOW_CONFIDENCE

A part that a look-up can't answer is searched. If some parts of a message are
answered and others are not, the answer says which ones it leaves open.
"""

from __future__ import annotations

import time
from asyncio import timeout
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

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
from engines.retrieval import phrases, questions, wishes
from engines.retrieval.compose import BUDGET, Piece, merge
from engines.retrieval.kinds import Kind
from engines.retrieval.language import clean, language_of
from engines.retrieval.questions import Part
from engines.retrieval.reads import WHICH, look_up
from engines.retrieval.rewording import Reworder
from engines.retrieval.rewriting import Topic
from engines.retrieval.searching import DEPTH, Found, Searcher
from engines.retrieval.which_order import Wanted
from engines.retrieval.writing import Writer
from engines.shops.port import ShopError, ShopPort


#: An answer leaves at most half of the questions open.
_MIN_ANSWERED: Final = 0.5
#: Channels read on a phone between other things, and how long answers are there.
_MESSENGERS: Final = frozenset(
    ["wechat", "wecom", "dingtalk", "feishu", "telegram", "whatsapp", "slack"]
)
_BRIEF: Final = 0.7
_NOT_FOUND: Final = frozenset({Reason.NO_MATCH, Reason.LOW_CONFIDENCE})
#: Gravity from which a word says something, and how many such words "how much is it"
#: has.
_SAYING, _PRICE_ALONE = 0.5, 2


class RetrievalEngine:
    """
    Answers from one shop's knowledge and records; never changes anything.

    Holds no state of a conversation and may serve many turns at once.

    Args:
        shop: None if the shop has no business system: nothing is looked up.

        monotonic: The clock of ``Turn.deadline_s``.

        writer: Says answers in better words; without one they are extracted.

        reworder: Makes a question whole that rules could not; without one it is asked
            back.
    """

    def __init__(
        self,
        shop_id: ShopId,
        searcher: Searcher,
        shop: ShopPort | None,
        monotonic: Callable[[], float] = time.monotonic,
        writer: Writer | None = None,
        reworder: Reworder | None = None,
    ) -> None:
        self._shop_id = shop_id
        self._searcher = searcher
        self._shop = shop
        self._monotonic = monotonic
        self._writer = writer
        self._reworder = reworder

    def use(self, searcher: Searcher) -> None:
        """Answer from *searcher* from the next turn on; it replaces all knowledge."""
        self._searcher = searcher

    def knows_better(self, turn: Turn) -> bool:
        """
        True if what the shop ingested answers all of *turn* by its words alone.

        Costs a search for each question, and nothing where nothing was ingested.
        """
        searcher = self._searcher
        if not searcher.has_ingested or turn.shop != self._shop_id:
            return False
        text = clean(turn.text)
        locale = language_of(text, turn.locale)
        topics = [
            searcher.topic(part, text, turn.history, locale)
            for part in questions.parts(text, locale)
        ]
        return bool(topics) and all(searcher.knows(one, locale) for one in topics)

    @property
    def tier(self) -> Tier:
        """Retrieval is L2."""
        return Tier.L2

    async def answer(self, turn: Turn) -> Answer | Escalation:
        """Answer the questions of *turn* with sources, or say why not."""
        text = clean(turn.text)
        locale = language_of(text, turn.locale)
        not_ours = self._not_ours(turn, text, locale)
        if not_ours is not None:
            return not_ours
        outcome = await self._in_time(turn, text, locale)
        if isinstance(outcome, Answer) and turn.open_task is not None:
            # A question in the middle of a task does not end the task.
            return msgspec.structs.replace(outcome, open_task=turn.open_task)
        return outcome

    def find(
        self,
        text: str,
        locale: Locale,
        history: Sequence[Utterance] = (),
        k: int = DEPTH,
    ) -> Found:
        """Search for *text* as one question; nothing is looked up or said."""
        clear = clean(text)
        language = language_of(clear, locale)
        part = questions.whole(clear, language)
        return self._find(part, clear, language, history, k)

    def find_parts(
        self,
        text: str,
        locale: Locale,
        history: Sequence[Utterance] = (),
        k: int = DEPTH,
    ) -> tuple[Found, ...]:
        """As :meth:`find`, for each question of *text* alone."""
        clear = clean(text)
        language = language_of(clear, locale)
        found = []
        for part in questions.parts(clear, language):
            found.append(self._find(part, clear, language, history, k))
            history = (*history, Utterance("customer", part.text))
        return tuple(found)

    def _find(
        self,
        part: Part,
        message: str,
        locale: Locale,
        history: Sequence[Utterance],
        k: int,
    ) -> Found:
        searcher = self._searcher
        topic = searcher.topic(part, message, history, locale)
        return searcher.find_best(topic, locale, k, searcher.vectors_now(topic))

    def _not_ours(self, turn: Turn, text: str, locale: Locale) -> Escalation | None:
        """Why another shop's engine or another tier should have the turn, if so."""
        if turn.shop != self._shop_id:
            note = f"no knowledge of shop {turn.shop}"
            return Escalation(reason=Reason.NO_MATCH, note=note)
        if wishes.wants_change(text, locale):
            return Escalation(reason=Reason.NEEDS_ACTION, note="asks for a change")
        is_reply = wishes.replies(text, turn.history, locale)
        if is_reply and turn.history[-1].text not in phrases.ASKED_BACK:
            note = "answers a question of another tier"
            return Escalation(reason=Reason.LOW_CONFIDENCE, note=note)
        return None

    async def _in_time(
        self, turn: Turn, text: str, locale: Locale
    ) -> Answer | Escalation:
        try:
            async with timeout(self._time_left(turn)):
                return await self._answer(turn, text, locale)
        except ShopError as exc:
            return Escalation(reason=Reason.UNAVAILABLE, note=str(exc))
        except TimeoutError:
            return Escalation(reason=Reason.DEADLINE)

    def _time_left(self, turn: Turn) -> float | None:
        left = turn.deadline_s - self._monotonic()
        return None if left == float("inf") else max(0.0, left)

    async def _answer(
        self, turn: Turn, text: str, locale: Locale
    ) -> Answer | Escalation:
        parts = questions.parts(text, locale, turn.intent)
        history = turn.history
        pieces: list[Piece] = []
        failed: list[tuple[Part, Escalation]] = []
        for part in parts:
            topic = self._searcher.topic(part, text, history, locale)
            piece = await self._piece(turn, topic, locale)
            if isinstance(piece, Escalation) and piece.reason in _NOT_FOUND:
                piece = await self._reworded(turn, part, history, locale) or piece
            if isinstance(piece, Piece):
                pieces.append(piece)
            else:
                failed.append((part, piece))
            history = (*history, Utterance("customer", part.text))
        extracted = self._merged(turn, text, locale, pieces, failed)
        if self._writer is None or failed or not isinstance(extracted, Answer):
            return extracted
        if turn.is_brief:
            # The house is busy: the words of the knowledge do.
            return extracted
        length = int(len(parts) * BUDGET[locale] * _share(turn.channel))
        written = await self._writer.write(turn, locale, pieces, length)
        return extracted if written is None else written

    async def _reworded(
        self, turn: Turn, part: Part, history: Sequence[Utterance], locale: Locale
    ) -> Piece | None:
        """The answer to *part* as a model understands it from *history*, if any."""
        if self._reworder is None or not history or turn.is_brief:
            return None
        text = await self._reworder.reword(turn, part.text, history, locale)
        if text is None:
            return None
        whole = next(iter(questions.parts(text, locale)), None)
        if whole is None:
            return None
        topic = self._searcher.topic(whole, text, history, locale)
        piece = await self._piece(turn, topic, locale)
        return piece if isinstance(piece, Piece) else None

    async def _piece(
        self, turn: Turn, topic: Topic, locale: Locale
    ) -> Piece | Escalation:
        piece: Piece | None = None
        if topic.kind is not Kind.KNOWLEDGE and self._shop is not None:
            wanted = Wanted(
                kind=topic.kind,
                user_id=turn.user_id,
                locale=locale,
                text=topic.text,
                earlier=topic.earlier,
                products=self._searcher.titles(topic, locale),
            )
            piece = await look_up(self._shop, wanted)
            if piece is not None and not self._may_be_told(piece, topic):
                return piece
        searcher = self._searcher
        vectors = await searcher.vectors_soon(topic)
        told = searcher.answer(topic, locale, _share(turn.channel), vectors)
        return piece if piece is not None and isinstance(told, Escalation) else told

    def _may_be_told(self, piece: Piece, topic: Topic) -> bool:
        """Rather than ask back which product: the price of what is none is in a text."""
        weighty = [unit for unit in topic.query.units if unit.gravity >= _SAYING]
        return piece.subject == f"read.{WHICH}" and len(weighty) > _PRICE_ALONE

    def _merged(
        self,
        turn: Turn,
        text: str,
        locale: Locale,
        pieces: list[Piece],
        failed: list[tuple[Part, Escalation]],
    ) -> Answer | Escalation:
        if not failed:
            return merge(pieces) if pieces else _nothing_asked()
        if len(pieces) + len(failed) > 1:
            whole = self._as_one(turn, text, locale)
            if whole is not None:
                return merge([whole])
        answered = len(pieces) / (len(pieces) + len(failed))
        if answered < _MIN_ANSWERED:
            return failed[0][1]
        left = phrases.left_open([part.text for part, _ in failed], locale)
        return merge(pieces, left_open=left, answered=answered)

    def _as_one(self, turn: Turn, text: str, locale: Locale) -> Piece | None:
        """A message that was split in vain may be one question after all."""
        part = questions.whole(text, locale)
        topic = self._searcher.topic(part, text, turn.history, locale)
        found = self._searcher.find(topic, locale)
        if not found.hits or found.hits[0].coverage < 1.0:
            return None
        piece = self._searcher.answer(topic, locale)
        return piece if isinstance(piece, Piece) else None


def _share(channel: str) -> float:
    """How long an answer may be there, beside a web page."""
    return _BRIEF if channel in _MESSENGERS else 1.0


def _nothing_asked() -> Escalation:
    return Escalation(reason=Reason.NO_MATCH, note="nothing was asked")
