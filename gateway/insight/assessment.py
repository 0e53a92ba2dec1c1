"""
The whole assessment: figures of the file, the dry run, scenes, stages and money.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from engines.guard import mask_personal_data
from gateway.insight.assumptions import Assumptions, Thresholds
from gateway.insight.dry_run import DryRun, Rehearsal, Tried, sample, sum_up
from gateway.insight.payback import (
    STAGES,
    Bar,
    Demand,
    Plan,
    Spread,
    plan,
    spread,
    tornado,
)
from gateway.insight.reading import Reading
from gateway.insight.scenes import Scene, costly, frequent_share, rank
from gateway.insight.traffic import Traffic, measure
from gateway.insight.transcripts import Mapping, Transcript


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which stage fits.

    Attributes:
        by_thresholds: Of the thresholds; *reasons* says which one decided.

        by_cost: The stage with the highest saving a month; empty without a
            volume, or if none of them saves anything.
    """

    by_thresholds: str
    reasons: tuple[str, ...]
    by_cost: str


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """
    Every stage in money, and the advised one with ranges.

    Attributes:
        stage: The one that *spread* and *tornado* speak of.
    """

    currency: str
    demand: Demand
    plans: tuple[Plan, ...]
    stage: str
    spread: Spread
    tornado: tuple[Bar, ...]


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """
    What ``tidegate assess`` found.

    Attributes:
        costly: Names of the costliest scenes, and *costly_share*, their part of
            the cost of people.

        money: None without a volume: give ``--per-month``.
    """

    source: str
    mapping: Mapping
    rows: int
    skips: dict[str, int]
    traffic: Traffic
    dry_run: DryRun
    scenes: tuple[Scene, ...]
    frequent_share: float
    costly: tuple[str, ...]
    costly_share: float
    advice: Advice
    money: Money | None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """
    How to assess.

    Attributes:
        per_month: Conversations a month, if the file does not tell.

        size / seed: Conversations of the dry run, and which.
    """

    source: str
    assumptions: Assumptions
    per_month: float | None = None
    size: int = 1000
    seed: int = 1


async def assess(
    reading: Reading,
    rehearsal: Rehearsal,
    model: str,
    request: Request,
    progress: Callable[[int, int], object],
) -> Assessment:
    """Assess what was read; *progress* is called with done and total."""
    given = request.assumptions
    traffic = measure(reading.transcripts, given.likely()["handle_s"])
    picked = sample(reading.transcripts, request.size, request.seed)
    tried, reasons = await _rehearse(rehearsal, picked, progress)
    run = sum_up(tried, reasons, model)
    demand = demand_of(traffic, run, request.per_month)
    advice, money = _advice_and_money(run, demand, request)
    people = None if money is None else float(money.plans[0].people_now)
    scenes = rank(tried, traffic.handling.mean_s, people, mask_personal_data)
    top, top_share = costly(scenes, given.thresholds.costly_scenes)
    return Assessment(
        source=request.source,
        mapping=reading.mapping,
        rows=reading.rows,
        skips=reading.skips,
        traffic=traffic,
        dry_run=run,
        scenes=tuple(scenes),
        frequent_share=frequent_share(scenes, given.thresholds.high_frequency_scene),
        costly=tuple(one.name for one in top),
        costly_share=top_share,
        advice=advice,
        money=money,
    )


async def _rehearse(
    rehearsal: Rehearsal,
    picked: Sequence[Transcript],
    progress: Callable[[int, int], object],
) -> tuple[list[Tried], Counter[str]]:
    tried: list[Tried] = []
    reasons: Counter[str] = Counter()
    for done, transcript in enumerate(picked, 1):
        one, why = await rehearsal.play(transcript)
        tried.append(one)
        reasons += why
        progress(done, len(picked))
    return tried, reasons


def demand_of(traffic: Traffic, run: DryRun, per_month: float | None) -> Demand | None:
    """What comes in; None if nobody says how much."""
    volume = per_month if per_month is not None else traffic.per_month
    if volume is None:
        return None
    handling = traffic.handling
    return Demand(
        per_month=volume,
        # A file without replies: somebody has to answer, so people do.
        human_share=1.0 if traffic.human_share is None else traffic.human_share,
        handle_s=None if handling.source == "assumed" else handling.mean_s,
        finished={tier: run.engines[tier] for tier in ("L1", "L2", "L3")},
    )


def _advice_and_money(
    run: DryRun, demand: Demand | None, request: Request
) -> tuple[Advice, Money | None]:
    given = request.assumptions
    per_day = None if demand is None else demand.per_month / 30
    stage, reasons = by_thresholds(per_day, run.router, given.thresholds)
    if demand is None:
        advice = Advice(by_thresholds=stage, reasons=reasons, by_cost="")
        return advice, None
    money = money_of(demand, given, stage, request.seed)
    best = max(money.plans, key=lambda one: one.saving)
    cheapest = best.stage if best.saving > 0 else ""
    if cheapest and cheapest != stage:
        money = money_of(demand, given, cheapest, request.seed)
    return Advice(by_thresholds=stage, reasons=reasons, by_cost=cheapest), money


def money_of(demand: Demand, given: Assumptions, stage: str, seed: int) -> Money:
    """All stages in money; *stage* with ranges."""
    return Money(
        currency=given.currency,
        demand=demand,
        plans=tuple(plan(name, demand, given.likely()) for name in STAGES),
        stage=stage,
        spread=spread(stage, demand, given, seed),
        tornado=tuple(tornado(stage, demand, given)),
    )


def by_thresholds(
    per_day: float | None, needed: dict[str, float], limits: Thresholds
) -> tuple[str, tuple[str, ...]]:
    """
    The stage that volume and kind of questions ask for, and which limits said so.

    Volume alone makes a shop mature only if it also has tasks to close.
    """
    beyond_l1 = 1.0 - needed["L1"]
    reasons = []
    if per_day is not None and per_day >= limits.growth_per_day:
        reasons.append("growth_per_day")
    if beyond_l1 >= limits.growth_beyond_l1:
        reasons.append("growth_beyond_l1")
    is_busy = per_day is not None and per_day >= limits.mature_per_day
    if is_busy and needed["L3"] >= limits.mature_tasks:
        return "mature", ("mature_per_day", "mature_tasks")
    is_growth = per_day is None or per_day >= limits.growth_per_day
    if is_growth and reasons:
        return "growth", tuple(reasons)
    return "startup", ("below_growth_per_day",)
