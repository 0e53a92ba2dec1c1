"""
The store's ledger beyond the contract: every edge walked, forged reads, listing.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest

from engines.agent.ledger import (
    EDGES,
    UNSETTLED,
    ActionConflict,
    ActionNotFound,
    ActionRecord,
    ActionState,
)
from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.ledger import StoreLedger
from gateway.store.mailbox import Lease, NewMessage


pytestmark = pytest.mark.anyio

#: Ways from the start to each state.
WAYS: dict[ActionState, tuple[ActionState, ...]] = {
    ActionState.PROPOSED: (),
    ActionState.CONFIRMED: (ActionState.CONFIRMED,),
    ActionState.EXECUTING: (ActionState.CONFIRMED, ActionState.EXECUTING),
    ActionState.DONE: (
        ActionState.CONFIRMED,
        ActionState.EXECUTING,
        ActionState.DONE,
    ),
    ActionState.FAILED: (
        ActionState.CONFIRMED,
        ActionState.EXECUTING,
        ActionState.FAILED,
    ),
    ActionState.AWAITING_APPROVAL: (ActionState.AWAITING_APPROVAL,),
    ActionState.APPROVED: (ActionState.AWAITING_APPROVAL, ActionState.APPROVED),
    ActionState.REJECTED: (ActionState.REJECTED,),
    ActionState.SUPERSEDED: (ActionState.SUPERSEDED,),
    ActionState.UNKNOWN: (
        ActionState.CONFIRMED,
        ActionState.EXECUTING,
        ActionState.UNKNOWN,
    ),
    ActionState.PARKED: (
        ActionState.CONFIRMED,
        ActionState.EXECUTING,
        ActionState.UNKNOWN,
        ActionState.PARKED,
    ),
    ActionState.COMPENSATING: (
        ActionState.CONFIRMED,
        ActionState.EXECUTING,
        ActionState.COMPENSATING,
    ),
    ActionState.COMPENSATED: (
        ActionState.CONFIRMED,
        ActionState.EXECUTING,
        ActionState.COMPENSATING,
        ActionState.COMPENSATED,
    ),
}


@pytest.fixture
async def ledger(every_store_url: str) -> AsyncIterator[StoreLedger]:
    scripts = await Scripts.connect(every_store_url)
    clock = itertools.count(1_000)
    yield StoreLedger(scripts, lambda: next(clock))
    await scripts.close()


def proposal(
    name: str = "a1", *, conversation: str = "c", shop: str = "s"
) -> ActionRecord:
    return ActionRecord(
        id=name,
        shop=shop,
        conversation_id=conversation,
        user_id="u",
        recipe="refund_item",
        state=ActionState.PROPOSED,
        version=1,
        args={"line": 2, "why": "太小\n了"},
        order_id="o1",
        order_version=3,
        amount_minor=1250,
        currency="CNY",
        summary="退第2件",
        clauses=("refund_item.window",),
        steps=(),
        created_ms=1,
        expires_ms=2,
    )


async def test_new_action_starts_proposed(ledger: StoreLedger) -> None:
    """Nothing enters the ledger in the middle of its life."""
    record = proposal()
    moved = await ledger.move(
        await ledger.propose(record), ActionState.CONFIRMED, "yes"
    )
    with pytest.raises(ActionConflict):
        await ledger.propose(moved)


@pytest.mark.parametrize("here", list(ActionState))
async def test_only_the_edges_exist(ledger: StoreLedger, here: ActionState) -> None:
    """From every state exactly the edges of the table can be taken."""
    for number, there in enumerate(ActionState):
        record = await ledger.propose(proposal(f"a{number}"))
        for state in WAYS[here]:
            record = await ledger.move(record, state, "")
        if there in EDGES[here]:
            assert (await ledger.move(record, there, "")).state is there
        else:
            with pytest.raises(ActionConflict):
                await ledger.move(record, there, "")
            assert await ledger.get("s", "c", record.id) == record


async def test_stale_mover_is_refused(ledger: StoreLedger) -> None:
    """Who read the record before it moved can't move it; forged states don't help."""
    record = await ledger.propose(proposal())
    confirmed = await ledger.move(record, ActionState.CONFIRMED, "yes")
    with pytest.raises(ActionConflict):
        await ledger.move(record, ActionState.REJECTED, "no")
    with pytest.raises(ActionConflict):
        await ledger.move(record, ActionState.CONFIRMED, "yes again")
    assert await ledger.get("s", "c", "a1") == confirmed
    with pytest.raises(ActionNotFound):
        await ledger.move(proposal("a2"), ActionState.CONFIRMED, "yes")


async def test_listing_is_by_shop_state_and_time(ledger: StoreLedger) -> None:
    """Actions of a shop are listed over all conversations, the last moved first."""
    records = [
        await ledger.propose(proposal(f"a:{n}", conversation=f"c:{n}"))
        for n in range(12)
    ]
    await ledger.propose(proposal("foreign", shop="t"))
    moved = await ledger.move(records[3], ActionState.CONFIRMED, "yes")
    everything = await ledger.list_actions("s")
    assert everything[0] == moved
    assert [one.id for one in everything[1:]] == [
        f"a:{n}" for n in range(11, -1, -1) if n != 3
    ]
    assert await ledger.list_actions("s", ActionState.CONFIRMED) == [moved]
    proposed = await ledger.list_actions("s", ActionState.PROPOSED, limit=4)
    assert [one.id for one in proposed] == ["a:11", "a:10", "a:9", "a:8"]
    assert await ledger.list_actions("s", ActionState.DONE) == []
    assert await ledger.list_actions("nobody") == []
    assert len(await ledger.list_actions("t")) == 1


async def test_overdue_are_actions_under_way_that_no_turn_works_on(
    every_store_url: str,
) -> None:
    """Confirmed, executing or unknown, still for long, in a talk where no mail waits."""
    scripts = await Scripts.connect(every_store_url)
    now_ms = 1_000
    ledger = StoreLedger(scripts, lambda: now_ms)
    conversations = Conversations(scripts, "w1")
    for state, way in WAYS.items():
        record = await ledger.propose(proposal(f"a-{state}"))
        for there in way:
            record = await ledger.move(record, there, "")
    bucket = keys.bucket_of("c")
    found = await ledger.overdue("s", bucket, 1_001)
    assert {one.state for one in found} == UNSETTLED
    assert await ledger.overdue("s", bucket, 1_000) == []
    assert await ledger.overdue("t", bucket, 1_001) == []
    assert len(await ledger.overdue("s", bucket, 1_001, limit=1)) == len(UNSETTLED)
    lease = await accepted(conversations)
    assert await ledger.overdue("s", bucket, 1_001) == []
    await conversations.commit(
        lease, seq=1, message_id="m", channel="web", result=b"", events=(), state=b""
    )
    assert await ledger.overdue("s", bucket, 1_001) == found
    await scripts.close()


async def accepted(conversations: Conversations) -> Lease:
    """A message waits in the conversation of the actions."""
    message = NewMessage(channel="web", message_id="m", fingerprint="f", event=b"{}")
    got = await conversations.accept("s", "c", message)
    return Lease("s", "c", got.epoch)
