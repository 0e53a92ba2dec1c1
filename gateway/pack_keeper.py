"""
Keeps every shop's L1 on the rule packs that stand on disk now.

An edited pack or page of facts is compiled off the loop and changed over between
two turns. One that is wrong is told with file, line and fix, and the old pack
goes on answering until the next edit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import msgspec

from engines.rules.engine import RulesEngine
from engines.yamlfile import BadFile
from gateway.telemetry import Telemetry


#: How often files are looked at.
LOOK_S = 2.0

#: Path, time of the last change, size.
Stamp = tuple[tuple[str, int, int], ...]


class KeptPack(msgspec.Struct, frozen=True, kw_only=True):
    """L1 of one shop and the files that it is made of."""

    engine: RulesEngine
    packs: tuple[Path, ...]
    facts: Path | None

    def stamp(self) -> Stamp:
        """What changes with any edit of a pack, its parts one folder down, or facts."""
        found = []
        for path in sorted(set(self._files())):
            try:
                stat = path.stat()
            except OSError:  # an editor is just putting it in place
                continue
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
        return tuple(found)

    def _files(self) -> Iterator[Path]:
        for pack in self.packs:
            yield from pack.parent.glob("*.yaml")
            yield from pack.parent.glob("*/*.yaml")
        if self.facts is not None:
            yield self.facts


class PackKeeper:
    """Looks at all shops in turn."""

    EVERY_S: ClassVar = LOOK_S

    def __init__(self, shops: Mapping[str, KeptPack], telemetry: Telemetry) -> None:
        self._shops = dict(shops)
        self._telemetry = telemetry
        self._stamps = {shop: one.stamp() for shop, one in shops.items()}

    async def look(self) -> None:
        """Load every pack that has changed since the last look."""
        for shop, one in self._shops.items():
            stamp = await asyncio.to_thread(one.stamp)
            if stamp == self._stamps[shop]:
                continue
            self._stamps[shop] = stamp
            await self._reload(shop, one)

    async def _reload(self, shop: str, one: KeptPack) -> None:
        try:
            await asyncio.to_thread(one.engine.reload, one.packs, one.facts)
        except BadFile as bad:
            problems = [str(problem) for problem in bad.problems]
            self._telemetry.event(
                "pack_refused", shop=shop, serving=one.engine.version, problems=problems
            )
        else:
            self._telemetry.event("pack_loaded", shop=shop, version=one.engine.version)
