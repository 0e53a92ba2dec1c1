"""
How many turns at once a backend gets: AIMD on what it says itself.

Only explicit signals count: a refusal (429, 503, 529) with or without a time to
wait, and turns that ran into their deadline. The time an answer takes says
little, since lengths of answers differ by an order of magnitude (a limiter on
latency drifts upwards on an overloaded model, see ``tidegate loadtest tide``).

A bad window takes a tenth. A clean one that used at least half of the limit
gives back half of what is missing to the last limit that was fine, then one at a
time (binary increase: Xu, Harfoush, Rhee, "Binary Increase Congestion Control",
INFOCOM 2004): a slow hour of the provider must not cost a minute afterwards.
"""

from __future__ import annotations


#: What is left of the limit after a bad window.
BACKOFF = 0.9
#: Turns that ran into their deadline, of all that ended, that make a window bad.
TIMEOUT_SHARE = 0.25
#: Share of the ceiling that timeouts alone do not go below: they say that answers
#: are slow, not that there are too many of them.
TIMEOUT_FLOOR = 0.5
#: Weight of the last window in what is known of failures.
SMOOTHING = 0.2
#: Turns a window from which the share that failed says something.
FEW = 1.0
#: Longest pause a backend may ask for, in seconds.
LONGEST_PAUSE_S = 30.0


class Limit:
    """
    The limit of one pool.

    Args:
        most: Ceiling, and where it starts.

        is_fixed: Signals are counted but the number stays (a pool of our own CPU).
    """

    def __init__(self, most: int, *, is_fixed: bool = False) -> None:
        self._most = most
        self._limit = float(most)
        self._fine = float(most)
        self._is_fixed = is_fixed
        self._refused = 0
        self._late = 0
        self._ended = 0
        self._peak = 0
        self._failed_rate = self._ended_rate = 0.0
        self._paused_until = 0.0

    @property
    def value(self) -> int:
        """Turns at once, at least 1."""
        return max(1, int(self._limit))

    @property
    def most(self) -> int:
        """The ceiling."""
        return self._most

    @property
    def failed_share(self) -> float:
        """Share of the turns of the last windows that failed."""
        is_known = self._ended_rate >= FEW
        return self._failed_rate / self._ended_rate if is_known else 0.0

    def is_paused(self, now: float) -> bool:
        """True while the backend asked for a pause."""
        return now < self._paused_until

    def took(self, in_flight: int) -> None:
        """A turn was let in."""
        self._peak = max(self._peak, in_flight)

    def succeeded(self) -> None:
        """A turn ended in time, whatever its answer."""
        self._ended += 1

    def timed_out(self) -> None:
        """A turn ran into its deadline."""
        self._ended += 1
        self._late += 1

    def refused(self, now: float, retry_after_s: float = 0.0) -> None:
        """The backend refused a turn, perhaps with a time to wait."""
        self._ended += 1
        self._refused += 1
        pause_s = min(retry_after_s, LONGEST_PAUSE_S)
        self._paused_until = max(self._paused_until, now + pause_s)

    def end_window(self) -> bool:
        """Adjust once a window; True if it was a bad one."""
        is_late = self._late > TIMEOUT_SHARE * self._ended
        is_bad = self._refused > 0 or is_late
        failed = self._refused + self._late
        self._failed_rate += SMOOTHING * (failed - self._failed_rate)
        self._ended_rate += SMOOTHING * (self._ended - self._ended_rate)
        if not self._is_fixed:
            self._adjust(is_bad)
        self._refused = self._late = self._ended = self._peak = 0
        return is_bad

    def _adjust(self, is_bad: bool) -> None:
        if self._refused:
            self._fine = max(1.0, self._limit * BACKOFF)
            self._limit = self._fine
        elif is_bad:
            floor = max(1.0, min(self._limit, self._most * TIMEOUT_FLOOR))
            self._limit = max(floor, self._limit * BACKOFF)
        elif self._peak >= self._limit / 2:
            gain = max(1.0, (self._fine - self._limit) / 2)
            self._limit = min(float(self._most), self._limit + gain)
            self._fine = max(self._fine, self._limit)
