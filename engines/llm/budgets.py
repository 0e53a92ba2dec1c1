"""
How much may be asked: tokens per shop and customer, second tries, failing servers.

All of it is in the process and synchronous; a clock is passed in. Limits hold per
worker.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Literal

from engines.llm.errors import LlmOverBudget


Clock = Callable[[], float]

#: Customers whose use is remembered at once; the longest silent is forgotten.
MAX_USERS: Final = 10_000
MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
#: Second tries that may be spent before any first try has earned them.
RETRY_START: Final = 10.0
#: Longest rest of an endpoint that keeps failing.
MAX_REST_S: Final = 60.0


class TokenBudget:
    """Tokens for each of many names, refilled evenly over *period_s*; 0 is no limit."""

    def __init__(self, tokens: int, period_s: float, clock: Clock, what: str) -> None:
        self._tokens = tokens
        self._rate = tokens / period_s
        self._clock = clock
        self._what = what
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def reserve(self, name: str, tokens: int) -> None:
        """
        Take *tokens* before they are used.

        Raises:
            LlmOverBudget: If *name* has used up its share for now.
        """
        left = self._refilled(name)
        if self._tokens and left < min(tokens, self._tokens):
            raise LlmOverBudget(f"the {self._what}'s tokens are used up for now")
        self._put(name, left - tokens)

    def settle(self, name: str, reserved: int, used: int) -> None:
        """Give back what was not used, or take what was used beyond it."""
        self._put(name, self._refilled(name) + reserved - used)

    def _refilled(self, name: str) -> float:
        now = self._clock()
        left, since = self._left.get(name, (float(self._tokens), now))
        return min(float(self._tokens), left + (now - since) * self._rate)

    def _put(self, name: str, left: float) -> None:
        if not self._tokens:
            return
        self._left[name] = (left, self._clock())
        self._left.move_to_end(name)
        if len(self._left) > MAX_USERS:
            self._left.popitem(last=False)


class RetryBudget:
    """Second tries, earned by first ones, so that a failing server is not hammered."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._left = RETRY_START

    def first_try(self) -> None:
        """Earn a share of a second try."""
        self._left = min(RETRY_START, self._left + self._share)

    def may_retry(self) -> bool:
        """Spend one second try, if there is one."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Breaker:
    """
    Leaves a server alone that fails, and lets one call through to see.

        closed ── failures in a row ──> open ── rest over ──> half-open
          ^                              ^                        │
          └────────── success ───────────┼── failure, rest x 2 ───┘
    """

    def __init__(self, failures: int, rest_s: float, clock: Clock) -> None:
        self._limit = failures
        self._first_rest_s = self._rest_s = rest_s
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0
        self._is_trying = False

    @property
    def state(self) -> Literal["closed", "open", "half_open"]:
        """Where it stands now."""
        if self._failures < self._limit:
            return "closed"
        return "open" if self._clock() < self._open_until else "half_open"

    def allows(self) -> bool:
        """True if a call may go now; a half-open one lets one go for each rest."""
        state = self.state
        if state == "half_open":
            self._is_trying = True
            self._open_until = self._clock() + self._rest_s
        return state != "open"

    def succeeded(self) -> None:
        """A call was answered."""
        self._failures, self._rest_s = 0, self._first_rest_s
        self._is_trying = False

    def failed(self) -> None:
        """A call failed in a way that speaks against the server."""
        if self._is_trying:
            self._rest_s = min(self._rest_s * 2, MAX_REST_S)
        self._is_trying = False
        self._failures += 1
        if self._failures >= self._limit:
            self._open_until = self._clock() + self._rest_s

    def gave_up(self) -> None:
        """A call ended without telling anything of the server."""
        self._is_trying = False
