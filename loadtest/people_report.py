"""
What ``tidegate loadtest people`` shows: random histories on a real store until so
many events happened, and days on virtual time at several loads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from statistics import fmean
from time import perf_counter

import msgspec

from engines.contract import Risk
from gateway.handoff.policy import HandoffPolicy
from gateway.staffing.model import Day, Model, Result
from loadtest.people_histories import Broken, play
from loadtest.servers import hardware


#: Events of one history; short ones reach more corners.
STEPS = 100
#: Operators of a simulated day, and its half hours.
OPERATORS, HALVES = 20, 6
#: Loads of the simulated days: steady ones, and one that swings.
LOADS = {
    "0.7x": (0.7,) * HALVES,
    "0.95x": (0.95,) * HALVES,
    "1.3x": (1.3,) * HALVES,
    "2x": (2.0,) * HALVES,
    "swing": (0.5, 2.0, 0.5, 1.5, 0.7, 1.8),
}
#: What must hold.
GOAL_COVERAGE, GOAL_JAIN = 0.8, 0.95


class HistoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    Random histories of three gateways on one store.

    Attributes:
        broken: Promises that did not hold, by name; must be empty.

        longest_s: Longest time in the line of anybody.
    """

    histories: int
    events: int
    customers: int
    talks: int
    longest_s: float
    broken: dict[str, int]
    seconds: float


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    One load on virtual time, over all seeds.

    Attributes:
        coverage: Waits within the p90 that was told, of those told.

        error_s: Mean difference of a wait from the p50 told, without its sign.

        jain: Fairness between groups of users, worst class and seed.
    """

    load: str
    told: int
    coverage: float
    error_s: float
    jain: float
    doubled: int
    disorder: int
    longest_s: float


class PeopleReport(msgspec.Struct, frozen=True, kw_only=True):
    """Both, and what does not hold."""

    histories: HistoryReport
    days: list[DayReport]
    seeds: int
    hardware: str
    misses: list[str]


async def histories(
    store_url: str, events: int, tell: Callable[[str], None]
) -> HistoryReport:
    """Play until *events* happened, on a store that is emptied each time."""
    broken: Counter[str] = Counter()
    started, done, seed = perf_counter(), 0, 0
    customers = talks = 0
    longest_s = 0.0
    while done < events:
        steps = min(STEPS, events - done)
        try:
            found = await play(store_url, seed, steps)
        except Broken as exc:
            broken[type(exc).__name__] += 1
            tell(f"seed {seed}: {type(exc).__name__}: {exc}")
        else:
            customers, talks = customers + found.customers, talks + len(found.talks)
            longest_s = max(longest_s, found.longest_s)
        done, seed = done + steps, seed + 1
        tell(f"{done} of {events} events")
    return HistoryReport(
        histories=seed,
        events=done,
        customers=customers,
        talks=talks,
        longest_s=longest_s,
        broken=dict(broken),
        seconds=round(perf_counter() - started, 1),
    )


def days(seeds: int, tell: Callable[[str], None]) -> list[DayReport]:
    """Each load, *seeds* times."""
    found = []
    policy = HandoffPolicy(handling_s=480.0)
    for name, loads in LOADS.items():
        tell(f"a day at {name}")
        full = OPERATORS * 3 / 495 * 1800
        day = Day(
            arrivals=[load * full for load in loads], operators=[OPERATORS] * HALVES
        )
        runs = [Model(day, policy, seed).run() for seed in range(seeds)]
        found.append(_day(name, runs))
    return found


def _day(name: str, runs: list[Result]) -> DayReport:
    told = sum(run.told for run in runs)
    return DayReport(
        load=name,
        told=told,
        coverage=sum(run.within for run in runs) / max(1, told),
        error_s=fmean(abs(error) for run in runs for error in run.errors),
        jain=min(run.jain(risk) for run in runs for risk in Risk),
        doubled=sum(run.doubled for run in runs),
        disorder=sum(run.disorder for run in runs),
        longest_s=max(run.longest_s for run in runs),
    )


def report(
    found: HistoryReport, simulated: list[DayReport], seeds: int
) -> PeopleReport:
    """Both, judged."""
    misses = [f"histories: {count} x {name}" for name, count in found.broken.items()]
    for day in simulated:
        if day.coverage < GOAL_COVERAGE:
            misses.append(f"{day.load}: told waits held for {day.coverage:.2f}")
        if day.jain < GOAL_JAIN:
            misses.append(f"{day.load}: Jain index {day.jain:.3f}")
        if day.doubled or day.disorder:
            misses.append(f"{day.load}: {day.doubled} doubled, {day.disorder} disorder")
    return PeopleReport(
        histories=found,
        days=simulated,
        seeds=seeds,
        hardware=hardware(),
        misses=misses,
    )
