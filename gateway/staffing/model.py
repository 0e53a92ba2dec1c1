"""
A day of the human queue on virtual time.

Everything the queue decides is decided by its own code: who gets a place and what
wait they are told (``eta``), who is offered to whom (``matching``), and every move
of a handoff (``moves``). Simulated are only the people: when they come, how long
they wait, how long they talk, whether they look at an offer.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from heapq import heappop, heappush

import msgspec

from engines.contract import Risk
from gateway.handoff import eta, matching, moves
from gateway.handoff.matching import OperatorSeat
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.states import Handoff, HandoffRequest, Move, State
from gateway.handoff.steps import Place, Step


PERIOD_MS = 1_800_000
#: Handling times that the estimate of a wait looks at, as in the store.
MEASUREMENTS = 50
#: Virtual time begins here: the clock of the queue is a wall clock.
START_MS = 1_760_000_000_000


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """
    What comes, and who is there.

    Attributes:
        arrivals: Handoffs of each half hour.

        operators: People of each half hour, each with *capacity* talks at once.

        handling_s / handling_cv: Mean and spread of a talk (lognormal).

        wrap_s: Mean time of wrapping one up, cut off by the policy's.

        reaction_s: Mean time until an operator looks at an offer.

        ignored: Share of offers that nobody looks at.

        shares: Of the classes: high, medium, low risk.
    """

    arrivals: Sequence[float]
    operators: Sequence[int]
    capacity: int = 3
    handling_s: float = 480.0
    handling_cv: float = 0.8
    wrap_s: float = 15.0
    patience_s: float = 300.0
    reaction_s: float = 4.0
    ignored: float = 0.03
    shares: tuple[float, float, float] = (0.1, 0.3, 0.6)


class Period(msgspec.Struct, kw_only=True):
    """What became of those who came in one half hour."""

    came: int = 0
    served: int = 0
    left: int = 0
    ticketed: int = 0
    waits_s: list[float] = msgspec.field(default_factory=list)


class Result(msgspec.Struct, kw_only=True):
    """
    A simulated day.

    Attributes:
        told / within: Served customers who had been told a range, and those whose
            wait was within its p90.

        doubled: Handoffs that two operators held; must stay 0.

        disorder: Offers that passed over somebody with an earlier deadline whom
            the operator could have had; must stay 0.

        longest_s: Longest time in the line of anybody.

        jain: Fairness of the shares served, over groups of users of a class.
    """

    periods: list[Period]
    told: int = 0
    within: int = 0
    errors: list[float] = msgspec.field(default_factory=list)
    doubled: int = 0
    disorder: int = 0
    longest_s: float = 0.0
    events: int = 0
    unfinished: int = 0
    groups: Counter[tuple[str, int, bool]] = msgspec.field(default_factory=Counter)

    @property
    def coverage(self) -> float:
        """Share of told waits that the told p90 covered."""
        return self.within / self.told if self.told else 1.0

    def jain(self, risk: Risk) -> float:
        """Jain's index of the shares served, over ten groups of users."""
        shares = [
            self.groups[risk, group, True]
            / max(1, self.groups[risk, group, True] + self.groups[risk, group, False])
            for group in range(10)
        ]
        squares = sum(share * share for share in shares)
        return sum(shares) ** 2 / (10 * squares) if squares else 1.0


class _Seat(msgspec.Struct):
    name: str
    is_here: bool = True
    offered_ms: int = 0
    held: dict[str, int] = msgspec.field(default_factory=dict)


class Model:
    """One day, one seed."""

    def __init__(self, day: Day, policy: HandoffPolicy, seed: int) -> None:
        self._day = day
        self._policy = policy
        self._rng = random.Random(seed)  # noqa: S311 - a simulation
        self._now = START_MS
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._records: dict[str, Handoff] = {}
        self._line: dict[str, Handoff] = {}
        self._seats: dict[str, _Seat] = {}
        self._handled: list[int] = []
        self._waits: list[tuple[int, int, str]] = []
        self._tickets = 0
        variance = math.log(1 + day.handling_cv**2)
        self._sigma = math.sqrt(variance)
        self._mu = math.log(day.handling_s) - variance / 2
        self.result = Result(periods=[Period() for _ in day.arrivals])

    def run(self) -> Result:
        """Let the day pass, and another one in which nobody comes."""
        for number in range(len(self._day.arrivals)):
            self._at(number * PERIOD_MS, partial(self._begin, number))
        while self._heap:
            self._now, _, happen = heappop(self._heap)
            self.result.events += 1
            happen()
        self.result.unfinished = len(self._line)
        return self.result

    def _at(self, after_ms: float, happen: Callable[[], None]) -> None:
        when = START_MS + int(after_ms)
        heappush(self._heap, (when, len(self._heap) + self.result.events, happen))

    def _in(self, seconds: float, happen: Callable[[], None]) -> None:
        self._at(self._now - START_MS + seconds * 1000, happen)

    def _begin(self, number: int) -> None:
        """A half hour begins: the shift changes, customers will come."""
        wanted = self._day.operators[number]
        for place in range(max(wanted, len(self._seats))):
            seat = self._seats.setdefault(f"op{place}", _Seat(f"op{place}"))
            seat.is_here = place < wanted
        rate = self._day.arrivals[number]
        at = self._rng.expovariate(rate) if rate else 1.0
        while at < 1.0:
            self._in(at * PERIOD_MS / 1000, lambda: self._come(number))
            at += self._rng.expovariate(rate)
        self._offer()

    def _come(self, number: int) -> None:
        period = self.result.periods[number]
        period.came += 1
        risk = self._rng.choices((Risk.HIGH, Risk.MEDIUM, Risk.LOW), self._day.shares)[
            0
        ]
        user = self._rng.randrange(1000)
        request = HandoffRequest(
            id=f"h{len(self._records)}",
            conversation_id=f"c{len(self._records)}",
            user_id=f"u{user}",
            channel="web",
            reason="asked_human",
            risk=risk,
            summary="",
            locale="zh",
            created_ms=self._now,
            context={"period": number},
        )
        place = self._place(request)
        if place is None:
            promised = eta.promise_ms(
                self._tickets, self._handled, self._now, self._policy
            )
            step = moves.open_ticket(request, promised, self._now, self._policy)
            self._write(step)
            self._tickets += 1
            period.ticketed += 1
            self._count(step.after, is_served=False)
            return
        step = moves.enqueue(request, place, self._now, self._policy)
        self._write(step)
        patience_s = self._rng.expovariate(1 / self._day.patience_s)
        self._in(patience_s, lambda: self._leave(request.id))
        limit_s = (step.after.expires_ms - self._now) / 1000
        self._in(limit_s, lambda: self._expire(request.id))
        self._offer()

    def _place(self, request: HandoffRequest) -> Place | None:
        deadline_ms = self._now + self._policy.target_ms(request.risk)
        ahead = sum(h.deadline_ms <= deadline_ms for h in self._line.values())
        seats = self._present()
        head = min(self._line.values(), key=_urgency, default=None)
        load = eta.Load(
            ahead=ahead,
            free=sum(seat.free for seat in seats),
            capacity=sum(seat.capacity for seat in seats),
            handled_ms=self._handled,
            now_ms=self._now,
            waits=self._waits,
            head=(self._now - head.queued_ms, head.risk) if head is not None else None,
            kind=request.risk,
        )
        told_s = eta.estimate(load, self._policy)
        limit_ms = self._policy.limit_ms(request.risk)
        if told_s is None or told_s[1] * 1000 > limit_ms:
            return None
        is_full = len(self._line) >= self._policy.max_queue
        return None if is_full else Place(position=ahead + 1, eta_s=told_s)

    def _present(self) -> list[OperatorSeat]:
        return [
            OperatorSeat(
                name=seat.name,
                display=seat.name,
                capacity=self._day.capacity,
                held=sum(seat.held.values()),
                is_away=False,
                until_ms=self._now + 1,
                offered_ms=seat.offered_ms,
            )
            for seat in self._seats.values()
            if seat.is_here
        ]

    def _offer(self) -> None:
        """As the mover's round of offers."""
        line = sorted(self._line.values(), key=_urgency)
        if not line:
            return
        offered: list[Handoff] = []
        for handoff, seat in matching.pairs(line, self._present(), self._now):
            self._check_order(line, offered, handoff, seat.name)
            offered.append(handoff)
            step = moves.offer(
                handoff, seat.name, seat.display, self._now, self._policy
            )
            self._write(step)
            self._seats[seat.name].offered_ms = self._now
            self._seats[seat.name].held[handoff.id] = handoff.weight
            self._look_at(step.after)

    def _check_order(
        self, line: list[Handoff], offered: list[Handoff], one: Handoff, name: str
    ) -> None:
        for earlier in line:
            if earlier is one:
                return
            could = earlier.excluded.get(name, 0) <= self._now
            fits = earlier.weight <= one.weight
            if could and fits and earlier not in offered:
                self.result.disorder += 1

    def _look_at(self, offered: Handoff) -> None:
        version, handoff_id = offered.version, offered.id
        is_ignored = self._rng.random() < self._day.ignored
        reaction_s = self._rng.expovariate(1 / self._day.reaction_s)
        if not is_ignored and reaction_s < self._policy.offer_s:
            self._in(reaction_s, lambda: self._claim(handoff_id, version))
        else:
            self._in(self._policy.offer_s, lambda: self._lapse(handoff_id, version))

    def _claim(self, handoff_id: str, version: int) -> None:
        handoff = self._records[handoff_id]
        if handoff.version != version:
            return
        holders = [s for s in self._seats.values() if handoff_id in s.held]
        self.result.doubled += len(holders) != 1
        step = moves.claim(handoff, self._now, self._policy)
        self._write(step)
        wait = (self._now, step.waited_ms or 0, str(handoff.risk))
        self._waits = [wait, *self._waits][:MEASUREMENTS]
        self._score(step.after)
        talk_s = self._rng.lognormvariate(self._mu, self._sigma)
        self._in(talk_s, lambda: self._finish(handoff_id))

    def _score(self, active: Handoff) -> None:
        waited_s = (self._now - active.queued_ms) / 1000
        period = self.result.periods[active.context["period"]]
        period.served += 1
        period.waits_s.append(waited_s)
        self._count(active, is_served=True)
        self.result.longest_s = max(self.result.longest_s, waited_s)
        if active.told_s is not None:
            self.result.told += 1
            self.result.within += waited_s <= active.told_s[1]
            self.result.errors.append(waited_s - active.told_s[0])

    def _count(self, handoff: Handoff, *, is_served: bool) -> None:
        group = int(handoff.user_id[1:]) % 10
        self.result.groups[handoff.risk, group, is_served] += 1

    def _lapse(self, handoff_id: str, version: int) -> None:
        handoff = self._records[handoff_id]
        if handoff.version != version:
            return
        self._drop(handoff)
        self._write(moves.put_back(handoff, Move.LAPSE, self._now, self._policy))
        self._offer()

    def _finish(self, handoff_id: str) -> None:
        handoff = self._records[handoff_id]
        wrap_s = self._policy.wrap_s
        self._write(moves.finish(handoff, "solved", None, self._now, wrap_s))
        wrap_s = min(wrap_s, self._rng.expovariate(1 / self._day.wrap_s))
        self._in(wrap_s, lambda: self._wrapped(handoff_id))

    def _wrapped(self, handoff_id: str) -> None:
        step = moves.save(self._records[handoff_id], self._now)
        self._write(step)
        self._handled = [step.handled_ms or 0, *self._handled][:MEASUREMENTS]
        self._drop(step.after)
        self._offer()

    def _leave(self, handoff_id: str) -> None:
        handoff = self._records[handoff_id]
        if handoff.state not in {State.QUEUED, State.OFFERED}:
            return
        self._drop(handoff)
        self._write(moves.leave(handoff, self._now))
        self.result.periods[handoff.context["period"]].left += 1
        waited_s = (self._now - handoff.queued_ms) / 1000
        self.result.longest_s = max(self.result.longest_s, waited_s)
        self._offer()

    def _expire(self, handoff_id: str) -> None:
        handoff = self._records[handoff_id]
        if handoff.state is not State.QUEUED:
            return
        promised = eta.promise_ms(self._tickets, self._handled, self._now, self._policy)
        self._write(moves.become_ticket(handoff, Move.OVERDUE, promised, self._now))
        self._tickets += 1
        self.result.periods[handoff.context["period"]].ticketed += 1
        self._count(handoff, is_served=False)

    def _drop(self, handoff: Handoff) -> None:
        for seat in self._seats.values():
            seat.held.pop(handoff.id, None)

    def _write(self, step: Step) -> None:
        after = step.after
        if step.before is not None:
            known = self._records[after.id]
            self.result.doubled += known.version != step.before.version
        self._records[after.id] = after
        if after.state is State.QUEUED:
            self._line[after.id] = after
        else:
            self._line.pop(after.id, None)


def _urgency(handoff: Handoff) -> tuple[int, str]:
    return handoff.deadline_ms, handoff.id
