"""
What the house still does under how much load: rungs, with hysteresis.

    0 normal           everything
    1 cheaper          answers the cheap way: short, no second look, small model
    2 tasks_for_few    new L3 work only for disputes and paid orders
    3 people_for_few   new L2 and L3 work only for them; the rest to people
    4 rules_only       L1 answers; everything else gets a person or a ticket

A rung is climbed after three bad windows and left after fifteen seconds of good
ones. Any shortage leads to rung 1. Further up only trouble that the cursor does
not cure leads: most of what was let in fails. When not even an acknowledgement
can be kept, the store refuses before it (503): that is no rung of this ladder.

A pin holds a rung whatever happens; a sale holds at least rung 1 ahead of time.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from gateway.admission.priority import Priority


#: Bad windows in a row before the next rung.
UP_AFTER = 3
#: Seconds of good windows before the one below.
DOWN_AFTER_S = 15.0

OPEN = len(Priority)


class Rung(IntEnum):
    """How much is done, see the module."""

    NORMAL = 0
    CHEAPER = 1
    TASKS_FOR_FEW = 2
    PEOPLE_FOR_FEW = 3
    RULES_ONLY = 4


class TideOrders(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What people ordered for one shop, in all workers. Wall times in ms.

    Attributes:
        pin: The rung that holds; None lets the ladder move.

        pin_until_ms: When the pin ends by itself; 0 never.

        sale_from_ms / sale_until_ms: The sale; 0 for none.

        by: Who ordered it, for the log.
    """

    pin: int | None = None
    pin_until_ms: int = 0
    sale_from_ms: int = 0
    sale_until_ms: int = 0
    by: str = ""

    def pinned(self, now_ms: int) -> Rung | None:
        """The rung that holds now."""
        if self.pin is None or (self.pin_until_ms and now_ms >= self.pin_until_ms):
            return None
        return Rung(self.pin)

    def is_sale(self, now_ms: int) -> bool:
        """True while a sale is on."""
        return self.sale_from_ms <= now_ms < self.sale_until_ms


class Ladder:
    """The rung of this process, as the windows of its pools move it."""

    def __init__(self) -> None:
        self.rung = Rung.NORMAL
        self._bad = self._severe = 0
        self._good_since = 0.0

    def observe(self, now: float, *, is_bad: bool, is_severe: bool, top: Rung) -> None:
        """
        One window ended.

        Args:
            top: The highest rung that could help against what is bad.
        """
        self._severe = self._severe + 1 if is_severe else 0
        self._bad = self._bad + 1 if is_bad or is_severe else 0
        if self._bad:
            self._good_since = now
        is_first = self.rung is Rung.NORMAL and self._bad >= UP_AFTER
        if is_first or (0 < self.rung < top and self._severe >= UP_AFTER):
            self._climb(now, 1)
        elif self.rung and now - self._good_since >= DOWN_AFTER_S:
            self._climb(now, -1)

    def _climb(self, now: float, by: int) -> None:
        self.rung = Rung(self.rung + by)
        self._bad = self._severe = 0
        self._good_since = now


def rung_under(orders: TideOrders, rung: Rung, now_ms: int) -> Rung:
    """What holds for a shop: *rung* is the ladder's own."""
    pinned = orders.pinned(now_ms)
    if pinned is not None:
        return pinned
    return max(rung, Rung.CHEAPER) if orders.is_sale(now_ms) else rung


def closed_from(rung: Rung, *, is_agent: bool) -> int:
    """From which class on new conversations are kept out of L3 (*is_agent*) or L2."""
    if rung is Rung.RULES_ONLY:
        return 0
    first = Rung.TASKS_FOR_FEW if is_agent else Rung.PEOPLE_FOR_FEW
    return Priority.PRESALE if rung >= first else OPEN
