"""
Answers as they come: sentences that were checked, before the whole is committed.

A draft is a courtesy and no promise. It is kept nowhere and may be lost; the reply
that is committed is what was said, and replaces the draft of its message. Who waits in
this process hears it at once, who follows the conversation elsewhere through the store.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from gateway.store.errors import StoreUnavailable


#: Sentences that may wait to be published; more are lost.
MOST_WAITING = 1_000

_Key = tuple[str, str, str]


class DraftOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    A piece of the answer to a message; joined in order, pieces are how it begins.

    Attributes:
        n: Its place among them, from 0.
    """

    message_id: str
    n: int
    text: str


_encode = msgspec.json.Encoder().encode


class Drafts:
    """
    Passes drafts on, in order.

    Args:
        publish: Tells every follower of a shop's conversation.
    """

    def __init__(self, publish: Callable[[str, str, bytes], Awaitable[None]]) -> None:
        self._publish = publish
        self._listeners: defaultdict[_Key, set[asyncio.Queue[str]]] = defaultdict(set)
        self._waiting: asyncio.Queue[tuple[str, str, bytes]] = asyncio.Queue(
            MOST_WAITING
        )
        self._publishing: asyncio.Task[None] | None = None

    def of(
        self, shop: str, conversation: str, message_id: str
    ) -> Callable[[str], None]:
        """What a turn tells its sentences to."""
        number = -1

        def draft(text: str) -> None:
            nonlocal number
            number += 1
            for listener in self._listeners.get((shop, conversation, message_id), ()):
                listener.put_nowait(text)
            out = DraftOut(message_id=message_id, n=number, text=text)
            self._queue(shop, conversation, _encode(out))

        return draft

    @contextmanager
    def listen(
        self, shop: str, conversation: str, message_id: str, queue: asyncio.Queue[str]
    ) -> Iterator[None]:
        """Put sentences of one answer in *queue*, if it is written in this process."""
        key = (shop, conversation, message_id)
        self._listeners[key].add(queue)
        try:
            yield
        finally:
            self._listeners[key].discard(queue)
            if not self._listeners[key]:
                del self._listeners[key]

    def _queue(self, shop: str, conversation: str, draft: bytes) -> None:
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait((shop, conversation, draft))
        if self._publishing is None or self._publishing.done():
            self._publishing = asyncio.create_task(self._publish_all())

    async def _publish_all(self) -> None:
        """Until nothing waits; what the store does not take is lost."""
        while not self._waiting.empty():
            with suppress(StoreUnavailable):
                await self._publish(*self._waiting.get_nowait())
