"""
What a shop sells, and what a customer holds that takes something off its price.

All amounts are integers in minor units (fen, cents).
"""

from __future__ import annotations

import msgspec


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """
    A product with its stock.

    Attributes:
        family: Variants of one product share it; empty if there are none.
        options: What tells this variant from the others: size, colour.
    """

    sku: str
    title_zh: str
    title_en: str
    price_minor: int
    currency: str
    stock: int
    weight_g: int
    family: str = ""
    options: tuple[str, ...] = ()


class Points(msgspec.Struct, frozen=True):
    """Points of a customer, and what they take off an order at most."""

    balance: int
    worth_minor: int
    currency: str


class Coupon(msgspec.Struct, frozen=True, kw_only=True):
    """
    A coupon that a customer holds and has not used.

    Attributes:
        off_minor: What it takes off an order of at least *threshold_minor*.

        last_day: Last day on which it can be used, ISO 8601.
    """

    id: str
    off_minor: int
    threshold_minor: int
    currency: str
    last_day: str
