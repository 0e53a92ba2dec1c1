"""
How long a place in the line takes, and what a ticket may promise: arithmetic.

With N present capacity units and a mean handling time H, places come free at
the rate N/H; the k-th one from now after an Erlang(k, N/H) time. Its quantiles
are approximated by Wilson and Hilferty (within 3 % for k >= 1). H is the mean
of what was measured lately, drawn to the declared value while little was. While
people wait, the rate at which the line really drained in the last minutes is mixed
in: operators who are slow to accept, or leave, show there first.

What just happened to others needs no model: the wait of the last who came to an
operator (LES) and of the head of the line so far (HOL) (Ibrahim, Whitt, "Real-Time
Delay Estimation in Overloaded Multiserver Queues with Abandonments", MS 2009). Both
lag when the load swings, so they only weigh in, for newcomers and by their own class:
the line goes by deadlines, and what a dispute waited says nothing to small talk. The true spread is wider than exponential in bad hours: the coverage of the
range is measured, not assumed, by ``tidegate plan`` and ``tidegate loadtest people`` on
virtual time and by the metric ``eta_waits`` on real customers.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.handoff.hours import ALWAYS, Hours
from gateway.handoff.policy import HandoffPolicy


#: Standard normal quantile of 0.9.
Z90 = 1.2816
#: Urgent customers who come later go first: so much longer the p90 is.
OVERTAKEN = 1.5
#: The line's drain is looked at over so long, in milliseconds, and weighs as much as
#: the model after so many who were served in it.
DRAIN_MS, DRAIN_FEW = 300_000, 10
#: Weight of LES and HOL beside the model.
LATELY = 0.4
#: Weight of the declared handling time, in measurements.
PRIOR = 5
#: A promise is rounded up to this, in milliseconds.
PROMISE_STEP_MS = 300_000


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the line looks like to somebody who stands in it.

    Attributes:
        ahead: Handoffs before this one in the line.

        free: Capacity units of present operators that nobody uses.

        capacity: All capacity units of present operators.

        handled_ms: Latest handling times, claim to the end of the wrap-up.

        now_ms: When.

        waits: Latest waits that ended with an operator: when, how long (ms), class.

        head: How long the head of the line waits already (ms), and its class; None
            if there is none.

        kind: Class of a newcomer; empty for somebody who asks from within the line.
    """

    ahead: int
    free: int
    capacity: int
    handled_ms: Sequence[int] = ()
    now_ms: int = 0
    waits: Sequence[tuple[int, int, str]] = ()
    head: tuple[int, str] | None = None
    kind: str = ""


def estimate(load: Load, policy: HandoffPolicy) -> tuple[int, int] | None:
    """
    Seconds to an operator as (p50, p90), whole and at least 1.

    None if nobody is present: there is no honest number then.
    """
    if load.capacity <= 0:
        return None
    turn = load.ahead + 1 - load.free
    if turn <= 0:
        return max(1, round(policy.pickup_s)), max(1, round(policy.offer_s))
    rate = _service_rate(load, policy)
    p50 = _erlang(turn, 0.0) / rate + policy.pickup_s
    p90 = _erlang(turn, Z90) * OVERTAKEN / rate + policy.offer_s
    lately = _lately_s(load)
    if lately is not None:
        p50 += LATELY * (lately - p50)
        p90 = max(p90, p90 + LATELY * (lately - p90))
    return max(1, round(p50)), max(1, round(p90))


def _service_rate(load: Load, policy: HandoffPolicy) -> float:
    """Handoffs a second that get their operator: by the model, and as seen lately."""
    model = load.capacity / mean_handling_s(load.handled_ms, policy)
    since = [at for at, _, _ in load.waits if at > load.now_ms - DRAIN_MS]
    if len(since) < 2 or load.head is None:  # noqa: PLR2004 - one makes no rate
        return model
    is_whole = len(since) < len(load.waits)
    span_ms = DRAIN_MS if is_whole else load.now_ms - min(since)
    seen = len(since) * 1000 / max(1, span_ms)
    weight = len(since) / (len(since) + DRAIN_FEW)
    return float(model ** (1 - weight) * seen**weight)


def _lately_s(load: Load) -> float | None:
    """LES or HOL of the newcomer's class, the longer; None where they say nothing."""
    if not load.kind or load.head is None:
        return None
    since = load.now_ms - DRAIN_MS
    last = next((w for w in load.waits if w[2] == load.kind and w[0] > since), None)
    found = [last[1]] if last else []
    found += [load.head[0]] if load.head[1] == load.kind else []
    return max(found) / 1000 if found else None


def mean_handling_s(handled_ms: Sequence[int], policy: HandoffPolicy) -> float:
    """Mean seconds from claim to close, drawn to the declared value."""
    total_s = sum(handled_ms) / 1000 + PRIOR * policy.handling_s
    return max(1.0, total_s / (len(handled_ms) + PRIOR))


def promise_ms(
    open_tickets: int,
    handled_ms: Sequence[int],
    now_ms: int,
    policy: HandoffPolicy,
    hours: Hours = ALWAYS,
) -> int:
    """
    Wall time by which a new ticket will be answered, in working time.

    The tickets before it, each at the usual handling time, shared by the
    people who work on tickets; never less than the declared least.
    """
    backlog_s = (open_tickets + 1) * mean_handling_s(handled_ms, policy)
    wait_s = max(policy.ticket_s, 2 * backlog_s / policy.ticket_staff)
    due_ms = hours.after(now_ms, int(wait_s * 1000))
    return -(-due_ms // PROMISE_STEP_MS) * PROMISE_STEP_MS


def _erlang(turns: int, z: float) -> float:
    """Quantile of a sum of *turns* unit exponentials."""
    spread = 1 / (9 * turns)
    return float(turns * (1 - spread + z * spread**0.5) ** 3)
