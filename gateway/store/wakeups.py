"""
Tell who follows a conversation that something happened in it.

One subscription for a whole process, opened with the first follower and closed
with the last: a gateway nobody follows pays nothing. Wake-ups may be lost; a
follower reads the log, and looks again by itself now and then.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.errors import StoreUnavailable
from gateway.store.remarks import DRAFT, TYPISTS, Typist


#: Sentences kept for a follower that is slow; older ones are lost.
MOST_DRAFTS = 50


class Wakeup:
    """Set when something may have happened; one for each follower."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._typists: list[Typist] = []
        self._drafts: list[bytes] = []

    def tell(self, draft: bytes) -> None:
        """Wake the follower with a sentence of an answer that is being written."""
        self._drafts = [*self._drafts[1 - MOST_DRAFTS :], draft]
        self._event.set()

    def drafts(self) -> list[bytes]:
        """Sentences that were told since this was asked last, oldest first."""
        found, self._drafts = self._drafts, []
        return found

    def set(self, typist: Typist | None = None) -> None:
        """Wake the follower; *typist* if only somebody types."""
        if typist is not None and typist not in self._typists:
            self._typists.append(typist)
        self._event.set()

    def typists(self) -> list[Typist]:
        """Who has typed since this was asked last."""
        found, self._typists = self._typists, []
        return found

    def clear(self) -> None:
        """Forget earlier wake-ups; call before reading the log."""
        self._event.clear()

    async def wait(self, limit_s: float) -> bool:
        """Sleep until woken, at most *limit_s*; True if woken."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), limit_s)
        return self._event.is_set()


class Wakeups:
    """Demultiplexes the store's wake-ups to the followers of this process."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._followers: defaultdict[tuple[str, str], set[Wakeup]] = defaultdict(set)
        self._listening: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watch(self, shop: str, conversation: str) -> AsyncIterator[Wakeup]:
        """A wake-up for one conversation, for as long as the context lasts."""
        of_conversation = keys.of_conversation(shop, conversation)
        key = (of_conversation.channel, of_conversation.name)
        wakeup = Wakeup()
        self._followers[key].add(wakeup)
        self._listen()
        try:
            yield wakeup
        finally:
            self._drop(key, wakeup)

    def wake_all(self) -> None:
        """Wake every follower, for example to end them."""
        for followers in self._followers.values():
            for wakeup in followers:
                wakeup.set()

    def _drop(self, key: tuple[str, str], wakeup: Wakeup) -> None:
        self._followers[key].discard(wakeup)
        if not self._followers[key]:
            del self._followers[key]
        if not self._followers and self._listening is not None:
            self._listening.cancel()
            self._listening = None

    def _listen(self) -> None:
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        """Without the store nobody is woken; followers look by themselves."""
        with suppress(StoreUnavailable):
            async with self._scripts.subscribe(keys.WAKE_UPS) as subscription:
                self.wake_all()
                async for channel, payload in subscription:
                    name, _, number = payload.partition(b" ")
                    key = (channel.decode(), name.decode("ascii"))
                    for wakeup in self._followers.get(key, ()):
                        if number.startswith(DRAFT):
                            wakeup.tell(number)
                        else:
                            wakeup.set(TYPISTS.get(number))
