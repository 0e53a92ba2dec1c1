"""
What the demo shop tells beside its orders: coupons held, and what is bought together.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from typing import Final

from engines.shops.demo import records
from engines.shops.port import Coupon, Points, Product


#: Products named as going with another.
MOST_COMPANIONS: Final = 3


def coupons(db: sqlite3.Connection, user_id: str, today: dt.date) -> tuple[Coupon, ...]:
    """Coupons that the customer can use *today*, the one that ends first first."""
    rows = db.execute(
        "SELECT * FROM coupons WHERE user_id = ? AND last_day >= ? "
        "ORDER BY last_day, id",
        (user_id, today.isoformat()),
    ).fetchall()
    currency = _currency(db)
    return tuple(
        Coupon(
            id=row["id"],
            off_minor=row["off_minor"],
            threshold_minor=row["threshold_minor"],
            currency=currency,
            last_day=row["last_day"],
        )
        for row in rows
    )


def points(db: sqlite3.Connection, user_id: str) -> Points:
    """
    Points of a customer; one is worth a hundredth.

    Raises:
        Refusal: With 404 if there is no such customer.
    """
    row = db.execute(
        "SELECT points_minor FROM customers WHERE id = ?", (user_id,)
    ).fetchone()
    if row is None:
        raise records.missing("customer")
    return Points(row[0], row[0], _currency(db))


def companions(db: sqlite3.Connection, sku: str) -> tuple[Product, ...]:
    """
    Products in stock that stand in the same orders as *sku*, most often first.

    Raises:
        Refusal: With 404 if there is no such product.
    """
    records.product(db, sku)
    rows = db.execute(
        "SELECT other.sku FROM order_lines own"
        " JOIN order_lines other ON other.order_id = own.order_id"
        " JOIN products ON products.sku = other.sku"
        " WHERE own.sku = ? AND other.sku != own.sku AND other.is_gift = 0"
        " AND products.stock > 0"
        " GROUP BY other.sku ORDER BY COUNT(*) DESC, other.sku LIMIT ?",
        (sku, MOST_COMPANIONS),
    ).fetchall()
    return tuple(records.product(db, row[0]) for row in rows)


def _currency(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT currency FROM products LIMIT 1").fetchone()
    return row[0] if row else ""
