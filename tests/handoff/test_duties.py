"""
What the queue owes: tickets in time, operators who speak, colleagues who were named,
work that fits into a person's capacity. On a real store.
"""

from __future__ import annotations

import msgspec
import pytest
from people import SHOP, People, operator

from engines.contract import Risk
from gateway.handoff.errors import OperatorFull
from gateway.handoff.states import Move, State


pytestmark = pytest.mark.anyio


async def test_a_due_ticket_comes_to_the_front(people: People) -> None:
    """
    Promised by a time, it is offered before that time, ahead of newcomers.
    """
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    ticket = await people.mover.read(SHOP, "h-mei")
    assert ticket.state is State.TICKETED
    who = await people.come("lin", capacity=1)
    await people.handoffs.sweep(SHOP)
    assert (await people.mover.read(SHOP, "h-mei")).state is State.TICKETED
    people.clock.now_ms = ticket.promised_ms - 600_000
    await people.come("lin", capacity=1)
    await people.handoffs.sweep(SHOP)
    due = await people.mover.read(SHOP, "h-mei")
    assert (due.state, due.is_recalled) == (State.OFFERED, True)
    # Until somebody comes the machine has the conversation, and says so.
    assert (await people.write("mei", "在吗")).outcome == "leased"
    active = await people.desk.claim(who, due.id, due.version)
    assert active.claimed_ms < ticket.promised_ms
    assert (await people.write("mei", "你好")).outcome == "human"


async def test_a_due_ticket_that_nobody_takes_stays_a_quiet_one(people: People) -> None:
    """
    The operator leaves: no second number, no second promise, nothing said.
    """
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    ticket = await people.mover.read(SHOP, "h-mei")
    told = await people.texts("mei")
    people.clock.now_ms = ticket.promised_ms - 600_000
    who = await people.come("lin", capacity=1)
    await people.handoffs.sweep(SHOP)
    await people.desk.go(who)
    await people.handoffs.sweep(SHOP)
    again = await people.mover.read(SHOP, "h-mei")
    assert (again.state, again.promised_ms) == (State.TICKETED, ticket.promised_ms)
    assert await people.texts("mei") == told


async def test_an_operator_who_says_nothing_loses_the_talk(people: People) -> None:
    """
    Two minutes without a word end it; one word in time keeps it.
    """
    for name in ("silent", "spoken"):
        await people.come("lin", capacity=3)
        await people.handoffs.enqueue(SHOP, await people.ask(name))
        offer = await people.mover.read(SHOP, f"h-{name}")
        active = await people.desk.claim(
            operator("lin", capacity=3), offer.id, offer.version
        )
        if name == "spoken":
            who = operator("lin", capacity=3)
            await people.desk.reply(who, active.id, "l1", "您好")
        for _ in range(4):
            people.clock.advance(31)
            await people.desk.beat(operator("lin"))
        await people.handoffs.sweep(SHOP)
    silent = await people.mover.read(SHOP, "h-silent")
    spoken = await people.mover.read(SHOP, "h-spoken")
    # Nobody else is there: the customer gets a time.
    assert silent.state is State.TICKETED
    assert (spoken.state, spoken.hops) == (State.ACTIVE, 0)
    assert spoken.version == active.version


async def test_a_talk_passed_to_a_colleague_goes_to_them_alone(people: People) -> None:
    """
    Named, they are asked first; when they do not look, somebody else is.
    """
    lin = await people.come("lin")
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    offer = await people.mover.read(SHOP, "h-mei")
    active = await people.desk.claim(lin, offer.id, offer.version)
    await people.come("wang")
    await people.come("zhao")
    await people.desk.transfer(lin, active.id, active.version, "", "zhao")
    assert (await people.mover.read(SHOP, "h-mei")).operator == "zhao"
    people.clock.advance(people.policy.offer_s + 1)
    await people.handoffs.sweep(SHOP)
    assert (await people.mover.read(SHOP, "h-mei")).operator in {"", "zhao"}
    people.clock.advance(people.policy.wanted_s - people.policy.offer_s)
    await people.come("wang")
    await people.handoffs.sweep(SHOP)
    assert (await people.mover.read(SHOP, "h-mei")).operator == "wang"


async def test_disputes_take_two_units_in_the_store_too(people: People) -> None:
    """
    Three units hold one dispute and one talk; a forced third is refused, and all
    units are free again when both are over.
    """
    lin = await people.come("lin", capacity=3)
    for name, risk in (("a", Risk.HIGH), ("b", Risk.LOW)):
        await people.handoffs.enqueue(SHOP, await people.ask(name, risk=risk))
        offer = await people.mover.read(SHOP, f"h-{name}")
        assert offer.state is State.OFFERED
        await people.desk.claim(lin, offer.id, offer.version)
    (seat,) = (await people.desk.board(SHOP)).seats
    assert seat.held == 3
    await people.handoffs.enqueue(SHOP, await people.ask("c"))
    waiting = await people.mover.read(SHOP, "h-c")
    assert waiting.state is State.QUEUED
    await people.handoffs.call_back(SHOP, "h-c")
    ticket = await people.mover.read(SHOP, "h-c")
    with pytest.raises(OperatorFull):
        await people.desk.take(lin, ticket.id, ticket.version)
    for name in ("a", "b"):
        active = await people.mover.read(SHOP, f"h-{name}")
        await people.mover.leave_operator(SHOP, active, Move.LOSE)
    (seat,) = (await people.desk.board(SHOP)).seats
    assert seat.held == 0


async def test_who_comes_back_soon_keeps_the_place(people: People) -> None:
    """
    Left by mistake and back within minutes, the customer stands before newcomers.
    """
    lin = await people.come("lin", capacity=1)
    await people.handoffs.enqueue(SHOP, await people.ask("first"))
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    people.clock.advance(40)
    await people.desk.beat(lin)
    assert await people.handoffs.abandon(SHOP, "h-mei")
    await people.handoffs.enqueue(SHOP, await people.ask("new"))
    people.clock.advance(2)
    back = await people.ask("mei")
    back = msgspec.structs.replace(back, id="h-mei-again")
    placed = await people.handoffs.enqueue(SHOP, back)
    assert placed.position == 1
    assert (await people.handoffs.place(SHOP, "h-new")).position == 2


async def test_a_silent_talk_ends_and_an_unanswered_one_goes_on(people: People) -> None:
    """
    Half an hour after the operator's last word it is over; after the customer's the
    customer is not sent away but gets somebody else.
    """
    lin = await people.come("lin", capacity=3)
    for name in ("quiet", "asking"):
        await people.handoffs.enqueue(SHOP, await people.ask(name))
        offer = await people.mover.read(SHOP, f"h-{name}")
        active = await people.desk.claim(lin, offer.id, offer.version)
        await people.desk.reply(lin, active.id, "l1", "您好")
    for minute in range(34):
        people.clock.advance(60)
        await people.come("lin", capacity=3)
        if minute == 2:
            await people.write("asking", "那怎么办")
        if minute == 25:
            await people.desk.reply(lin, "h-quiet", "l2", "还在吗")
        await people.handoffs.sweep(SHOP)
    assert (await people.mover.read(SHOP, "h-quiet")).state is State.ACTIVE
    assert (await people.mover.read(SHOP, "h-asking")).state is State.TICKETED
    for _ in range(30):
        people.clock.advance(60)
        await people.come("lin", capacity=3)
        await people.handoffs.sweep(SHOP)
    quiet = await people.mover.read(SHOP, "h-quiet")
    assert (quiet.state, quiet.outcome) == (State.CLOSED, "idle")
    assert (await people.texts("quiet"))[-1].startswith("本次人工服务已结束")
