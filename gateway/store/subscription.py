"""
Wake-ups: what was published on the channels of a pattern.

Delivery is best effort: a lost connection is re-opened, what was published in
between is missed, and a reader that falls far behind loses the oldest. Whoever
needs all of it reads the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, cast

import hiredis

from gateway.store.errors import StoreError, StoreMisused, StoreUnavailable
from gateway.store.link import FIRST_PAUSE_S, LONGEST_PAUSE_S, Locate, dial
from gateway.store.wire import Limits, Refusal, pack


_log = logging.getLogger(__name__)

#: Wake-ups kept for a slow reader.
MOST_KEPT = 10_000

#: Words of a pattern message: kind, pattern, channel, payload.
_PATTERN_MESSAGE = 4


class Subscription:
    """
    An async iterator of (channel, payload); use it as a context manager.

    It is subscribed once the context is entered.
    """

    def __init__(self, locate: Locate, pattern: str, limits: Limits) -> None:
        self._locate = locate
        self._pattern = pattern
        self._limits = limits
        self._kept: deque[tuple[bytes, bytes]] = deque(maxlen=MOST_KEPT)
        self._arrived = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._ear: _Ear | None = None

    async def __aenter__(self) -> Self:
        """
        Subscribe.

        Raises:
            StoreUnavailable: If the store does not answer.
        """
        self._ear = await self._open()
        self._keeper = asyncio.create_task(self._keep(self._ear))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Unsubscribe."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._ear is not None:
            self._ear.abort()
            await self._ear.lost

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[bytes, bytes]:
        """The next wake-up; waits for as long as there is none."""
        while not self._kept:
            self._arrived.clear()
            await self._arrived.wait()
        return self._kept.popleft()

    def _hear(self, channel: bytes, payload: bytes) -> None:
        self._kept.append((channel, payload))
        self._arrived.set()

    async def _open(self) -> _Ear:
        endpoint = await self._locate()
        limit_s = self._limits.deadline_s
        ear = await dial(endpoint, lambda: _Ear(self._hear), limit_s)
        self._ear = ear
        for words in (*endpoint.greeting(), ("PSUBSCRIBE", self._pattern)):
            ear.write(pack(words))
        try:
            async with asyncio.timeout(limit_s):
                await ear.subscribed
        except TimeoutError as exc:
            ear.abort()
            raise StoreUnavailable("the store does not confirm") from exc
        return ear

    async def _keep(self, ear: _Ear) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await asyncio.shield(ear.lost)
            try:
                ear = await self._open()
                pause_s = FIRST_PAUSE_S
            except StoreError as exc:
                _log.debug("store_resubscribe_failed: %s", exc)
            except Exception:  # noqa: BLE001 - logged; a background loop goes on
                _log.exception("store_resubscribe_failed")
            if ear.lost.done():
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


class _Ear(asyncio.Protocol):
    """The connection of a subscription."""

    def __init__(self, hear: Any) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.subscribed: asyncio.Future[None] = loop.create_future()
        self._hear = hear
        self._reader = hiredis.Reader(replyError=Refusal)
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def write(self, packed: bytes) -> None:
        if self._transport is not None:
            self._transport.write(packed)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                self._take(reply)
        except hiredis.ProtocolError:
            self.abort()

    def _take(self, reply: Any) -> None:
        if isinstance(reply, Refusal):
            self._fail(f"the store refuses: {reply}")
        elif isinstance(reply, list) and reply[0] == b"psubscribe":
            if not self.subscribed.done():
                self.subscribed.set_result(None)
        elif isinstance(reply, list) and len(reply) == _PATTERN_MESSAGE:
            self._hear(reply[2], reply[3])

    def _fail(self, why: str) -> None:
        if not self.subscribed.done():
            self.subscribed.set_exception(StoreMisused(why))
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        if not self.subscribed.done():
            self.subscribed.set_exception(StoreUnavailable("the connection broke"))
            self.subscribed.exception()
        if not self.lost.done():
            self.lost.set_result(None)
