"""
Turn number words before units into digits, so that one reader serves all.

Only counted words change (``七天``, ``百分之十``, ``seven days``): ``一下`` and
``one of them`` are language, not figures. Ordinals and list marks go away.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final


_CN_DIGITS: Final = {c: i for i, c in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
    "俩": 2,
}
#: "两三天" names a range of two neighbours.
_PAIR: Final = 2
_CN_SCALES: Final = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_EN_NUMBERS: Final = {
    "zero": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "thirteen": "13",
    "fourteen": "14",
    "fifteen": "15",
    "sixteen": "16",
    "seventeen": "17",
    "eighteen": "18",
    "nineteen": "19",
    "twenty": "20",
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "ninety": "90",
    "hundred": "100",
}

_CN_RUN: Final = "[零〇一二两俩三四五六七八九十百千万]+"
_CN_COUNTED: Final = re.compile(
    rf"(?<![\d.])({_CN_RUN})(半)?(?=\s*(?:个?(?:工作日|小时|星期)|自然日|天|日|钟头|分钟|个月|周"
    r"|礼拜|年|元|块|圆|折|成(?![功本人为])|%|月|点(?!击|开|选)|积分))"
)
_CN_RANGE: Final = re.compile(
    rf"(?<![\d.])({_CN_RUN})(?=\s*[到至]\s*(?:{_CN_RUN}|\d+)\s*(?:个?(?:工作日|小时|星期)"
    r"|自然日|天|日|分钟|个月|周|年|元|块|%))"
)
_CN_PERCENT: Final = re.compile(rf"百分之({_CN_RUN}|\d+(?:\.\d+)?)")
_CN_HALF: Final = re.compile(r"半(?=\s*(?:天|年|个月|个?小时))")
_EN_COUNTED: Final = re.compile(
    rf"\b({'|'.join(_EN_NUMBERS)})(?=[\s-]+(?:(?:calendar|working|business)[\s-])?"
    r"(?:day|hour|minute|month|week|year|percent|per cent|yuan|dollar)s?\b)",
    re.IGNORECASE,
)
#: "1. …", "2）…", "(3) …" at the start of a line number the line.
_LIST_MARK: Final = re.compile(r"(?m)^\s*[(（]?\d{1,2}(?:[.、](?!\d)|[)）])")
_ORDINAL: Final = re.compile(
    rf"第\s*(?:\d+|{_CN_RUN})|\b(?:item|line|step|no\.?|number)\s+#?\d+\b",
    re.IGNORECASE,
)


def spell_out(text: str) -> str:
    """*text* in NFKC with counted number words as digits, without ordinals."""
    text = unicodedata.normalize("NFKC", text)
    text = _ORDINAL.sub(" ", _LIST_MARK.sub(" ", text))
    text = _CN_PERCENT.sub(lambda m: f"{chinese_value(m[1])}%", text)
    text = _CN_RANGE.sub(lambda m: chinese_value(m[1]), text)
    text = _CN_COUNTED.sub(_counted, text)
    text = _CN_HALF.sub("0.5", text).replace("半价", "50%")
    return _EN_COUNTED.sub(lambda m: _EN_NUMBERS[m[1].lower()], text)


def chinese_value(word: str) -> str:
    """``十五`` -> 15, ``三百`` -> 300, ``两三`` -> 2-3, ``二〇二六`` -> 2026."""
    if not any(char in _CN_SCALES for char in word):
        if len(word) == _PAIR and _CN_DIGITS.get(word[1]) == _follows(word[0]):
            return f"{_CN_DIGITS[word[0]]}-{_CN_DIGITS[word[1]]}"
        return "".join(str(_CN_DIGITS.get(char, char)) for char in word)
    total = section = digit = 0
    for char in word:
        if char == "万":
            total, section, digit = (total + section + digit) * 10_000, 0, 0
        elif char in _CN_SCALES:
            section, digit = section + (digit or 1) * _CN_SCALES[char], 0
        else:
            digit = _CN_DIGITS[char]
    return str(total + section + digit)


def _follows(char: str) -> int:
    return _CN_DIGITS.get(char, -_PAIR) + 1


def _counted(match: re.Match[str]) -> str:
    return chinese_value(match[1]) + (".5" if match[2] else "")
