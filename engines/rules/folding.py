"""
Messages without the differences that do not change their meaning.

Width, case, traditional characters and invisible characters are undone; then a
text can be squeezed to its letters, cut into clauses, and told its language.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from itertools import pairwise
from typing import Final

import opencc

from engines.contract import Locale


#: Longer messages are never for L1; nothing beyond this is looked at.
MAX_CHARS: Final = 240

#: Latin words that make a sentence; fewer may be a name or a code.
MIN_SENTENCE: Final = 3

_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN_WORD = re.compile(r"[a-z]{2,}")
#: Everything that is no letter and no digit.
SEPARATORS = re.compile(r"[\W_]+")
_CLAUSE_END = re.compile(
    r"[,，。.;；!！?？\n、~～…]+(?!\d)|另外|还有就是|顺便|以及"
    r"|\b(?:and|also|plus|but)\s+(?=(?:how|when|what|where|which|who|can|could|do|does"
    r"|is|are|will|why)\b)"
)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\xad\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
_IDEOGRAPHS: Final = (range(0x3400, 0x4DC0), range(0x4E00, 0xA000))


@functools.cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@functools.cache
def _traditional() -> frozenset[str]:
    """Characters that simplification changes; without one of them it is skipped."""
    characters = [chr(code) for block in _IDEOGRAPHS for code in block]
    simplified = str(_simplifier().convert("\n".join(characters))).split("\n")
    return frozenset(
        old for old, new in zip(characters, simplified, strict=True) if old != new
    )


def fold(text: str) -> str:
    """Text without differences of width, case, script variant and visibility."""
    text = text[:MAX_CHARS]
    if text.isascii():
        if not text.isprintable():
            text = _INVISIBLE.sub("", text)
        return text.lower().strip()
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)[:MAX_CHARS]
    text = _INVISIBLE.sub("", text)
    if not _traditional().isdisjoint(text):
        text = str(_simplifier().convert(text))
    return text.lower().strip()


def squeeze(folded: str) -> str:
    """Only letters and digits of a folded text: the key of the exact look-up."""
    return folded if folded.isalnum() else SEPARATORS.sub("", folded)


def grams(text: str, locale: Locale) -> frozenset[str]:
    """Pieces of squeezed letters: pairs in Chinese, runs of four in English."""
    if locale == "zh":
        return frozenset([f"{first}_{second}" for first, second in pairwise(text)])
    return frozenset([f"_{text[at : at + 4]}" for at in range(len(text) - 3)])


def language(folded: str, otherwise: Locale) -> Locale:
    """Language of a folded text by its script; *otherwise* if it has no words."""
    if _CJK.search(folded):
        return "zh"
    return "en" if _LATIN_WORD.search(folded) else otherwise


def reply_language(folded: str, declared: Locale) -> Locale:
    """Language to answer in: a Latin sentence outweighs what the channel says."""
    if _CJK.search(folded):
        return "zh"
    words = sum(1 for word in folded.split() if _LATIN_WORD.match(word))
    return "en" if words >= MIN_SENTENCE else declared


def clauses(folded: str) -> list[str]:
    """Cut a folded text at punctuation; numbers stay whole."""
    return [piece for piece in _CLAUSE_END.split(folded) if piece.strip()]
