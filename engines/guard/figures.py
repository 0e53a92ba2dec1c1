"""
Read the figures of a text: amounts, dates, times, shares, spans, bare numbers.

Two texts that mean the same figure give the same :class:`Figure`, however it
is written: ``7天``, ``七天`` and ``seven days`` are one, so are ``¥1,299.00``
and ``1299 元``. Units are never converted: ``48 hours`` does not stand for
``2 days``, nor ``8折`` for ``20% off``; a customer may hold the shop to words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from engines.guard.number_words import spell_out


Kind = Literal["money", "share", "date", "clock", "span", "number"]


class Figure(NamedTuple):
    """
    One figure, in a form that can be compared.

    Attributes:
        kind: What is measured.

        value: Canonical decimal without trailing zeros; a date is
            ``[yyyy]-[mm]-[dd]`` with unknown parts empty.

        unit: Of a span (``day``, ``workday``, ``hour`` …) or a share
            (``percent``, ``fold``, ``tenth``); else empty.
    """

    kind: Kind
    value: str
    unit: str = ""


_MONTHS: Final = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_SPAN_UNITS: Final = {
    "工作日": "workday",
    "自然日": "day",
    "天": "day",
    "日": "day",
    "小时": "hour",
    "钟头": "hour",
    "分钟": "minute",
    "月": "month",
    "周": "week",
    "星期": "week",
    "礼拜": "week",
    "年": "year",
    "calendar day": "day",
    "working day": "workday",
    "business day": "workday",
}
_N: Final = r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
_DASH: Final = r"\s*(?:-|~|–|—|至|到|to|or|或)\s*"
#: A figure does not start inside a name such as ``V8`` or ``KT-01``.
_FREE: Final = r"(?<![A-Za-z\d.#])(?<![A-Za-z]-)"
_SPAN: Final = (
    r"(?:个?(工作日|小时|星期)|(自然日|天|日|钟头|分钟|周|礼拜|年)|个(月)"
    r"|((?:(?:calendar|working|business)[\s-])?(?:day|hour|minute|month|week|year))s?\b)"
)
_SPAN_AHEAD: Final = r"\s(?:days?|hours?|minutes?|weeks?|months?|years?)\b"
_MONTH: Final = rf"((?:{'|'.join(_MONTHS)})[a-z]{{0,6}})\.?"
#: A bare number in front of these counts things; it promises nothing.
_COUNTER: Final = re.compile(
    r"\s*(?:个(?!月|工作日|小时|星期)|件|单|笔|款|种|条|次|位|张|台|盒|箱"
    r"|(?:order|item|unit|piece|parcel)s?\b)",
    re.IGNORECASE,
)
#: Order, tracking and card numbers are names, not figures.
_LONG_ID: Final = 8
_NOON: Final = 12

_Reader = Callable[[re.Match[str]], Iterator[Figure]]


def figures(text: str) -> frozenset[Figure]:
    """All figures of *text*; a range gives both its ends."""
    found: set[Figure] = set()
    rest = spell_out(text)
    for pattern, reader in _RULES:

        def take(match: re.Match[str], reader: _Reader = reader) -> str:
            found.update(reader(match))
            return "\x00"

        rest = pattern.sub(take, rest)
    return frozenset(found)


def money(minor: int) -> Figure:
    """The figure of an amount in minor units, without its sign."""
    return Figure("money", canonical(f"{abs(minor) / 100:.2f}"))


def canonical(number: str, *, wan: bool = False) -> str:
    """``1,299.00`` -> ``1299``; with *wan* ten thousand times as much."""
    whole, _, part = number.replace(",", "").partition(".")
    if wan:
        part = part.ljust(4, "0")
        whole, part = whole + part[:4], part[4:]
    whole, part = whole.lstrip("0") or "0", part.rstrip("0")
    return f"{whole}.{part}" if part else whole


def _date(year: str | None, month: str, day: str | None) -> Iterator[Figure]:
    number = month if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
    tail = f"{int(day):02}" if day else ""
    yield Figure("date", f"{year or ''}-{int(number):02}-{tail}")


def _year(match: re.Match[str]) -> Iterator[Figure]:
    yield Figure("date", f"{match[1]}--")


def _clock(match: re.Match[str]) -> Iterator[Figure]:
    yield Figure("clock", f"{int(match[1]):02}:{match[2] or '00'}")


def _oclock(match: re.Match[str]) -> Iterator[Figure]:
    minute = 30 if match[3] else int(match[2] or 0)
    yield Figure("clock", f"{int(match[1]):02}:{minute:02}")


def _am_pm(match: re.Match[str]) -> Iterator[Figure]:
    hour = int(match[1]) % _NOON + (_NOON if match[3].lower() == "p" else 0)
    yield Figure("clock", f"{hour:02}:{match[2] or '00'}")


def _money(match: re.Match[str]) -> Iterator[Figure]:
    for number in (match[1], match[2]):
        if number:
            yield Figure("money", canonical(number, wan=bool(match[3])))


def _share(match: re.Match[str]) -> Iterator[Figure]:
    unit = {"折": "fold", "成": "tenth"}.get(match[3], "percent")
    for number in (match[1], match[2]):
        if number:
            yield Figure("share", canonical(number), unit)


def _span(match: re.Match[str]) -> Iterator[Figure]:
    word = next(group for group in match.groups()[2:] if group).lower()
    unit = _SPAN_UNITS.get(word.replace("-", " "), word)
    for number in (match[1], match[2]):
        if number:
            yield Figure("span", canonical(number), unit)


def _bare(match: re.Match[str]) -> Iterator[Figure]:
    is_count = _COUNTER.match(match.string, match.end()) is not None
    if not is_count and len(match[1]) < _LONG_ID:
        yield Figure("number", canonical(match[1]))


def _rule(pattern: str, reader: _Reader) -> tuple[re.Pattern[str], _Reader]:
    return re.compile(pattern, re.IGNORECASE), reader


#: In this order: what one rule takes, the next ones do not see.
_RULES: Final = (
    _rule(
        r"(?<!\d)((?:19|20)\d\d)\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})(?!\d)[日号]?",
        lambda m: _date(m[1], m[2], m[3]),
    ),
    _rule(
        r"(?<!\d)((?:19|20)\d\d)\s?年\s?(\d{1,2})\s?月",
        lambda m: _date(m[1], m[2], None),
    ),
    _rule(
        rf"{_FREE}(\d{{1,2}})\s?月\s?(\d{{1,2}})(?!\d)[日号]?",
        lambda m: _date(None, m[1], m[2]),
    ),
    _rule(rf"{_FREE}(\d{{1,2}})\s?月", lambda m: _date(None, m[1], None)),
    _rule(
        rf"\b{_MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:|{_SPAN_AHEAD})(?:,?\s+((?:19|20)\d\d))?",
        lambda m: _date(m[3], m[1], m[2]),
    ),
    _rule(
        rf"{_FREE}(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\b(?:,?\s+((?:19|20)\d\d))?",
        lambda m: _date(m[3], m[2], m[1]),
    ),
    _rule(r"(?<!\d)((?:19|20)\d\d)\s?年", _year),
    _rule(r"(?<!\d)(\d{1,2})(?::(\d\d))?\s?([ap])\.?m\b", _am_pm),
    _rule(r"(?<![\d:])(\d{1,2}):(\d\d)(?::\d\d)?(?!\d)", _clock),
    _rule(rf"{_FREE}(\d{{1,2}})\s?点(?:钟|整)?(?:(\d{{1,2}})分|(半))?", _oclock),
    _rule(
        rf"(?:[¥$€£]|\b(?:CNY|RMB|USD|EUR))\s?{_N}(?:{_DASH}{_N}(?![\s-]*{_SPAN}))?(\s?万)?(?:\s?元)?",
        _money,
    ),
    _rule(
        rf"{_FREE}(?:{_N}{_DASH})?{_N}(\s?万)?\s?(?:元|块|圆|(?:yuan|RMB|CNY|dollars?|USD)\b)",
        _money,
    ),
    _rule(
        rf"{_FREE}(?:{_N}%?{_DASH})?{_N}\s?(%|percent\b|per cent\b|折|成(?![功本人为]))",
        _share,
    ),
    _rule(rf"{_FREE}(?:{_N}{_DASH})?{_N}[\s-]?{_SPAN}", _span),
    _rule(rf"{_FREE}{_N}(?!\d)", _bare),
)
