"""
When people are there: working days, opening hours, holidays.

Promises are made in working time: a ticket that comes at night is due in the
morning, not while nobody is there.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import msgspec


#: Longest stretch of closed days that is looked over.
LOOK_DAYS = 60


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """
    A shop's working time. Without it people may be there at any time.

    Attributes:
        days: Working days, Monday is 1.

        opens / closes: On each of them; *closes* at 00:00 means midnight.

        holidays: Days on which nobody works.

        utc_offset_min: Of the shop's clock, east of UTC.
    """

    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    opens: time = time(0)
    closes: time = time(0)
    holidays: frozenset[date] = frozenset()
    utc_offset_min: int = 480

    def is_open(self, at_ms: int) -> bool:
        """True while people work."""
        return self.opens_at(at_ms) == at_ms

    def opens_at(self, at_ms: int) -> int:
        """*at_ms* if people work then, else when they next begin."""
        at = self._clock(at_ms)
        for ahead in range(LOOK_DAYS):
            start, end = self._span(at.date() + timedelta(days=ahead))
            if start is not None and end is not None and at < end:
                return at_ms if at >= start else _wall_ms(start)
        return at_ms

    def after(self, at_ms: int, work_ms: int) -> int:
        """The time at which *work_ms* of working time have passed since *at_ms*."""
        left_ms = work_ms
        for _ in range(LOOK_DAYS):
            at_ms = self.opens_at(at_ms)
            _, end = self._span(self._clock(at_ms).date())
            today_ms = left_ms if end is None else _wall_ms(end) - at_ms
            if left_ms <= today_ms:
                return at_ms + left_ms
            left_ms -= today_ms
            at_ms += today_ms
        return at_ms + left_ms

    def _span(self, day: date) -> tuple[datetime | None, datetime | None]:
        if day.isoweekday() not in self.days or day in self.holidays:
            return None, None
        zone = timezone(timedelta(minutes=self.utc_offset_min))
        start = datetime.combine(day, self.opens, zone)
        end = datetime.combine(day, self.closes, zone)
        return start, end if end > start else end + timedelta(days=1)

    def _clock(self, at_ms: int) -> datetime:
        zone = timezone(timedelta(minutes=self.utc_offset_min))
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


def _wall_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


#: People may be there at any time.
ALWAYS = Hours()
