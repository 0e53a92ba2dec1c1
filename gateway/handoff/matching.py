"""
Who gets which handoff: earliest deadline first, to the least busy operator.

Pure: the same board gives the same pairs. The store's compare-and-set decides
whether a pair still holds; a loser is matched again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from gateway.handoff.states import Handoff


class OperatorSeat(msgspec.Struct, frozen=True, kw_only=True):
    """
    An operator who is present.

    Attributes:
        capacity: Conversations at once.

        held: Capacity units in use: offers, talks, wrap-ups.

        is_away: Present, but gets no offers.

        until_ms: Counts as gone after this, unless a heartbeat comes.

        offered_ms: When the last offer was made to them.

        skills: What they are asked for first, languages included; empty means
            everything.
    """

    name: str
    display: str
    capacity: int
    held: int
    is_away: bool
    until_ms: int
    offered_ms: int = 0
    skills: tuple[str, ...] = ()

    @property
    def free(self) -> int:
        """Units that an offer may use."""
        return 0 if self.is_away else max(0, self.capacity - self.held)


class Relaxation(msgspec.Struct, frozen=True, kw_only=True):
    """
    After how much waiting who is asked too. Milliseconds.

    Attributes:
        any_skill_ms: Operators who lack the skill but speak the language.

        any_language_ms: Everybody.
    """

    any_skill_ms: int = 30_000
    any_language_ms: int = 90_000

    def needs(self, handoff: Handoff, now_ms: int) -> tuple[str, ...]:
        """What an operator must have to be asked now."""
        waited_ms = now_ms - handoff.queued_ms
        if waited_ms >= self.any_language_ms:
            return ()
        return handoff.needs[-1:] if waited_ms >= self.any_skill_ms else handoff.needs


def pairs(
    line: Sequence[Handoff],
    seats: Iterable[OperatorSeat],
    now_ms: int,
    relaxation: Relaxation | None = None,
) -> Iterator[tuple[Handoff, OperatorSeat]]:
    """
    Offers to make now, in order; *line* has the earliest deadline first.

    No operator gets more than their free capacity, but one who holds nothing may
    get one of any weight. A heavy one whose deadline is over, and for whom nobody has
    enough room, keeps the roomiest operator from what comes later in the line: else
    light ones would take every unit that comes free, and it would starve.
    """
    relaxation = relaxation or Relaxation()
    by_name = {seat.name: seat for seat in seats if seat.until_ms > now_ms}
    free = {name: seat.free for name, seat in by_name.items()}
    for handoff in line:
        needs = relaxation.needs(handoff, now_ms)
        candidates = [
            seat
            for name, seat in by_name.items()
            if _fits(handoff, seat, free[name], now_ms)
            and (not seat.skills or all(need in seat.skills for need in needs))
        ]
        if candidates:
            chosen = max(candidates, key=lambda seat: _rank(seat, free[seat.name]))
            free[chosen.name] -= handoff.weight
            yield handoff, chosen
        elif handoff.weight > 1 and handoff.deadline_ms <= now_ms:
            _keep_room(handoff, by_name.values(), free, needs, now_ms)


def _keep_room(
    handoff: Handoff,
    seats: Iterable[OperatorSeat],
    free: dict[str, int],
    needs: tuple[str, ...],
    now_ms: int,
) -> None:
    """Nobody later in the line gets the units of the operator who could come first."""
    could = [
        seat
        for seat in seats
        if not seat.is_away
        and free[seat.name] >= 0
        and _may_meet(handoff, seat, now_ms)
        and (not seat.skills or all(need in seat.skills for need in needs))
    ]
    if could:
        kept = max(could, key=lambda seat: (free[seat.name], -seat.held, seat.name))
        free[kept.name] = -1


def _fits(handoff: Handoff, seat: OperatorSeat, free: int, now_ms: int) -> bool:
    """Enough capacity is free, and the two are not kept apart."""
    is_alone = free == seat.capacity
    if free <= 0 or (free < handoff.weight and not is_alone):
        return False
    return _may_meet(handoff, seat, now_ms)


def _may_meet(handoff: Handoff, seat: OperatorSeat, now_ms: int) -> bool:
    """The two are not kept apart."""
    if handoff.wanted and handoff.wanted_until_ms > now_ms:
        return handoff.wanted == seat.name
    return handoff.excluded.get(seat.name, 0) <= now_ms


def _rank(seat: OperatorSeat, free: int) -> tuple[float, int, str]:
    """Largest free share first, then who waited longest for an offer."""
    return free / seat.capacity, -seat.offered_ms, seat.name
