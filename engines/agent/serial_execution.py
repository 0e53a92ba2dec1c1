"""
Actions on one order are carried out one after the other, whichever worker does it.
"""

from __future__ import annotations

from collections.abc import Callable

from engines.agent.execution import Executor
from engines.agent.ledger import UNSETTLED, ActionRecord, Ledger
from engines.agent.order_holds import OrderHolds


class SerialExecutor:
    """
    An executor that holds the orders of an action while it is carried out.

    Args:
        executor: Makes the one that works on a ledger; its moves towards the shop
            need the hold.
    """

    def __init__(
        self, executor: Callable[[Ledger], Executor], holds: OrderHolds
    ) -> None:
        self._executor = executor
        self._holds = holds

    async def run(self, record: ActionRecord, deadline_s: float) -> ActionRecord:
        """
        As :meth:`Executor.run`, alone on the record's orders.

        Raises:
            OrderBusy: If another action has one of them until the deadline; what
                is left to send is not sent.
        """
        if record.state not in UNSETTLED:
            return record
        async with self._holds.taken(record, deadline_s) as ledger:
            return await self._executor(ledger).run(record, deadline_s)

    async def conclude(self, record: ActionRecord, deadline_s: float) -> ActionRecord:
        """
        As :meth:`Executor.conclude`, alone on the record's orders.

        Raises:
            OrderBusy: As :meth:`run`.
        """
        if record.state not in UNSETTLED:
            return record
        async with self._holds.taken(record, deadline_s) as ledger:
            return await self._executor(ledger).conclude(record, deadline_s)
