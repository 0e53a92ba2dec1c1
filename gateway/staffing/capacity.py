"""
What messages cost a gateway and its store, and what a day therefore needs.

The processor time of workers and store is so much a message of each tier, and so much a
second for being there; memory of the store so much a conversation and so much a message.
``tidegate loadtest forecast`` measures and checks it (:mod:`loadtest.capacity`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.staffing.erlang import Target, slots_needed
from gateway.staffing.planning import HALF_HOURS, Work, ordinary_day


#: Where messages end.
TIERS: Final = ("L1", "L2", "L3", "human")
#: Part of the messages that end on each, if nobody says.
SHARES: Final[Mapping[str, float]] = {"L1": 0.5, "L2": 0.3, "L3": 0.1, "human": 0.1}
#: Part of a core that is planned with; above it lines grow faster than work.
BUSY: Final = 0.6
#: Seconds of a half hour of the plan.
HALF_S: Final = 1800


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one run of a gateway with one store used.

    Attributes:
        messages: Tier -> messages that it was the last to work on.

        ended: Tier -> messages that it answered; ``human`` for those that people got or
            that were only offered a person.

        worker_s / store_s: Processor seconds.

        store_bytes: By how much the store's memory grew.
    """

    name: str
    seconds: float
    talks: int
    messages: dict[str, int]
    ended: dict[str, int] = msgspec.field(default_factory=dict)
    worker_s: float
    store_s: float
    store_bytes: int

    @property
    def count(self) -> int:
        """Messages of all tiers."""
        return sum(self.messages.values())


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """
    Processor time of one process.

    Attributes:
        us: Tier -> microseconds a message.

        idle: Part of a core for being there.
    """

    us: dict[str, float]
    idle: float

    def seconds(self, sample: Sample) -> float:
        """What a run like *sample* should use."""
        used = sum(self.us[tier] * n for tier, n in sample.messages.items())
        return used / 1e6 + self.idle * sample.seconds


class Capacity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What a message costs, measured on *hardware*.

    Attributes:
        talk_bytes: Memory of the store for a conversation while it is kept.

        message_bytes: Tier -> the same for a message with all that follows from it.
    """

    hardware: str
    measured: str
    worker: Costs
    store: Costs
    talk_bytes: float
    message_bytes: dict[str, float]

    def bytes(self, sample: Sample) -> float:
        """By how much the store should grow in a run like *sample*."""
        of_messages = sum(self.message_bytes[t] * n for t, n in sample.messages.items())
        return self.talk_bytes * sample.talks + of_messages


class DayOf(msgspec.Struct, frozen=True, kw_only=True):
    """
    A day to be planned for.

    Attributes:
        messages: Of customers in the whole day, spread as on an ordinary day.

        times: The busiest half hour's rate times this is what must be borne: a peak
            within minutes is higher than its half hour.

        shares: Tier -> part of the messages.

        talk: Messages a conversation.

        kept_days: How long conversations stay in the store.

        tokens: Of a model, prompt and reply, for a message of L2 or L3.
    """

    messages: float
    times: float = 2.0
    shares: Mapping[str, float] = msgspec.field(default_factory=lambda: SHARES)
    talk: float = 3.0
    kept_days: float = 7.0
    tokens: int = 900
    work: Work = Work()
    target: Target = Target()


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a day needs.

    Attributes:
        peak_per_s: Messages a second that must be borne.

        workers: Processes, one a core, at :data:`BUSY` of a core.

        shards: Stores, each on one core, at the same.

        memory_gb: Of all stores together.

        tokens_per_minute: At the peak.

        operators: On duty in the busiest half hour; *operator_hours* of the day.
    """

    peak_per_s: float
    workers: int
    shards: int
    memory_gb: float
    tokens_per_minute: float
    operators: int
    operator_hours: float


def needs(capacity: Capacity, day: DayOf) -> Needs:
    """
    What *day* needs.

    Raises:
        ValueError: If the shares do not add up to 1 or name no tier.
    """
    if set(day.shares) - set(TIERS) or abs(sum(day.shares.values()) - 1) > 0.01:  # noqa: PLR2004 - rounding
        raise ValueError(f"shares of {', '.join(TIERS)} must add up to 1")
    curve = [one / day.messages for one in ordinary_day(day.messages)]
    peak = max(curve) * day.messages / HALF_S * day.times
    model_share = day.shares.get("L2", 0.0) + day.shares.get("L3", 0.0)
    kept = day.messages * day.kept_days
    each = sum(capacity.message_bytes[tier] * n for tier, n in day.shares.items())
    memory = kept * (each + capacity.talk_bytes / day.talk)
    people = [_operators(day, share) for share in curve]
    return Needs(
        peak_per_s=peak,
        workers=_cores(capacity.worker, peak, day.shares),
        shards=_cores(capacity.store, peak, day.shares),
        memory_gb=memory / 1e9,
        tokens_per_minute=peak * 60 * model_share * day.tokens,
        operators=max(people),
        operator_hours=sum(people) * 24 / HALF_HOURS,
    )


def _cores(costs: Costs, per_s: float, shares: Mapping[str, float]) -> int:
    us = sum(costs.us[tier] * share for tier, share in shares.items())
    return max(1, math.ceil(per_s * us / 1e6 / (BUSY - min(costs.idle, BUSY / 2))))


def _operators(day: DayOf, share: float) -> int:
    """A conversation is handed over once, however many messages it has."""
    handoffs = day.messages * share * day.shares.get("human", 0.0) / day.talk
    work = day.work
    slots = slots_needed(handoffs * 2, work.handling_s, work.patience_s, day.target)
    return math.ceil(slots / work.talks)
