"""
A pool in a running gateway: turns wait for their slot as coroutines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from gateway.admission.asks import Ask, End, Verdict
from gateway.admission.pools import Pool


class Diverted(Exception):
    """The pool did not let a turn in; *verdict* says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.value)
        self.verdict = verdict


class Bulkhead:
    """
    The slots of one tier, for coroutines of one event loop.

    Args:
        clock: Monotonic seconds; the one of the asks' times.
    """

    def __init__(self, pool: Pool, clock: Callable[[], float]) -> None:
        self.pool = pool
        self._clock = clock
        self._waiters: dict[Ask, asyncio.Future[None]] = {}

    def is_contended(self) -> bool:
        """True if who goes first matters now."""
        pool = self.pool
        return (
            bool(pool.line)
            or pool.cursor.is_cutting
            or pool.in_flight >= pool.limit.value
        )

    async def enter(self, ask: Ask) -> None:
        """
        Hold a slot; give it back with :meth:`leave`.

        Raises:
            Diverted: If the pool has no place for it.
        """
        if self.pool.offer(ask, ask.at) is Verdict.WAIT:
            await self._wait(ask)
        if ask.verdict is not Verdict.RUN:
            raise Diverted(ask.verdict)

    async def _wait(self, ask: Ask) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiters[ask] = future
        try:
            await future
        except asyncio.CancelledError:
            if ask.verdict is Verdict.WAIT:
                self.pool.leave(ask)
            elif ask.verdict is Verdict.RUN:
                self.leave(ask, End.CANCELLED)
            raise
        finally:
            self._waiters.pop(ask, None)

    def leave(self, ask: Ask, end: End, retry_after_s: float = 0.0) -> None:
        """Give the slot back, and wake who gets it."""
        now = self._clock()
        self.pool.done(ask, now, end, retry_after_s)
        if self.pool.line:
            self._wake(self.pool.pull(now))

    def sweep(self) -> None:
        """Called a few times a second: who waits too long is told."""
        self._wake(self.pool.sweep(self._clock()))

    def _wake(self, asks: Iterable[Ask]) -> None:
        for ask in asks:
            future = self._waiters.get(ask)
            if future is not None and not future.done():
                future.set_result(None)
