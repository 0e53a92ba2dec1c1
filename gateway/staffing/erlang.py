"""
Erlang-A: a line with impatient customers (Palm 1957; Garnett, Mandelbaum, Reiman 2002).

Erlang-C has no answer when more come than can be served, which is when a plan is
needed: customers leave, and that is what keeps the line finite.
"""

from __future__ import annotations

import msgspec


#: States of so little probability are left out.
NEGLIGIBLE = 1e-12
#: Longest line that is looked at.
MOST_WAITING = 100_000


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a line does in the long run.

    Attributes:
        waits: Share of customers who wait at all.

        wait_s: Mean wait of everybody, seconds.

        leave: Share of customers who leave before their turn.

        busy: Share of the slots in use.
    """

    waits: float
    wait_s: float
    leave: float
    busy: float


def expected(
    per_hour: float, handling_s: float, slots: int, patience_s: float
) -> Expected:
    """
    A line of M/M/n+M.

    Args:
        per_hour: Customers who come.

        handling_s / patience_s: Mean time of a talk, and until a customer leaves.

        slots: Talks at once, of all operators together.
    """
    if per_hour <= 0:
        return Expected(waits=0.0, wait_s=0.0, leave=0.0, busy=0.0)
    come, serve, give_up = per_hour / 3600, 1 / handling_s, 1 / patience_s
    # Relative to the state in which all slots are just taken, to stay in range.
    below, weight = [1.0], 1.0
    for taken in range(slots, 0, -1):
        weight *= taken * serve / come
        below.append(weight)
        if weight < NEGLIGIBLE:
            break
    above, weight = [], 1.0
    for waiting in range(1, MOST_WAITING):
        weight *= come / (slots * serve + waiting * give_up)
        above.append(weight)
        if weight < NEGLIGIBLE:
            break
    total = sum(below) + sum(above)
    waiting_mean = sum(n * weight for n, weight in enumerate(above, 1)) / total
    leave = give_up * waiting_mean / come
    return Expected(
        waits=(below[0] + sum(above)) / total,
        wait_s=waiting_mean / come,
        leave=min(1.0, leave),
        busy=min(1.0, come * (1 - leave) * handling_s / slots) if slots else 0.0,
    )


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold in every half hour."""

    wait_s: float = 30.0
    leave: float = 0.05


def slots_needed(
    per_hour: float, handling_s: float, patience_s: float, target: Target
) -> int:
    """The fewest slots under which *target* holds; 0 if nobody comes."""
    if per_hour <= 0:
        return 0
    low, high = 0, max(1, int(per_hour * handling_s / 3600))
    while not _holds(expected(per_hour, handling_s, high, patience_s), target):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        found = expected(per_hour, handling_s, middle, patience_s)
        low, high = (low, middle) if _holds(found, target) else (middle, high)
    return high


def _holds(found: Expected, target: Target) -> bool:
    return found.wait_s <= target.wait_s and found.leave <= target.leave
