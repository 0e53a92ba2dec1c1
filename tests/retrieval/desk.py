"""
What the tests of this room share: an engine on the shipped knowledge, and turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import cast

from engines.contract import (
    ConversationId,
    Locale,
    MessageId,
    ShopId,
    Turn,
    UserId,
    Utterance,
)
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.ingest.run import ingest
from engines.retrieval.ingest.shelf import Shelf
from engines.retrieval.knowledge import Knowledge
from engines.shops.port import NotFound, ShopPort
from gateway.config import shipped
from gateway.services import WORDS


ROOT = Path(__file__).parents[2]
KNOWLEDGE = ROOT / "configs" / "knowledge" / "demo"
TODAY = date(2026, 11, 22)
#: Nothing was ingested.
SHELF = Shelf(ROOT / "no-such-shelf", ShopId("demo"))


class SilentShop:
    """
    A shop without orders or products, for questions that only passages answer.
    """

    async def orders(self, user_id: str) -> tuple[()]:
        return ()

    async def products(self, query: str, limit: int = 5) -> tuple[()]:
        return ()

    async def variants(self, sku: str) -> tuple[()]:
        raise NotFound(sku)


def make_engine(
    shop: ShopPort | SilentShop | None, today: date = TODAY
) -> RetrievalEngine:
    """An engine on the shipped knowledge of the demo shop."""
    searcher = Knowledge(KNOWLEDGE, SHELF).searcher(lambda: today)
    return RetrievalEngine(SHELF.shop, searcher, cast("ShopPort", shop))


def engine_of(
    shop: str, files: Path, folder: Path, demo: Path | None = None
) -> RetrievalEngine:
    """A shop's engine on what its files say, and on the demo shop's folder if named."""
    shelf = Shelf(folder / shop, ShopId(shop))
    ingest([files], shelf, lambda: "now", lambda *_: None)
    knowledge = Knowledge(demo, shelf, None, shipped(WORDS))
    return RetrievalEngine(ShopId(shop), knowledge.searcher(lambda: TODAY), None)


def make_turn(
    text: str,
    *,
    user: str = "c1006",
    locale: Locale = "zh",
    history: Sequence[Utterance] = (),
    shop: str = "demo",
    deadline_s: float = float("inf"),
) -> Turn:
    """A turn of a customer of the demo shop."""
    return Turn(
        turn_id="t1",
        shop=ShopId(shop),
        channel="web",
        conversation_id=ConversationId("talk"),
        message_id=MessageId("m1"),
        user_id=UserId(user),
        seq=1,
        text=text,
        locale=locale,
        history=tuple(history),
        deadline_s=deadline_s,
    )


def talk(*lines: str) -> tuple[Utterance, ...]:
    """Lines of a conversation, the customer first, then in turn."""
    return tuple(
        Utterance("customer" if number % 2 == 0 else "assistant", line)
        for number, line in enumerate(lines)
    )
