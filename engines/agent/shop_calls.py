"""
Calls of the shop on behalf of a record: within the turn's time, and looked up.

A call that runs out of time has an unknown outcome. What became of a key is
asked for after a grace only, since a call that nobody hears of may still land.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from math import isfinite
from typing import TypeVar

from engines.agent.ledger import ActionRecord, Step
from engines.shops.port import (
    Effect,
    EffectSupport,
    ShopError,
    ShopPort,
    ShopRefused,
    ShopUnavailable,
)


_T = TypeVar("_T")

#: Settled before the turn's deadline by this much, so that the note is written.
MARGIN_S = 0.3
#: With less time than this left, nothing new is sent.
MIN_BUDGET_S = 1.0

Sleep = Callable[[float], Awaitable[None]]


class OutcomeLost(Exception):
    """The answer of a step was lost and could not be found out."""


class ShopCalls:
    """
    The shop, as whoever carries a record out calls it; holds no state of its own.

    Args:
        clock_ms: Wall clock, in the time of the records.

        grace_s: How long a lost call may still land; at least the connector's
            timeout.

        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        shop: ShopPort,
        clock_ms: Callable[[], int],
        *,
        grace_s: float,
        sleep: Sleep,
    ) -> None:
        self.shop = shop
        self._clock_ms = clock_ms
        self._grace_s = grace_s
        self._sleep = sleep

    @property
    def support(self) -> EffectSupport:
        """What the shop does with keys."""
        return self.shop.effect_support

    async def look_up(
        self, record: ActionRecord, key: str, deadline_s: float
    ) -> Effect | None:
        """
        What became of a call that may have been made when the record moved last.

        None means it did not take place, and the same key may go again.

        Raises:
            OutcomeLost: If it cannot be found out in time, or at all.
        """
        if self.support is EffectSupport.BLIND:
            raise OutcomeLost("the shop cannot tell what became of it")
        sent_ms = record.history[-1][0] if record.history else record.created_ms
        left_s = self._grace_s - (self._clock_ms() - sent_ms) / 1000
        if left_s > _left(deadline_s):
            raise OutcomeLost("no time to wait until a late call has landed")
        if left_s > 0:
            await self._sleep(left_s)
        try:
            return await self.within(self.shop.find_effect(key), deadline_s)
        except ShopError as exc:
            raise OutcomeLost(why(exc)) from exc

    async def within(self, call: Awaitable[_T], deadline_s: float) -> _T:
        """A call that runs out of the turn's time has an unknown outcome."""
        left_s = _left(deadline_s)
        try:
            async with asyncio.timeout(max(0.0, left_s) if isfinite(left_s) else None):
                return await call
        except TimeoutError as exc:
            raise ShopUnavailable("the turn's time ran out") from exc


def step_key(action_id: str, position: int, kind: str) -> str:
    """The idempotency key of one step; the same for every try."""
    return hashlib.sha256(f"{action_id}:{position}:{kind}".encode()).hexdigest()


def undo_key(step: Step) -> str:
    """The key under which a step is taken back; the same for every try."""
    return hashlib.sha256(f"{step.key}:undo".encode()).hexdigest()


def has_budget(deadline_s: float) -> bool:
    """Tell if there is time to start something that must be settled."""
    return _left(deadline_s) >= MIN_BUDGET_S


def why(exc: Exception) -> str:
    """What a shop raised, for a record's history."""
    code = exc.code if isinstance(exc, ShopRefused) else type(exc).__name__
    return f"{code}: {exc}"[:300]


def _left(deadline_s: float) -> float:
    return deadline_s - MARGIN_S - asyncio.get_running_loop().time()
