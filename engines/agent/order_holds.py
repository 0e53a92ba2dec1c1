"""
Carrying out one action at a time on an order, whichever worker does it.

The orders of an action are taken before its intent is written, all of them or none,
in one sequence everywhere. Before each call of the shop the hold is kept on: whoever
lost it (a worker that slept past its end) sends nothing more. The hold outlasts the
longest call, so that a call of a dead worker has landed before the next one begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from engines.agent.ledger import ActionRecord, ActionState, Ledger, OrderBusy
from engines.agent.shop_calls import MARGIN_S, Sleep


#: Between two looks at an order that another action holds.
LOOK_S = 0.05
#: A hold is longer than this many calls of the shop, grace included.
CALLS = 4
_SENDING = frozenset({ActionState.EXECUTING, ActionState.COMPENSATING})


class Hold(msgspec.Struct, frozen=True):
    """The orders of one action, with their fencing tokens."""

    shop: str
    tokens: dict[str, int]


class FencedLedger:
    """
    A ledger whose moves towards the shop need the hold on the order.

    Everything else goes to the ledger as it is: what came of a call is always
    written down.
    """

    def __init__(self, ledger: Ledger, hold: Hold, ms: int) -> None:
        self._ledger = ledger
        self._hold = hold
        self._ms = ms

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def move(
        self, record: ActionRecord, to: ActionState, why: str, **changed: Any
    ) -> ActionRecord:
        """
        As the ledger's; before the shop is called, only with the hold.

        Raises:
            OrderBusy: If another action took the order since.
        """
        moved = await self._ledger.move(record, to, why, **changed)
        if to in _SENDING:
            for order_id, token in self._hold.tokens.items():
                if not await self._ledger.keep(
                    self._hold.shop, order_id, token, self._ms
                ):
                    raise OrderBusy(order_id)
        return moved


class OrderHolds:
    """
    Takes and gives back the orders of actions.

    Args:
        grace_s: As in :class:`engines.agent.shop_calls.ShopCalls`.
    """

    def __init__(self, ledger: Ledger, *, grace_s: float, sleep: Sleep) -> None:
        self._ledger = ledger
        self._ms = round((1.0 + CALLS * grace_s) * 1000)
        self._sleep = sleep

    @asynccontextmanager
    async def taken(
        self, record: ActionRecord, deadline_s: float
    ) -> AsyncIterator[FencedLedger]:
        """
        Hold the orders of *record* for as long as it is carried out.

        Raises:
            OrderBusy: If another action has one of them until the deadline.
        """
        tokens: dict[str, int] = {}
        try:
            for order_id in orders_of(record):
                tokens[order_id] = await self._take(record, order_id, deadline_s)
            yield FencedLedger(self._ledger, Hold(record.shop, tokens), self._ms)
        finally:
            for order_id, token in tokens.items():
                await self._ledger.let_go(record.shop, order_id, token)

    async def _take(
        self, record: ActionRecord, order_id: str, deadline_s: float
    ) -> int:
        while True:
            token = await self._ledger.hold(record.shop, order_id, record.id, self._ms)
            if token:
                return token
            left_s = deadline_s - MARGIN_S - asyncio.get_running_loop().time()
            if left_s <= LOOK_S:
                raise OrderBusy(order_id)
            await self._sleep(LOOK_S)


def orders_of(record: ActionRecord) -> list[str]:
    """The order of an action and those that join it, in one sequence everywhere."""
    effect = record.args.get("effect")
    joining = effect.get("joining", ()) if isinstance(effect, dict) else ()
    return sorted({record.order_id, *(str(one["order_id"]) for one in joining)})
