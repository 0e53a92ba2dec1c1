"""
The table of ``tidegate loadtest tide``, small: the pool beside what is usual.
"""

from __future__ import annotations

import pytest

from loadtest.tide import POLICIES, SCENARIOS, run


@pytest.mark.parametrize("load", ["2x", "5x"])
def test_conversations_are_finished_under_overload(load: str) -> None:
    """Nearly as many turns of finished conversations as there is capacity for."""
    ours = run(SCENARIOS[load], POLICIES["Tidegate"], seed=11)
    assert ours.talks >= 0.78
    usual = run(SCENARIOS[load], POLICIES["Gradient2"], seed=11)
    assert ours.talks > 1.4 * usual.talks
    assert ours.recovery_s <= 10


def test_the_top_class_hardly_notices() -> None:
    """At five times the load its conversations end as without any."""
    calm = run(SCENARIOS["0.5x"], POLICIES["Tidegate"], seed=12)
    busy = run(SCENARIOS["5x"], POLICIES["Tidegate"], seed=12)
    assert busy.top >= 0.93 * calm.top
    blind = run(SCENARIOS["5x"], POLICIES["sticky only"], seed=12)
    assert blind.top < 0.5


def test_the_model_shows_collapse_where_nothing_is_controlled() -> None:
    """Without control nothing ends in time, and it does not recover: no kind world."""
    left = run(SCENARIOS["2x"], POLICIES["no control"], seed=13)
    assert left.talks < 0.2
    assert left.recovery_s == float("inf")


def test_a_slow_backend_leaves_no_trace() -> None:
    """Four times slower for a while: all is as before within ten seconds."""
    slow = run(SCENARIOS["slow"], POLICIES["Tidegate"], seed=14)
    assert slow.recovery_s <= 10


def test_the_same_seed_gives_the_same_run() -> None:
    """Runs can be repeated to the last digit; decisions are timed, not compared."""
    first, second = (run(SCENARIOS["2x"], POLICIES["Tidegate"], 5) for _ in range(2))
    assert (first.good, first.finished) == (second.good, second.finished)
