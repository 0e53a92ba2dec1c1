"""
The router's second stage in a gateway: off the loop, one turn at a time, by a deadline.

Only turns that the first stage is unsure of come here. One that would wait too long, or is
not judged in time, keeps the first stage's decision one tier up (fail up): never lower.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from engines.contract import TIER_ORDER, Decision, Tier, Turn
from router_models.policy import Prices
from router_models.router import TierRouter
from router_models.second_stage import SecondStage, TwoStageRouter
from router_models.verdict import one_up


#: Longest wait for a second opinion: a busy core needs 10 to 30 ms for one.
DEADLINE_S = 0.06
#: Turns that may wait for the thread; more go without.
QUEUE = 4


class SecondLook:
    """
    Second opinions of one process.

    Args:
        find: Version of a first stage -> its second, or None; asked in the thread,
            since it may read files and load the encoder.
        router_of: The first stage that judges a turn, at its shop's prices.
    """

    def __init__(
        self,
        find: Callable[[str], SecondStage | None],
        router_of: Callable[[Turn], TierRouter],
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._find = find
        self._router_of = router_of
        self._deadline_s = deadline_s
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="second-look")
        self._routers: dict[tuple[str, Prices], TwoStageRouter | None] = {}
        self._waiting = 0
        #: Second looks that were in time, and those that were not.
        self.done = 0
        self.late = 0

    async def reconsider(self, turn: Turn, decision: Decision) -> Decision:
        """*decision* of the first stage, or what a second look makes of *turn*."""
        router = self._of(turn)
        if router is None or not router.is_unsure(turn):
            return decision
        if self._waiting >= QUEUE:
            return self._failed_up(decision)
        self._waiting += 1
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, router.decide, turn)
        future.add_done_callback(self._ended)
        try:
            found = await asyncio.wait_for(asyncio.shield(future), self._deadline_s)
        except TimeoutError:
            return self._failed_up(decision)
        self.done += 1
        return found

    def _of(self, turn: Turn) -> TwoStageRouter | None:
        first = self._router_of(turn)
        key = first.version, first.prices
        if key not in self._routers:
            # Until it is there the first stage decides alone.
            self._routers[key] = None
            self._pool.submit(self._load, key, first)
            return None
        return self._routers[key]

    def _load(self, key: tuple[str, Prices], first: TierRouter) -> None:
        second = self._find(first.version)
        if second is not None:
            self._routers[key] = TwoStageRouter(first, second)

    def _failed_up(self, decision: Decision) -> Decision:
        self.late += 1
        if TIER_ORDER[decision.tier] >= TIER_ORDER[Tier.L3]:
            return decision
        return msgspec.structs.replace(
            decision,
            tier=one_up(decision.tier),
            reasons=(*decision.reasons, "no second look in time: one tier up"),
        )

    def _ended(self, future: asyncio.Future[Decision]) -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(wait=False, cancel_futures=True)
