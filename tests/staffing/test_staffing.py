"""
The human queue on virtual time, and plans made with it.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.contract import Risk
from gateway.errors import ConfigError
from gateway.handoff.policy import HandoffPolicy
from gateway.staffing.erlang import Target, expected, slots_needed
from gateway.staffing.model import Day, Model
from gateway.staffing.planning import Work, as_svg, ordinary_day, plan, read_forecast


POLICY = HandoffPolicy(handling_s=480.0)


def day(load: float, operators: int = 20, halves: int = 6) -> Day:
    """Some hours at *load* times what the operators can do."""
    arrivals = load * operators * 3 / 480 * 1800
    return Day(arrivals=[arrivals] * halves, operators=[operators] * halves)


@pytest.mark.parametrize("load", [0.7, 0.95, 1.3, 2.0])
def test_told_waits_hold(load: float) -> None:
    """At least four of five customers wait no longer than the p90 they were told."""
    result = Model(day(load), POLICY, seed=7).run()
    assert result.told > 200
    assert result.coverage >= 0.8


def test_ten_thousand_events_without_a_double_assignment() -> None:
    """Nobody is held twice, passed over, or left in the line when all is over."""
    result = Model(day(1.3, halves=8), POLICY, seed=8).run()
    assert result.events >= 10_000
    assert (result.doubled, result.disorder, result.unfinished) == (0, 0, 0)
    limit_s = max(p.limit_s for p in POLICY.patience.values())
    assert result.longest_s <= limit_s + POLICY.offer_s
    for risk in Risk:
        assert result.jain(risk) >= 0.95


def test_everybody_who_came_is_accounted_for() -> None:
    """Served, gone or with a promise: nobody is lost, not even over a shift's end."""
    busy = Day(arrivals=[80, 80, 80, 0], operators=[5, 2, 0, 4])
    result = Model(busy, POLICY, seed=9).run()
    for period in result.periods:
        assert period.came == period.served + period.left + period.ticketed


def test_important_customers_wait_less() -> None:
    """Earliest deadline first: a dispute is served before small talk."""
    result = Model(day(1.3), POLICY, seed=10).run()
    shares = {
        risk: sum(n for (r, _, ok), n in result.groups.items() if r == risk and ok)
        for risk in Risk
    }
    left = {
        risk: sum(n for (r, _, ok), n in result.groups.items() if r == risk and not ok)
        for risk in Risk
    }
    assert shares[Risk.HIGH] > 50
    assert left[Risk.HIGH] == 0


@pytest.mark.parametrize(
    ("per_hour", "handling_s", "slots", "patience_s", "wait_s", "leave"),
    [(2880, 60, 50, 120, 3.7, 0.031), (2250, 480, 300, 300, 7.8, 0.026)],
)
def test_erlang_a_gives_known_values(
    per_hour: float,
    handling_s: float,
    slots: int,
    patience_s: float,
    wait_s: float,
    leave: float,
) -> None:
    """Published examples, to the digits that were published."""
    found = expected(per_hour, handling_s, slots, patience_s)
    assert found.wait_s == pytest.approx(wait_s, rel=0.03)
    assert found.leave == pytest.approx(leave, rel=0.03)


def test_erlang_a_of_impatient_like_handling_is_poisson() -> None:
    """With patience as long as a talk the line is M/M/inf: all is known in closed form."""
    found = expected(3600, 5.0, 4, 5.0)
    weights = [5.0**n / math.factorial(n) for n in range(60)]
    waits = 1 - sum(weights[:4]) / sum(weights)
    assert found.waits == pytest.approx(waits, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    per_hour=st.floats(1, 5_000),
    handling_s=st.floats(10, 1_200),
    patience_s=st.floats(20, 1_200),
)
def test_slots_are_the_fewest_that_do(
    per_hour: float, handling_s: float, patience_s: float
) -> None:
    """One slot less would miss the target."""
    target = Target(wait_s=30, leave=0.05)
    slots = slots_needed(per_hour, handling_s, patience_s, target)
    found = expected(per_hour, handling_s, slots, patience_s)
    assert found.wait_s <= 30
    assert found.leave <= 0.05
    if slots > 1:
        less = expected(per_hour, handling_s, slots - 1, patience_s)
        assert less.wait_s > 30 or less.leave > 0.05


def test_a_plan_holds_in_the_simulation() -> None:
    """The day simulated with the planned people loses about what was allowed."""
    found = plan(ordinary_day(600), Work(), Target(), seeds=1)
    assert found.left <= 0.08
    assert found.coverage >= 0.8
    assert found.hours == sum(half.operators for half in found.halves) / 2
    assert as_svg(found).count("<rect") == 3 * 48


def test_a_forecast_is_read_or_refused_with_its_line(tmp_path: Path) -> None:
    """A wrong row names file, line and fix."""
    path = tmp_path / "forecast.csv"
    path.write_text("start,handoffs\n09:00,12\n09:30,8.5\n", encoding="utf-8")
    assert read_forecast(path)[18:20] == [12.0, 8.5]
    for row in ("9h,1", "09:15,1", "09:00,-1", "09:00,x", "09:00"):
        path.write_text(f"start,handoffs\n{row}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"forecast\.csv:2"):
            read_forecast(path)
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="start and handoffs"):
        read_forecast(path)
