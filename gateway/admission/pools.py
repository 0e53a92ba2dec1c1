"""
A bulkhead: so many turns at once on a tier, and a queue bounded by time left.

A full tier never holds up another one, and a turn that would wait past its
deadline is diverted at once instead of after the wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class PoolFull(Exception):
    """No slot would come free in time."""


class Pool:
    """
    Slots of one tier in this process.

    Args:
        slots: Turns at once.

        queue: Turns that may wait for a slot; the next one is diverted.
    """

    def __init__(self, slots: int, queue: int) -> None:
        self._free = asyncio.Semaphore(slots)
        self._slots = slots
        self._queue = queue
        self._inside = 0

    @property
    def in_flight(self) -> int:
        """Turns that hold or wait for a slot."""
        return self._inside

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[None]:
        """
        Hold one slot.

        Raises:
            PoolFull: If as many wait as may.
        """
        if self._inside >= self._slots + self._queue:
            raise PoolFull(f"{self._inside} turns hold or wait for {self._slots} slots")
        self._inside += 1
        try:
            async with self._free:
                yield
        finally:
            self._inside -= 1
