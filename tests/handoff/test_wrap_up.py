"""
After the talk: the customer has the machine again, the operator writes things down.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from people import SHOP, People, open_people

from gateway.handoff.accounts import Operator
from gateway.handoff.errors import IllegalMove, NotYours
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.states import Handoff, State


pytestmark = pytest.mark.anyio

POLICY = HandoffPolicy()


@pytest.fixture
async def people(store_url: str) -> AsyncIterator[People]:
    """A shop whose operators wrap up as long as they do by default."""
    async with open_people(store_url, POLICY) as opened:
        yield opened


async def closed(people: People) -> tuple[Operator, Handoff]:
    """A talk that lin has just ended; lin can hold one."""
    lin = await people.come("lin", capacity=1)
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    offer = await people.mover.read(SHOP, "h-mei")
    active = await people.desk.claim(lin, offer.id, offer.version)
    seen = await people.desk.reply(lin, active.id, "l1", "好了")
    wrap = await people.desk.close(lin, active.id, active.version, "solved", seen)
    return lin, wrap


async def held(people: People) -> int:
    (seat,) = (await people.desk.board(SHOP)).seats
    return seat.held


async def test_the_customer_is_free_at_once_and_the_operator_later(
    people: People,
) -> None:
    """
    The machine answers again; the next customer comes when the time is over.
    """
    lin, wrap = await closed(people)
    assert wrap.state is State.WRAP
    assert (await people.write("mei", "多久发货")).outcome == "leased"
    await people.handoffs.enqueue(SHOP, await people.ask("next"))
    assert (await people.mover.read(SHOP, "h-next")).state is State.QUEUED
    people.clock.advance(POLICY.wrap_s - 1)
    await people.desk.beat(lin)
    await people.handoffs.sweep(SHOP)
    assert await held(people) == 1
    people.clock.advance(2)
    await people.handoffs.sweep(SHOP)
    after = await people.mover.read(SHOP, "h-mei")
    assert (after.state, after.outcome) == (State.CLOSED, "solved")
    assert (await people.mover.read(SHOP, "h-next")).state is State.OFFERED


async def test_done_early_with_a_note_and_another_outcome(people: People) -> None:
    """
    Who is done takes the next one; done twice is done once.
    """
    lin, wrap = await closed(people)
    await people.handoffs.enqueue(SHOP, await people.ask("next"))
    for _ in range(2):
        after = await people.desk.wrap_up(lin, wrap.id, "unsolved", "待补发")
        assert (after.state, after.outcome) == (State.CLOSED, "unsolved")
    assert (await people.mover.read(SHOP, "h-next")).operator == "lin"
    notes = [note.text for note in await people.desk.notes(lin, wrap.id)]
    assert notes == ["待补发", "待补发"]
    assert len(await people.texts("mei")) == 3


async def test_only_the_holder_wraps_up_and_only_after_the_talk(people: People) -> None:
    """
    A colleague may not, and a talk that goes on is no wrap-up.
    """
    _, wrap = await closed(people)
    wang = await people.come("wang")
    with pytest.raises(NotYours):
        await people.desk.wrap_up(wang, wrap.id, "", "")
    await people.handoffs.enqueue(SHOP, await people.ask("next"))
    offer = await people.mover.read(SHOP, "h-next")
    active = await people.desk.claim(wang, offer.id, offer.version)
    with pytest.raises(IllegalMove):
        await people.desk.wrap_up(wang, active.id, "", "")


async def test_an_operator_who_goes_home_has_wrapped_up(people: People) -> None:
    """
    Signing out leaves nothing behind, and the estimate knows the whole time.
    """
    lin, wrap = await closed(people)
    people.clock.advance(10)
    await people.desk.go(lin)
    assert (await people.mover.read(SHOP, wrap.id)).state is State.CLOSED
    assert (await people.store.look(SHOP)).handled_ms == (10_000,)
