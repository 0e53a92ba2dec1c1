"""
Which product the customer wants instead: a variant of the same one, or another.

Only a product that the words name clearly is taken; two that fit alike are none.
"""

from __future__ import annotations

import re

from engines.agent.reading.titles import common_words
from engines.shops.port import NotFound, Product, ShopPort


_SIZE = {
    "extra large": "xl", "x-large": "xl", "large": "l", "medium": "m", "small": "s",
    "加大号": "xl", "加大": "xl", "大号": "l", "中号": "m", "小号": "s",
}  # fmt: skip
_SIZES = re.compile("|".join(_SIZE))
#: Products of the shop that one description is compared with.
MAX_PRODUCTS = 20


async def matching(
    shop: ShopPort, sku: str, words: str
) -> tuple[Product | None, Product | None]:
    """The product *sku* itself, and the one that *words* name; None where not clear."""
    try:
        own, *others = await shop.variants(sku)
    except NotFound:
        return None, None
    folded = _SIZES.sub(lambda found: _SIZE[found[0]], words.lower())
    variant = _variant(own, others, folded)
    if variant is not None:
        return own, variant
    found = await shop.products(words, MAX_PRODUCTS)
    if not found:
        found = await shop.products("", MAX_PRODUCTS)
    return own, _product(found, folded)


def _variant(own: Product, others: list[Product], words: str) -> Product | None:
    """The variant whose options are named; what is not named stays as it is."""
    if not own.options:
        return None
    scores: dict[int, list[Product]] = {}
    for one in (own, *others):
        named = sum(_names(words, option) for option in one.options)
        kept = sum(option in own.options for option in one.options)
        if named:
            scores.setdefault(named * 10 + kept, []).append(one)
    best = scores[max(scores)] if scores else []
    return best[0] if len(best) == 1 else None


def _names(words: str, option: str) -> bool:
    folded = re.escape(option.lower())
    if option.isascii():
        return re.search(rf"(?<![a-z0-9]){folded}(?![a-z0-9])", words) is not None
    stem = option.lower().removesuffix("色")
    return stem in words


def _product(found: tuple[Product, ...], words: str) -> Product | None:
    scores = {one.sku: common_words(words, one.title_zh, one.title_en) for one in found}
    best = max(scores.values(), default=0)
    named = [one for one in found if scores[one.sku] == best]
    return named[0] if best and len(named) == 1 else None
