"""
Keeps the open desks of a process up to date, without polling.

One subscription and one board per shop, however many operators watch; several
moves in one moment make one new board. A lost wake-up costs at most
:data:`LOOK_AGAIN_S`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from gateway.handoff.desk import Board, Desk
from gateway.store.errors import StoreError
from gateway.store.handoff import HandoffStore


#: Seconds after which the board is read although nothing was heard.
LOOK_AGAIN_S = 5.0
#: Moves within this many seconds make one board.
COALESCE_S = 0.05


class DeskFeed:
    """Boards of all shops, for whoever follows them."""

    def __init__(self, desk: Desk, store: HandoffStore) -> None:
        self._desk = desk
        self._store = store
        self._shops: dict[str, _ShopFeed] = {}
        self._is_closed = False

    async def follow(self, shop: str) -> AsyncGenerator[Board, None]:
        """
        The board of *shop*, now and after each change, until :meth:`close`.

        A slow follower gets the latest board, not every one.
        """
        feed = self._shops.get(shop)
        if feed is None:
            feed = self._shops[shop] = _ShopFeed(shop, self._desk, self._store)
        changed = feed.join()
        try:
            while not self._is_closed:
                await changed.wait()
                changed.clear()
                if feed.board is not None and not self._is_closed:
                    yield feed.board
        finally:
            if feed.leave(changed):
                self._shops.pop(shop, None)

    def close(self) -> None:
        """End every follower at once."""
        self._is_closed = True
        for feed in self._shops.values():
            feed.wake()


class _ShopFeed:
    """The one reader of a shop's board in this process."""

    def __init__(self, shop: str, desk: Desk, store: HandoffStore) -> None:
        self.board: Board | None = None
        self._shop = shop
        self._desk = desk
        self._store = store
        self._followers: set[asyncio.Event] = set()
        self._dirty = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def join(self) -> asyncio.Event:
        changed = asyncio.Event()
        if self.board is not None:
            changed.set()
        self._followers.add(changed)
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._listen()),
                asyncio.create_task(self._refresh()),
            ]
        return changed

    def leave(self, changed: asyncio.Event) -> bool:
        """True if nobody is left; then the feed is over."""
        self._followers.discard(changed)
        if self._followers:
            return False
        for task in self._tasks:
            task.cancel()
        return True

    def wake(self) -> None:
        for changed in self._followers:
            changed.set()

    async def _listen(self) -> None:
        while True:
            with suppress(StoreError):
                async for _ in self._store.wake_ups(self._shop):
                    self._dirty.set()
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _refresh(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._dirty.wait(), LOOK_AGAIN_S)
                await asyncio.sleep(COALESCE_S)
            self._dirty.clear()
            with suppress(StoreError):
                self.board = await self._desk.board(self._shop)
                self.wake()
