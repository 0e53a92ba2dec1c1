"""
The essentials at a glance: what a shop's supervisor sees without Grafana.

Two parts that must not be mixed up. What is counted by shop (messages, line, outcomes)
is the shop's own. What wears the machine (time, pools, lateness, durability, language
models) is one number for all shops of the gateway, and names none of them.

Counters are told as they stand: who looks twice knows what happened between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Literal

import msgspec

from gateway.insight.outcomes import Outcomes
from gateway.metrics import LATENCY_BUCKETS_S, Figure
from gateway.outcomes import OutcomesKeeper
from gateway.stages import Stages, StageView
from gateway.telemetry import Telemetry


#: Figures younger than this are shown again rather than merged anew.
FRESH_MS = 1000
#: What should stay at zero.
TROUBLES = ("engine_faults", "work_lost", "takeovers")

Durability = Literal["durable", "durable-replicated", "best-effort", "unknown"]


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """
    Durations since the start, all shops.

    Attributes:
        counts: By bucket of :data:`gateway.metrics.LATENCY_BUCKETS_S`, the last one
            for what is above them all. They do not add up over buckets.
    """

    counts: tuple[float, ...]
    sum_s: float


class House(msgspec.Struct, frozen=True, kw_only=True):
    """
    What wears the machine: one number for all shops and all workers.

    Attributes:
        stages_s: Seconds spent in each stage of the path.

        pools: Tier -> in_flight, limit, waiting.

        waits: Of customers who reached an operator: ``told`` a range, ``within`` it.

        llm_calls: By outcome.  llm_tokens: By kind.  llm_cost_minor: As configured.

        troubles: What should stay at zero.
    """

    ack: Times
    handle: dict[str, Times]
    stages_s: dict[str, float]
    pools: dict[str, dict[str, float]]
    loop_lag_s: float
    in_flight: float
    durability: Durability
    waits: dict[str, float]
    llm_calls: dict[str, float]
    llm_tokens: dict[str, float]
    llm_cost_minor: float
    troubles: dict[str, float]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """
    One look.

    Attributes:
        edges_s: Upper edges of all buckets but the last.

        messages: Tier -> outcome -> messages of the shop since the start.

        queue: Handoffs of the shop by state, as last counted.

        replies: The shop's day by its reply clock; empty if it has none.

        prices_milli: What an answer of a tier costs at the shop's stage, thousandths
            of a currency unit.

        outcomes: The last count of 30 days; None before the first.
    """

    shop: str
    at_ms: int
    edges_s: tuple[float, ...]
    messages: dict[str, dict[str, float]]
    queue: dict[str, float]
    replies: dict[str, float]
    stage: StageView
    prices_milli: dict[str, int]
    outcomes: Outcomes | None
    house: House


class OverviewKeeper:
    """
    Puts a look together for whoever asks; nobody asking costs nothing.

    Args:
        wall_ms: Wall clock.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        outcomes: OutcomesKeeper,
        stages: Stages,
        wall_ms: Callable[[], int],
    ) -> None:
        self._outcomes = outcomes
        self._stages = stages
        self._wall_ms = wall_ms
        self._figures = _Recent(telemetry.figures, wall_ms)

    async def look(self, shop: str) -> Overview:
        """
        The essentials of *shop* now.

        Raises:
            StoreUnavailable: If the store does not answer.
        """
        figures = _by_name(await self._figures.read())
        own = {name: _of(figures[name], "shop", shop) for name in _OWN}
        return Overview(
            shop=shop,
            at_ms=self._wall_ms(),
            edges_s=LATENCY_BUCKETS_S,
            messages=_nested(own["messages_total"], "tier", "outcome"),
            queue=_summed(own["queue_depth"], "state"),
            replies=_summed(own["reply_rounds_today"], "result"),
            stage=self._stages.view(shop),
            prices_milli={str(t): n for t, n in self._stages.prices(shop).items()},
            outcomes=await self._outcomes.kept(shop),
            house=_house(figures),
        )


_OWN = ("messages_total", "queue_depth", "reply_rounds_today")


class _Recent:
    """Merging what all workers wrote takes milliseconds: once for all who look."""

    def __init__(
        self,
        collect: Callable[[], Awaitable[list[Figure]]],
        wall_ms: Callable[[], int],
    ) -> None:
        self._collect = collect
        self._wall_ms = wall_ms
        self._kept: list[Figure] = []
        self._at_ms = 0

    async def read(self) -> list[Figure]:
        if not 0 <= self._wall_ms() - self._at_ms < FRESH_MS:
            self._kept = await self._collect()
            self._at_ms = self._wall_ms()
        return self._kept


_Named = Mapping[str, list[Figure]]


def _by_name(figures: Iterable[Figure]) -> _Named:
    named: defaultdict[str, list[Figure]] = defaultdict(list)
    for one in figures:
        named[one.name].append(one)
    return named


def _of(figures: Iterable[Figure], label: str, value: str) -> list[Figure]:
    return [one for one in figures if one.labels.get(label) == value]


def _summed(figures: Iterable[Figure], label: str) -> dict[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for one in figures:
        found[one.labels[label]] += one.value
    return dict(found)


def _nested(
    figures: Iterable[Figure], outer: str, inner: str
) -> dict[str, dict[str, float]]:
    groups: defaultdict[str, list[Figure]] = defaultdict(list)
    for one in figures:
        groups[one.labels[outer]].append(one)
    return {name: _summed(group, inner) for name, group in groups.items()}


def _total(figures: Iterable[Figure]) -> float:
    return sum(one.value for one in figures)


def _times(buckets: Iterable[Figure], sums: Iterable[Figure]) -> Times:
    """The exposition's buckets hold all that is below their edge; ours do not."""
    below = {float(edge): n for edge, n in _summed(buckets, "le").items()}
    counts = [below.get(edge, 0.0) for edge in (*LATENCY_BUCKETS_S, float("inf"))]
    before = [0.0, *counts[:-1]]
    return Times(
        counts=tuple(n - old for n, old in zip(counts, before, strict=True)),
        sum_s=_total(sums),
    )


def _house(named: _Named) -> House:
    handle, sums = (
        named[f"handle_duration_seconds_{part}"] for part in ("bucket", "sum")
    )
    tiers = sorted({one.labels["tier"] for one in handle})
    return House(
        ack=_times(
            named["ack_duration_seconds_bucket"], named["ack_duration_seconds_sum"]
        ),
        handle={
            tier: _times(_of(handle, "tier", tier), _of(sums, "tier", tier))
            for tier in tiers
        },
        stages_s=_summed(named["stage_seconds_total"], "stage"),
        pools=_nested(named["pool"], "tier", "what"),
        loop_lag_s=_total(named["event_loop_lag_seconds"]),
        in_flight=_total(named["turns_in_flight"]),
        durability=_durability(named["durability_level_info"]),
        waits=_summed(named["eta_waits"], "what"),
        llm_calls=_summed(named["llm_calls_total"], "outcome"),
        llm_tokens=_summed(named["llm_tokens_total"], "kind"),
        llm_cost_minor=_total(named["llm_cost_minor_total"]),
        troubles={name: _total(named[f"{name}_total"]) for name in TROUBLES},
    )


def _durability(figures: Iterable[Figure]) -> Durability:
    levels = [one.labels["level"] for one in figures if one.value]
    return levels[0] if levels else "unknown"  # type: ignore[return-value]  # a closed set
