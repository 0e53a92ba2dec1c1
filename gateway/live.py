"""
Follow a conversation as it goes on: events in order, without gaps, resumable.

The log in the store is the truth; a wake-up only says "look again". A lost
wake-up costs at most :data:`LOOK_AGAIN_S`, never an event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from gateway.outcome import EventOut, event_out
from gateway.store.conversations import Conversations
from gateway.store.remarks import Rated, Remarks, Typist
from gateway.store.wakeups import Wakeups


__all__ = ["Live", "Typist"]


#: Seconds after which the log is read although nobody called.
LOOK_AGAIN_S = 5.0
#: Events read at once.
PAGE = 100


class Live:
    """Reads and follows conversations' events."""

    def __init__(
        self, conversations: Conversations, wakeups: Wakeups, remarks: Remarks
    ) -> None:
        self._conversations = conversations
        self._wakeups = wakeups
        self._remarks = remarks
        self._is_closed = False

    async def page(
        self, shop: str, conversation: str, after: int, limit: int = PAGE
    ) -> list[EventOut]:
        """Up to *limit* events after number *after*, oldest first."""
        found = await self._conversations.events(shop, conversation, after, limit)
        return [event_out(event.n, event.kind, event.data) for event in found]

    async def follow(
        self,
        shop: str,
        conversation: str,
        after: int,
        typing: Callable[[Typist], Awaitable[None]] | None = None,
        draft: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> AsyncIterator[list[EventOut]]:
        """
        Pages of events until :meth:`close`; an empty page is a sign of life.

        Stop iterating to stop: the subscription ends with the iterator.

        Args:
            typing: Called, after what was written before, when somebody types.

            draft: Called with each sentence (a JSON object) of an answer that is
                being written, before the page that may hold the answer.
        """
        async with self._wakeups.watch(shop, conversation) as wakeup:
            while not self._is_closed:
                wakeup.clear()
                events = await self.page(shop, conversation, after)
                for sentence in wakeup.drafts():
                    if draft is not None:
                        await draft(sentence)
                if events:
                    after = events[-1].n
                yield events
                for who in wakeup.typists():
                    if typing is not None:
                        await typing(who)
                if len(events) < PAGE:
                    await wakeup.wait(LOOK_AGAIN_S)

    async def types(self, shop: str, conversation: str, who: Typist) -> None:
        """Tell who follows that somebody types; kept nowhere."""
        await self._remarks.typing(shop, conversation, who)

    async def rate(
        self, shop: str, conversation: str, fingerprint: str, event: bytes
    ) -> Rated | None:
        """Write a customer's rating; see :meth:`gateway.store.remarks.Remarks.rate`."""
        return await self._remarks.rate(shop, conversation, fingerprint, event)

    def close(self) -> None:
        """End every follower at once, so that a stopping worker need not wait."""
        self._is_closed = True
        self._wakeups.wake_all()
