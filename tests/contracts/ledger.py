"""
What every ledger must do, as functions that take one.

A store's tests import these and run each on their own ledger; the ledger gets
its clock when it is built and writes the time of every move from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from engines.agent.ledger import (
    EDGES,
    ActionConflict,
    ActionNotFound,
    ActionRecord,
    ActionState,
    Ledger,
    Step,
)


Check = Callable[[Ledger], Awaitable[None]]


def record(id_: str = "act_1", **changes: Any) -> ActionRecord:
    """A proposed action with every field filled, some of them awkward."""
    whole = ActionRecord(
        id=id_,
        shop="demo",
        conversation_id="c:1/{x}",
        user_id="u1",
        recipe="refund_item",
        state=ActionState.PROPOSED,
        version=1,
        args={"order_id": "K1", "refund": {"line": 2, "gifts": [3]}, "locale": "zh"},
        order_id="K1",
        order_version=4,
        amount_minor=4882,
        currency="CNY",
        summary="订单 K1 第 2 件\n退 1 件",
        clauses=("refund_item.states", "refund_item.ceiling"),
        steps=(Step(kind="refund_line", key="k1"), Step(kind="notify", key="k2")),
        created_ms=1_000,
        expires_ms=2_000,
        before={"refunded_minor": 0},
        after={"refunded_minor": 4882},
    )
    return msgspec.structs.replace(whole, **changes)


async def proposed_record_is_read_back_whole(ledger: Ledger) -> None:
    """What was proposed is what is read, to the last field."""
    written = await ledger.propose(record())
    assert msgspec.structs.replace(written, chain=()) == record()
    assert await ledger.get("demo", "c:1/{x}", "act_1") == written


async def same_id_returns_what_is_there(ledger: Ledger) -> None:
    """A second proposal with the same id changes nothing, whatever it says."""
    first = await ledger.propose(record())
    again = await ledger.propose(record(amount_minor=99))
    assert again == first
    moved = await ledger.move(first, ActionState.CONFIRMED, "yes")
    assert await ledger.propose(record()) == moved


async def action_of_another_conversation_is_not_found(ledger: Ledger) -> None:
    """A record is reached by shop, conversation and id together, or not at all."""
    await ledger.propose(record())
    for shop, conversation, id_ in (
        ("other", "c:1/{x}", "act_1"),
        ("demo", "c:2", "act_1"),
        ("demo", "c:1/{x}", "act_2"),
    ):
        with pytest.raises(ActionNotFound):
            await ledger.get(shop, conversation, id_)


async def whole_life_is_kept(ledger: Ledger) -> None:
    """Every move raises the version and is in the history with its reason."""
    now = await ledger.propose(record())
    now = await ledger.move(now, ActionState.CONFIRMED, "yes")
    now = await ledger.move(now, ActionState.EXECUTING, "intent")
    receipt = Step(kind="refund_line", key="k1", receipt="RL-1", detail={"a": 1})
    steps = (receipt, now.steps[1])
    now = await ledger.move(now, ActionState.EXECUTING, "RL-1", steps=steps)
    now = await ledger.move(now, ActionState.DONE, "RL-1", after={"receipt": "RL-1"})
    kept = await ledger.get("demo", "c:1/{x}", "act_1")
    assert kept == now
    assert (kept.version, kept.state) == (5, ActionState.DONE)
    assert kept.steps == steps
    assert kept.after == {"receipt": "RL-1"}
    told = [(state, why) for _, state, why in kept.history]
    assert told == [
        ("confirmed", "yes"),
        ("executing", "intent"),
        ("executing", "RL-1"),
        ("done", "RL-1"),
    ]
    times = [at for at, _, _ in kept.history]
    assert times == sorted(times)


async def move_from_a_stale_read_is_refused(ledger: Ledger) -> None:
    """Who read before somebody else moved changes nothing."""
    read = await ledger.propose(record())
    moved = await ledger.move(read, ActionState.CONFIRMED, "first")
    for to in (ActionState.CONFIRMED, ActionState.REJECTED, ActionState.SUPERSEDED):
        with pytest.raises(ActionConflict):
            await ledger.move(read, to, "second")
    assert await ledger.get("demo", "c:1/{x}", "act_1") == moved


async def only_drawn_edges_exist(ledger: Ledger) -> None:
    """From every state, every move that the diagram does not draw is refused."""
    for number, state in enumerate(ActionState):
        for to in set(ActionState) - EDGES[state]:
            id_ = f"act_{number}_{to}"
            await ledger.propose(record(id_))
            here = msgspec.structs.replace(
                await ledger.get("demo", "c:1/{x}", id_), state=state
            )
            with pytest.raises(ActionConflict):
                await ledger.move(here, to, "no such edge")


async def one_of_many_racers_moves(ledger: Ledger) -> None:
    """Of twenty that confirm the same read, exactly one does."""
    read = await ledger.propose(record())
    tries = [ledger.move(read, ActionState.CONFIRMED, str(n)) for n in range(20)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    won = [one for one in outcomes if isinstance(one, ActionRecord)]
    assert len(won) == 1
    assert all(isinstance(one, ActionConflict | ActionRecord) for one in outcomes)
    assert await ledger.get("demo", "c:1/{x}", "act_1") == won[0]


#: Everything a ledger is held to; parametrise a test with it.
CHECKS: tuple[Check, ...] = (
    proposed_record_is_read_back_whole,
    same_id_returns_what_is_there,
    action_of_another_conversation_is_not_found,
    whole_life_is_kept,
    move_from_a_stale_read_is_refused,
    only_drawn_edges_exist,
    one_of_many_racers_moves,
)
