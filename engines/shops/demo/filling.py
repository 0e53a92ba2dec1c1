"""
Filling empty books from a catalogue and a seed.

Freight comes from the seed's own table and payment is the sum, so a seed can't
contradict itself.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from typing import Any

from engines.shops.demo import records
from engines.shops.demo.seed import Catalogue, Seed, SeedOrder


Row = dict[str, Any]


def fill(
    db: sqlite3.Connection, catalogue: Catalogue, seed: Seed, now: dt.datetime
) -> bool:
    """Fill empty books; False, and nothing done, if they hold something already."""
    if db.execute("SELECT 1 FROM products").fetchone():
        return False
    _insert(db, "products", _products(catalogue))
    _insert(db, "freight", _freight(seed))
    _insert(db, "customers", _customers(seed))
    _insert(db, "coupons", _coupons(seed, now))
    address = seed.facts.return_address
    for locale, value in (("zh", address.zh), ("en", address.en)):
        _insert(db, "facts", [{"name": f"return_address_{locale}", "value": value}])
    for order in seed.orders:
        _insert_order(db, catalogue, order, now)
    return True


def _insert(db: sqlite3.Connection, table: str, rows: list[Row]) -> None:
    for row in rows:
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        # Table and column names are literals of this module.
        db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)  # noqa: S608


def _products(catalogue: Catalogue) -> list[Row]:
    return [
        {
            "sku": product.sku,
            "title_zh": product.title_zh,
            "title_en": product.title_en,
            "aliases": "|".join(product.aliases),
            "price_minor": product.price,
            "currency": catalogue.currency,
            "stock": product.stock,
            "weight_g": product.weight,
            "family": product.family,
            "options": "|".join(product.options),
        }
        for product in catalogue.products
    ]


def _freight(seed: Seed) -> list[Row]:
    return [
        {
            "region": name,
            "first_kg_minor": row.first_kg,
            "next_kg_minor": row.next_kg,
            "free_from_minor": row.free_from,
        }
        for row in seed.freight
        for region in row.regions
        for name in dict.fromkeys((region.zh, region.en))
    ]


def _coupons(seed: Seed, now: dt.datetime) -> list[Row]:
    return [
        {
            "id": coupon.id,
            "user_id": customer.id,
            "off_minor": coupon.off,
            "threshold_minor": coupon.threshold,
            "last_day": (now + dt.timedelta(days=coupon.days)).date().isoformat(),
        }
        for customer in seed.customers
        for coupon in customer.coupons
    ]


def _customers(seed: Seed) -> list[Row]:
    return [
        {
            "id": customer.id,
            "name": customer.name,
            "locale": customer.locale,
            "points_minor": customer.points,
            "person": customer.person,
        }
        for customer in seed.customers
    ]


def _insert_order(
    db: sqlite3.Connection, catalogue: Catalogue, order: SeedOrder, now: dt.datetime
) -> None:
    lines = _lines(catalogue, order)
    goods = sum(
        line["quantity"] * line["unit_price_minor"]
        for line in lines
        if not line["is_gift"]
    )
    freight = order.freight
    if freight is None:
        weight = sum(line["quantity"] * line["weight_g"] for line in lines)
        freight = records.quote_freight(db, order.address.region, weight, goods)
    paid = goods - order.coupon - order.points + freight
    _insert(db, "orders", [_order(catalogue, order, now, freight, paid)])
    _insert(db, "order_lines", lines)
    _insert_parcel(db, order, now)
    _insert(db, "refunds", _refunds(order, now))
    _insert(db, "invoices", _invoices(order, paid, now))


def _order(
    catalogue: Catalogue, order: SeedOrder, now: dt.datetime, freight: int, paid: int
) -> Row:
    address = order.address
    return {
        "id": order.id,
        "user_id": order.customer,
        "status": order.status,
        "version": 1,
        "currency": catalogue.currency,
        "coupon_minor": order.coupon,
        "coupon_threshold_minor": order.coupon_threshold,
        "points_minor": order.points,
        "freight_minor": freight,
        "paid_minor": 0 if order.status == "unpaid" or not order.was_paid else paid,
        "refunded_minor": sum(refund.amount for refund in order.refunds),
        "refunded_points_minor": sum(refund.points for refund in order.refunds),
        "name": address.name,
        "phone": address.phone,
        "region": address.region,
        "city": address.city,
        "street": address.street,
        "placed_at": _ago(now, order.hours_ago),
        "channel": order.channel,
        "tracking_id": order.parcel.tracking_id if order.parcel else None,
        "delivered_at": _ago(now, order.delivered_hours_ago),
        "note": order.note,
        "deliver_on": _in_days(now, order.deliver_in_days),
    }


def _lines(catalogue: Catalogue, order: SeedOrder) -> list[Row]:
    products = {product.sku: product for product in catalogue.products}
    rows = []
    for number, line in enumerate(order.lines, start=1):
        product = products[line.sku]
        rows.append(
            {
                "order_id": order.id,
                "line": number,
                "sku": line.sku,
                "title_zh": product.title_zh,
                "title_en": product.title_en,
                "quantity": line.quantity,
                "unit_price_minor": product.price if line.price is None else line.price,
                "weight_g": product.weight,
                "refunded_quantity": line.refunded,
                "is_gift": line.is_gift,
                "gift_of": line.gift_of,
            }
        )
    return rows


def _insert_parcel(db: sqlite3.Connection, order: SeedOrder, now: dt.datetime) -> None:
    parcel = order.parcel
    if parcel is None:
        return
    row = {
        "tracking_id": parcel.tracking_id,
        "order_id": order.id,
        "carrier": parcel.carrier,
        "status": parcel.status,
        "expected_on": _in_days(now, parcel.expected_in_days),
    }
    _insert(db, "parcels", [row])
    events = [
        {
            "tracking_id": parcel.tracking_id,
            "at": _ago(now, event.hours_ago),
            "place": event.place,
            "text": event.text,
        }
        for event in parcel.events
    ]
    _insert(db, "parcel_events", events)


def _refunds(order: SeedOrder, now: dt.datetime) -> list[Row]:
    return [
        {
            "order_id": order.id,
            "line": refund.line,
            "quantity": refund.quantity,
            "amount_minor": refund.amount,
            "points_minor": refund.points,
            "status": refund.status,
            "reason": "seed",
            "requested_at": _ago(now, refund.hours_ago),
            "expected_by": _in_days(now, refund.expected_in_days),
            "paid_at": _ago(now, refund.paid_hours_ago),
        }
        for refund in order.refunds
    ]


def _invoices(order: SeedOrder, paid: int, now: dt.datetime) -> list[Row]:
    left = paid - sum(refund.amount for refund in order.refunds)
    return [
        {
            "id": invoice.id,
            "order_id": order.id,
            "title": invoice.title,
            "tax_id": invoice.tax_id,
            "kind": invoice.kind,
            "email": invoice.email,
            "amount_minor": max(0, left),
            "status": "issued",
            "issued_at": _ago(now, invoice.hours_ago),
        }
        for invoice in order.invoices
    ]


def _ago(now: dt.datetime, hours: float | None) -> str | None:
    if hours is None:
        return None
    return (now - dt.timedelta(hours=hours)).isoformat(timespec="seconds")


def _in_days(now: dt.datetime, days: int | None) -> str | None:
    return None if days is None else (now + dt.timedelta(days=days)).date().isoformat()
