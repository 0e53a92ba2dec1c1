"""
The last two days of a shop in steps of minutes: for a support lead without Grafana.

Every worker writes down what it saw every few seconds; the store adds it up, so that
restarts, workers and gateways make no difference. What is of the whole gateway (how
long answers took) is kept once. A worker that is killed loses its last seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar

import msgspec

from gateway.metrics import LATENCY_BUCKETS_S
from gateway.noted import ENDED, JOIN, MESSAGES, QUEUE, REPEATED, TIMES, Noted
from gateway.store.connection import Scripts
from gateway.store.errors import StoreUnavailable
from gateway.store.history import HOUSE, HistoryStore
from gateway.telemetry import Telemetry


#: Seconds of the shortest step, and for how long steps are kept.
STEP_S = 300
KEPT_HOURS = 48
#: Most steps that one look shows: longer stretches come in longer steps.
MOST_STEPS = 96
#: Seconds between two writings.
WRITE_S = 10.0

_Two = dict[str, dict[str, int]]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """
    What happened in one step.

    Attributes:
        messages: Tier -> outcome -> customer messages.

        ended: End -> tier -> contacts that were over in it.

        people: How people came in -> the same contacts, small talk left out.

        repeated: How a contact ended -> tier -> customers who came back to it.

        queue: State of handoffs -> the most at once.

        answer_s: Tier -> median and p95 of the time from lease to committed reply, of
            the whole gateway.
    """

    at_ms: int
    messages: _Two
    ended: _Two
    people: dict[str, int]
    repeated: _Two
    queue: dict[str, int]
    answer_s: dict[str, tuple[float, float]]


class History(msgspec.Struct, frozen=True, kw_only=True):
    """
    A stretch of time in even steps, oldest first; the last one is not over.

    Attributes:
        whole: The same of all steps together.
    """

    shop: str
    step_s: int
    steps: tuple[Step, ...]
    whole: Step


class HistoryKeeper:
    """
    Writes down what this worker saw, and reads what all saw.

    Args:
        wall_ms: Wall clock.
    """

    EVERY_S: ClassVar = WRITE_S

    def __init__(
        self, scripts: Scripts, telemetry: Telemetry, wall_ms: Callable[[], int]
    ) -> None:
        self._store = HistoryStore(scripts)
        self._telemetry = telemetry
        self._wall_ms = wall_ms

    async def look(self) -> None:
        """Write down what came since the last time; kept if the store is away."""
        self._telemetry.flush_tally()
        notes = self._telemetry.notes
        stretch = self._wall_ms() // (STEP_S * 1000)
        left = notes.take()
        try:
            for shop in list(left):
                await self._write(shop, stretch, left[shop])
                del left[shop]
        finally:
            for shop, noted in left.items():
                notes.give_back(shop, noted)

    async def last(self) -> None:
        """Write down what is left, before the store is closed."""
        with suppress(StoreUnavailable):
            await self.look()

    async def _write(self, shop: str, stretch: int, noted: Noted) -> None:
        life_ms = (KEPT_HOURS * 3600 + STEP_S) * 1000
        await self._store.add(shop, stretch, noted.sums, noted.highest, life_ms)

    async def read(self, shop: str, hours: float) -> History:
        """
        The last *hours* of *shop*, at most :data:`KEPT_HOURS`.

        Raises:
            StoreUnavailable: If the store does not answer.
        """
        now = self._wall_ms() // (STEP_S * 1000)
        wanted = max(1, round(hours * 3600 / STEP_S))
        width = -(-wanted // MOST_STEPS)
        first = (now - wanted + 1) // width * width
        stretches = range(first, now + 1)
        own = await self._store.read(shop, stretches)
        house = await self._store.read(HOUSE, stretches)
        groups = [
            _merged([*own[at : at + width], *house[at : at + width]])
            for at in range(0, len(stretches), width)
        ]
        return History(
            shop=shop,
            step_s=width * STEP_S,
            steps=tuple(
                step_of(group, (first + at * width) * STEP_S * 1000)
                for at, group in enumerate(groups)
            ),
            whole=step_of(_merged(groups), first * STEP_S * 1000),
        )


def _merged(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Sums are added up, of the queue the highest stands."""
    whole: defaultdict[str, int] = defaultdict(int)
    for part in parts:
        for field, value in part.items():
            if field.startswith(f"{QUEUE}{JOIN}"):
                whole[field] = max(whole[field], value)
            else:
                whole[field] += value
    return whole


def step_of(fields: Mapping[str, int], at_ms: int) -> Step:
    """Fields as the store keeps them, by what they mean; unknown ones are left out."""
    two: defaultdict[str, defaultdict[str, dict[str, int]]]
    two = defaultdict(lambda: defaultdict(dict))
    queue: dict[str, int] = {}
    people: defaultdict[str, int] = defaultdict(int)
    for field, value in fields.items():
        match field.split(JOIN):
            case [str(kind), outer, inner] if kind in (MESSAGES, REPEATED, TIMES):
                two[kind][outer][inner] = value
            case [str(kind), end, tier, how] if kind == ENDED:
                by_tier = two[ENDED][end]
                by_tier[tier] = by_tier.get(tier, 0) + value
                people[how] += value if end != "small_talk" else 0
            case [str(kind), state] if kind == QUEUE:
                queue[state] = value
    return Step(
        at_ms=at_ms,
        messages=dict(two[MESSAGES]),
        ended=dict(two[ENDED]),
        people=dict(people),
        repeated=dict(two[REPEATED]),
        queue=queue,
        answer_s={tier: _times(by) for tier, by in two[TIMES].items()},
    )


def _times(by_bucket: Mapping[str, int]) -> tuple[float, float]:
    counts = [by_bucket.get(str(n), 0) for n in range(len(LATENCY_BUCKETS_S) + 1)]
    return quantile(0.5, counts), quantile(0.95, counts)


def quantile(share: float, counts: Sequence[int]) -> float:
    """
    A quantile of counts by bucket, in seconds, as Prometheus reckons it: evenly spread
    within the bucket; above all edges the highest edge; 0 of nothing.
    """
    if not any(counts):
        return 0.0
    wanted = share * sum(counts)
    low = 0.0
    for edge, count in zip(LATENCY_BUCKETS_S, counts, strict=False):
        if count > 0 and wanted <= count:
            return low + (edge - low) * wanted / count
        wanted -= count
        low = edge
    return low
