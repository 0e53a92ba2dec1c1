"""
Requests of this process that wait for a message another task will finish.

A future per (shop, conversation, seq). What another *worker* finishes is
learned from the store: by its wake-ups, and by a slow look as a safety net.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict


Key = tuple[str, str, int]


class Waiting:
    """Hands a finished message's body to whoever waits for it here."""

    def __init__(self) -> None:
        self._futures: defaultdict[Key, list[asyncio.Future[bytes]]] = defaultdict(list)

    def watch(self, shop: str, conversation: str, seq: int) -> asyncio.Future[bytes]:
        """A future of the body; drop it with :meth:`forget`."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._futures[shop, conversation, seq].append(future)
        return future

    def finish(self, shop: str, conversation: str, seq: int, body: bytes) -> None:
        """Resolve every future of this message; nobody may be waiting."""
        for future in self._futures.pop((shop, conversation, seq), ()):
            if not future.done():
                future.set_result(body)

    def forget(
        self, shop: str, conversation: str, seq: int, future: asyncio.Future[bytes]
    ) -> None:
        """Stop waiting; safe to call when already resolved."""
        key = (shop, conversation, seq)
        futures = self._futures.get(key)
        if futures and future in futures:
            futures.remove(future)
            if not futures:
                del self._futures[key]
