"""
A process dies between the two slots of the store: the sweep heals what is left.

The crash points are the store calls themselves: a call either never reaches the
server, or its answer never comes back.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from people import SHOP, People

from gateway.handoff.desk import Desk
from gateway.handoff.effects import Effects
from gateway.handoff.errors import HandoffError
from gateway.handoff.mover import Mover
from gateway.handoff.queue import Handoffs
from gateway.handoff.states import FINAL, State
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.handoff import HandoffStore


pytestmark = pytest.mark.anyio

#: Store calls of one step after which a process may die, before and after each.
POINTS = 40


class Crash(Exception):
    """The process died here."""


class DyingScripts:
    """A real connection that dies at one call: before it, or after it."""

    def __init__(self, scripts: Scripts, at: int, *, is_after: bool) -> None:
        self._scripts = scripts
        self._left = at
        self._is_after = is_after
        self.died = False

    async def _pass(self, send: Any) -> Any:
        if self.died:
            raise Crash
        self._left -= 1
        if self._left == 0:
            self.died = True
            if self._is_after:
                await send()
            raise Crash
        return await send()

    async def call(self, *args: Any) -> Any:
        return await self._pass(lambda: self._scripts.call(*args))

    async def command(self, *args: Any) -> Any:
        return await self._pass(lambda: self._scripts.command(*args))


class Dying:
    """A second gateway process, about to die."""

    def __init__(self, people: People, at: int, *, is_after: bool) -> None:
        scripts: Any = DyingScripts(people.store._scripts, at, is_after=is_after)
        self.scripts = scripts
        store = HandoffStore(scripts)
        effects = Effects(
            Conversations(scripts, "dying"), people.effects._voices, people.policy
        )
        mover = Mover(store, effects, people.policy, people.clock)
        self.handoffs = Handoffs(mover)
        self.desk = Desk(mover, self.handoffs)


async def heal(people: People) -> None:
    """Time passes, and another process sweeps."""
    people.clock.advance(people.policy.effect_grace_s + 0.1)
    await people.handoffs.sweep(SHOP)


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("at", range(1, POINTS))
async def test_enqueue_that_died_is_finished_by_its_retry(
    people: People, at: int, *, is_after: bool
) -> None:
    """
    The outbox tries again: one entry, one notice, whatever the crash point.
    """
    await people.come("lin")
    request = await people.ask("mei")
    dying = Dying(people, at, is_after=is_after)
    with suppress(Crash):
        await dying.handoffs.enqueue(SHOP, request)
    await people.handoffs.enqueue(SHOP, request)
    assert sum((await people.store.depths(SHOP)).values()) == 1
    assert len(await people.texts("mei")) == 1


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("at", range(1, 14))
async def test_claim_that_died_is_finished_by_the_sweep(
    people: People, at: int, *, is_after: bool
) -> None:
    """
    Either the claim never was, or the conversation is the operator's and told.
    """
    who = await people.come("lin")
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    offered = await people.mover.read(SHOP, "h-mei")
    dying = Dying(people, at, is_after=is_after)
    with suppress(Crash):
        await dying.desk.claim(who, offered.id, offered.version)
    await heal(people)
    handoff = await people.mover.read(SHOP, "h-mei")
    told = [e.handoff.state for e in await people.events("mei") if e.handoff]
    if handoff.state is State.ACTIVE:
        assert told == ["queued", "active"]
        await people.desk.reply(who, handoff.id, "l1", "您好")
    else:
        assert (handoff.state, told) == (State.OFFERED, ["queued"])
    assert (await people.write("mei", "在吗")).outcome == "human"


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("at", range(1, 20))
async def test_close_that_died_is_finished_by_the_sweep(
    people: People, at: int, *, is_after: bool
) -> None:
    """
    Either the talk goes on, or it is closed, told once, and the machine is back.
    """
    who = await people.come("lin")
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    offered = await people.mover.read(SHOP, "h-mei")
    active = await people.desk.claim(who, offered.id, offered.version)
    seen = await people.desk.reply(who, active.id, "l1", "好了")
    dying = Dying(people, at, is_after=is_after)
    with suppress(Crash):
        await dying.desk.close(who, active.id, active.version, "solved", seen)
    await heal(people)
    handoff = await people.mover.read(SHOP, "h-mei")
    told = [e.handoff.state for e in await people.events("mei") if e.handoff]
    after = await people.write("mei", "还有一个问题")
    board = await people.desk.board(SHOP)
    if handoff.state is State.ACTIVE:
        assert told == ["queued", "active"]
        assert after.outcome == "human"
        assert board.seats[0].held == 1
    else:
        assert handoff.state is State.CLOSED
        assert told == ["queued", "active", "closed"]
        assert after.outcome == "leased"
        assert board.seats[0].held == 0


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("at", range(1, 20))
async def test_sweep_that_died_is_finished_by_the_next(
    people: People, at: int, *, is_after: bool
) -> None:
    """
    A lost operator's talk is never left with nobody, wherever the sweep died.
    """
    who = await people.come("lin")
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    offered = await people.mover.read(SHOP, "h-mei")
    await people.desk.claim(who, offered.id, offered.version)
    people.clock.advance(people.policy.presence_s + 1)
    await people.come("wang")
    dying = Dying(people, at, is_after=is_after)
    with suppress(Crash):
        await dying.handoffs.sweep(SHOP)
    await heal(people)
    handoff = await people.mover.read(SHOP, "h-mei")
    assert (handoff.state, handoff.operator) == (State.OFFERED, "wang")
    told = [e.handoff.state for e in await people.events("mei") if e.handoff]
    assert told == ["queued", "active", "queued"]
    assert [seat.name for seat in (await people.desk.board(SHOP)).seats] == ["wang"]


async def test_message_between_close_and_hand_back_keeps_the_talk_open(
    people: People,
) -> None:
    """
    A customer who writes while the close is under way is not left alone.
    """
    who = await people.come("lin")
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    offered = await people.mover.read(SHOP, "h-mei")
    active = await people.desk.claim(who, offered.id, offered.version)
    seen = await people.desk.reply(who, active.id, "l1", "再见")
    # Calls of a close: read, move, effects, read, hand back. It dies before that.
    dying = Dying(people, 5, is_after=False)
    with pytest.raises(Crash):
        await dying.desk.close(who, active.id, active.version, "solved", seen)
    assert (await people.mover.read(SHOP, "h-mei")).state is State.WRAP
    await people.write("mei", "等等，还有")
    await heal(people)
    again = await people.mover.read(SHOP, "h-mei")
    assert (again.state, again.operator) == (State.ACTIVE, "lin")
    await people.desk.reply(who, again.id, "l2", "请说")


async def test_late_claim_of_a_paused_process_does_not_silence_the_machine(
    people: People,
) -> None:
    """
    A process that slept through the whole talk and then owns the conversation
    is found out by the customer's next message.
    """
    who = await people.come("lin")
    for handoff_id in ("h-mei", "h-next"):
        request = msgspec.structs.replace(await people.ask("mei"), id=handoff_id)
        if handoff_id == "h-next":
            await people.conversations.hand_back(SHOP, "web:mei", "h-mei")
            await people.conversations.own(SHOP, "web:mei", "h-next", 0)
        await people.handoffs.enqueue(SHOP, request)
        offered = await people.mover.read(SHOP, handoff_id)
        active = await people.desk.claim(who, offered.id, offered.version)
        n = (await people.write("mei", "好")).seq
        await people.desk.close(who, active.id, active.version, "solved", n)
    await people.conversations.own(SHOP, "web:mei", "h-mei", 1)
    stuck = await people.write("mei", "在吗")
    assert (stuck.outcome, stuck.owner) == ("human", "h-mei")
    place = await people.handoffs.place(SHOP, stuck.owner)
    assert place.state in FINAL
    assert (await people.write("mei", "你好")).outcome == "leased"


async def test_claim_of_nothing_is_refused(people: People) -> None:
    """
    An id nobody queued is not found, and nothing is made by asking.
    """
    who = await people.come("lin")
    with pytest.raises(HandoffError):
        await people.desk.claim(who, "h-nothing", 1)
    assert await people.store.depths(SHOP) == {}
