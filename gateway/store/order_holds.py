"""
One action at a time on an order, whichever worker carries it out.

A hold runs out by the store's clock, so that a dead worker blocks nobody for long,
and has a fencing token: whoever comes back to an order that was taken since is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engines.agent.ledger import LedgerUnavailable
from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.errors import StoreUnavailable


#: How long a token is remembered after the last taking; no worker sleeps longer.
REMEMBERED_MS = 24 * 3_600_000


class OrderHolds:
    """Holds on orders, by (shop, order)."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def hold(self, shop: str, order_id: str, action_id: str, ms: int) -> int:
        """Take an order for an action: the fencing token, or 0 if another has it."""
        args = (keys.escape(action_id), ms, REMEMBERED_MS)
        with answering():
            key = keys.order_hold(shop, order_id)
            return int(await self._scripts.call("order_hold", (key,), args))

    async def keep(self, shop: str, order_id: str, token: int, ms: int) -> bool:
        """Hold on for *ms* more; False if the order was taken since."""
        with answering():
            key = keys.order_hold(shop, order_id)
            return bool(await self._scripts.call("order_keep", (key,), (token, ms)))

    async def let_go(self, shop: str, order_id: str, token: int) -> None:
        """Give an order back; one that was taken since stays taken."""
        await self.keep(shop, order_id, token, 0)


@contextmanager
def answering() -> Iterator[None]:
    """In the port's words: what became of a call that got no answer is unknown."""
    try:
        yield
    except StoreUnavailable as exc:
        raise LedgerUnavailable(str(exc)) from exc
