"""
Actions that wait for an operator: listed, shown, approved, rejected.

An approval is written before anything is sent, so that any gateway carries it
out if this one dies; approving again what was approved tells how far it is.

    ApprovalError
    ├── ActionUnknown     this shop has no such action
    ├── ActionMoved       it is not at the version the operator saw
    ├── NotAwaiting       it waits for nobody's approval
    ├── ApprovalExpired   it waited too long; the customer has to ask again
    └── NotAllowed        it needs a supervisor
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from engines.agent.ledger import (
    ActionConflict,
    ActionNotFound,
    ActionRecord,
    ActionState,
)
from gateway.errors import GatewayError
from gateway.store.ledger import StoreLedger


#: Seconds for carrying one action out, the shop's answer included.
BUDGET_S = 10.0
#: An agreement older than this is nobody's to approve any more.
EXPIRES_MS = 72 * 3_600_000

_APPROVED = frozenset(
    {
        ActionState.APPROVED,
        ActionState.EXECUTING,
        ActionState.UNKNOWN,
        ActionState.DONE,
        ActionState.FAILED,
        ActionState.COMPENSATING,
        ActionState.COMPENSATED,
        ActionState.PARKED,
    }
)


class ApprovalError(GatewayError):
    """Base of what an approval may be refused with."""

    def __init__(self, action_id: str, why: str) -> None:
        super().__init__(f"action {action_id!r}: {why}")
        self.action_id = action_id


class ActionUnknown(ApprovalError):
    """This shop has no such action."""


class ActionMoved(ApprovalError):
    """It is not at the version the operator saw."""


class NotAwaiting(ApprovalError):
    """It waits for nobody's approval."""


class ApprovalExpired(ApprovalError):
    """It waited too long; the customer has to ask again."""


class NotAllowed(ApprovalError):
    """It needs a supervisor."""


class CarriesOut(Protocol):
    """An engine that carries approved actions out."""

    def needs_supervisor(self, record: ActionRecord) -> bool:
        """Tell if only a supervisor may approve *record*."""
        ...

    async def settle(
        self, shop: str, conversation_id: str, action_id: str, deadline_s: float
    ) -> ActionRecord:
        """Bring one record to its end; see :class:`engines.agent.engine.AgentEngine`."""
        ...


class Approvals:
    """
    What operators may do with actions.

    Args:
        engines: By shop; a shop without one has no actions.

        wall_ms: Wall clock, as in the records.
    """

    def __init__(
        self,
        ledger: StoreLedger,
        engines: Mapping[str, CarriesOut],
        wall_ms: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._engines = engines
        self._wall_ms = wall_ms

    async def list_actions(
        self, shop: str, state: ActionState | None, limit: int
    ) -> list[ActionRecord]:
        """Actions of a shop, those that moved last first."""
        return await self._ledger.list_actions(shop, state, limit)

    async def show(self, shop: str, conversation: str, action_id: str) -> ActionRecord:
        """
        One action with its whole life.

        Raises:
            ActionUnknown: If this shop has no such action.
        """
        try:
            return await self._ledger.get(shop, conversation, action_id)
        except ActionNotFound:
            raise ActionUnknown(action_id, "there is no such action") from None

    async def approve(
        self,
        record: ActionRecord,
        version: int,
        who: str,
        note: str,
        *,
        is_supervisor: bool,
    ) -> ActionRecord:
        """
        Approve and carry out; what was approved before comes back as it stands.

        Raises:
            ApprovalError: If it cannot be approved.
        """
        if record.state in _APPROVED and _was_approved(record):
            return record
        self._check(record, version)
        engine = self._engines.get(record.shop)
        if engine is None:
            raise NotAwaiting(record.id, "this shop has no agent")
        if engine.needs_supervisor(record) and not is_supervisor:
            raise NotAllowed(record.id, "a supervisor has to approve it")
        approved = await self._move(
            record, ActionState.APPROVED, f"approved by {who}: {note}"
        )
        deadline_s = asyncio.get_running_loop().time() + BUDGET_S
        try:
            return await engine.settle(
                record.shop, record.conversation_id, record.id, deadline_s
            )
        except ActionConflict:
            # Another gateway is at it.
            return await self.show(approved.shop, approved.conversation_id, approved.id)

    async def reject(
        self, record: ActionRecord, version: int, who: str, note: str
    ) -> ActionRecord:
        """
        Reject; what was rejected before comes back as it stands.

        Raises:
            ApprovalError: If it waits for nobody.
        """
        if record.state is ActionState.REJECTED:
            return record
        if record.state is not ActionState.AWAITING_APPROVAL:
            raise NotAwaiting(record.id, f"it is {record.state.value}")
        if record.version != version:
            raise ActionMoved(record.id, f"it is at version {record.version}")
        return await self._move(
            record, ActionState.REJECTED, f"rejected by {who}: {note}"
        )

    def _check(self, record: ActionRecord, version: int) -> None:
        if record.state is not ActionState.AWAITING_APPROVAL:
            raise NotAwaiting(record.id, f"it is {record.state.value}")
        if record.version != version:
            raise ActionMoved(record.id, f"it is at version {record.version}")
        agreed_ms = record.history[-1][0] if record.history else record.created_ms
        if self._wall_ms() > agreed_ms + EXPIRES_MS:
            raise ApprovalExpired(record.id, "the customer has to ask again")

    async def _move(
        self, record: ActionRecord, to: ActionState, why: str
    ) -> ActionRecord:
        try:
            return await self._ledger.move(record, to, why[:300])
        except ActionConflict:
            raise ActionMoved(record.id, "somebody else was first") from None


def _was_approved(record: ActionRecord) -> bool:
    return any(state == ActionState.APPROVED for _, state, _ in record.history)
