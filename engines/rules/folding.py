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
_INVISIBLE: Final[dict[int, None]] = dict.fromkeys(
    [
        *range(0x09),
        *range(0x0B, 0x20),
        0xAD,
        0x61C,
        *range(0x180B, 0x180F),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFE00, 0xFE10),
        0xFEFF,
        *range(0xFFF9, 0xFFFC),
    ]
)


@functools.cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def fold(text: str) -> str:
    """Text without differences of width, case, script variant and visibility."""
    text = text[:MAX_CHARS]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)[:MAX_CHARS]
        text = text.translate(_INVISIBLE)
        if _CJK.search(text):
            text = str(_simplifier().convert(text))
    elif not text.isprintable():
        text = text.translate(_INVISIBLE)
    return text.lower().strip()


def squeeze(folded: str) -> str:
    """Only letters and digits of a folded text: the key of the exact look-up."""
    return SEPARATORS.sub("", folded)


def grams(folded: str, locale: Locale) -> frozenset[str]:
    """Pieces of the bare letters: pairs in Chinese, runs of four in English."""
    text = squeeze(folded)
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
