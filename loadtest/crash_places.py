"""
The places at which a worker on an action can die, and how it dies there.

A ledger and a shop stand before the real ones and pass everything on; where the
name of the place is reached, the process sends itself SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from engines.agent.ledger import ActionRecord, ActionState
from engines.shops.http import HttpShop
from gateway.store.ledger import StoreLedger


#: A call is on its way at most so long before a death "while sent", seconds.
_SENT_S = 0.004
_OPENING = ("proposed.before", "proposed.after", "answered")
_CARRYING_OUT = (
    "executing.before",
    "executing.after",
    "effect.before",
    "effect.sent",
    "effect.after",
    "receipt.before",
    "receipt.after",
    "notify.before",
    "notify.sent",
    "notify.after",
    "done.before",
    "done.after",
    "answered",
)
#: Where a worker may find what another one left.
_FINDING = (
    "find.before",
    "find.after",
    "unknown.before",
    "unknown.after",
    "parked.before",
    "parked.after",
)
_GOING_BACK = (
    "compensating.before",
    "compensating.after",
    "back.before",
    "back.after",
    "compensated.before",
    "compensated.after",
)
#: Named places by what is done, in the order in which a worker comes by.
PLACES: Mapping[str, tuple[str, ...]] = {
    "opening": _OPENING,
    "consent": ("confirmed.before", "confirmed.after", *_CARRYING_OUT),
    "again": (*_FINDING, *_CARRYING_OUT),
    "back again": (*_FINDING, *_GOING_BACK),
    "approve": ("approved.before", "approved.after", *_CARRYING_OUT),
    "refused": ("confirmed.after", *_CARRYING_OUT[:-3], *_GOING_BACK),
}


class Deaths:
    """Where this process kills itself."""

    def __init__(self, place: str, nth: int) -> None:
        self._place = place
        self._left = nth

    def at(self, place: str) -> None:
        """Die here, if it is the place."""
        self._left -= place == self._place
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    async def sent(self, place: str, call: Awaitable[Any]) -> Any:
        """Make the call; die while it is on its way, if it is the place."""
        if f"{place}.sent" == self._place and self._left == 1:
            task = asyncio.ensure_future(call)
            await asyncio.sleep(random.SystemRandom().uniform(0, _SENT_S))
            self.at(f"{place}.sent")
            return await task
        self.at(f"{place}.sent")
        return await call


class DyingLedger:
    """The ledger, with places before and after every move."""

    def __init__(self, ledger: StoreLedger, deaths: Deaths) -> None:
        self._ledger = ledger
        self._deaths = deaths

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def propose(self, record: ActionRecord) -> ActionRecord:
        return await self._around("proposed", lambda: self._ledger.propose(record))

    async def move(
        self, record: ActionRecord, to: ActionState, why: str, **more: Any
    ) -> ActionRecord:
        place = _place(record.state, to)
        return await self._around(
            place, lambda: self._ledger.move(record, to, why, **more)
        )

    async def _around(
        self, place: str, call: Callable[[], Awaitable[ActionRecord]]
    ) -> ActionRecord:
        self._deaths.at(f"{place}.before")
        result = await call()
        self._deaths.at(f"{place}.after")
        return result


def _place(here: ActionState, to: ActionState) -> str:
    """Name of a move: its state, or what a move within a state writes down."""
    if here is not to:
        return to.value
    return "receipt" if to is ActionState.EXECUTING else "back"


class DyingShop:
    """The shop, with places around and inside every effect and look-up."""

    _PLACES = {  # noqa: RUF012 - a table
        "notify": "notify",
        "find_effect": "find",
        "change_address": "effect",
        "change_address_when_paid": "effect",
        "refund_line": "effect",
        "cancel_order": "effect",
        "perform": "effect",
    }

    def __init__(self, shop: HttpShop, deaths: Deaths) -> None:
        self._shop = shop
        self._deaths = deaths

    def __getattr__(self, name: str) -> Any:
        real, place = getattr(self._shop, name), self._PLACES.get(name)
        if place is None:
            return real

        async def call(*args: Any) -> Any:
            self._deaths.at(f"{place}.before")
            result = await self._deaths.sent(place, real(*args))
            self._deaths.at(f"{place}.after")
            return result

        return call
