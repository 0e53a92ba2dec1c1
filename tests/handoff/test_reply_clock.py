"""
The reply clock: what is rated, when, and on which day. On a real store.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import SHOP, People

from gateway.handoff.accounts import Operator
from gateway.handoff.reply_clock import PROFILES, ReplyClock
from gateway.handoff.states import Handoff


pytestmark = pytest.mark.anyio

ZONE = timezone(timedelta(hours=8))


def at(hour: int, minute: int = 0) -> int:
    """A moment of one day in China."""
    return int(datetime(2026, 11, 11, hour, minute, tzinfo=ZONE).timestamp() * 1000)


@given(st.integers(0, 4_000_000_000_000), st.sampled_from(sorted(PROFILES)))
def test_profiles_rate_what_begins_between_eight_and_eleven(
    at_ms: int, name: str
) -> None:
    """Of any moment: rated exactly if the clock on the wall says so."""
    clock = PROFILES[name]
    hour = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZONE).hour
    assert clock.counts(at_ms) is (8 <= hour < 23)
    due = clock.due_ms(at_ms)
    assert due == (at_ms + {"3min": 180_000, "5min": 300_000}[name] if due else None)


def test_a_clock_may_run_until_midnight() -> None:
    """``closes`` at 00:00 is the end of the day."""
    late = ReplyClock(within_s=60, opens=time(0), closes=time(0))
    assert late.counts(at(0))
    assert late.counts(at(23, 59))


async def talk(people: People, name: str) -> tuple[Operator, Handoff]:
    """A customer who is with lin."""
    lin = await people.come("lin", capacity=9)
    await people.handoffs.enqueue(SHOP, await people.ask(name))
    offer = await people.mover.read(SHOP, f"h-{name}")
    return lin, await people.desk.claim(lin, offer.id, offer.version)


async def today(people: People) -> tuple[int, int]:
    rate = (await people.desk.board(SHOP)).replies
    assert rate is not None
    return rate.met, rate.missed


async def pass_time(people: People, seconds: float) -> None:
    """Time goes by, and lin is there."""
    people.clock.advance(seconds)
    await people.come("lin", capacity=9)
    await people.handoffs.sweep(SHOP)


async def test_rounds_are_met_or_missed_once(people: People) -> None:
    """
    The first unanswered words begin a round; late is missed the moment it is late.
    """
    people.clock.now_ms = at(10)
    lin, active = await talk(people, "mei")
    asked = (await people.desk.board(SHOP)).asked[active.id]
    assert asked == (at(10), at(10, 3))
    await people.desk.reply(lin, active.id, "l1", "您好")
    assert await today(people) == (1, 0)
    await people.desk.reply(lin, active.id, "l2", "还在吗")
    assert await today(people) == (1, 0)
    await pass_time(people, 60)
    for _ in range(3):
        await people.write("mei", "在")
        await people.handoffs.heard(SHOP, active.id)
        await pass_time(people, 70)
    assert await today(people) == (1, 1)
    assert (await people.desk.board(SHOP)).asked[active.id][0] == at(10, 1)
    await people.desk.reply(lin, active.id, "l3", "久等")
    assert await today(people) == (1, 1)
    assert (await people.desk.board(SHOP)).asked == {}


async def test_the_night_is_not_rated(people: People) -> None:
    """
    Words of 23:00 wait like others, and count neither way; yesterday is over.
    """
    people.clock.now_ms = at(22, 59)
    lin, active = await talk(people, "mei")
    await people.desk.reply(lin, active.id, "l1", "您好")
    await pass_time(people, 60)
    await people.handoffs.heard(SHOP, active.id)
    assert (await people.desk.board(SHOP)).asked[active.id] == (at(23), 0)
    await people.desk.reply(lin, active.id, "l2", "晚上好")
    assert await today(people) == (1, 0)
    people.clock.advance(86_400)
    assert await today(people) == (0, 0)


async def test_who_leaves_in_time_is_not_counted(people: People) -> None:
    """
    Back to the machine after a minute: no round; a ticket's round is missed in time.
    """
    people.clock.now_ms = at(9)
    await people.come("lin", capacity=1)
    for name in ("held", "quits", "stays"):
        await people.handoffs.enqueue(SHOP, await people.ask(name))
    people.clock.advance(60)
    await people.handoffs.abandon(SHOP, "h-quits")
    await people.handoffs.call_back(SHOP, "h-stays")
    assert await today(people) == (0, 0)
    people.clock.advance(125)
    await people.handoffs.sweep(SHOP)
    assert await today(people) == (0, 2)
