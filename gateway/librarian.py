"""
Keeps every shop's engine on what its shelf holds now.

``tidegate kb ingest`` and the knowledge API change a shelf on disk; every worker
looks at its stamp, loads what is new off the loop, and changes over between two
turns. A shelf that cannot be read is told once, and the old knowledge stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import msgspec

from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.ingest.run import Outcome, ingest, remove
from engines.retrieval.knowledge import Knowledge
from engines.retrieval.review import Finding, review
from gateway.telemetry import Telemetry


#: How often the stamps are looked at.
LOOK_S = 1.0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Shelved(msgspec.Struct, frozen=True, kw_only=True):
    """One shop's knowledge and the engine that answers from it."""

    knowledge: Knowledge
    engine: RetrievalEngine
    today: Callable[[], date]


def _reviewed(one: Shelved) -> list[Finding]:
    told = one.knowledge.told
    return [
        msgspec.structs.replace(found, where=told(found.where), text=told(found.text))
        for found in review(one.knowledge.passages(), one.today())
    ]


class Librarian:
    """Looks at all shops in turn."""

    EVERY_S: ClassVar = LOOK_S

    def __init__(self, shops: Mapping[str, Shelved], telemetry: Telemetry) -> None:
        self._shops = dict(shops)
        self._telemetry = telemetry
        self._stamps = {shop: one.knowledge.stamp() for shop, one in shops.items()}
        # A change that is being loaded is waited for, never loaded twice.
        self._looking = asyncio.Lock()

    async def look(self) -> None:
        """Load every shelf that has changed since the last look."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
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

    def shelved(self, shop: str) -> Shelved | None:
        """The knowledge of *shop*; None if there is no such shop."""
        return self._shops.get(shop)

    async def check(self, shop: str) -> list[Finding]:
        """What is suspicious about all that *shop* knows, as of today."""
        one = self._shops[shop]
        return await asyncio.to_thread(_reviewed, one)

    async def put(self, shop: str, name: str, data: bytes) -> Outcome:
        """Ingest one document, in place of an older one of its name."""
        outcome = await asyncio.to_thread(self._put, shop, name, data)
        await self.look()
        return outcome

    async def remove(self, shop: str, name: str) -> Outcome:
        """Take one document away; refused if there is none of that name."""
        outcome = await asyncio.to_thread(self._remove, shop, name)
        await self.look()
        return outcome

    def _put(self, shop: str, name: str, data: bytes) -> Outcome:
        knowledge = self._shops[shop].knowledge
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            report = ingest([path], knowledge.shelf, _now, lambda *_: None)
        if report.outcomes[0].status in ("added", "changed"):
            knowledge.compile()
        return report.outcomes[0]

    def _remove(self, shop: str, name: str) -> Outcome:
        knowledge = self._shops[shop].knowledge
        (outcome,) = remove([name], knowledge.shelf)
        if outcome.status == "removed":
            knowledge.compile()
        return outcome
