"""
Outcomes of the shops, counted from what is stored, for whoever asks and for metrics.

One worker of all counts a shop every few minutes; the others read what it wrote.
Reading goes in small steps, counting in a thread: no customer waits for a report.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import ClassVar

import msgspec

from engines.contract import Tier
from gateway.insight.contacts import Contact, cut
from gateway.insight.outcomes import DAY_MS, Outcomes, Terms, count
from gateway.store.connection import Scripts
from gateway.store.handoff import HandoffStore
from gateway.store.outcomes import OutcomeStore
from gateway.store.recent import recent
from gateway.telemetry import Telemetry


#: Days that the kept count spans, and seconds between two counts and two looks.
DAYS = 30
COUNT_S, LOOK_S = 300.0, 30.0
#: Part of the time that may go into counting: a shop with many talks is counted seldom.
SHARE = 0.02


class _Why(msgspec.Struct):
    reason: str = "unknown"


_reason = msgspec.json.Decoder(_Why).decode
encode = msgspec.json.Encoder().encode
_outcomes = msgspec.json.Decoder(Outcomes).decode


async def count_shop(
    scripts: Scripts,
    shop: str,
    *,
    days: float,
    now_ms: int,
    idle_ms: int,
    prices: Mapping[Tier, int],
) -> Outcomes:
    """
    Count the contacts of *shop* that began in the last *days*.

    Raises:
        StoreUnavailable: If the store does not answer.
    """
    since_ms = now_ms - int(days * DAY_MS)
    contacts: list[Contact] = []
    async for part in recent(scripts, shop, since_ms):
        for _, events in part:
            contacts += cut(((one.kind, one.data) for one in events), idle_ms)
        await asyncio.sleep(0)
    terms = Terms(
        since_ms=since_ms,
        now_ms=now_ms,
        idle_ms=idle_ms,
        prices=prices,
        reasons=await _reasons(scripts, shop, contacts),
    )
    return await asyncio.to_thread(count, contacts, terms)


async def _reasons(
    scripts: Scripts, shop: str, contacts: Sequence[Contact]
) -> dict[str, str]:
    store = HandoffStore(scripts)
    ids = [one.handoffs[0] for one in contacts if one.handoffs]
    found: dict[str, str] = {}
    for at in range(0, len(ids), 64):
        part = ids[at : at + 64]
        records = await asyncio.gather(*(store.read(shop, one) for one in part))
        pairs = zip(part, records, strict=True)
        found.update((one, _reason(data).reason) for one, data in pairs if data)
    return found


class OutcomesKeeper:
    """
    Keeps the last count of every shop, and shows it in the metrics.

    Args:
        prices: Shop -> what an answer of a tier costs there now.
    """

    EVERY_S: ClassVar = LOOK_S

    def __init__(
        self,
        scripts: Scripts,
        telemetry: Telemetry,
        shops: Sequence[str],
        prices: Callable[[str], Mapping[Tier, int]],
        wall_ms: Callable[[], int],
        *,
        idle_ms: int,
    ) -> None:
        self._scripts = scripts
        self._store = OutcomeStore(scripts)
        self._telemetry = telemetry
        self._shops = tuple(shops)
        self._prices = prices
        self._wall_ms = wall_ms
        self._idle_ms = idle_ms

    async def kept(self, shop: str) -> Outcomes | None:
        """The last count; None before the first."""
        found = await self._store.read(shop)
        return _outcomes(found) if found else None

    async def fresh(self, shop: str, days: float) -> Outcomes:
        """Count now; for people who ask for another stretch of time."""
        return await count_shop(
            self._scripts,
            shop,
            days=days,
            now_ms=self._wall_ms(),
            idle_ms=self._idle_ms,
            prices=self._prices(shop),
        )

    async def look(self) -> None:
        """Count what is due, unless another worker does; show what is known."""
        for shop in self._shops:
            if await self._store.is_mine(shop, int(COUNT_S * 1000)):
                await self._count(shop)
            known = await self.kept(shop)
            if known is not None:
                self._telemetry.outcomes(shop, figures(known))

    async def _count(self, shop: str) -> None:
        started = monotonic()
        await self._store.write(shop, encode(await self.fresh(shop, DAYS)))
        rest_s = max(COUNT_S, (monotonic() - started) * (1 / SHARE - 1))
        await self._store.rest(shop, int(rest_s * 1000))


def figures(known: Outcomes) -> dict[str, float]:
    """What metrics show of a count: names of a closed set."""
    by_tier = {
        f"{name}_{tier}": float(found.get(tier, 0))
        for name, found in (
            ("resolved", known.resolved),
            ("durable", known.durable),
            ("reopened", known.reopened),
        )
        for tier in Tier
    }
    names = ("eligible", "involved", "open", "abandoned", "unsatisfied", "unanswered")
    whole = {name: float(getattr(known, name)) for name in names}
    return {
        **by_tier,
        **whole,
        "handed_over": float(known.handed_over),
        "customers": float(known.customers),
    }
