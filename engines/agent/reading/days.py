"""
Days in a message: "后天", "下周三", "12月3号", "next Friday", "Dec 3".

A day is counted from the day of the message; one that could be past means the
next such day. What names no day gives nothing.
"""

from __future__ import annotations

import datetime as dt
import re

from engines.agent.reading.text import NUMBER_ZH, number


_AHEAD = {
    "大后天": 3, "后天": 2, "明天": 1, "明日": 1, "今天": 0, "今日": 0,
    "day after tomorrow": 2, "tomorrow": 1, "today": 0,
}  # fmt: skip
#: Longest first, so that 大后天 is not read as 后天.
_AHEAD_WORD = re.compile("|".join(sorted(_AHEAD, key=len, reverse=True)))
_WEEKDAYS_ZH = {mark: at for at, mark in enumerate("一二三四五六日")} | {
    "天": 6,
    "末": 5,
}
_WEEKDAYS_EN = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS_EN = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_ISO = re.compile(r"(?<!\d)(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})")
_MONTH_DAY = re.compile(
    rf"(?P<zm>{NUMBER_ZH})月(?P<zd>{NUMBER_ZH})[号日]?"
    rf"|\b(?P<em>{'|'.join(_MONTHS_EN)})[a-z]*\.?\s(?:the\s)?(?P<ed>\d{{1,2}})(?:st|nd|rd|th)?\b"
    rf"|\b(?P<ed2>\d{{1,2}})(?:st|nd|rd|th)?(?: of)?\s(?P<em2>{'|'.join(_MONTHS_EN)})[a-z]*\b"
)
_DAY_ONLY = re.compile(
    rf"(?<![\d月])(?P<zh>{NUMBER_ZH})[号日](?!楼|线|院|门|店)|\bthe (?P<en>\d{{1,2}})(?:st|nd|rd|th)\b(?! (?:item|one|order|line))"
)
_WEEKDAY = re.compile(
    r"(?P<next>下+个?)?(?:这|本)?(?:周|星期|礼拜)(?P<zh>[一二三四五六日天末])"
    rf"|\b(?P<enext>next )?(?P<en>{'|'.join(_WEEKDAYS_EN)})(?:day|s|sday|nesday|rs|rsday|urday)?\b"
)
_IN_DAYS = re.compile(
    rf"(?P<zh>{NUMBER_ZH})天(?:以?后|之后)|\bin (?P<en>\d{{1,2}}) days\b|(?:推迟|延后|晚|延迟)(?P<late>{NUMBER_ZH})天"
)


_DAY = "|".join(
    re.sub(r"\?P<\w+>", "?:", one.pattern)
    for one in (_ISO, _MONTH_DAY, _IN_DAYS, _AHEAD_WORD, _WEEKDAY, _DAY_ONLY)
)
#: A day on which it shall not be: "别明天送", "周三没空", "not tomorrow".
_NOT_THEN = re.compile(
    rf"(?:别|不要|不是|甭|不能|\bnot|\bdon't|\binstead of|\brather than)\s?(?:\w{{1,8}}\s)?(?:on )?[^,，。;；]{{0,3}}?(?:{_DAY})"
    rf"|(?:{_DAY})(?:我|家里|都|要|上午|下午|晚上)*(?:不在|没空|没人|不行|不方便|出差|上班|有事|来不及)"
    rf"|\b(?:away|busy|out|not home|not in|unavailable)\s(?:on |until )?(?:{_DAY})"
    rf"|(?:{_DAY})\s(?:doesn't work|isn't good|is no good|i'm (?:away|out|busy)|i am (?:away|out|busy))"
)


def day_in(text: str, today: dt.date) -> dt.date | None:
    """The last day that the folded *text* wants; None if it names none."""
    text = _NOT_THEN.sub(" ", text)
    for read in (_iso, _month_day, _in_days, _ahead, _weekday, _day_only):
        found = read(text, today)
        if found is not None:
            return found
    return None


def _iso(text: str, _today: dt.date) -> dt.date | None:
    found = list(_ISO.finditer(text))
    return _date(*map(int, found[-1].groups())) if found else None


def _month_day(text: str, today: dt.date) -> dt.date | None:
    found = list(_MONTH_DAY.finditer(text))
    if not found:
        return None
    one = found[-1]
    name = one["em"] or one["em2"]
    month = _MONTHS_EN.index(name) + 1 if name else number(one["zm"] or "") or 0
    day = number(one["zd"] or one["ed"] or one["ed2"] or "") or 0
    this = _date(today.year, month, day)
    is_past = this is not None and this < today - dt.timedelta(days=60)
    return _date(today.year + 1, month, day) if is_past else this


def _in_days(text: str, today: dt.date) -> dt.date | None:
    found = list(_IN_DAYS.finditer(text))
    if not found:
        return None
    days = number(next(word for word in found[-1].groups() if word))
    return today + dt.timedelta(days=days) if days is not None else None


def _ahead(text: str, today: dt.date) -> dt.date | None:
    found = _AHEAD_WORD.findall(text)
    return today + dt.timedelta(days=_AHEAD[found[-1]]) if found else None


def _weekday(text: str, today: dt.date) -> dt.date | None:
    found = list(_WEEKDAY.finditer(text))
    if not found:
        return None
    one = found[-1]
    wanted = _WEEKDAYS_ZH[one["zh"]] if one["zh"] else _WEEKDAYS_EN.index(one["en"])
    if one["next"] or one["enext"]:
        monday = today - dt.timedelta(days=today.weekday())
        return monday + dt.timedelta(
            days=7 * len((one["next"] or "下").rstrip("个")) + wanted
        )
    return today + dt.timedelta(days=(wanted - today.weekday() - 1) % 7 + 1)


def _day_only(text: str, today: dt.date) -> dt.date | None:
    found = list(_DAY_ONLY.finditer(text))
    if not found:
        return None
    day = number(found[-1]["zh"] or found[-1]["en"]) or 0
    this = _date(today.year, today.month, day)
    if this is not None and this >= today:
        return this
    after = (today.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    return _date(after.year, after.month, day)


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
