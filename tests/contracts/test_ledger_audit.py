"""
Exports of the ledger: chained, and a past rewritten afterwards is told.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import msgspec
import pytest
from ledger import record

from engines.agent.ledger import ActionRecord, ActionState, is_linked, linked
from gateway import audit
from gateway.store.connection import Scripts
from gateway.store.ledger import StoreLedger


pytestmark = pytest.mark.anyio


@pytest.fixture
async def actions(store_url: str) -> AsyncIterator[list[ActionRecord]]:
    """Three actions as a real ledger keeps them, two of them moved."""
    scripts = await Scripts.connect(store_url)
    ledger = StoreLedger(scripts, lambda: int(time.time() * 1000))
    for number, ways in enumerate(
        ((), (ActionState.REJECTED,), (ActionState.CONFIRMED, ActionState.EXECUTING))
    ):
        one = await ledger.propose(record(f"act_{number}"))
        for to in ways:
            one = await ledger.move(one, to, "test")
    yield await ledger.list_actions("demo")
    await scripts.close()


async def test_an_export_of_what_happened_holds(actions: list[ActionRecord]) -> None:
    """Nothing is found wrong in the ledger's own records."""
    entries = list(audit.chained(actions))
    now = {(one.conversation_id, one.id): one for one in actions}
    assert len(entries) == 3
    assert audit.broken(entries) == audit.rewritten(entries, now) == []


async def test_each_way_of_tampering_breaks_an_export(
    actions: list[ActionRecord],
) -> None:
    """A line changed, dropped, or two exchanged."""
    entries = list(audit.chained(actions))
    dearer = msgspec.structs.replace(entries[1].record, amount_minor=1)
    changed = msgspec.structs.replace(entries[1], record=dearer)
    for tampered in (
        [entries[0], changed, entries[2]],
        [entries[0], entries[2]],
        [entries[1], entries[0], entries[2]],
    ):
        assert audit.broken(tampered)


async def test_a_past_rewritten_in_the_store_is_told(
    actions: list[ActionRecord],
) -> None:
    """Another amount, a move taken back, an action gone; a further move is none of it."""
    entries = list(audit.chained(actions))
    moved = next(one for one in actions if one.state is ActionState.REJECTED)
    place = (moved.conversation_id, moved.id)
    now = {(one.conversation_id, one.id): one for one in actions}
    dearer = msgspec.structs.replace(moved, amount_minor=1)
    undone = msgspec.structs.replace(
        moved, state=ActionState.PROPOSED, version=1, history=()
    )
    for other in (now | {place: dearer}, now | {place: undone}):
        assert audit.rewritten(entries, other) == [
            f"action {moved.id}: its past was rewritten"
        ]
    del now[place]
    assert audit.rewritten(entries, now) == [
        f"action {moved.id}: is gone from the ledger"
    ]


def test_a_history_that_no_edge_allows_is_told() -> None:
    """Straight from proposed to done, or a version that no move explains."""
    jumped = record(
        state=ActionState.DONE, version=2, history=((1, "done", "by hand"),)
    )
    assert audit.unlawful(jumped)
    assert audit.unlawful(record(version=3))


async def test_every_record_carries_a_hash_for_each_version(
    actions: list[ActionRecord],
) -> None:
    """A record changed in the store is told without any export; made anew, by one."""
    moved = next(one for one in actions if one.state is ActionState.EXECUTING)
    assert len(moved.chain) == moved.version == 3
    assert is_linked(moved)
    changed = msgspec.structs.replace(moved, after={"paid": "more"})
    assert "last hash" in audit.unlawful(changed)[0]
    anew = linked(msgspec.structs.replace(changed, chain=moved.chain[:-1]))
    assert audit.unlawful(anew) == []
    now = {(anew.conversation_id, anew.id): anew}
    assert audit.rewritten(audit.chained([moved]), now) == [
        f"action {moved.id}: its past was rewritten"
    ]
