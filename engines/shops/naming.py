"""
How orders and products are called in an answer, in the customer's language.
"""

from __future__ import annotations

import re

from engines.contract import Locale
from engines.shops.goods import Product
from engines.shops.orders import Order, OrderLine


#: Goods of an order that are named.
_NAMED = 2
#: An option that every language reads: "XL", "42", "500ml".
_SIZE = re.compile(r"[A-Z]{1,4}|[ -~]*\d[ -~]*")


def title(goods: OrderLine | Product, locale: Locale) -> str:
    """The title of a line or a product."""
    return goods.title_zh if locale == "zh" else goods.title_en


def options(product: Product, locale: Locale) -> list[str]:
    """What tells a variant from the others, in one language: colours are in both."""
    return [
        option
        for option in product.options
        if option.isascii() == (locale == "en") or _SIZE.fullmatch(option)
    ]


def variant_title(product: Product, locale: Locale) -> str:
    """The title of a product, with what tells it from its variants."""
    said = title(product, locale)
    new = [one for one in options(product, locale) if one.lower() not in said.lower()]
    return " ".join((said, *new))


def goods_named(order: Order, locale: Locale) -> str:
    """What is in an order, by its first two titles; gifts only if there is no more."""
    goods = [line for line in order.lines if not line.is_gift] or list(order.lines)
    named = [title(line, locale) for line in goods[:_NAMED]]
    has_more = len(goods) > len(named)
    if locale == "zh":
        return "、".join(named) + ("等" if has_more else "")
    return ", ".join(named) + (" and more" if has_more else "")
