"""
Keeps every shop's engine on what its shelf holds now.

``tidegate kb ingest`` and the knowledge API change a shelf on disk; every worker
looks at its stamp, loads what is new off the loop, and changes over between two
turns. A shelf that cannot be read is told once, and the old knowledge stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import date

import msgspec

from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.knowledge import Knowledge
from gateway.telemetry import Telemetry


#: How often the stamps are looked at.
PERIOD_S = 1.0


class Shelved(msgspec.Struct, frozen=True, kw_only=True):
    """One shop's knowledge and the engine that answers from it."""

    knowledge: Knowledge
    engine: RetrievalEngine
    today: Callable[[], date]


class Librarian:
    """A background loop over all shops; ``start`` … ``stop``."""

    def __init__(self, shops: Mapping[str, Shelved], telemetry: Telemetry) -> None:
        self._shops = dict(shops)
        self._telemetry = telemetry
        self._stamps = {shop: one.knowledge.stamp() for shop, one in shops.items()}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        """Stop looking; safe to call unstarted or twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def look(self) -> None:
        """Load every shelf that has changed since the last look."""
        for shop, one in self._shops.items():
            stamp = one.knowledge.stamp()
            if stamp == self._stamps[shop]:
                continue
            self._stamps[shop] = stamp
            searcher = await asyncio.to_thread(one.knowledge.searcher, one.today)
            one.engine.use(searcher)
            self._telemetry.event(
                "knowledge_loaded", shop=shop, passages=searcher.passages
            )

    async def _loop(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_S)
            try:
                await self.look()
            except Exception as exc:  # noqa: BLE001 - a background loop goes on
                self._telemetry.loop_failed("librarian", exc)
