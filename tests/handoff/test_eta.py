"""
Estimates and promises: honest ranges, whole numbers, nothing from nothing.
"""

from __future__ import annotations

import heapq
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.handoff.eta import PROMISE_STEP_MS, Load, estimate, promise_ms
from gateway.handoff.policy import HandoffPolicy


POLICY = HandoffPolicy()


def load(ahead: int, capacity: int, *, free: int = 0, handled_s: int = 300) -> Load:
    return Load(
        ahead=ahead, free=free, capacity=capacity, handled_ms=[handled_s * 1000] * 50
    )


def test_nobody_there_is_no_estimate() -> None:
    """
    Without a present operator there is no honest number.
    """
    assert estimate(load(0, 0), POLICY) is None


def test_free_operator_is_a_matter_of_seconds() -> None:
    """
    With free capacity the wait is the pick-up, at most one offer.
    """
    assert estimate(load(1, 4, free=2), POLICY) == (8, 20)


@given(
    st.integers(0, 300),
    st.integers(1, 100),
    st.integers(1, 3600),
)
def test_range_is_ordered_and_grows_with_the_line(
    ahead: int, capacity: int, handled_s: int
) -> None:
    """
    p50 <= p90; who stands further back, or with fewer operators, waits longer.
    """
    here = estimate(load(ahead, capacity, handled_s=handled_s), POLICY)
    behind = estimate(load(ahead + 1, capacity, handled_s=handled_s), POLICY)
    more = estimate(load(ahead, capacity + 1, handled_s=handled_s), POLICY)
    assert here is not None
    assert behind is not None
    assert more is not None
    assert 1 <= here[0] <= here[1]
    assert here[0] <= behind[0]
    assert here[1] <= behind[1]
    assert more[0] <= here[0]


def test_few_measurements_are_drawn_to_the_declared_time() -> None:
    """
    One strange talk does not turn every estimate over.
    """
    one = Load(ahead=0, free=0, capacity=1, handled_ms=[3_600_000])
    none = Load(ahead=0, free=0, capacity=1)
    odd, usual = estimate(one, POLICY), estimate(none, POLICY)
    assert odd is not None
    assert usual is not None
    assert usual[0] < odd[0] < 4 * usual[0]


def waits(
    seed: int, operators: int, queue: int, mean_s: float, spread: float
) -> list[float]:
    """Real waits of *queue* customers, with lognormal handling times."""
    rng = random.Random(seed)
    sigma = math.sqrt(math.log(1 + spread**2))
    mu = math.log(mean_s) - sigma**2 / 2

    def handling() -> float:
        return rng.lognormvariate(mu, sigma)

    # Talks that run for a random while already, as an arriving customer finds them.
    ends = [handling() * rng.random() for _ in range(operators)]
    heapq.heapify(ends)
    found = []
    for _ in range(queue):
        free_at = heapq.heappop(ends)
        start = free_at + rng.uniform(2, 15)
        found.append(start)
        heapq.heappush(ends, start + handling())
    return found


@pytest.mark.parametrize("operators", [1, 3, 10, 40])
@pytest.mark.parametrize("spread", [0.5, 0.9])
def test_p90_covers_most_real_waits(operators: int, spread: float) -> None:
    """
    In simulated shops at least 80 % of the waits end within the p90 told.
    """
    kept = total = 0
    for seed in range(60):
        real = waits(seed, operators, queue=25, mean_s=300, spread=spread)
        for ahead, wait_s in enumerate(real):
            told = estimate(load(ahead, operators), POLICY)
            assert told is not None
            kept += wait_s <= told[1]
            total += 1
    assert kept / total >= 0.8


@given(st.integers(0, 10_000), st.integers(0, 2**41))
def test_promise_is_late_enough_and_round(tickets: int, now_ms: int) -> None:
    """
    A promise leaves time for the tickets before it, and is a round clock time.
    """
    promised = promise_ms(tickets, [300_000] * 50, now_ms, POLICY)
    assert promised % PROMISE_STEP_MS == 0
    assert promised - now_ms >= POLICY.ticket_s * 1000
    work_ms = tickets * 300_000 / POLICY.ticket_staff
    assert promised - now_ms >= work_ms
