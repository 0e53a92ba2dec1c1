"""
One normal form for every text the router sees, in training and in serving.

The steps, in order: bound the length, NFKC, case fold, drop invisible characters,
shorten runs of one character to three, traditional to simplified characters, mask
entities. The result is kept as two
strings, one for each script, so that neither script swamps the other:

    cjk     CJK characters, emoji, masks, ``?`` and ``!``; no spaces: 转 人 工 and
            转人工 are the same
    latin   words and masks between single spaces, with a space at both ends, so
            that `` refund `` finds the word and `` refund`` a stem
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import NamedTuple

import opencc

from engines.contract import Locale


#: Characters of a text that are read: the first and the last half of it. What a
#: customer wants stands at either end; the bound keeps the cost of hostile
#: input flat. Hard rules see all of them, the model fewer.
MAX_CHARS = 16_000

#: What an entity becomes. Private-use characters: customers cannot type them,
#: because cleaning drops all others of their range first.
URL, EMAIL, PHONE, ORDER, MONEY = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
SMALL, MIDDLE, LARGE, WORD = "\ue005", "\ue006", "\ue007", "\ue008"
FIRST_MASK, LAST_MASK = URL, WORD
MASK_NAMES = {
    URL: "<url>",
    EMAIL: "<email>",
    PHONE: "<phone>",
    ORDER: "<order>",
    MONEY: "<money>",
    SMALL: "<n>",
    MIDDLE: "<nnn>",
    LARGE: "<nnnnn>",
    WORD: "<latin>",
}

#: Digits of a small and of a middling number; and numbers that mean something by
#: themselves: hotlines and platforms.
_SMALL, _MIDDLE = 2, 4
_KEPT_NUMBERS = frozenset({"12315", "12345", "315", "110", "119", "120", "911"})

#: Longest text that may be taken for plain Chinese.
_PLAIN_CHARS = 600

_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
_EMOJI = "\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff"
_MASKS = "\ue000-\ue008"

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffd"
    "\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]+"
)
_RUN = re.compile(r"([^\d\s])\1{3,}")
_HAS_HAN = re.compile(f"[{_HAN}]")
_HAS_LATIN = re.compile("[a-z]")
_HAS_ENTITY = re.compile("[0-9@]|://|www")
_URL = re.compile(r"(?:https?://|www\.)[a-z0-9\-._~:/?#@!$&'*+,;=%]{1,2000}")
_EMAIL = re.compile(r"[a-z0-9._%+\-]{1,64}@[a-z0-9\-]{1,63}(?:\.[a-z0-9\-]{1,63}){1,4}")
_NUMBER = re.compile(
    r"(?P<money>[$€£¥]\s?\d{1,9}(?:[.,]\d{1,9}){0,3}"
    r"|\d{1,9}(?:[.,]\d{1,9}){0,3}\s?(?:元|块钱|块|rmb\b|yuan\b|cny\b|usd\b|dollars?\b|bucks?\b))"
    r"|(?P<phone>(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d))"
    r"|(?P<order>(?<![a-z0-9_])[a-z]{1,6}[-_]?\d{4,}[a-z0-9\-_]{0,40}|\d{8,}(?:[-_]\d{1,20}){0,4})"
    r"|(?P<plain>\d+)"
)
_BETWEEN = re.compile("[,.~， 。、；：～]+")
_WORDS = re.compile(
    f"[^\\W\\d_{_HAN}{_MASKS}]+|[0-9]+|[?!{_MASKS}{_EMOJI}]",
)
_LATIN_WORD = re.compile("[a-z\u00c0-\u024f]+")
_LATIN_RUN = re.compile(r"[a-z](?:[a-z0-9 .'&+\-]*[a-z0-9])?")
_NOT_CJK = re.compile(f"[^{_HAN}{_EMOJI}{_MASKS}0-9?!]+")


class Normal(NamedTuple):
    """A text in normal form; either string is empty if its script is absent."""

    cjk: str
    latin: str


@cache
def _to_simplified() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


#: Of the set GB 2312, what is traditional or becomes another character in some words.
_NOT_SIMPLE = frozenset("乾吒夥後徵拚捱摺於榘菸薹袷醣麴麽哩坏沈藉覆")


@cache
def _plain_zh() -> re.Pattern[str]:
    """
    Han characters that stay as they are, and what stands between sentences.

    Most messages are of this kind, and the other steps would find nothing in them.
    """
    every = (
        bytes((row, cell)) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF)
    )
    han = {pair.decode("gb2312", "ignore") for pair in every} - _NOT_SIMPLE
    simple = "".join(sorted(han))
    return re.compile(f"[{simple}][{simple},.!?~， 。！？、；：～]{{,{_PLAIN_CHARS}}}")


def _mask_number(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "money":
        return MONEY
    if kind == "phone":
        return PHONE
    if kind == "order":
        return ORDER
    digits = match.group()
    if digits in _KEPT_NUMBERS:
        return digits
    size = len(digits)
    return SMALL if size <= _SMALL else MIDDLE if size <= _MIDDLE else LARGE


def clean(text: str) -> str:
    """Bound, fold and simplify *text*; entities and spaces are still there."""
    if len(text) > MAX_CHARS:
        text = text[: MAX_CHARS // 2] + " " + text[-MAX_CHARS // 2 :]
    if text.isascii():
        return _RUN.sub(r"\1\1\1", _INVISIBLE.sub("", text.lower()))
    text = unicodedata.normalize("NFKC", text).casefold()[: MAX_CHARS * 2]
    text = _RUN.sub(r"\1\1\1", _INVISIBLE.sub("", text))
    return _to_simplified().convert(text) if _HAS_HAN.search(text) else text


def mask(text: str) -> str:
    """Put one private-use character in the place of each entity of clean *text*."""
    if _HAS_ENTITY.search(text) is None:
        return text
    text = _EMAIL.sub(EMAIL, _URL.sub(URL, text))
    return _NUMBER.sub(_mask_number, text)


def normalise(text: str) -> Normal:
    """Bring *text* to normal form. Any string is accepted, also an empty one."""
    if _plain_zh().fullmatch(text) is not None:
        cjk = text.replace("？", "?").replace("！", "!")
        return Normal(_BETWEEN.sub("", _RUN.sub(r"\1\1\1", cjk)), "")
    masked = mask(clean(text))
    if masked.isascii():
        return Normal("", _latin(masked))
    if _HAS_HAN.search(masked) is None:
        return Normal("", _latin(masked))
    cjk = _NOT_CJK.sub("", _LATIN_RUN.sub(WORD, masked))
    return Normal(cjk, _latin(masked) if _HAS_LATIN.search(masked) else "")


def _latin(masked: str) -> str:
    words = _WORDS.findall(masked.replace("'", "").replace("\u2019", ""))
    return f" {' '.join(words)} " if words else ""


def phrase_of(phrase: str) -> str:
    """
    The form in which *phrase* is searched.

    A phrase of Latin letters matches whole words, a trailing ``*`` lets the last
    one go on; any other phrase matches anywhere.
    """
    stem = phrase.endswith("*")
    normal = normalise(phrase.removesuffix("*"))
    if normal.cjk:
        return normal.cjk
    bare = normal.latin.strip()
    if not any(char.isalpha() for char in bare):
        return bare
    return normal.latin.removesuffix(" ") if stem else normal.latin


def locale_of(text: str, default: Locale = "zh") -> Locale:
    """
    Tell the language of *text* by its scripts; *default* if it has neither.

    A CJK character weighs as much as a Latin word, so that a model name in a
    Chinese sentence does not make it English.
    """
    sample = text[:MAX_CHARS].lower()
    if _HAS_ENTITY.search(sample) is not None:
        sample = _URL.sub("", _EMAIL.sub("", sample))
    words = len(_LATIN_WORD.findall(sample))
    if not words:
        if _HAS_HAN.search(sample) is not None:
            return "zh"
        wide = unicodedata.normalize("NFKC", sample)
        return default if _LATIN_WORD.search(wide) is None else "en"
    return "zh" if len(_HAS_HAN.findall(sample)) >= words else "en"
