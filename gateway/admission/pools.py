"""
A bulkhead: so many turns at once on a tier, and a line bounded by time left.

A full pool never holds up another one. A turn that would wait past its deadline
is diverted at once instead of after the wait; so is one whose rest of time is
shorter than a usual answer. Turning *conversations* away at their first turn
finishes nearly as many as there is capacity for; turning single messages away
finishes almost none (``tidegate loadtest tide`` shows both).

Nothing here waits or reads a clock: :class:`Pool` is a state machine that a
simulation drives on virtual time and :mod:`gateway.admission.bulkhead` in a
running gateway.

    offer ──> run            a slot is free
       ├────> wait ──> run | too_late | left
       └────> cursor | no_time | closed
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from gateway.admission.asks import RANKS, Ask, End, Line, Verdict
from gateway.admission.cursor import Cursor
from gateway.admission.durations import Durations
from gateway.admission.limit import Limit
from gateway.admission.priority import Priority


#: An answer's usual time counts for at most this share of a turn's whole time:
#: when all answers are slow some must still be tried, or nobody would notice
#: that they are fast again.
HOPE = 0.4
#: As above, for a slow answer.
SLOW_HOPE = 0.75
#: Share of those let in that fail, from which a window is severe: the cursor does
#: not cure that.
SEVERE_SHARE = 0.9
#: Share of the slots in use below which a pool has slots to spare.
IDLE = 0.9
#: Windows without a turn that are caught up on.
QUIET_WINDOWS = 30
#: Share of the slots that a shop beyond its own share leaves free while other shops
#: are about: they would find each slot taken, and wait for one at every turn.
HEADROOM = 0.125
#: From so many slots on it is at least one: below, one would be too much of them.
HEADROOM_FROM = 4
#: Windows for which a shop that asked counts as about.
ABOUT_WINDOWS = 30
#: Kinds whose share is capped while new conversations wait.
_GOING = tuple(
    rank
    for rank, (is_continuing, priority) in enumerate(RANKS)
    if is_continuing and priority is not Priority.DISPUTE
)


class PoolPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """
    The declared limits of one pool.

    Attributes:
        slots: Most turns at once.

        service_s: Usual time of an answer, until measured.

        target_s: Mean queueing time of a window above which too many are in.

        reserve: Share of the slots kept for the top class.

        continuing_share: Share of the slots that going conversations may take
            while new ones wait.

        is_fixed: The limit does not move (a pool of our own CPU).

        window_s / window_asks: A window ends after so long, or so many turns.
    """

    slots: int
    service_s: float
    target_s: float
    reserve: float = 0.1
    continuing_share: float = 0.8
    is_fixed: bool = False
    window_s: float = 1.0
    window_asks: int = 2_000


def headroom(slots: int) -> int:
    """Slots that a shop beyond its share leaves free; see :data:`HEADROOM`."""
    return max(int(HEADROOM * slots), int(slots >= HEADROOM_FROM))


class Pool:
    """
    Slots of one tier or backend in this process.

    Args:
        weights: Share of a shop under overload; 1 if it is not named.
    """

    def __init__(
        self, policy: PoolPolicy, weights: Mapping[str, float] | None = None
    ) -> None:
        self.policy = policy
        self.limit = Limit(policy.slots, is_fixed=policy.is_fixed)
        self.cursor = Cursor(weights)
        self.durations = Durations(policy.service_s)
        self.line = Line(weights or {})
        #: Turns by verdict or end since the start.
        self.counts: dict[str, int] = {}
        #: Windows ended; whether the last one was bad, or severe.
        self.windows = 0
        self.is_bad = self.is_severe = False
        self.load = 0.0
        self._weights = weights or {}
        self._running = [0] * len(RANKS)
        self._held: Counter[str] = Counter()
        #: Shop -> window in which it asked last; and the weight of all of them.
        self._about: dict[str, int] = {}
        self._weight = 0.0
        self._in_flight = 0
        self._window_end = float("-inf")
        self._asks = self._let_in = self._new = 0
        self._queueing_s = 0.0

    @property
    def in_flight(self) -> int:
        """Turns that hold a slot."""
        return self._in_flight

    def offer(self, ask: Ask, now: float) -> Verdict:
        """Take a turn in: it runs, waits, or is refused with the reason."""
        if now >= self._window_end or self._asks >= self.policy.window_asks:
            self._end_window(now)
        self._asks += 1
        self._came(ask.shop)
        if not ask.is_continuing:
            if ask.is_shut_out:
                return self._refuse(ask, Verdict.CLOSED)
            if not self.cursor.admits(ask.shop, ask.priority, ask.draw):
                return self._refuse(ask, Verdict.CURSOR)
        rank = ask.rank
        # Whoever of another kind waits could not run now either, see pull().
        is_next = not self.line.count(rank) or self._goes_past(rank, ask.shop)
        if is_next and self._has_slot(ask, now):
            return self._start(ask, now)
        if self._is_hopeless(ask, now):
            return self._refuse(ask, Verdict.NO_TIME)
        self.line.add(ask)
        return Verdict.WAIT

    def done(self, ask: Ask, now: float, end: End, retry_after_s: float = 0.0) -> None:
        """Give a slot back; :meth:`pull` says who gets it."""
        self._in_flight -= 1
        self._running[ask.rank] -= 1
        self._held[ask.shop] -= 1
        self.counts[end] = self.counts.get(end, 0) + 1
        if end is End.DONE:
            self.durations.add(now - ask.started)
            self.limit.succeeded()
        elif end is End.TIMEOUT:
            # It would have taken longer: the least that is known of it.
            self.durations.add(now - ask.started)
            self.limit.timed_out()
        elif end is End.REFUSED:
            self.limit.refused(now, retry_after_s)

    def pull(self, now: float) -> list[Ask]:
        """Who leaves the line now, to run or because it is too late."""
        if now >= self._window_end:
            self._end_window(now)
        left: list[Ask] = []
        for rank in range(len(RANKS)):
            while (ask := self.line.first(rank)) is not None:
                if self._is_late(ask, now):
                    self._drop(ask, now)
                elif self._has_slot(ask, now):
                    self.line.take(ask, Verdict.RUN)
                    self._start(ask, now)
                else:
                    break
                left.append(ask)
            if self._in_flight >= self.limit.value:
                break
        return left

    def sweep(self, now: float) -> list[Ask]:
        """As :meth:`pull`, and everybody for whom it is too late leaves."""
        late = [ask for ask in self.line if self._is_late(ask, now)]
        for ask in late:
            self._drop(ask, now)
        return late + self.pull(now)

    def leave(self, ask: Ask) -> None:
        """A turn that waits is given up."""
        self.line.take(ask, Verdict.LEFT)

    def _came(self, shop: str) -> None:
        if shop not in self._about:
            self._weight += self._weights.get(shop, 1.0)
        self._about[shop] = self.windows

    def _is_beyond_share(self, shop: str) -> bool:
        """Other shops are about, and it holds its part of the slots or more."""
        if len(self._about) < 2:  # noqa: PLR2004 - itself and another
            return False
        part = self._weights.get(shop, 1.0) / self._weight
        return self._held[shop] >= part * self.limit.value

    def _goes_past(self, rank: int, shop: str) -> bool:
        """Those who wait are kept from what is free, and *shop* is not."""
        return not (self.line.has_of(rank, shop) or self._is_beyond_share(shop))

    def _has_slot(self, ask: Ask, now: float) -> bool:
        limit = self.limit
        most = limit.value
        free = most - self._in_flight
        if free <= 0 or limit.is_paused(now):
            return False
        is_continuing, priority = RANKS[ask.rank]
        if priority is Priority.DISPUTE:
            return True
        unused = int(self.policy.reserve * most) - self._running[0] - self._running[1]
        if self._is_beyond_share(ask.shop):
            unused += headroom(most)
        if free <= unused:
            return False
        if not is_continuing:
            return True
        going = sum(self._running[at] for at in _GOING)
        cap = max(1, int(self.policy.continuing_share * most))
        return going < cap or not self.line.has_new()

    def _start(self, ask: Ask, now: float) -> Verdict:
        ask.verdict = Verdict.RUN
        ask.started = now
        self._in_flight += 1
        self._running[ask.rank] += 1
        self._held[ask.shop] += 1
        self._let_in += 1
        self._new += not ask.is_continuing
        self._queueing_s += now - ask.at
        self.limit.took(self._in_flight)
        self.counts[Verdict.RUN] = self.counts.get(Verdict.RUN, 0) + 1
        return Verdict.RUN

    def _refuse(self, ask: Ask, verdict: Verdict) -> Verdict:
        ask.verdict = verdict
        self.counts[verdict] = self.counts.get(verdict, 0) + 1
        return verdict

    def _drop(self, ask: Ask, now: float) -> None:
        self.line.take(ask, Verdict.TOO_LATE)
        self._refuse(ask, Verdict.TOO_LATE)
        self._let_in += 1
        self._queueing_s += now - ask.at

    def _is_late(self, ask: Ask, now: float) -> bool:
        """Less time is left than an answer usually takes."""
        usual_s = min(self.durations.p50_s, HOPE * (ask.deadline - ask.at))
        return ask.deadline - now < usual_s

    def _is_hopeless(self, ask: Ask, now: float) -> bool:
        """Those ahead will not be through in time for a slow answer."""
        ahead_s = self.line.ahead(ask.rank) * self.durations.mean_s / self.limit.value
        slow_s = min(self.durations.p90_s, SLOW_HOPE * (ask.deadline - ask.at))
        return ahead_s > ask.deadline - now - slow_s

    def _end_window(self, now: float) -> None:
        self.durations.refresh()
        waited = [now - ask.at for ask in self.line]
        mean_s = (self._queueing_s + sum(waited)) / max(1, self._let_in + len(waited))
        self.load = mean_s / self.policy.target_s
        was_bad = self.limit.end_window()
        self.is_severe = self.limit.failed_share > SEVERE_SHARE
        self.is_bad = was_bad or self.load > 1.0
        is_idle = not waited and self._in_flight < IDLE * self.limit.value
        self.cursor.end_window(self.load, self._new, is_idle=is_idle)
        self._catch_up(now)
        self.windows += 1
        self._forget()
        self._asks = self._let_in = self._new = 0
        self._queueing_s = 0.0
        self._window_end = now + self.policy.window_s

    def _forget(self) -> None:
        """Shops that were silent for long are not about; sums do not drift."""
        self._held = +self._held
        since = self.windows - ABOUT_WINDOWS
        self._about = {shop: at for shop, at in self._about.items() if at >= since}
        self._weight = sum(self._weights.get(shop, 1.0) for shop in self._about)

    def _catch_up(self, now: float) -> None:
        """Windows in which nothing came were good ones."""
        gone = (now - self._window_end) / self.policy.window_s
        if not self.line and gone > 1:
            for _ in range(int(min(gone, QUIET_WINDOWS))):
                self.cursor.end_window(0.0, 0, is_idle=True)
