"""
How much comes in, when, and what it costs people: figures of the file alone.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec

from gateway.insight.transcripts import Transcript


#: Days that a month of costs has.
MONTH_DAYS = 30.0
#: An operator who is silent longer than this did something else meanwhile.
MAX_REPLY_S = 300.0
HOURS = 24


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """
    Time of people per conversation they had, in seconds.

    Attributes:
        source: ``stated`` by the file, ``measured`` from times of replies (a pause
            counts for at most 300 s), or ``assumed``.

        n: Conversations it was taken from.
    """

    source: str
    n: int
    mean_s: float
    p50_s: float
    p90_s: float


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """
    Volume and its shape.

    Attributes:
        days: Calendar days from first to last; None if the file has no times.

        per_day / per_month: Conversations; over the days of the file.

        by_hour: Conversations begun by hour of the day.

        by_day: Conversations begun, by date, days without any among them.

        peak_hour: Hour of the day in which most begin.

        peak_ratio: Busiest hour of the whole file over the mean hour.

        first_reply_s: Median time from a first message to the first reply.

        human_share: Conversations in which a person wrote; None if the file holds
            customers only.
    """

    conversations: int
    customer_messages: int
    days: int | None
    per_day: float | None
    per_month: float | None
    by_hour: tuple[int, ...]
    by_day: dict[str, int]
    busiest_day: str | None
    busiest_day_count: int
    peak_hour: int | None
    peak_ratio: float | None
    busiest_hour_count: int
    messages_per_conversation: float
    human_share: float | None
    first_reply_s: float | None
    handling: Handling


def measure(transcripts: Sequence[Transcript], assumed_s: float) -> Traffic:
    """
    The figures of *transcripts*.

    Args:
        assumed_s: Handling time of a conversation if the file tells none.
    """
    begun = [one.began for one in transcripts if one.began is not None]
    by_day = _by_day(begun)
    hours = Counter(at.replace(minute=0, second=0, microsecond=0) for at in begun)
    by_hour = Counter(at.hour for at in begun)
    messages = sum(_from_customer(one) for one in transcripts)
    busiest = max(by_day, key=by_day.__getitem__) if by_day else None
    top = max(hours.values(), default=0)
    per_day = len(begun) / len(by_day) if by_day else None
    return Traffic(
        conversations=len(transcripts),
        customer_messages=messages,
        days=len(by_day) or None,
        per_day=per_day,
        per_month=per_day * MONTH_DAYS if per_day is not None else None,
        by_hour=tuple(by_hour[hour] for hour in range(HOURS)),
        by_day={day.isoformat(): count for day, count in by_day.items()},
        busiest_day=busiest.isoformat() if busiest else None,
        busiest_day_count=by_day[busiest] if busiest else 0,
        peak_hour=max(by_hour, key=by_hour.__getitem__) if by_hour else None,
        peak_ratio=top / (per_day / HOURS) if per_day else None,
        busiest_hour_count=top,
        messages_per_conversation=messages / len(transcripts),
        human_share=_human_share(transcripts),
        first_reply_s=_median([wait for one in transcripts for wait in _wait(one)]),
        handling=handling(transcripts, assumed_s),
    )


def _from_customer(one: Transcript) -> int:
    return sum(line.speaker == "customer" for line in one.lines)


def _human_share(transcripts: Sequence[Transcript]) -> float | None:
    if all(one.has_customer_only for one in transcripts):
        return None
    return sum(one.has_operator for one in transcripts) / len(transcripts)


def _by_day(begun: list[datetime]) -> dict[date, int]:
    if not begun:
        return {}
    counts = Counter(at.date() for at in begun)
    first, last = min(counts), max(counts)
    span = (last - first).days + 1
    return {day: counts[day] for day in (first + timedelta(n) for n in range(span))}


def _wait(one: Transcript) -> list[float]:
    """Seconds until the first reply, if both have a time."""
    asked = next((line.at for line in one.lines if line.speaker == "customer"), None)
    if asked is None:
        return []
    later = (line.at for line in one.lines if line.speaker != "customer" and line.at)
    waits = [(at - asked).total_seconds() for at in later if at > asked]
    return waits[:1]


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def handling(transcripts: Sequence[Transcript], assumed_s: float) -> Handling:
    """Handling time of those conversations that people had."""
    had = [one for one in transcripts if one.has_operator]
    stated = [one.handled_s for one in had if one.handled_s is not None]
    if stated:
        return _handling("stated", stated)
    measured = [took for one in had if (took := worked_s(one)) is not None]
    if measured:
        return _handling("measured", measured)
    return _handling("assumed", [assumed_s])


def worked_s(one: Transcript) -> float | None:
    """Seconds an operator spent on it: the pauses before each of their messages."""
    if any(line.at is None for line in one.lines):
        return None
    total = 0.0
    for before, line in zip(one.lines, one.lines[1:], strict=False):
        if line.speaker == "operator" and line.at and before.at:
            total += min(MAX_REPLY_S, (line.at - before.at).total_seconds())
    return total or None


def _handling(source: str, values: list[float]) -> Handling:
    ordered = sorted(values)
    return Handling(
        source=source,
        n=0 if source == "assumed" else len(ordered),
        mean_s=statistics.fmean(ordered),
        p50_s=statistics.median(ordered),
        p90_s=ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))],
    )
