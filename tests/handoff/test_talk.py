"""
From the line to the close: what operator and customer see on the way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from people import SHOP, People, open_people, operator

from engines.contract import Risk
from gateway.handoff.accounts import Operator
from gateway.handoff.errors import (
    ConversationBusy,
    HandoffTaken,
    NotYours,
    OperatorAbsent,
    OperatorFull,
    ReplyFenced,
    UnreadMessages,
)
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.states import Handoff, State
from gateway.outcome import with_person
from gateway.store.errors import StaleOwner


pytestmark = pytest.mark.anyio


@pytest.fixture
async def people(every_store_url: str) -> AsyncIterator[People]:
    """People on each kind of store: embedded, external, clustered."""
    async with open_people(every_store_url) as opened:
        yield opened


async def claimed(
    people: People, name: str = "mei", by: str = "lin"
) -> tuple[Operator, Handoff]:
    """A customer who is with an operator."""
    who = await people.come(by)
    await people.handoffs.enqueue(SHOP, await people.ask(name))
    offered = await people.mover.read(SHOP, f"h-{name}")
    return who, await people.desk.claim(who, offered.id, offered.version)


async def test_the_whole_way_from_line_to_close(people: People) -> None:
    """
    Queued, offered, claimed, answered, closed; the customer hears of each change.
    """
    who = await people.come("lin")
    placement = await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    assert placement.state is State.OFFERED
    offered = await people.mover.read(SHOP, "h-mei")
    assert offered.operator == "lin"
    active = await people.desk.claim(who, offered.id, offered.version)
    assert active.state is State.ACTIVE
    n = await people.desk.reply(who, active.id, "l1", "您好，我是小林")
    closed = await people.desk.close(who, active.id, active.version, "solved", n)
    assert closed.state is State.CLOSED
    events = await people.events("mei")
    assert [event.kind for event in events] == [
        "message",
        "notice",
        "notice",
        "operator",
        "notice",
    ]
    states = [event.handoff.state for event in events if event.handoff]
    assert states == ["queued", "active", "closed"]
    assert "第 1 位" in events[1].text
    assert "Lin" in events[2].text


async def test_machine_gets_the_conversation_only_after_the_close(
    people: People,
) -> None:
    """
    While a person has it a message is theirs; after the close it is leased.
    """
    who, active = await claimed(people)
    during = await people.write("mei", "在吗")
    assert (during.outcome, during.owner) == ("human", active.id)
    await people.desk.close(who, active.id, active.version, "solved", during.seq)
    assert (await people.write("mei", "再问一下")).outcome == "leased"


async def test_repeated_enqueue_makes_one_entry(people: People) -> None:
    """
    A handoff becomes a queue entry once, however often it is retried.
    """
    await people.come("away", capacity=1)
    request = await people.ask("mei")
    first = await people.handoffs.enqueue(SHOP, request)
    for _ in range(3):
        assert await people.handoffs.enqueue(SHOP, request) == first
    depths = await people.store.depths(SHOP)
    assert sum(depths.values()) == 1
    assert len(await people.texts("mei")) == 1


async def test_second_claim_is_refused(people: People) -> None:
    """
    Who claims second gets a clear refusal, and the first keeps the talk.
    """
    who, active = await claimed(people)
    other = await people.come("wang")
    with pytest.raises(HandoffTaken) as refused:
        await people.desk.claim(other, active.id, active.version - 1)
    assert refused.value.state is State.ACTIVE
    assert (await people.mover.read(SHOP, active.id)).operator == who.name


async def test_offer_is_for_one_operator(people: People) -> None:
    """
    A colleague can't claim what was offered to somebody else.
    """
    await people.come("lin")
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    offered = await people.mover.read(SHOP, "h-mei")
    other = await people.come("wang")
    with pytest.raises(NotYours):
        await people.desk.claim(other, offered.id, offered.version)


async def test_claim_after_the_offer_ran_out_is_refused(people: People) -> None:
    """
    An offer is a lease: accepted late it is refused, swept it goes to another.
    """
    who = await people.come("lin")
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    offered = await people.mover.read(SHOP, "h-mei")
    people.clock.advance(people.policy.offer_s + 1)
    with pytest.raises(HandoffTaken):
        await people.desk.claim(who, offered.id, offered.version)
    await people.come("wang")
    await people.handoffs.sweep(SHOP)
    again = await people.mover.read(SHOP, "h-mei")
    assert (again.state, again.operator) == (State.OFFERED, "wang")
    assert again.deadline_ms == offered.deadline_ms


async def test_declined_offer_goes_to_a_colleague(people: People) -> None:
    """
    Who declines is not asked again for a while; a colleague is.
    """
    who = await people.come("lin")
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    offered = await people.mover.read(SHOP, "h-mei")
    await people.desk.decline(who, offered.id, offered.version)
    assert (await people.mover.read(SHOP, "h-mei")).state is State.QUEUED
    await people.come("wang")
    assert (await people.mover.read(SHOP, "h-mei")).operator == "wang"


async def test_two_ignored_offers_set_an_operator_away(people: People) -> None:
    """
    An operator who looks at no offer gets no more of them.
    """
    await people.come("lin")
    for name in ("mei", "hua"):
        await people.handoffs.enqueue(SHOP, await people.ask(name))
    for _ in range(2):
        people.clock.advance(people.policy.offer_s + 1)
        await people.handoffs.sweep(SHOP)
    board = await people.desk.board(SHOP)
    assert [seat.is_away for seat in board.seats] == [True]


async def test_capacity_is_never_exceeded(people: People) -> None:
    """
    An operator holds no more than their capacity; the rest waits.
    """
    who = await people.come("lin", capacity=2)
    for name in ("a", "b", "c"):
        await people.handoffs.enqueue(SHOP, await people.ask(name))
    depths = await people.store.depths(SHOP)
    assert (depths["offered"], depths["queued"]) == (2, 1)
    waiting = (await people.desk.board(SHOP)).line[0]
    place = await people.handoffs.place(SHOP, waiting.id)
    assert place.position == 1
    assert place.eta_s is not None
    assert who.capacity == 2


async def test_lost_operator_returns_the_talk_to_the_line(people: People) -> None:
    """
    A silent console gives the customer back to the line, who is told.
    """
    await claimed(people)
    people.clock.advance(people.policy.presence_s - 1)
    await people.come("wang")
    people.clock.advance(2)
    await people.handoffs.sweep(SHOP)
    moved = await people.mover.read(SHOP, "h-mei")
    assert (moved.state, moved.operator, moved.hops) == (State.OFFERED, "wang", 1)
    assert "重新排队" in (await people.texts("mei"))[-1]


async def test_stale_operator_can_say_nothing(people: People) -> None:
    """
    After the talk went to a colleague, the old operator's reply is not sent.
    """
    who, active = await claimed(people)
    other = await people.come("wang")
    await people.desk.transfer(who, active.id, active.version, "请跟进退款")
    offered = await people.mover.read(SHOP, active.id)
    await people.desk.claim(other, offered.id, offered.version)
    with pytest.raises(ReplyFenced):
        await people.desk.reply(who, active.id, "late", "我来处理")
    # The conversation refuses by itself, even if the record was read before.
    with pytest.raises(StaleOwner):
        await people.effects.reply(SHOP, active, "later", "我来处理", 1)
    assert await people.texts("mei", "operator") == []
    notes = await people.desk.notes(other, active.id)
    assert [note.text for note in notes] == ["请跟进退款", "我来处理"]


async def test_reply_is_said_once(people: People) -> None:
    """
    A reply that is sent again after a lost answer appears once.
    """
    who, active = await claimed(people)
    first = await people.desk.reply(who, active.id, "l1", "您好")
    assert await people.desk.reply(who, active.id, "l1", "您好") == first
    assert await people.texts("mei", "operator") == ["您好"]


async def test_close_over_an_unread_message_is_refused(people: People) -> None:
    """
    A talk can't be closed over a message its operator has not read.
    """
    who, active = await claimed(people)
    read = await people.desk.reply(who, active.id, "l1", "还有问题吗")
    unread = await people.write("mei", "有的，发票呢")
    with pytest.raises(UnreadMessages):
        await people.desk.close(who, active.id, active.version, "solved", read)
    still = await people.mover.read(SHOP, active.id)
    assert still.state is State.ACTIVE
    closed = await people.desk.close(who, still.id, still.version, "solved", unread.seq)
    assert closed.state is State.CLOSED


async def test_nobody_there_means_a_ticket_at_once(people: People) -> None:
    """
    Without operators there is no place: a ticket with a time, and the machine back.
    """
    placement = await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    assert placement.state is State.TICKETED
    least_ms = people.clock.now_ms + int(people.policy.ticket_s * 1000)
    assert placement.promised_ms >= least_ms
    event = (await people.events("mei"))[-1]
    assert event.handoff is not None
    assert event.handoff.promised_at is not None
    assert (await people.write("mei", "好的")).outcome == "leased"


async def test_full_line_means_a_ticket(store_url: str) -> None:
    """
    Beyond the declared length of the line nobody is promised a place in it.
    """
    async with open_people(
        store_url, HandoffPolicy(max_queue=2, handling_s=100)
    ) as people:
        await people.come("lin", capacity=1)
        states = [
            (await people.handoffs.enqueue(SHOP, await people.ask(name))).state
            for name in ("a", "b", "c", "d", "e")
        ]
    assert states == ["offered", "queued", "queued", "ticketed", "ticketed"]


async def test_wait_over_the_limit_becomes_a_ticket(people: People) -> None:
    """
    Who waits longer than their class may is told a time instead.
    """
    await people.come("lin", capacity=1)
    for name in ("first", "mei"):
        await people.handoffs.enqueue(SHOP, await people.ask(name))
    people.clock.advance(people.policy.limit_ms((await people.ask("x")).risk) / 1000)
    await people.handoffs.sweep(SHOP)
    assert (await people.mover.read(SHOP, "h-mei")).state is State.TICKETED
    assert (await people.write("mei", "好")).outcome == "leased"


async def test_last_operator_gone_closes_the_line(people: People) -> None:
    """
    Who waits when nobody is left gets a time; a colleague who is away keeps the line.
    """
    who = await people.come("lin", capacity=1)
    wang = operator("wang")
    await people.desk.come(wang, is_away=True)
    for name in ("first", "mei"):
        await people.handoffs.enqueue(SHOP, await people.ask(name))
    await people.handoffs.sweep(SHOP)
    assert (await people.mover.read(SHOP, "h-mei")).state is State.QUEUED
    await people.desk.go(wang)
    await people.desk.go(who)
    await people.handoffs.sweep(SHOP)
    for name in ("first", "mei"):
        assert (await people.mover.read(SHOP, f"h-{name}")).state is State.TICKETED
    assert (await people.write("mei", "好")).outcome == "leased"


async def test_ticket_is_taken_up_and_answered(people: People) -> None:
    """
    An operator takes a ticket, talks in the customer's conversation, and closes.
    """
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    who = await people.come("lin")
    (ticket,) = (await people.desk.board(SHOP)).tickets
    active = await people.desk.take(who, ticket.id, ticket.version)
    assert active.state is State.ACTIVE
    assert (await people.write("mei", "你好")).outcome == "human"
    seq = await people.desk.reply(who, active.id, "l1", "已为您处理")
    await people.desk.close(who, active.id, active.version, "solved", seq)
    assert (await people.write("mei", "谢谢")).outcome == "leased"
    assert await people.texts("mei", "operator") == ["已为您处理"]


async def test_mail_that_waits_goes_to_who_takes_the_ticket(people: People) -> None:
    """
    A message the machine had not answered yet is the operator's, with a result.
    """
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    waiting = await people.write("mei", "还在吗")
    assert waiting.outcome == "leased"
    who = await people.come("lin")
    (ticket,) = (await people.desk.board(SHOP)).tickets
    await people.desk.take(who, ticket.id, ticket.version)
    again = await people.write("mei", "还在吗", is_repeat=True)
    active = await people.desk.read(who, ticket.id)
    assert (again.outcome, again.result) == ("repeat", with_person(active.owner))


async def test_ticket_of_a_conversation_in_another_handoff_stays(
    people: People,
) -> None:
    """
    A ticket can't take a conversation from the colleague who has it now.
    """
    await people.handoffs.enqueue(SHOP, await people.ask("mei"))
    ticket = await people.mover.read(SHOP, "h-mei")
    who = await people.come("lin")
    again = await people.ask("mei")
    second = msgspec.structs.replace(again, id="h-second")
    await people.conversations.hand_back(SHOP, "web:mei", "h-mei")
    await people.conversations.own(SHOP, "web:mei", "h-second", 0)
    await people.handoffs.enqueue(SHOP, second)
    with pytest.raises(ConversationBusy):
        await people.desk.take(who, ticket.id, ticket.version)
    back = await people.mover.read(SHOP, "h-mei")
    assert (back.state, back.promised_ms) == (State.TICKETED, ticket.promised_ms)


async def test_absent_or_full_operators_take_no_tickets(people: People) -> None:
    """
    Capacity and presence hold for tickets too.
    """
    for name in ("mei", "hua"):
        await people.handoffs.enqueue(SHOP, await people.ask(name))
    tickets = [await people.mover.read(SHOP, f"h-{name}") for name in ("mei", "hua")]
    with pytest.raises(OperatorAbsent):
        await people.desk.take(operator("lin"), tickets[0].id, tickets[0].version)
    who = await people.come("lin", capacity=1)
    await people.desk.take(who, tickets[0].id, tickets[0].version)
    with pytest.raises(OperatorFull):
        await people.desk.take(who, tickets[1].id, tickets[1].version)


async def test_customer_may_leave_the_line(people: People) -> None:
    """
    A customer who no longer wants a person is back with the machine, and told.
    """
    await people.come("lin", capacity=1)
    for name in ("first", "mei"):
        await people.handoffs.enqueue(SHOP, await people.ask(name))
    assert await people.handoffs.abandon(SHOP, "h-mei")
    assert (await people.write("mei", "你好")).outcome == "leased"
    assert not await people.handoffs.abandon(SHOP, "h-mei")
    board = await people.desk.board(SHOP)
    assert board.waiting == 0


async def test_leaving_operator_gives_everything_back(people: People) -> None:
    """
    Signing off leaves no customer behind.
    """
    who, _ = await claimed(people)
    await people.desk.go(who)
    moved = await people.mover.read(SHOP, "h-mei")
    assert moved.state is State.TICKETED
    assert (await people.desk.board(SHOP)).seats == ()


async def test_urgent_class_is_offered_first(people: People) -> None:
    """
    The earliest deadline is served first: high risk before low, then by age.
    """
    await people.come("busy", capacity=1)
    await people.handoffs.enqueue(SHOP, await people.ask("now"))
    await people.handoffs.enqueue(SHOP, await people.ask("low", risk=Risk.LOW))
    people.clock.advance(1)
    await people.handoffs.enqueue(SHOP, await people.ask("high", risk=Risk.HIGH))
    line = (await people.desk.board(SHOP)).line
    assert [handoff.id for handoff in line] == ["h-high", "h-low"]
    assert (await people.handoffs.place(SHOP, "h-low")).position == 2
