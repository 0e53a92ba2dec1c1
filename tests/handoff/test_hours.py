"""
Working time, skills, weights: what decides beside the deadline.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from gateway.handoff.hours import ALWAYS, Hours
from gateway.handoff.matching import OperatorSeat, pairs
from gateway.handoff.states import Handoff, State


HOURS = Hours(
    days=(1, 2, 3, 4, 5),
    opens=time(9),
    closes=time(18),
    holidays=frozenset({date(2026, 10, 1)}),
)
HOUR_MS = 3_600_000


def at(text: str) -> int:
    """Wall milliseconds of a Chinese clock."""
    return round(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


def test_open_hours() -> None:
    """Weekends, nights and holidays are closed; the next opening is found."""
    assert HOURS.is_open(at("2026-09-30T09:00"))
    assert not HOURS.is_open(at("2026-09-30T18:00"))
    assert HOURS.opens_at(at("2026-09-30T18:00")) == at("2026-10-02T09:00")
    assert HOURS.opens_at(at("2026-10-02T20:00")) == at("2026-10-05T09:00")
    night = Hours(opens=time(20), closes=time(2))
    assert night.is_open(at("2026-09-30T21:00"))


def test_promises_count_working_time_only() -> None:
    """Two hours from half past five end next working morning."""
    assert HOURS.after(at("2026-09-30T17:30"), 2 * HOUR_MS) == at("2026-10-02T10:30")
    assert HOURS.after(at("2026-10-03T12:00"), HOUR_MS) == at("2026-10-05T10:00")
    now = round(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)
    assert ALWAYS.after(now, 40 * HOUR_MS) == now + 40 * HOUR_MS


def test_a_shop_that_never_opens_promises_anyway() -> None:
    """A wrong setting must not make a promise impossible."""
    closed = Hours(days=())
    assert closed.after(at("2026-09-30T17:30"), HOUR_MS) == at("2026-09-30T18:30")


def waiting(name: str, deadline_ms: int = 1, **changes: object) -> Handoff:
    """Somebody in the line since time 0."""
    fields: dict[str, object] = {
        "id": name,
        "conversation_id": name,
        "user_id": name,
        "channel": "web",
        "reason": "asked_human",
        "risk": "low",
        "summary": "",
        "locale": "zh",
        "created_ms": 0,
        "state": State.QUEUED,
        "version": 1,
        "queued_ms": 0,
        "deadline_ms": deadline_ms,
        "expires_ms": 10**9,
        "since_ms": 0,
    }
    return Handoff(**{**fields, **changes})  # type: ignore[arg-type]


def seat(name: str, *skills: str, capacity: int = 3, held: int = 0) -> OperatorSeat:
    """An operator who is there."""
    return OperatorSeat(
        name=name,
        display=name,
        capacity=capacity,
        held=held,
        is_away=False,
        until_ms=10**9,
        skills=skills,
    )


def given(
    line: list[Handoff], seats: list[OperatorSeat], now_ms: int
) -> dict[str, str]:
    """Who gets whom."""
    return {handoff.id: one.name for handoff, one in pairs(line, seats, now_ms)}


def test_skills_first_then_language_then_anybody() -> None:
    """What is asked of an operator is given up step by step, never the customer."""
    line = [waiting("h", needs=("orders", "en"))]
    speaks, other = seat("speaks", "en"), seat("other", "zh", "orders")
    assert given(line, [speaks, other], 0) == {}
    assert given(line, [speaks, other], 30_000) == {"h": "speaks"}
    assert given(line, [other], 30_000) == {}
    assert given(line, [other], 90_000) == {"h": "other"}
    assert given(line, [other, seat("all")], 0) == {"h": "all"}


def test_a_skilled_customer_behind_is_not_held_up() -> None:
    """The first in the line waits for its skill; the next one is served."""
    line = [
        waiting("first", 1, needs=("orders", "zh")),
        waiting("next", 2, needs=("zh",)),
    ]
    assert given(line, [seat("lin", "zh")], 0) == {"next": "lin"}


def test_weights_fill_capacity() -> None:
    """A dispute takes two units; who holds nothing may take one anyway."""
    line = [waiting("a", 1, weight=2), waiting("b", 2, weight=2), waiting("c", 3)]
    assert given(line, [seat("lin", capacity=3)], 0) == {"a": "lin", "c": "lin"}
    assert given(line[:1], [seat("lin", capacity=1)], 0) == {"a": "lin"}
    assert given(line[:1], [seat("lin", capacity=3, held=2)], 0) == {}


def test_a_wanted_colleague_is_asked_alone_for_a_while() -> None:
    """Passed on to one, it goes to nobody else until the time is over."""
    line = [waiting("h", wanted="wang", wanted_until_ms=60_000)]
    assert given(line, [seat("lin")], 59_000) == {}
    assert given(line, [seat("lin"), seat("wang")], 59_000) == {"h": "wang"}
    assert given(line, [seat("lin")], 60_000) == {"h": "lin"}
