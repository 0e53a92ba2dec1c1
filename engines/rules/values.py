"""
Reads the value of a slot out of a message.

A value is *marked* if the message says what it is (175cm, 体重 65 公斤, an
e-mail address) and *bare* if only the question it follows tells (175). Marked
values are taken in any turn, bare ones only for the slot that was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from stdnum.cn import uscc

from engines.rules.folding import fold
from engines.rules.forms import (
    Check,
    Choice,
    Email,
    Height,
    Line,
    Number,
    Option,
    TaxId,
    Weight,
)


Value = str | int

#: Body heights (cm) and weights (kg) that are believed.
HEIGHTS: Final = range(50, 251)
WEIGHTS: Final = range(3, 301)

#: Below this a bare Chinese weight can only be kilograms; above it may be 斤.
SURELY_KG: Final = 90

#: Longer texts with a number in them are about something else.
MAX_ATTEMPT_CHARS: Final = 16

_DIGITS = str.maketrans("零一二两三四五六七八九", "01223456789")
_CM = re.compile(r"(\d{2,3})(?:\.\d)?\s*(?:cm|厘米|公分|centimet)")
_METRES = re.compile(r"(?<![\d.])([12])\s*(?:米|\.|m(?![a-z]))\s*(\d{1,2})?(?![\d天])")
_FEET = re.compile(
    r"(?<!\d)([3-7])\s*(?:'|’|ft|feet|foot)\s*(\d{1,2})?"
)  # either apostrophe
_NAMED_HEIGHT = re.compile(r"(?:身高|高度|height)\D{0,8}?(\d{3})(?!\d)")
_TALL = re.compile(r"(?<![\d.])(1[3-9]\d|20\d)(?!\d)(?!\s*(?:斤|公斤|kg|lb|磅))")
_KG = re.compile(r"(\d{1,3})(?:\.\d+)?\s*(?:kg|公斤|千克|kilo)")
_JIN = re.compile(r"(\d{2,3})(?:\.\d+)?\s*斤")
_POUNDS = re.compile(r"(\d{2,3})(?:\.\d+)?\s*(?:lb|pound|磅)")
_NAMED_WEIGHT = re.compile(r"(?:体重|weight|weigh)\D{0,8}?(\d{2,3})(?!\d)")
_NUMBER = re.compile(r"(?<!\d)\d{1,9}(?!\d)")
_EMAIL = re.compile(r"[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}")
_TAX_ID = re.compile(r"(?<![0-9a-z])[0-9a-z]{18}(?![0-9a-z])")
_CODE = re.compile(r"[0-9a-z]{10,}")
_MEASURE = re.compile(r"身高|体重|height|weight")
_LEAD_IN = re.compile(
    r"^(?:(?:发票)?抬头|公司名称|公司名|名称|单位|it'?s|it is|the (?:title|name) is|title)"
    r"\s*(?:是|为|叫|is)?\s*[:：]?\s*",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"(?:不是|不对|错了|not|no,|actually|sorry).*?(?:应该是|改成|换成|改为|而?是|but|i meant|it'?s)"
)


def read(check: Check, text: str, *, is_asked: bool) -> Value | None:
    """
    Read a value that fits *check*; None if the text holds none.

    *is_asked* tells that the question for this slot was just put, so that a
    bare value belongs to it.
    """
    folded = _after_correction(fold(text))
    if isinstance(check, Line):
        return _line(check, text) if is_asked else None
    if isinstance(check, Choice):
        return _choice(check, folded)
    if isinstance(check, Number):
        return _number(check, folded) if is_asked else None
    return _READERS[type(check)](folded, is_asked)


def title(check: Check, value: Value, locale: str) -> str:
    """How a kept value is called back to the customer."""
    if isinstance(check, Choice):
        for option in check.options:
            if option.value == value:
                return option.title.zh if locale == "zh" else option.title.en
    return str(value)


def is_attempt(check: Check, text: str) -> bool:
    """Tell if a text without a value was meant as one, so that a hint helps."""
    folded = fold(text)
    if isinstance(check, TaxId):
        return _CODE.search(folded) is not None
    if isinstance(check, Email):
        return "@" in folded
    if isinstance(check, Height | Weight | Number):
        return len(folded) <= MAX_ATTEMPT_CHARS and bool(re.search(r"\d", folded))
    return False


def _after_correction(folded: str) -> str:
    """Of 'not this but that', only that counts; its name is kept."""
    found = _CORRECTION.search(folded)
    rest = folded[found.end() :] if found else ""
    if found is None or not rest.strip():
        return folded
    name = _MEASURE.search(folded[: found.end()])
    return f"{name[0]} {rest}" if name else rest


def _height(folded: str, is_asked: bool) -> Value | None:
    text = folded.translate(_DIGITS)
    found = _CM.search(text) or _NAMED_HEIGHT.search(text)
    if found:
        return _within(HEIGHTS, int(found[1]))
    metres = _METRES.search(text)
    if metres:
        rest = (metres[2] or "0").ljust(2, "0")
        return _within(HEIGHTS, int(metres[1]) * 100 + int(rest))
    feet = _FEET.search(text)
    if feet:
        inches = int(feet[1]) * 12 + int(feet[2] or 0)
        return _within(HEIGHTS, round(inches * 2.54))
    tall = _TALL.search(text)
    has_weight = _weight(folded, False) is not None
    return int(tall[1]) if tall and (is_asked or has_weight) else None


def _weight(folded: str, is_asked: bool) -> Value | None:
    text = folded.translate(_DIGITS)
    for pattern, factor in ((_KG, 1.0), (_JIN, 0.5), (_POUNDS, 0.4536)):
        found = pattern.search(text)
        if found:
            return _within(WEIGHTS, round(int(found[1]) * factor))
    found = _NAMED_WEIGHT.search(text)
    if found is None and is_asked:
        found = re.fullmatch(r"\D{0,6}(\d{2,3})\D{0,6}", text)
    # A bare 130 may be kilograms or 斤: asking again is better than guessing.
    return _within(range(25, SURELY_KG), int(found[1])) if found else None


def _tax_id(folded: str, is_asked: bool) -> Value | None:
    del is_asked  # an eighteen-character code says itself what it is
    found = _TAX_ID.search(re.sub(r"(?<=[0-9a-z])[ -](?=[0-9a-z])", "", folded))
    code = found[0].upper() if found else ""
    return code if code and uscc.is_valid(code) else None


def _email(folded: str, is_asked: bool) -> Value | None:
    del is_asked  # the @ says it
    found = _EMAIL.search(folded)
    return found[0] if found else None


_READERS: Final[dict[type[Any], Callable[[str, bool], Value | None]]] = {
    Height: _height,
    Weight: _weight,
    TaxId: _tax_id,
    Email: _email,
}


def _within(limits: range, value: int) -> int | None:
    return value if value in limits else None


def _number(check: Number, folded: str) -> Value | None:
    found = _NUMBER.findall(folded)
    return _within(range(check.min, check.max + 1), int(found[0])) if found else None


def _choice(check: Choice, folded: str) -> Value | None:
    """Take the option whose longest word occurs; two different ones say nothing."""
    best: dict[str, int] = {}
    for option in check.options:
        found = [len(word) for word in _words(option) if word in folded]
        if found:
            best[option.value] = max(found)
    top = max(best.values(), default=0)
    values = [value for value, length in best.items() if length == top]
    return values[0] if len(values) == 1 else None


def _words(option: Option) -> list[str]:
    texts = (*option.words, option.title.zh, option.title.en)
    return [fold(text) for text in texts if text]


def _line(check: Line, text: str) -> Value | None:
    line = " ".join(_LEAD_IN.sub("", text.strip()).split())
    return line if check.min_length <= len(line) <= check.max_length else None
