"""
Orders of shops: replaced only by who saw the last ones, and one read while none changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.store.connection import Scripts
from gateway.store.embedded import EmbeddedStore
from gateway.store.shop_orders import WHOLE, OrderNews
from gateway.store.shop_record import ShopRecord
from gateway.store.stages import StageStore


pytestmark = pytest.mark.anyio
SHOPS = [f"orders-{n}" for n in range(40)]


@pytest.fixture
async def store(embedded_store: EmbeddedStore) -> AsyncIterator[StageStore]:
    """A connected store of orders."""
    scripts = await Scripts.connect(embedded_store.url)
    yield StageStore(scripts)
    await scripts.close()


async def test_of_many_changes_at_once_none_is_lost(store: StageStore) -> None:
    """Twenty callers each add their mark to what they read, and start over if late."""

    async def add(mark: str) -> None:
        while True:
            before = await store.read("swap")
            after = (before or b"") + mark.encode()
            if await store.swap("swap", before, after):
                return

    marks = "abcdefghijklmnopqrst"
    await asyncio.gather(*(add(mark) for mark in marks))
    assert sorted((await store.read("swap") or b"").decode()) == list(marks)
    assert not await store.swap("swap", None, b"x")
    assert not await store.swap("swap", b"stale", b"x")


async def test_a_change_of_one_shop_is_news_once(store: StageStore) -> None:
    """Each worker hears of it, by a write as by a swap, and then there is silence."""
    a, b = OrderNews(store, SHOPS), OrderNews(store, SHOPS)
    for news in (a, b):
        assert set(await news.read()) == set(SHOPS)
        assert await news.read() == {}
    await store.write(SHOPS[3], b"one")
    assert (await a.read())[SHOPS[3]] == b"one"
    assert await store.swap(SHOPS[3], b"one", b"two")
    for news in (a, b):
        assert (await news.read())[SHOPS[3]] == b"two"
        assert await news.read() == {}


async def test_looking_is_one_read_however_many_shops(
    store: StageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty shops cost one command a look; a record without a notice is found too."""
    asked: list[tuple[Any, ...]] = []
    plain = store._scripts.command

    async def command(*words: Any) -> Any:
        asked.append(words)
        return await plain(*words)

    news = OrderNews(store, SHOPS)
    await news.read()
    monkeypatch.setattr(store._scripts, "command", command)
    for _ in range(WHOLE - 1):
        assert await news.read() == {}
    assert len(asked) == WHOLE - 1
    await ShopRecord.write(store, SHOPS[5], b"quiet")
    assert (await news.read())[SHOPS[5]] == b"quiet"
