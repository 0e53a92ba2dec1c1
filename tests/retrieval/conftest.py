"""
A real demo shop over HTTP, and an engine on the shipped knowledge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from demo_shop import KEY, DemoShop
from desk import KNOWLEDGE, TODAY, SilentShop, make_engine

from engines.contract import ShopId
from engines.retrieval.documents import Passage, load_passages
from engines.retrieval.engine import RetrievalEngine
from engines.shops.http import HttpShop


@pytest.fixture(scope="session")
def passages() -> tuple[Passage, ...]:
    """Every passage that ships."""
    return load_passages(KNOWLEDGE, ShopId("demo"))


@pytest.fixture(scope="session")
def reader() -> RetrievalEngine:
    """An engine for questions that only passages answer."""
    return make_engine(SilentShop())


@pytest.fixture(scope="module")
def demo_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoShop]:
    """A fresh shop with its own database."""
    shop = DemoShop(tmp_path_factory.mktemp("shop")).start()
    yield shop
    shop.stop()


@pytest.fixture
async def engine(demo_shop: DemoShop) -> AsyncIterator[RetrievalEngine]:
    """An engine whose look-ups reach the demo shop."""
    async with HttpShop(demo_shop.url, KEY) as shop:
        yield make_engine(shop, TODAY)
