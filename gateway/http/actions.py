"""
Actions over HTTP, for operators: list, show, approve, reject.

Shop and operator come from the session. A decision names the version that was
seen, so that of two who decide at once one gets a clear refusal; deciding the
same again is harmless.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from engines.agent.ledger import ActionRecord, ActionState
from gateway import approvals
from gateway.approvals import Approvals
from gateway.handoff.accounts import Session
from gateway.http.audit import audited, on_record
from gateway.http.problems import Row, Table


#: What each refusal looks like on the wire.
ACTION_PROBLEMS: Table = {
    approvals.ActionUnknown: Row(404, "action_unknown", "There is no such action"),
    approvals.ActionMoved: Row(409, "action_moved", "It has moved since you saw it"),
    approvals.NotAwaiting: Row(409, "not_awaiting", "It waits for no approval"),
    approvals.ApprovalExpired: Row(409, "approval_expired", "It waited too long"),
    approvals.NotAllowed: Row(403, "not_allowed", "It needs a supervisor"),
}

Id = Annotated[str, PathParameter(max_length=128)]
Conversation = Annotated[str, QueryParameter(min_length=1, max_length=300)]
#: In the query as ``state``.
Wanted = Annotated[ActionState | None, QueryParameter(name="state")]
Limit = Annotated[int, QueryParameter(ge=1, le=500)]


class DecisionIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    An operator's decision.

    Attributes:
        version: Of the action as the operator saw it.

        note: Why; kept in the action's history.
    """

    conversation_id: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    version: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    note: Annotated[str, msgspec.Meta(max_length=200)] = ""


class ActionMove(msgspec.Struct, frozen=True):
    """One step of an action's life."""

    at_ms: int
    state: str
    why: str


class ActionOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    An action with its whole life, as operators see it.

    Attributes:
        conversation_id: As operators name it: with the channel in front.

        amount_minor: To the customer positive, from the customer negative.

        chain: SHA-256 of every version that was written, each on the one before;
            ``tidegate ledger verify`` checks them.
    """

    id: str
    conversation_id: str
    user_id: str
    recipe: str
    state: str
    version: int
    summary: str
    order_id: str
    order_version: int
    amount_minor: int
    currency: str
    clauses: tuple[str, ...]
    args: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]
    receipts: tuple[str, ...]
    created_ms: int
    expires_ms: int
    history: tuple[ActionMove, ...]
    chain: tuple[str, ...]


class ActionsController(Controller):
    """The ledger, as signed-in operators see it."""

    path = "/v1/actions"
    tags = ("actions",)
    security = [{"desk": list[str]()}]  # noqa: RUF012 - Litestar reads it
    dependencies = {"session": Provide(on_record)}  # noqa: RUF012 - as above

    @get(summary="Actions, those that moved last first")
    async def list_actions(
        self,
        session: NamedDependency[Session],
        actions: NamedDependency[Approvals],
        wanted: Wanted = None,
        limit: Limit = 100,
    ) -> list[ActionOut]:
        """All of the operator's shop, or those in one state."""
        found = await actions.list_actions(session.who.shop, wanted, limit)
        return [action_out(record) for record in found]

    @get("/{action_id:str}", summary="One action with its whole life")
    async def show(
        self,
        action_id: Id,
        conversation_id: Conversation,
        session: NamedDependency[Session],
        actions: NamedDependency[Approvals],
    ) -> ActionOut:
        """Of the operator's shop alone."""
        return action_out(
            await actions.show(session.who.shop, conversation_id, action_id)
        )

    @post(
        "/{action_id:str}/approve",
        status_code=200,
        summary="Approve and carry out",
        opt=audited("approve", "conversation_id", "version"),
    )
    async def approve(
        self,
        action_id: Id,
        data: JSONBody[DecisionIn],
        session: NamedDependency[Session],
        actions: NamedDependency[Approvals],
    ) -> ActionOut:
        """The answer has the action as it ended, or as far as it is."""
        who = session.who
        record = await actions.show(who.shop, data.conversation_id, action_id)
        return action_out(
            await actions.approve(
                record,
                data.version,
                who.name,
                data.note,
                is_supervisor=who.is_supervisor,
            )
        )

    @post(
        "/{action_id:str}/reject",
        status_code=200,
        summary="Reject",
        opt=audited("reject", "conversation_id", "version"),
    )
    async def reject(
        self,
        action_id: Id,
        data: JSONBody[DecisionIn],
        session: NamedDependency[Session],
        actions: NamedDependency[Approvals],
    ) -> ActionOut:
        """Nothing is carried out; the customer's talk is the operator's."""
        who = session.who
        record = await actions.show(who.shop, data.conversation_id, action_id)
        return action_out(
            await actions.reject(record, data.version, who.name, data.note)
        )


def action_routes() -> list[ControllerRouterHandler]:
    """Handlers of this module."""
    return [ActionsController]


def action_out(record: ActionRecord) -> ActionOut:
    """The record as operators see it; keys of idempotency stay inside."""
    fields = msgspec.structs.asdict(record)
    kept = {
        name: fields[name] for name in ActionOut.__struct_fields__ if name in fields
    }
    kept["history"] = tuple(ActionMove(*move) for move in record.history)
    kept["state"] = record.state.value
    kept["receipts"] = tuple(step.receipt for step in record.steps if step.receipt)
    return ActionOut(**kept)
