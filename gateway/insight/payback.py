"""
What a stage saves and when it has paid for itself, with ranges.

    operator minute  = operator_month / (operator_hours x 60 x occupancy x parallel)
    people now       = conversations x human share x handling minutes x operator minute
    kept by people   = 1 - reach x durable x share that the stage's tiers finish
    saving a month   = people now - people then - tiers - fixed cost a month
    payback          = one-off cost / saving a month

A range is what 4,000 seeded draws give when every assumption is drawn from the
triangle over low, likely and high, independently. The tornado moves one at a
time.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from gateway.insight.assumptions import Assumptions


N = TypeVar("N", int, float)

STAGES = ("startup", "growth", "mature")
#: Tiers that work at each stage; people are behind all of them.
TIERS: dict[str, tuple[str, ...]] = {
    "startup": ("L1",),
    "growth": ("L1", "L2"),
    "mature": ("L1", "L2", "L3"),
}
DRAWS = 4_000
YEAR = 12


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """
    What comes in.

    Attributes:
        human_share: Of conversations that people have today.

        handle_s: Seconds of people a conversation, as measured; None takes the
            assumption.

        finished: Tier -> share of conversations it could finish.
    """

    per_month: float
    human_share: float
    handle_s: float | None
    finished: Mapping[str, float]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """
    A stage in money, minor units a month.

    Attributes:
        payback_months: None if it never pays for itself.

        year_net: Saving of twelve months less the one-off cost.

        operators_freed: Full-time operators that are no longer needed for it.
    """

    stage: str
    people_now: int
    people_then: int
    tiers: int
    fixed: int
    saving: int
    setup: int
    payback_months: float | None
    year_net: int
    operators_freed: float


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """
    Deciles over the draws; *pays_back* is the share that pays back in time.
    """

    saving: tuple[int, int, int]
    payback_months: tuple[float | None, float | None, float | None]
    year_net: tuple[int, int, int]
    pays_back: float


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """Net of the first year with one assumption at its low and at its high."""

    name: str
    at_low: int
    at_high: int

    @property
    def width(self) -> int:
        """How much it moves the result."""
        return abs(self.at_high - self.at_low)


def plan(stage: str, demand: Demand, values: Mapping[str, float]) -> Plan:
    """The money of *stage* under *values*, one number an assumption."""
    hours = values["operator_hours"] * values["occupancy"] * values["parallel"]
    handle_s = values["handle_s"] if demand.handle_s is None else demand.handle_s
    hour_cost = values["operator_month"] / hours
    reach = values["reach"]
    done = {tier: demand.finished.get(tier, 0.0) * reach for tier in TIERS[stage]}
    # What a machine finishes is taken from people in proportion.
    kept = max(0.0, 1.0 - sum(done.values()) * values["durable"])
    now_h = demand.per_month * demand.human_share * handle_s / 3600
    now, then = now_h * hour_cost, now_h * kept * hour_cost
    tiers = demand.per_month * sum(
        share * values[f"{tier.lower()}_cost"] for tier, share in done.items()
    )
    fixed, setup = values[f"{stage}_month"], values[f"{stage}_setup"]
    saving = now - then - tiers - fixed
    return Plan(
        stage=stage,
        people_now=round(now),
        people_then=round(then),
        tiers=round(tiers),
        fixed=round(fixed),
        saving=round(saving),
        setup=round(setup),
        payback_months=setup / saving if saving > 0 else None,
        year_net=round(saving * YEAR - setup),
        operators_freed=now_h * (1 - kept) / hours,
    )


def spread(stage: str, demand: Demand, given: Assumptions, seed: int) -> Spread:
    """The result of *stage* when everything assumed may vary."""
    chance = random.Random(seed)  # noqa: S311 - seeded draws, not secrets
    ranges = given.ranges()
    plans = [
        plan(
            stage,
            demand,
            {
                name: chance.triangular(one.low, one.high, one.likely)
                for name, one in ranges.items()
            },
        )
        for _ in range(DRAWS)
    ]
    limit = given.thresholds.payback_months
    months = sorted(
        float("inf") if one.payback_months is None else one.payback_months
        for one in plans
    )
    low, mid, high = (_finite(value) for value in _deciles(months))
    return Spread(
        saving=_deciles(sorted(one.saving for one in plans)),
        payback_months=(low, mid, high),
        year_net=_deciles(sorted(one.year_net for one in plans)),
        pays_back=sum(value <= limit for value in months) / len(months),
    )


def _deciles(ordered: Sequence[N]) -> tuple[N, N, N]:
    last = len(ordered) - 1
    return ordered[last // 10], ordered[last // 2], ordered[last * 9 // 10]


def _finite(value: float) -> float | None:
    return None if value == float("inf") else value


def tornado(stage: str, demand: Demand, given: Assumptions) -> list[Bar]:
    """What each assumption alone does to the first year, widest first."""
    likely = given.likely()
    bars = [
        Bar(
            name=name,
            at_low=plan(stage, demand, likely | {name: one.low}).year_net,
            at_high=plan(stage, demand, likely | {name: one.high}).year_net,
        )
        for name, one in given.ranges().items()
    ]
    moving = [bar for bar in bars if bar.width]
    return sorted(moving, key=lambda bar: bar.width, reverse=True)
