"""
Contacts counted as they end: each once, by what it became and what it came back to.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from talk_events import (
    IDLE,
    MINUTE,
    Events,
    notice,
    put,
    reply,
    spoke,
    word,
)

from engines.contract import Emotion, Tier
from gateway.endings import SLACK_MS, EndingsKeeper
from gateway.insight.contacts import cut
from gateway.insight.endings import ENDS, REPEAT_MS, ending_of, possible
from gateway.insight.outcomes import DAY_MS
from gateway.store.connection import Scripts
from gateway.telemetry import Telemetry


#: When counting begins, and a moment after that at which somebody writes.
BEGIN = 50 * DAY_MS
T = BEGIN + DAY_MS

Counts = dict[tuple[str, ...], float]


class House:
    """Some workers on one store, and a clock that the test sets."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts
        self.now_ms = BEGIN
        self.telemetry = Telemetry(log_path=os.devnull)

    def keeper(self) -> EndingsKeeper:
        """One worker."""
        return EndingsKeeper(
            self.scripts,
            self.telemetry,
            {"demo": ["app"]},
            lambda: self.now_ms,
            idle_ms=IDLE,
        )

    async def count(self, at_ms: int, workers: int = 1) -> int:
        """What all that look at *at_ms* count together."""
        self.now_ms = at_ms
        each = (self.keeper().count("demo") for _ in range(workers))
        return sum(await asyncio.gather(*each))

    def counted(self, name: str, *labels: str) -> Counts:
        """Values above 0 of a counter, by some labels."""
        figures = self.telemetry.metrics.figures()
        found: Counts = {}
        for one in figures:
            if one.name == f"{name}_total" and one.value:
                key = tuple(one.labels[label] for label in labels)
                found[key] = found.get(key, 0) + one.value
        return found


@asynccontextmanager
async def house_on(url: str) -> AsyncIterator[House]:
    """A house whose counting began at :data:`BEGIN`."""
    scripts = await Scripts.connect(url)
    house = House(scripts)
    try:
        await house.count(BEGIN)
        yield house
    finally:
        house.telemetry.lines._sink.close()
        await scripts.close()


def over(at_ms: int) -> int:
    """When a contact whose last word was at *at_ms* is over for certain."""
    return at_ms + IDLE + 2 * SLACK_MS


TABLE: dict[str, tuple[tuple[str, str, str] | None, Events]] = {
    "answered": (("resolved", "L2", "none"), [word(T), reply(T + 1, Tier.L2)]),
    "a greeting": (
        ("small_talk", "L1", "none"),
        [word(T), reply(T + 1, intent="greeting")],
    ),
    "gone while asked": (
        ("abandoned", "L3", "none"),
        [word(T), reply(T + 1, Tier.L3, leaves="question")],
    ),
    "angry": (
        ("unsatisfied", "L1", "none"),
        [word(T), reply(T + 1, emotion=Emotion.ANGRY)],
    ),
    "no answer": (("unanswered", "human", "none"), [word(T)]),
    "a person from the line": (
        ("resolved", "human", "line"),
        [word(T), notice(T, "queued"), spoke(T + 9000), notice(T + 9001, "closed")],
    ),
    "left the line": (
        ("abandoned", "human", "line"),
        [word(T), notice(T, "queued"), notice(T + 9, "abandoned")],
    ),
    "a ticket, answered": (
        ("resolved", "human", "ticket"),
        [
            word(T),
            notice(T, "queued"),
            notice(T, "ticketed"),
            spoke(T + 1),
            notice(T + 2, "closed"),
        ],
    ),
    "a ticket, still owed": (None, [word(T), notice(T, "ticketed")]),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_contact_that_is_over_has_one_ending(name: str) -> None:
    """The table of endings; each is one that metrics have a series for."""
    wanted, events = TABLE[name]
    (contact,) = cut(events, IDLE)
    found = ending_of(contact)
    assert (found and (found.end, found.tier, found.people)) == wanted
    if found is not None:
        assert (found.tier, found.end, found.people) in set(possible())
        assert found.end in ENDS


def test_the_wait_for_a_person_is_from_the_handoff_to_the_first_word() -> None:
    """And none where nobody spoke."""
    waits: list[float | None] = []
    for name in ("a person from the line", "left the line"):
        (contact,) = cut(TABLE[name][1], IDLE)
        found = ending_of(contact)
        assert found is not None
        waits.append(found.to_person_s)
    assert waits == [9.0, None]


@pytest.mark.anyio
async def test_a_contact_is_counted_once_by_any_number_of_workers(
    every_store_url: str,
) -> None:
    """Not before it is over; then by one of those who look; and never again."""
    async with house_on(every_store_url) as house:
        for number in range(20):
            talk = [word(T, f"u{number}"), reply(T)]
            await put(house.scripts, "demo", f"app.{number}", talk, T)
        assert await house.count(T + IDLE) == 0
        assert await house.count(over(T), workers=3) == 20
        assert await house.count(over(T) + DAY_MS, workers=2) == 0
        assert house.counted("contacts_ended", "channel", "tier", "end") == {
            ("app", "L1", "resolved"): 20
        }
        assert house.counted("contacts_repeated", "after") == {}


@pytest.mark.anyio
async def test_a_look_that_comes_late_or_breaks_off_misses_nothing(
    every_store_url: str,
) -> None:
    """A talk that went on before anybody looked is two contacts, each counted."""
    late = T + IDLE + MINUTE
    talk = [word(T), reply(T), word(late), reply(late, Tier.L2)]
    async with house_on(every_store_url) as house:
        await put(house.scripts, "demo", "app.c", talk, late)
        assert await house.count(over(T)) == 0
        assert await house.count(over(late)) == 2
        assert house.counted("contacts_ended", "tier") == {("L1",): 1, ("L2",): 1}
        assert house.counted("contacts_repeated", "after", "tier") == {
            ("resolved", "L1"): 1
        }


@pytest.mark.anyio
async def test_what_ended_before_counting_began_is_history(
    every_store_url: str,
) -> None:
    """A gateway that is updated does not count a year at once."""
    old = BEGIN - DAY_MS
    async with house_on(every_store_url) as house:
        talk = [word(old), reply(old), word(T), reply(T, Tier.L3)]
        await put(house.scripts, "demo", "app.c", talk, T)
        assert await house.count(over(T)) == 1
        assert house.counted("contacts_ended", "tier") == {("L3",): 1}


@pytest.mark.anyio
async def test_a_ticket_is_counted_when_it_was_answered(every_store_url: str) -> None:
    """A week of silence ends nothing that people still owe; the answer does."""
    done = T + 3 * DAY_MS
    talk = [word(T), reply(T), word(T + 1), notice(T + 1, "ticketed")]
    async with house_on(every_store_url) as house:
        await put(house.scripts, "demo", "app.c", talk, T)
        assert await house.count(done) == 0
        whole = [*talk, spoke(done), notice(done, "closed")]
        await put(house.scripts, "demo", "app.d", whole, done)
        assert await house.count(over(done)) == 1
        assert house.counted("contacts_ended", "tier", "people") == {
            ("human", "ticket"): 1
        }


def _visits() -> Iterator[tuple[str, int, str, bool]]:
    """Conversation, time, customer's intent, whether it is a coming back."""
    yield "app.a", T, "delivery_time", False
    yield "web.b", T + DAY_MS, "greeting", False
    yield "web.c", T + 2 * DAY_MS, "delivery_time", True
    yield "app.d", T + 2 * DAY_MS + REPEAT_MS + MINUTE, "delivery_time", False


@pytest.mark.anyio
async def test_coming_back_is_the_customers_on_any_channel_within_seven_days(
    every_store_url: str,
) -> None:
    """Small talk is no coming back; after seven days nobody comes back."""
    async with house_on(every_store_url) as house:
        told = 0
        for conversation, at, intent, comes_back in _visits():
            talk = [word(at, "same"), reply(at, intent=intent)]
            await put(house.scripts, "demo", conversation, talk, at)
            assert await house.count(over(at)) == 1
            told += comes_back
            found = house.counted("contacts_repeated", "after", "tier")
            assert found == ({("resolved", "L1"): told} if told else {})
