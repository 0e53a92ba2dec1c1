"""
When an intent or an answer is in force: dates, hours, channels, stage, customer.

Dates and hours are those of the clock that the engine is given, which the shop
reads as its local time. Everything is parsed once, at load.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

from engines.rules.forms import Part


_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)\Z")
_DAY: Final = 24 * 60


class When(Part, frozen=True, kw_only=True):
    """
    All that is given must hold.

    Attributes:
        since: First moment, ``2026-11-10`` or ``2026-11-10T20:00``.

        until: Last day, that day included, or the moment it ends.

        hours: Of each day, ``09:00-22:00``; ``22:00-06:00`` goes over midnight.

        channels: Names of channels; any of them.

        stages: Stages of the shop; any of them.

        repeat_contact: True for customers who finished another matter recently,
            false for all others.
    """

    since: str = ""
    until: str = ""
    hours: str = ""
    channels: tuple[str, ...] = ()
    stages: tuple[Literal["startup", "growth", "mature"], ...] = ()
    repeat_contact: bool | None = None


class Scene(NamedTuple):
    """
    What a condition looks at.

    Attributes:
        stage: Of the shop; empty where nobody knows, and then no stage holds.
    """

    channel: str
    now: datetime
    stage: str = ""
    is_repeat_contact: bool = False


class BadCondition(Exception):
    """A condition cannot be read; *key* names the part that is wrong."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


class Condition(msgspec.Struct, frozen=True):
    """
    A parsed condition.

    Attributes:
        first, last: Local moments without a zone; *last* is the first one after.

        opens, closes: Minutes of the day.
    """

    first: datetime
    last: datetime
    opens: int
    closes: int
    channels: frozenset[str]
    stages: frozenset[str] = frozenset()
    repeat_contact: bool | None = None

    def holds(self, scene: Scene) -> bool:
        """Tell if it is in force for a message in *scene*."""
        return (
            self._is_time(scene.now.replace(tzinfo=None))
            and (not self.channels or scene.channel in self.channels)
            and (not self.stages or scene.stage in self.stages)
            and self.repeat_contact in {None, scene.is_repeat_contact}
        )

    def _is_time(self, local: datetime) -> bool:
        if not self.first <= local < self.last:
            return False
        minute = local.hour * 60 + local.minute
        if self.opens <= self.closes:
            return self.opens <= minute < self.closes
        return minute >= self.opens or minute < self.closes

    def is_over(self, now: datetime) -> bool:
        """Tell if it will never hold again."""
        return now.replace(tzinfo=None) >= self.last


def parse(when: When) -> Condition:
    """
    Parse and check a condition.

    Raises:
        BadCondition: With the part that is wrong.
    """
    first = _moment("since", when.since, datetime.min)  # noqa: DTZ901  # local time
    last = _moment("until", when.until, datetime.max)  # noqa: DTZ901  # local time
    if when.until and last.time() == time(0) and "T" not in when.until:
        last += timedelta(days=1)
    if first >= last:
        raise BadCondition("until", "it ends before it begins")
    opens, closes = _hours(when.hours)
    return Condition(
        first,
        last,
        opens,
        closes,
        frozenset(when.channels),
        frozenset(when.stages),
        when.repeat_contact,
    )


def problems(when: When) -> Iterator[tuple[str, str]]:
    """Part and text of what is wrong with a condition."""
    try:
        parse(when)
    except BadCondition as bad:
        yield bad.key, str(bad)


def _moment(key: str, text: str, otherwise: datetime) -> datetime:
    if not text:
        return otherwise
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise BadCondition(
            key, f"{text!r} is no date; write 2026-11-10 or 2026-11-10T20:00"
        ) from None


def _hours(text: str) -> tuple[int, int]:
    if not text:
        return 0, _DAY
    found = _HOURS.match(text)
    if found is None:
        raise BadCondition("hours", f"{text!r} are no hours; write 09:00-22:00")
    first, second, third, fourth = map(int, found.groups())
    return first * 60 + second, third * 60 + fourth
