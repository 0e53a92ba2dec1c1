"""
Orders as policy sees them, and differences between two states of a database.
"""

from __future__ import annotations

from typing import Any

from engines.shops.port import Address, Order, OrderStatus


_NOWHERE = Address(name="", phone="", region="", city="", street="")


def order_in(order_id: str, status: OrderStatus) -> Order:
    """An order of which only the status matters."""
    return Order(
        id=order_id,
        user_id="",
        status=status,
        version=1,
        currency="USD",
        lines=(),
        coupon_minor=0,
        coupon_threshold_minor=0,
        points_minor=0,
        freight_minor=0,
        paid_minor=0,
        refunded_minor=0,
        address=_NOWHERE,
        placed_at="2026-01-01T00:00:00+00:00",
        channel="web",
    )


def difference(before: Any, after: Any, path: str = "") -> dict[str, Any]:
    """What every changed place holds afterwards; None for what is gone."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return {} if before == after else {path: after}
    found: dict[str, Any] = {}
    for name in before.keys() | after.keys():
        place = f"{path}/{name}"
        if name not in after:
            found[place] = None
        elif name not in before:
            found[place] = after[name]
        else:
            found |= difference(before[name], after[name], place)
    return found


def expected(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The same of a file's own list of differences."""
    return {
        row["path"]: None if row["after"] == "__absent__" else row["after"]
        for row in rows
    }
