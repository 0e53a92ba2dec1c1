"""
A planner that asks a language model where patterns do not understand.

The offline planner reads first: consent, refusal and what it is sure of never
go to a model. What the model says is written down before it is used, cut to
what the customer and their records really hold, and then goes the same way as
any plan: policy, proposal, consent. Without an answer the offline plan stands.
"""

from __future__ import annotations

import asyncio

import msgspec

from engines.agent import model_tools
from engines.agent.grounding import grounded
from engines.agent.journal import Journal
from engines.agent.plan import (
    Draft,
    HandsOver,
    LooksUp,
    Plan,
    Planner,
    Scene,
    Unclear,
    Wants,
)
from engines.agent.reading.addresses import AddressParts
from engines.agent.reading.particulars import InvoiceParts
from engines.agent.reading.text import Simplify, clean
from engines.contract import Reason
from engines.llm import LlmClient, LlmError


#: Left of the turn's time for everything after the model has answered.
KEEP_S = 3.0


class ModelPlanner:
    """
    The offline planner with a model behind it; immutable.

    Args:
        offline: Reads first, and stands if the model does not answer.

        client: Of L3.

        journal: Keeps what the model said in a turn.

        simplify: As the offline planner's.
    """

    def __init__(
        self, offline: Planner, client: LlmClient, journal: Journal, simplify: Simplify
    ) -> None:
        self._offline = offline
        self._client = client
        self._journal = journal
        self._simplify = simplify

    async def plan(self, scene: Scene) -> Plan:
        """Say what the turn means; see :class:`engines.agent.plan.Planner`."""
        read = await self._offline.plan(scene)
        if is_settled(scene, read):
            return read
        said = await self._said(scene)
        if said is None or isinstance(said, model_tools.NotUnderstood):
            return read
        return self._as_plan(scene, said) or read

    async def _said(self, scene: Scene) -> model_tools.Said | None:
        """What the model says of the turn, now or in an earlier try of it."""
        turn = scene.turn
        place = (turn.shop, turn.conversation_id, turn.turn_id)
        try:
            note = await self._journal.read(*place)
            if note is None:
                answer = await self._ask(scene)
                if answer is None:
                    return None
                note = await self._journal.write(*place, answer)
            return model_tools.decode(note)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return None

    async def _ask(self, scene: Scene) -> bytes | None:
        deadline_s = scene.turn.deadline_s - KEEP_S
        if asyncio.get_running_loop().time() >= deadline_s:
            return None
        try:
            reply = await self._client.ask(model_tools.prompt_of(scene, deadline_s))
        except LlmError:
            return None
        if reply.call is None:
            return None
        return model_tools.encode(reply.call.name, reply.call.arguments)

    def _as_plan(self, scene: Scene, said: model_tools.Said) -> Plan | None:
        match said:
            case model_tools.DoTasks():
                drafts = tuple(self._draft(scene, task) for task in said.tasks)
                return Wants(tuple(dict.fromkeys(drafts)))
            case model_tools.LookUp():
                return LooksUp(said.what, _own(scene, said.order_id))
            case model_tools.TransferToHuman():
                return HandsOver(Reason.ASKED_HUMAN, f"model: {said.summary[:120]}")
            case _:
                return None

    def _draft(self, scene: Scene, task: model_tools.TaskIn) -> Draft:
        """The task as a draft, without anything that nobody said."""
        others = (_own(scene, one) for one in task.other_orders)
        draft = Draft(
            recipe=task.task,
            order_id=_own(scene, task.order_id) or _only(scene, task.task),
            line=task.item,
            quantity=task.quantity,
            keeps_gift=task.keeps_gift,
            target=task.instead,
            others=tuple(dict.fromkeys(one for one in others if one)),
            lines=task.items_first,
            day=task.delivery_day,
            phone=task.phone if task.task == "change_phone" else "",
            name=task.name if task.task == "change_phone" else "",
            address=_address(task),
            invoice=InvoiceParts(task.invoice_title, task.tax_id, task.email),
            reason=task.reason,
            evidence=task.evidence,
        )
        turn = scene.turn
        said = [line.text for line in turn.history if line.role == "customer"]
        order = next((one for one in scene.orders if one.id == draft.order_id), None)
        return grounded(draft, order, [*said, turn.text], self._simplify, scene.today)


def is_settled(scene: Scene, plan: Plan) -> bool:
    """Tell if a plan leaves nothing that a model could understand better."""
    if isinstance(plan, Unclear):
        return not clean(scene.turn.text, str)
    if not isinstance(plan, Wants) or plan.foreign or scene.task is not None:
        return True
    return not plan.choices and all(one.order_id for one in plan.drafts)


def _own(scene: Scene, order_id: str) -> str:
    """The customer's own order of that id; empty if there is none."""
    folded = order_id.strip().lower()
    return next((one.id for one in scene.orders if one.id.lower() == folded), "")


def _only(scene: Scene, recipe: str) -> str:
    """The one order that policy lets *recipe* work on."""
    accepted = scene.accepted.get(recipe, frozenset())
    return next(iter(accepted)) if len(accepted) == 1 else ""


def _address(task: model_tools.TaskIn) -> AddressParts:
    if task.task != "change_address":
        return AddressParts()
    return AddressParts(
        name=task.name,
        phone=task.phone,
        region=task.region,
        city=task.city,
        street=task.street,
    )
