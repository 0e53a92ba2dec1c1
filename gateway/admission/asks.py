"""
What a pool is asked for, what it says, and the line of those who wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from heapq import heappop, heappush

import msgspec

from gateway.admission.priority import Priority


class Verdict(StrEnum):
    """What becomes of a turn at a pool."""

    #: It holds a slot; it must be given back with ``Pool.done``.
    RUN = "run"
    #: It stands in the line.
    WAIT = "wait"
    #: A new conversation that stands behind the cursor.
    CURSOR = "cursor"
    #: No slot would come free early enough.
    NO_TIME = "no_time"
    #: It waited until too little time was left.
    TOO_LATE = "too_late"
    #: The ladder's rung keeps its class out.
    CLOSED = "closed"
    #: Whoever asked went away.
    LEFT = "left"


class End(StrEnum):
    """How a turn's work ended."""

    #: In time, whatever the answer.
    DONE = "done"
    #: It ran into its deadline.
    TIMEOUT = "timeout"
    #: The backend refused it.
    REFUSED = "refused"
    #: It was given up for reasons of ours.
    CANCELLED = "cancelled"


class Ask(msgspec.Struct, kw_only=True, eq=False):
    """
    A turn that wants a slot. Times are readings of one monotonic clock, in s.

    Attributes:
        is_continuing: The pool let an earlier turn of the episode in.

        is_shut_out: The ladder keeps new conversations of this class out.

        draw: The user's draw of the hour, 0 up to 1.

        verdict: Set by the pool.
    """

    shop: str
    priority: Priority
    is_continuing: bool
    draw: float
    at: float
    deadline: float
    is_shut_out: bool = False
    verdict: Verdict = Verdict.WAIT
    started: float = 0.0

    @property
    def rank(self) -> int:
        """Place of its kind in the line, see :data:`RANKS`."""
        return _RANK[self.is_continuing][self.priority]


#: Kinds of turns, who goes first: the top class, then going conversations, then
#: new ones by class.
RANKS: tuple[tuple[bool, Priority], ...] = (
    (True, Priority.DISPUTE),
    (False, Priority.DISPUTE),
    (True, Priority.OPEN_ORDER),
    (True, Priority.PRESALE),
    (True, Priority.BACKGROUND),
    (False, Priority.OPEN_ORDER),
    (False, Priority.PRESALE),
    (False, Priority.BACKGROUND),
)
_RANK = [
    [RANKS.index((is_continuing, priority)) for priority in Priority]
    for is_continuing in (False, True)
]


class Line:
    """
    Those who wait, by kind; inside a kind weighted fair between shops.

    Start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996): each turn gets a
    start tag when it comes, the lowest tag goes first. Constant in the number of
    shops, logarithmic in the length.

    Args:
        weights: Share of a shop; 1 if it is not named.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._heaps: list[list[tuple[float, int, Ask]]] = [[] for _ in RANKS]
        self._counts = [0] * len(RANKS)
        self._of: list[Counter[str]] = [Counter() for _ in RANKS]
        self._finish: list[dict[str, float]] = [{} for _ in RANKS]
        self._virtual = [0.0] * len(RANKS)
        self._number = 0
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Ask]:
        for heap in self._heaps:
            yield from (ask for _, _, ask in heap if ask.verdict is Verdict.WAIT)

    def add(self, ask: Ask) -> None:
        """Stand at the end of the shop's turns of this kind."""
        rank = ask.rank
        finish = self._finish[rank]
        tag = max(self._virtual[rank], finish.get(ask.shop, 0.0))
        finish[ask.shop] = tag + 1.0 / self._weights.get(ask.shop, 1.0)
        self._number += 1
        ask.verdict = Verdict.WAIT
        heappush(self._heaps[rank], (tag, self._number, ask))
        self._counts[rank] += 1
        self._of[rank][ask.shop] += 1
        self._length += 1

    def first(self, rank: int) -> Ask | None:
        """Who is next of a kind."""
        heap = self._heaps[rank]
        while heap:
            ask = heap[0][2]
            if ask.verdict is Verdict.WAIT:
                return ask
            heappop(heap)
        self._finish[rank].clear()
        return None

    def take(self, ask: Ask, verdict: Verdict) -> None:
        """*ask* leaves the line, wherever it stands, with *verdict*."""
        rank = ask.rank
        heap = self._heaps[rank]
        if heap and heap[0][2] is ask:
            self._virtual[rank] = heappop(heap)[0]
        ask.verdict = verdict
        self._counts[rank] -= 1
        self._of[rank][ask.shop] -= 1
        if not self._of[rank][ask.shop]:
            del self._of[rank][ask.shop]
        self._length -= 1

    def count(self, rank: int) -> int:
        """How many of a kind wait."""
        return self._counts[rank]

    def has_of(self, rank: int, shop: str) -> bool:
        """True if a turn of *shop* of this kind waits."""
        return shop in self._of[rank]

    def ahead(self, rank: int) -> int:
        """How many go before a newcomer of this kind."""
        return sum(self._counts[: rank + 1])

    def has_new(self) -> bool:
        """True if a new conversation waits."""
        return any(
            count
            for count, (is_continuing, _) in zip(self._counts, RANKS, strict=True)
            if not is_continuing
        )
