"""
What became of contacts: each definition, and the count over a real store.
"""

from __future__ import annotations

import pytest
from talk_events import (
    IDLE,
    MINUTE,
    NOW,
    PRICES,
    START,
    Events,
    notice,
    put,
    rated,
    reply,
    spoke,
    word,
)

from engines.contract import Emotion, Tier
from gateway import outcomes
from gateway.insight.contacts import Contact, cut
from gateway.insight.outcomes import DAY_MS, Outcomes, Terms, count, end_of, rate
from gateway.outcomes import COUNT_S, OutcomesKeeper, count_shop, figures
from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.telemetry import Telemetry


def one(events: Events) -> Contact:
    """The only contact in *events*."""
    (found,) = cut(events, IDLE)
    return found


T = START
ENDS: dict[str, tuple[str, Events]] = {
    "answered": ("resolved", [word(T), reply(T + 1)]),
    "question left open": ("abandoned", [word(T), reply(T + 1, leaves="question")]),
    "not understood": ("abandoned", [word(T), reply(T + 1, leaves="fallback")]),
    "understood in the end": (
        "resolved",
        [word(T), reply(T + 1, leaves="fallback"), word(T + 2), reply(T + 3)],
    ),
    "angry": ("unsatisfied", [word(T), reply(T + 1, emotion=Emotion.ANGRY)]),
    "rated poorly": ("unsatisfied", [word(T), reply(T + 1), rated(T + 2, 2)]),
    "rated well": ("resolved", [word(T), reply(T + 1), rated(T + 2, 3)]),
    "no answer": ("unanswered", [word(T), reply(T + 1), word(T + 2)]),
    "in the line": ("open", [word(T), notice(T + 1, "queued")]),
    "a ticket": ("open", [word(T), notice(T + 1, "ticketed")]),
    "left the line": (
        "abandoned",
        [word(T), notice(T + 1, "queued"), notice(T + 2, "abandoned")],
    ),
    "closed without a word": (
        "abandoned",
        [word(T), notice(T + 1, "active"), notice(T + 2, "closed")],
    ),
    "a person helped": (
        "resolved",
        [word(T), notice(T, "queued"), spoke(T + 9), notice(T + 10, "closed")],
    ),
    "a person helped badly": (
        "unsatisfied",
        [
            word(T),
            notice(T, "queued"),
            spoke(T + 9),
            notice(T + 10, "closed"),
            rated(T + 11, 1),
        ],
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_every_contact_has_one_end(name: str) -> None:
    """The table of ends, one row each."""
    wanted, events = ENDS[name]
    assert end_of(one(events), NOW, IDLE) == wanted


def test_a_contact_that_is_not_idle_yet_is_open() -> None:
    """Whoever was answered a minute ago may still come back."""
    contact = one([word(NOW - MINUTE), reply(NOW - MINUTE)])
    assert end_of(contact, NOW, IDLE) == "open"
    assert end_of(contact, NOW + IDLE, IDLE) == "resolved"


def test_contacts_are_cut_by_silence_by_customer_and_never_while_people_have_it() -> (
    None
):
    """A ticket's answer next day belongs to the contact that asked."""
    day = [word(T), reply(T), word(T + IDLE + MINUTE), reply(T + IDLE + MINUTE)]
    assert len(list(cut(day, IDLE))) == 2
    assert len(list(cut([word(T), word(T + 1, "other")], IDLE))) == 2
    late = T + DAY_MS
    ticket = [word(T), notice(T, "ticketed"), word(late), notice(late, "closed")]
    assert len(list(cut(ticket, IDLE))) == 1
    assert list(cut([reply(T), spoke(T)], IDLE)) == []


def counted(*conversations: Events, **reasons: str) -> Outcomes:
    """The count over some conversations."""
    terms = Terms(
        since_ms=START, now_ms=NOW, idle_ms=IDLE, prices=PRICES, reasons=reasons
    )
    return count((one for events in conversations for one in cut(events, IDLE)), terms)


def test_durable_reopened_and_pending_follow_the_customer_not_the_conversation() -> (
    None
):
    """Seven days decide; coming back elsewhere is coming back; small talk is not."""
    week = 7 * DAY_MS
    fresh = NOW - DAY_MS
    found = counted(
        [word(T, "stays"), reply(T)],
        [word(T, "back"), reply(T, Tier.L2)],
        [word(T + week, "back"), reply(T + week)],
        [word(T, "polite"), reply(T, Tier.L3)],
        [word(T + DAY_MS, "polite"), reply(T + DAY_MS, intent="greeting")],
        [word(fresh, "new"), reply(fresh)],
    )
    assert found.resolved == {"L1": 3, "L2": 1, "L3": 1}
    assert found.durable == {"L1": 2, "L3": 1}
    assert found.reopened == {"L2": 1}
    assert found.pending == {"L1": 1}
    assert (found.small_talk, found.eligible, found.customers) == (1, 5, 4)
    assert found.durability is not None
    assert (found.durability.share, found.durability.n) == (0.75, 4)


def test_cost_is_of_all_old_contacts_over_the_durable_ones() -> None:
    """What was spent in vain is paid by what lasts; a person costs once."""
    found = counted(
        [word(T, "a"), reply(T), reply(T, Tier.L2)],
        [word(T, "b"), reply(T, Tier.L3, leaves="question")],
        [
            word(T, "c"),
            notice(T, "queued", "h"),
            spoke(T + 5000),
            spoke(T + 6000),
            notice(T + 6000, "closed", "h"),
        ],
        h="asked_human",
    )
    assert found.cost_milli == 1 + 8 + 40 + 300
    assert found.cost_per_durable_milli == pytest.approx(349 / 2)
    assert (found.handed_over, found.reasons) == (1, {"asked_human": 1})
    assert found.to_person is not None
    assert (found.to_person.p50, found.to_person.n) == (5.0, 1)
    assert (found.involved, found.abandoned) == (2, 1)


def test_what_began_before_the_stretch_is_not_counted_and_nothing_gives_nothing() -> (
    None
):
    """An empty shop has no rates, not rates of zero."""
    found = counted([word(START - 1), reply(START - 1)])
    assert (found.contacts, found.resolution, found.cost_per_durable_milli) == (
        0,
        None,
        None,
    )


def test_intervals_are_wilsons() -> None:
    """8 of 10 by the published formula; the ends stay inside 0 and 1."""
    found = rate(8, 10)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(0.4902), pytest.approx(0.9433))
    edge = rate(5, 5)
    assert edge is not None
    assert edge.high == 1.0


@pytest.mark.anyio
async def test_the_store_is_read_by_last_activity_and_by_shop(
    every_store_url: str,
) -> None:
    """Old conversations are not read, another shop's never, busy ones always."""
    scripts = await Scripts.connect(every_store_url)
    try:
        for number in range(40):
            await put(scripts, "seen", f"c:{number}", [word(T), reply(T)], T)
        await put(scripts, "seen", "old", [word(T), reply(T)], START - 1)
        await put(scripts, "seen", "busy", [word(T, "b"), reply(T)], -NOW)
        await put(scripts, "unseen", "x", [word(T, "x"), reply(T)], T)
        found = await count_shop(
            scripts, "seen", days=20, now_ms=NOW, idle_ms=IDLE, prices=PRICES
        )
    finally:
        await scripts.close()
    assert (found.contacts, found.customers) == (41, 2)
    assert figures(found)["resolved_L1"] == 41


@pytest.mark.anyio
async def test_one_worker_counts_and_a_long_count_rests_long(
    every_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one reads what was counted; nobody counts most of the time."""
    monkeypatch.setattr(outcomes, "SHARE", 1e-6)
    scripts = await Scripts.connect(every_store_url)

    def keeper() -> OutcomesKeeper:
        return OutcomesKeeper(
            scripts, Telemetry(), ["demo"], lambda _: PRICES, lambda: NOW, idle_ms=IDLE
        )

    try:
        await put(scripts, "demo", "c", [word(T), reply(T)], T)
        assert await keeper().kept("demo") is None
        await keeper().look()
        await put(scripts, "demo", "later", [word(T), reply(T)], T)
        await keeper().look()
        known = await keeper().kept("demo")
        mark = keys.shop_key("demo", "ol")
        left_ms = await scripts.command(mark, "PTTL", mark)
    finally:
        await scripts.close()
    assert known is not None
    assert known.contacts == 1
    assert left_ms > COUNT_S * 1000
