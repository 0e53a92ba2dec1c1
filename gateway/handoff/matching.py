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
    """

    name: str
    display: str
    capacity: int
    held: int
    is_away: bool
    until_ms: int
    offered_ms: int = 0

    @property
    def free(self) -> int:
        """Units that an offer may use."""
        return 0 if self.is_away else max(0, self.capacity - self.held)


def pairs(
    line: Sequence[Handoff], seats: Iterable[OperatorSeat], now_ms: int
) -> Iterator[tuple[Handoff, OperatorSeat]]:
    """
    Offers to make now, in order; *line* has the earliest deadline first.

    No operator is named more often than they have free capacity.
    """
    free = {seat.name: seat.free for seat in seats if seat.until_ms > now_ms}
    by_name = {seat.name: seat for seat in seats}
    for handoff in line:
        candidates = [
            by_name[name]
            for name, units in free.items()
            if units > 0 and handoff.excluded.get(name, 0) <= now_ms
        ]
        if candidates:
            chosen = max(candidates, key=lambda seat: _rank(seat, free[seat.name]))
            free[chosen.name] -= 1
            yield handoff, chosen


def _rank(seat: OperatorSeat, free: int) -> tuple[float, int, str]:
    """Largest free share first, then who waited longest for an offer."""
    return free / seat.capacity, -seat.offered_ms, seat.name
