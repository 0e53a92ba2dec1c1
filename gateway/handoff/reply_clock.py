"""
The clock by which marketplaces rate a shop's people.

A round begins with the customer's first unanswered words to a person and ends with
an operator's; what the machine says does not count. Rounds that begin outside the
profile's hours don't count either. A round is *missed* the moment its time is over,
answered later or never; one whose customer leaves before that is not counted.

Profiles are data: ``[people.reply_clocks.NAME]`` adds or replaces one, a shop picks
one by ``reply_clock = "NAME"``. What a marketplace really asks for is in its own
rules and changes: compare before you rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, timezone

import msgspec

from gateway.store.handoff import HandoffStore
from gateway.store.handoff_layout import Round


class ReplyClock(msgspec.Struct, frozen=True, kw_only=True):
    """
    One profile.

    Attributes:
        within_s: A person's word must come so soon.

        opens / closes: Rounds that begin in between count; *closes* at 00:00 means
            midnight.

        goal: Share of rounds to be met; the desk warns below it.

        utc_offset_min: Of the clock, east of UTC.
    """

    within_s: float
    opens: time = time(8)
    closes: time = time(23)
    goal: float = 0.85
    utc_offset_min: int = 480

    def at(self, now_ms: int) -> datetime:
        """The time of day on this clock."""
        zone = timezone(timedelta(minutes=self.utc_offset_min))
        return datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)

    def counts(self, asked_ms: int) -> bool:
        """True if a round that began then is rated."""
        at = self.at(asked_ms).time()
        return at >= self.opens and (self.closes == time(0) or at < self.closes)

    def due_ms(self, asked_ms: int) -> int | None:
        """When a round that began at *asked_ms* is missed; None if it is not rated."""
        if not self.counts(asked_ms):
            return None
        return asked_ms + int(self.within_s * 1000)


#: The profiles that are there without configuration.
PROFILES: Mapping[str, ReplyClock] = {
    "3min": ReplyClock(within_s=180),
    "5min": ReplyClock(within_s=300),
}


class ReplyRate(msgspec.Struct, frozen=True, kw_only=True):
    """
    A shop's day by its clock.

    Attributes:
        met / missed: Rounds since midnight.
    """

    within_s: float
    goal: float
    met: int = 0
    missed: int = 0


class ReplyClocks:
    """
    The clocks of all shops; a shop that is not named has none.

    Best effort beside the queue: a crash between a message and its mark costs one
    round of the statistics, never a message.
    """

    def __init__(self, store: HandoffStore, clocks: Mapping[str, ReplyClock]) -> None:
        self._store = store
        self._clocks = clocks

    async def asked(self, shop: str, handoff_id: str, at_ms: int) -> None:
        """The customer said something to a person; the first unanswered words count."""
        clock = self._clocks.get(shop)
        if clock is None:
            return
        day, due = self._day(clock, at_ms), clock.due_ms(at_ms)
        await self._store.clock(
            shop, Round(deed="ask", id=handoff_id, now_ms=at_ms, day=day, due=due)
        )

    async def replied(self, shop: str, handoff_id: str, at_ms: int) -> None:
        """An operator said something."""
        await self._end(shop, Round(deed="reply", id=handoff_id, now_ms=at_ms))

    async def ended(self, shop: str, handoff_id: str, at_ms: int) -> None:
        """No person's word is wanted any longer."""
        await self._end(shop, Round(deed="end", id=handoff_id, now_ms=at_ms))

    async def sweep(self, shop: str, now_ms: int) -> None:
        """Count the rounds whose time is over."""
        await self._end(shop, Round(deed="sweep", now_ms=now_ms))

    async def today(self, shop: str, now_ms: int) -> ReplyRate | None:
        """The day so far; None if the shop has no clock."""
        clock = self._clocks.get(shop)
        if clock is None:
            return None
        met, missed = await self._store.replies(shop, self._day(clock, now_ms))
        return ReplyRate(
            within_s=clock.within_s, goal=clock.goal, met=met, missed=missed
        )

    def due_ms(self, shop: str, asked_ms: int) -> int:
        """End of a round that began then; 0 if it is not rated."""
        clock = self._clocks.get(shop)
        return (clock.due_ms(asked_ms) or 0) if clock is not None else 0

    async def _end(self, shop: str, round_: Round) -> None:
        if shop in self._clocks:
            await self._store.clock(shop, round_)

    @staticmethod
    def _day(clock: ReplyClock, at_ms: int) -> str:
        return f"{clock.at(at_ms):%Y%m%d}"
