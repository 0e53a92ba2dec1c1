"""
What a planner is shown: the open task as this version wrote it, and the records.

Pure: the records were read before, and nothing is decided here.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import msgspec

from engines.agent.ledger import ActionRecord
from engines.agent.plan import Scene, Task
from engines.agent.policy import Policy
from engines.agent.replies import TASK_VERSION
from engines.contract import OpenTask, Tier, Turn
from engines.shops.port import Order


#: Calendar of the shops: "tomorrow" is counted by it.
ZONE = ZoneInfo("Asia/Shanghai")


def task_of(open_task: OpenTask | None) -> Task | None:
    """The agent's own task; None if the open one is another's or of another version."""
    if open_task is None or open_task.tier is not Tier.L3:
        return None
    if open_task.version != TASK_VERSION:
        return None
    try:
        return msgspec.convert(open_task.data, Task)
    except msgspec.ValidationError:
        return None


def scene_of(
    turn: Turn,
    orders: tuple[Order, ...],
    task: Task | None,
    record: ActionRecord | None,
    *,
    policy: Policy,
    now: dt.datetime,
) -> Scene:
    """The turn with the customer's records, and what policy lets work on which."""
    is_open = task is not None and turn.open_task is not None
    return Scene(
        turn=turn,
        orders=orders,
        accepted={
            name: frozenset(
                order.id for order in orders if policy.accepts(name, order, now)
            )
            for name in policy.recipes
        },
        today=now.astimezone(ZONE).date(),
        task=task,
        waits_for=turn.open_task.waits_for if is_open and turn.open_task else "",
        record=record,
    )
