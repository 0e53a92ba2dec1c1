"""
Actions that a turn left on their way, brought to an end.

As long as a turn is repeated it settles its action itself. A turn that was
given up, because it killed its workers or ran out of time, leaves a record that
says "executing" for ever while a person has the conversation: here the shop is
asked what became of it. Any gateway may do so; the ledger lets one of them win.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from engines.agent.ledger import ActionConflict, ActionRecord
from gateway.store.ledger import StoreLedger


#: Seconds for one record, the shop's answer included.
BUDGET_S = 10.0


class Settles(Protocol):
    """An engine that can find out what became of its actions."""

    async def settle(
        self, shop: str, conversation_id: str, action_id: str, deadline_s: float
    ) -> ActionRecord:
        """Bring one record to its end; see :class:`engines.agent.engine.AgentEngine`."""
        ...


class Settling:
    """
    Settles what no turn works on any more.

    Args:
        engines: By shop; a shop without one has no actions.

        after_ms: A record that stood still for so long is in no live turn's
            hands: lease and longest turn together.
    """

    def __init__(
        self,
        ledger: StoreLedger,
        engines: Mapping[str, Settles],
        wall_ms: Callable[[], int],
        after_ms: int,
    ) -> None:
        self._ledger = ledger
        self._engines = engines
        self._wall_ms = wall_ms
        self._after_ms = after_ms

    async def settle(self, shop: str, bucket: int) -> list[ActionRecord]:
        """What was settled of a bucket, as it stands now."""
        engine = self._engines.get(shop)
        if engine is None:
            return []
        before_ms = self._wall_ms() - self._after_ms
        settled = []
        for record in await self._ledger.overdue(shop, bucket, before_ms):
            deadline_s = asyncio.get_running_loop().time() + BUDGET_S
            # A conflict: another gateway was first.
            with suppress(ActionConflict):
                settled.append(
                    await engine.settle(
                        shop, record.conversation_id, record.id, deadline_s
                    )
                )
        return settled
