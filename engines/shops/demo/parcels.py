"""
How goods travel: merged and split parcels, another day, another phone.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from typing import Any

from engines.shops.demo import records
from engines.shops.demo.books import Refusal
from engines.shops.demo.effects import (
    UNSHIPPED,
    ZONE,
    book_refund,
    check_version,
    expected_by,
    touch,
)
from engines.shops.effects import (
    ChangePhone,
    MergeOrders,
    RescheduleDelivery,
    SplitShipment,
)
from engines.shops.port import Order


#: A delivery is put off by no more days than this.
MAX_DAYS = 30


def merge(
    db: sqlite3.Connection, found: Order, body: MergeOrders, at: str
) -> dict[str, Any]:
    """Several unshipped orders of one person into one parcel; freight anew."""
    check_version(found, body.version)
    joining = [
        _joining(db, found.user_id, one.order_id, one.version) for one in body.joining
    ]
    everyone = [found, *joining]
    if len({one.id for one in everyone}) < len(everyone):
        raise Refusal("same_order", "an order cannot join itself")
    if any(one.status != "paid" for one in everyone):
        raise Refusal("not_mergeable", "only paid orders that did not ship")
    if found.ships_with or any(one.ships_with or one.joined for one in joining):
        raise Refusal("merged", "an order shares its parcel already")
    paid = sum(one.freight_minor for one in everyone)
    freight = min(paid, _freight(db, found, joining))
    if (body.freight_minor, body.refund_minor) != (freight, paid - freight):
        raise Refusal("freight_mismatch", "the freight is not that of the table")
    _join(db, found, joining, freight, at)
    return {
        "order_id": found.id,
        "joined": [one.id for one in joining],
        "freight_minor": freight,
        "refund_minor": paid - freight,
        "expected_by": expected_by(at) if paid > freight else None,
    }


def split(
    db: sqlite3.Connection, found: Order, body: SplitShipment, _at: str
) -> dict[str, Any]:
    """Some lines go ahead in a parcel of their own; the shop bears the cost."""
    check_version(found, body.version)
    if found.status != "paid":
        raise Refusal("already_shipped", f"an order that is {found.status}")
    left = {one.line for one in found.lines if one.quantity > one.refunded_quantity}
    first = set(body.lines)
    if not first < left or any(
        one.shipment > 1 for one in found.lines if one.line in first
    ):
        raise Refusal("no_such_split", "some lines, but not all, that are still one")
    number = max(one.shipment for one in found.lines) + 1
    for line in sorted(first):
        db.execute(
            "UPDATE order_lines SET shipment = ? WHERE order_id = ? AND line = ?",
            (number, found.id, line),
        )
    touch(db, found, found.status)
    return {"order_id": found.id, "lines": sorted(first), "shipment": number}


def reschedule(
    db: sqlite3.Connection, found: Order, body: RescheduleDelivery, at: str
) -> dict[str, Any]:
    """Deliver on another day, before the parcel is on its last way."""
    check_version(found, body.version)
    if found.status not in {"paid", "shipped"}:
        raise Refusal("too_late", f"an order that is {found.status}")
    today = dt.datetime.fromisoformat(at).astimezone(ZONE).date()
    try:
        day = dt.date.fromisoformat(body.deliver_on)
    except ValueError as exc:
        raise Refusal("bad_day", "no such day", 422) from exc
    if not today < day <= today + dt.timedelta(days=MAX_DAYS):
        raise Refusal("bad_day", f"from tomorrow on, within {MAX_DAYS} days", 422)
    row = db.execute(
        "SELECT status FROM parcels WHERE order_id = ?", (found.id,)
    ).fetchone()
    if row is not None and row["status"] in {"out_for_delivery", "delivered"}:
        raise Refusal("too_late", "the courier has it")
    db.execute(
        "UPDATE orders SET deliver_on = ? WHERE id = ?", (body.deliver_on, found.id)
    )
    db.execute(
        "UPDATE parcels SET expected_on = ? WHERE order_id = ?",
        (body.deliver_on, found.id),
    )
    touch(db, found, found.status)
    return {"order_id": found.id, "deliver_on": body.deliver_on}


def change_phone(
    db: sqlite3.Connection, found: Order, body: ChangePhone, _at: str
) -> dict[str, Any]:
    """Another phone for the courier."""
    check_version(found, body.version)
    if found.status not in UNSHIPPED | {"shipped"}:
        raise Refusal("too_late", f"an order that is {found.status}")
    name = body.name.strip() or found.address.name
    db.execute(
        "UPDATE orders SET phone = ?, name = ? WHERE id = ?",
        (body.phone.strip(), name, found.id),
    )
    touch(db, found, found.status)
    return {"order_id": found.id, "phone": body.phone.strip(), "name": name}


def _joining(
    db: sqlite3.Connection, user_id: str, order_id: str, version: int
) -> Order:
    one = records.order(db, user_id, order_id)
    check_version(one, version)
    return one


def _freight(db: sqlite3.Connection, found: Order, joining: list[Order]) -> int:
    """Freight of the one parcel, with what travels in it already."""
    travelling = [records.order(db, found.user_id, one) for one in found.joined]
    lines = [line for one in (found, *travelling, *joining) for line in one.lines]
    left = [(line, line.quantity - line.refunded_quantity) for line in lines]
    weight = sum(line.weight_g * units for line, units in left)
    goods = sum(
        line.unit_price_minor * units for line, units in left if not line.is_gift
    )
    return records.quote_freight(db, found.address.region, weight, goods)


def _join(
    db: sqlite3.Connection, found: Order, joining: list[Order], freight: int, at: str
) -> None:
    """Overpaid freight goes back on the orders that joined, then on the first."""
    back = sum(one.freight_minor for one in (found, *joining)) - freight
    for one in (*joining, found):
        share = min(back, one.freight_minor, one.paid_minor - one.refunded_minor)
        if share:
            book_refund(db, one, at, amount=share, reason="merge")
        back -= share
        is_first = one is found
        db.execute(
            "UPDATE orders SET freight_minor = ?, ships_with = ? WHERE id = ?",
            (freight if is_first else 0, None if is_first else found.id, one.id),
        )
        touch(db, one, one.status)
