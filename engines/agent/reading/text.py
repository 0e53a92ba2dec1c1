"""
Clean text and numbers in words: what every other reader starts from.

Full-width forms become narrow, traditional characters simplified, invisible
characters go. Case is kept; readers that don't care fold it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable


#: Longer messages are read up to here.
MAX_CHARS = 2000

_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
_SPACES = re.compile(r"\s+")
_CN_DIGITS = {mark: value for value, mark in enumerate("零一二三四五六七八九")} | {
    "两": 2,
    "俩": 2,
    "〇": 0,
}
_CN_UNITS = {"十": 10, "百": 100}
_EN_WORDS = {
    word: value
    for value, names in enumerate(
        (
            "zero",
            "one a an first",
            "two second both",
            "three third",
            "four fourth",
            "five fifth",
            "six sixth",
            "seven seventh",
            "eight eighth",
            "nine ninth",
            "ten tenth",
        )
    )
    for word in names.split()
}
#: A run of characters that may be a Chinese number.
CN_NUMBER = r"[零〇一二两俩三四五六七八九十百]{1,5}"
#: A number in digits or words of one language.
NUMBER_ZH = rf"(?:\d{{1,4}}|{CN_NUMBER})"
NUMBER_EN = r"(?:\d{1,4}|one|two|three|four|five|six|seven|eight|nine|ten)"
ORDINAL_EN = (
    r"(?:\d{1,3}(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh"
    r"|eighth|ninth|tenth)"
)

Simplify = Callable[[str], str]


#: Contractions written without their apostrophe; "wont" and "cant" are no words here.
_CONTRACTED = re.compile(
    r"\b(is|was|are|were|do|does|did|has|have|had|wo|ca|could|should|would)nt\b",
    re.IGNORECASE,
)


def clean(text: str, simplify: Simplify) -> str:
    """Bring *text* into the one form that readers know."""
    narrow = unicodedata.normalize("NFKC", text[:MAX_CHARS]).replace("\u2019", "'")
    visible = _CONTRACTED.sub(r"\1n't", _INVISIBLE.sub("", narrow))
    return simplify(_SPACES.sub(" ", visible).strip())


def number(word: str) -> int | None:
    """The number a word stands for, in digits, Chinese or English; None if none."""
    word = word.lower()
    digits = re.match(r"\d{1,6}", word)
    if digits:
        return int(digits[0])
    if word in _EN_WORDS:
        return _EN_WORDS[word]
    return _chinese(word)


def _chinese(word: str) -> int | None:
    total, last = 0, None
    for mark in word:
        if mark in _CN_UNITS:
            total += (1 if last is None else last) * _CN_UNITS[mark]
            last = None
        elif mark in _CN_DIGITS:
            last = _CN_DIGITS[mark]
        else:
            return None
    return total + (last or 0) if word else None
