"""
Keeps every shop's L1 on the rule packs that stand on disk now.

An edited pack or page of facts is compiled off the loop and changed over between
two turns. One that is wrong is told with file, line and fix, and the old pack
goes on answering until the next edit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from engines.contract import Locale
from engines.rules.engine import RulesEngine
from engines.rules.forms import Texts
from engines.rules.matcher import Match
from engines.rules.pack import Intent, Need
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


class IntentView(msgspec.Struct, frozen=True, kw_only=True):
    """
    An intent as a list shows it.

    Attributes:
        needs: Why L1 hands it on; None if it answers.

        utterances: How many it has, by language.
    """

    id: str
    title: Texts
    needs: Need | None
    utterances: dict[str, int]


class PackView(msgspec.Struct, frozen=True, kw_only=True):
    """
    The pack that answers for a shop now.

    Attributes:
        problems: What is wrong with the last edit, which was refused.
    """

    version: str
    intents: list[IntentView]
    problems: list[str]


class PackTrial(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a pack finds in a sentence.

    Attributes:
        outcome: What L1 would do with it.

        intent: The one found, or the likest of a miss; None if nothing is like it.

        how: ``exact``, ``words``, ``rule`` or ``likeness``; of a miss, its reason.
    """

    outcome: Literal["answered", "handed_on", "missed"]
    intent: IntentView | None
    confidence: float
    how: str


class PackKeeper:
    """Looks at all shops in turn."""

    EVERY_S: ClassVar = LOOK_S

    def __init__(self, shops: Mapping[str, KeptPack], telemetry: Telemetry) -> None:
        self._shops = dict(shops)
        self._telemetry = telemetry
        self._stamps = {shop: one.stamp() for shop, one in shops.items()}
        self._problems: dict[str, list[str]] = {}

    @property
    def shops(self) -> Collection[str]:
        """Shops whose L1 is a rule pack."""
        return self._shops.keys()

    def view(self, shop: str) -> PackView:
        """The pack of *shop* as it answers now."""
        engine = self._shops[shop].engine
        return PackView(
            version=engine.version,
            intents=[_viewed(intent) for intent in engine.intents],
            problems=self._problems.get(shop, []),
        )

    def tried(self, shop: str, text: str, locale: Locale) -> PackTrial:
        """What the pack of *shop* finds in *text*."""
        found = self._shops[shop].engine.match(text, locale)
        if isinstance(found, Match):
            return PackTrial(
                outcome="handed_on" if found.intent.needs else "answered",
                intent=_viewed(found.intent),
                confidence=found.confidence,
                how=found.how,
            )
        near = _viewed(found.nearest) if found.nearest else None
        return PackTrial(
            outcome="missed", intent=near, confidence=0.0, how=str(found.reason)
        )

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
            self._problems[shop] = problems
            self._telemetry.event(
                "pack_refused", shop=shop, serving=one.engine.version, problems=problems
            )
        else:
            self._problems.pop(shop, None)
            self._telemetry.event("pack_loaded", shop=shop, version=one.engine.version)


def _viewed(intent: Intent) -> IntentView:
    return IntentView(
        id=intent.id,
        title=intent.title,
        needs=intent.needs,
        utterances={
            "zh": len(intent.zh.examples),
            "en": len(intent.en.examples),
        },
    )
