"""
How goods are called in each language.
"""

from __future__ import annotations

import pytest

from engines.contract import Locale
from engines.shops.goods import Product
from engines.shops.naming import options, variant_title


RED = Product(
    sku="TS-1",
    title_zh="短袖 T 恤",
    title_en="T-shirt",
    price_minor=7_900,
    currency="CNY",
    stock=3,
    weight_g=200,
    family="tee",
    options=("XL", "红色", "red", "500ml", "42"),
)


@pytest.mark.parametrize(
    ("locale", "named"),
    [("zh", ["XL", "红色", "500ml", "42"]), ("en", ["XL", "red", "500ml", "42"])],
)
def test_colours_are_told_in_one_language(locale: Locale, named: list[str]) -> None:
    """Sizes are the same in both; a short word of the other language is not one."""
    assert options(RED, locale) == named
    assert variant_title(RED, locale).endswith(" ".join(named))
