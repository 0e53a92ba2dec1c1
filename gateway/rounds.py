"""
A background loop: somebody looks after something, again and again, beside the turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar, Protocol


class Keeper(Protocol):
    """Who looks after something, every so many seconds."""

    EVERY_S: ClassVar[float]

    async def look(self) -> None:
        """One round."""
        ...


class Rounds:
    """
    Lets *keeper* look at once and then again and again; ``start`` … ``stop``.

    Args:
        on_fault: Told of a round that failed, with *name*; the next one tries again.
    """

    def __init__(
        self, name: str, keeper: Keeper, on_fault: Callable[[str, Exception], None]
    ) -> None:
        self._name = name
        self._keeper = keeper
        self._on_fault = on_fault
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; call once, inside the running event loop."""
        self._task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        """End the loop; safe to call twice or before :meth:`start`."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _loop(self) -> None:
        while True:
            try:
                await self._keeper.look()
            except Exception as exc:  # noqa: BLE001 - told; the next round tries again
                self._on_fault(self._name, exc)
            await asyncio.sleep(self._keeper.EVERY_S)
