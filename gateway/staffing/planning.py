"""
From a forecast to a roster: Erlang-A says how many, the simulation what happens.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean

import msgspec

from engines.contract import Risk
from gateway.errors import ConfigError
from gateway.handoff.policy import HandoffPolicy
from gateway.staffing.erlang import Target, expected, slots_needed
from gateway.staffing.model import Day, Model, Result


#: Handoffs of each half hour of an ordinary day in e-commerce, of 1000 in all.
ORDINARY = (
    8, 6, 4, 3, 2, 2, 1, 1, 1, 2, 3, 4, 6, 9, 12, 16, 21, 27, 32, 36, 38, 38, 35,
    31, 28, 28, 30, 33, 35, 36, 36, 34, 31, 28, 25, 24, 26, 30, 35, 39, 41, 40, 36,
    31, 25, 20, 15, 11,
)  # fmt: skip
HALF_HOURS = 48
#: Times the roster is corrected by the simulation.
ROUNDS = 6


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """
    How people work and customers wait.

    Attributes:
        handling_s: Mean time of a talk.

        talks: Talks that one operator has at once.

        patience_s: Mean time until a customer leaves.
    """

    handling_s: float = 480.0
    talks: int = 3
    patience_s: float = 300.0


class Half(msgspec.Struct, frozen=True, kw_only=True):
    """
    One half hour of a plan.

    Attributes:
        expected_wait_s / expected_leave: By Erlang-A.

        wait_s / left / ticketed: Of the simulated customers who came in it, over
            all seeds; *wait_s* is None if nobody was served.
    """

    start: str
    handoffs: float
    operators: int
    expected_wait_s: float
    expected_leave: float
    wait_s: float | None
    left: float
    ticketed: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """
    A roster and what it leads to.

    Attributes:
        hours: Operator hours in all.

        coverage: Share of served customers within the p90 wait they were told.

        jain: Fairness between groups of users, the worst class of which enough came.
    """

    seeds: int
    work: Work
    target: Target
    halves: list[Half]
    hours: float
    left: float
    ticketed: float
    coverage: float
    longest_s: float
    jain: float
    doubled: int
    disorder: int


def read_forecast(path: Path) -> list[float]:
    """
    Handoffs of each half hour: a CSV with columns ``start`` (HH:MM) and ``handoffs``.

    Raises:
        ConfigError: Naming file, line and fix.
    """
    found = [0.0] * HALF_HOURS
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"start", "handoffs"} <= set(rows.fieldnames or ()):
            raise ConfigError(f"{path}:1: the columns must be start and handoffs")
        for row in rows:
            place, count = _row(path, rows.line_num, row)
            found[place] += count
    return found


def _row(path: Path, line: int, row: dict[str, str]) -> tuple[int, float]:
    try:
        hour, minute = map(int, row["start"].split(":"))
        count = float(row["handoffs"])
    except (ValueError, AttributeError, TypeError):
        raise ConfigError(
            f"{path}:{line}: write it as 09:30,42 (half hour, handoffs)"
        ) from None
    if not (0 <= hour < 24 and minute in {0, 30} and 0 <= count < 1e6):  # noqa: PLR2004 - a clock
        raise ConfigError(
            f"{path}:{line}: start must be on a half hour of the day, handoffs 0 or more"
        )
    return hour * 2 + minute // 30, count


def ordinary_day(handoffs: float) -> list[float]:
    """*handoffs* spread over a day as they usually come."""
    return [handoffs * share / sum(ORDINARY) for share in ORDINARY]


def plan(forecast: Sequence[float], work: Work, target: Target, *, seeds: int) -> Plan:
    """
    The fewest operators for each half hour under which the target holds.

    Erlang-A gives the first roster; where the simulated customers, who meet
    ignored offers, disputes of double weight and a day that changes, still leave
    too often, one operator more is tried.
    """
    policy = HandoffPolicy(handling_s=work.handling_s)
    day = Day(
        arrivals=forecast,
        operators=[],
        capacity=work.talks,
        handling_s=work.handling_s,
        patience_s=work.patience_s,
    )
    talk_s = work.handling_s + day.wrap_s
    handling_s = talk_s * _mean_weight(day, policy) + day.reaction_s
    roster = [
        math.ceil(
            slots_needed(count * 2, handling_s, work.patience_s, target) / work.talks
        )
        for count in forecast
    ]
    results: list[Result] = []
    for _ in range(ROUNDS):
        day = msgspec.structs.replace(day, operators=tuple(roster))
        results = [Model(day, policy, seed).run() for seed in range(seeds)]
        short = [n for n in range(len(roster)) if _is_short(results, n, target)]
        if not short:
            break
        for number in short:
            roster[number] += 1
    halves = [
        _half(number, count, day, handling_s, results)
        for number, count in enumerate(forecast)
    ]
    return _summed(halves, results, work, target)


def _mean_weight(day: Day, policy: HandoffPolicy) -> float:
    """Units of capacity that a talk takes on average."""
    risks = (Risk.HIGH, Risk.MEDIUM, Risk.LOW)
    return sum(
        share * policy.weights.get(risk, 1)
        for risk, share in zip(risks, day.shares, strict=True)
    )


def _is_short(results: Sequence[Result], number: int, target: Target) -> bool:
    """More leave than may, and more than chance explains."""
    came = sum(result.periods[number].came for result in results)
    left = sum(result.periods[number].left for result in results)
    allowed = target.leave * came
    return left > allowed + math.sqrt(allowed)


def _half(
    number: int, count: float, day: Day, handling_s: float, results: Sequence[Result]
) -> Half:
    operators = day.operators[number]
    found = expected(count * 2, handling_s, operators * day.capacity, day.patience_s)
    periods = [result.periods[number] for result in results]
    came = max(1, sum(period.came for period in periods))
    waits = [wait for period in periods for wait in period.waits_s]
    return Half(
        start=f"{number // 2:02}:{number % 2 * 30:02}",
        handoffs=count,
        operators=operators,
        expected_wait_s=found.wait_s,
        expected_leave=found.leave,
        wait_s=mean(waits) if waits else None,
        left=sum(period.left for period in periods) / came,
        ticketed=sum(period.ticketed for period in periods) / came,
    )


def _summed(
    halves: list[Half], results: Sequence[Result], work: Work, target: Target
) -> Plan:
    periods = [period for result in results for period in result.periods]
    came = max(1, sum(period.came for period in periods))
    return Plan(
        seeds=len(results),
        work=work,
        target=target,
        halves=halves,
        hours=sum(half.operators for half in halves) / 2,
        left=sum(period.left for period in periods) / came,
        ticketed=sum(period.ticketed for period in periods) / came,
        coverage=sum(r.within for r in results) / max(1, sum(r.told for r in results)),
        longest_s=max(result.longest_s for result in results),
        jain=min(result.jain(risk) for result in results for risk in Risk),
        doubled=sum(result.doubled for result in results),
        disorder=sum(result.disorder for result in results),
    )


def as_svg(found: Plan) -> str:
    """Handoffs, operators and waits over the day, as one inline picture."""
    width, height, left = 960, 150, 48
    step = (width - left) / len(found.halves)
    charts: Iterable[tuple[str, list[float], str]] = (
        ("handoffs per half hour", [h.handoffs for h in found.halves], "#4477aa"),
        ("operators", [float(h.operators) for h in found.halves], "#228833"),
        ("mean wait, s (simulated)", [h.wait_s or 0 for h in found.halves], "#aa3377"),
    )
    parts = []
    for number, (title, values, colour) in enumerate(charts):
        top, most = number * (height + 40) + 24, max(values) or 1.0
        parts.append(
            f'<text x="{left}" y="{top - 8}">{title}</text>'
            f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">{most:.0f}</text>'
            f'<text x="{left - 6}" y="{top + height}" text-anchor="end">0</text>'
        )
        for place, value in enumerate(values):
            tall = value / most * height
            x, y = left + place * step, top + height - tall
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{step - 1:.1f}"'
                f' height="{tall:.1f}" fill="{colour}"><title>'
                f"{found.halves[place].start}: {value:.0f}</title></rect>"
            )
        parts += [
            f'<text x="{left + place * step:.0f}" y="{top + height + 14}">'
            f"{found.halves[place].start}</text>"
            for place in range(0, len(values), 6)
        ]
    tall = 3 * (height + 40) + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {tall}"'
        ' font-family="sans-serif" font-size="12" role="img"'
        f' aria-label="staffing plan">{"".join(parts)}</svg>'
    )
