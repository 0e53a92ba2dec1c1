"""
Which of several products spoken of is meant: the cheaper one, or the one so described.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from engines.shops.port import Product


_CHEAPER: Final = re.compile(
    r"便宜(?:点|些|一点)?的|最便宜|\b(?:cheap(?:er|est)|less expensive)\b",
    re.IGNORECASE,
)
_DEARER: Final = re.compile(
    r"(?<![太很])贵(?:点|些|一点)?的|最贵|\b(?:more expensive|most expensive|pricier|dearer)\b",
    re.IGNORECASE,
)
_ONE: Final = re.compile(r"那[款个种]|这[款个种]|哪[款个种]|\bones?\b", re.IGNORECASE)
_WORD: Final = re.compile(r"[a-z][a-z-]{2,}|[\u4e00-\u9fff]+")


def tells_which(text: str) -> bool:
    """True if *text* only tells which of several is meant: "and the cheaper one?"."""
    ranked = _CHEAPER.search(text) or _DEARER.search(text)
    return bool(ranked and _ONE.search(text))


def the_one_meant(found: Sequence[Product], text: str) -> list[Product]:
    """
    The products of *found* that *text* means; all of them if it does not tell.

    By price, or by words of *text* that only one title holds: "the noise-cancelling
    one".
    """
    if len({product.sku for product in found}) > 1:
        is_least = _CHEAPER.search(text) is not None
        if is_least != (_DEARER.search(text) is not None):
            best = min if is_least else max
            return [best(found, key=lambda product: product.price_minor)]
        if _ONE.search(text):
            return _described(found, text) or list(found)
    return list(found)


def _described(found: Sequence[Product], text: str) -> list[Product]:
    said = _words(text)
    told = [said & _words(f"{one.title_zh} {one.title_en}") for one in found]
    best = [
        product
        for product, words in zip(found, told, strict=True)
        if any(
            all(word not in other for other in told if other is not words)
            for word in words
        )
    ]
    return best if len(best) == 1 else []


def _words(text: str) -> set[str]:
    """Latin words, and pairs of Chinese characters."""
    words: set[str] = set()
    for run in _WORD.findall(text.lower()):
        is_latin = run.isascii()
        words |= {run} if is_latin else {f"{a}{b}" for a, b in pairwise(run)}
    return words
