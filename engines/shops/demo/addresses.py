"""
Where an order goes: address and freight, together or one after the other.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from engines.shops.demo import records
from engines.shops.demo.books import Refusal
from engines.shops.demo.effects import (
    UNSHIPPED,
    book_refund,
    check_version,
    expected_by,
    touch,
)
from engines.shops.effects import RefundFreight, SetAddress
from engines.shops.port import Order
from engines.shops.wire import AddressChange


def change_address(
    db: sqlite3.Connection, found: Order, body: AddressChange, at: str
) -> dict[str, Any]:
    """Change the address of an unshipped order; refund what freight fell."""
    check_movable(db, found, body)
    difference = body.freight_minor - found.freight_minor
    if found.status == "paid" and difference > 0:
        raise Refusal("payment_needed", "the higher freight must be paid first")
    back = -difference if found.status == "paid" else 0
    set_address(db, found, body)
    if back:
        book_refund(db, found, at, amount=back, reason="freight")
    return {
        "order_id": found.id,
        "freight_minor": body.freight_minor,
        "refund_minor": back,
        "address": msgspec.to_builtins(body.address),
    }


def set_place(
    db: sqlite3.Connection, found: Order, body: SetAddress, _at: str
) -> dict[str, Any]:
    """Another address; freight is another matter (:func:`refund_freight`)."""
    check_place(found, body)
    set_address(db, found, AddressChange(1, body.address, found.freight_minor))
    return {"order_id": found.id, "address": msgspec.to_builtins(body.address)}


def refund_freight(
    db: sqlite3.Connection, found: Order, body: RefundFreight, at: str
) -> dict[str, Any]:
    """Give back what was paid beyond the table's freight to where the order goes."""
    check_version(found, body.version)
    freight = records.order_freight(db, found, found.address.region)
    if found.status != "paid" or body.amount_minor != found.freight_minor - freight:
        raise Refusal("freight_mismatch", "not what was paid beyond the table")
    if body.amount_minor > found.paid_minor - found.refunded_minor:
        raise Refusal("above_paid", "more than was paid and not yet given back")
    book_refund(db, found, at, amount=body.amount_minor, reason="freight")
    db.execute("UPDATE orders SET freight_minor = ? WHERE id = ?", (freight, found.id))
    touch(db, found, found.status)
    return {
        "order_id": found.id,
        "freight_minor": freight,
        "refund_minor": body.amount_minor,
        "expected_by": expected_by(at),
    }


def check_movable(db: sqlite3.Connection, found: Order, body: AddressChange) -> None:
    """Refuse an address change that is stale, late, incomplete or miscalculated."""
    check_place(found, body)
    if body.freight_minor != records.order_freight(db, found, body.address.region):
        raise Refusal("freight_mismatch", "the freight is not that of the table")


def check_place(found: Order, body: AddressChange | SetAddress) -> None:
    """Refuse another address that is stale, late or incomplete."""
    check_version(found, body.version)
    if found.status not in UNSHIPPED:
        raise Refusal("already_shipped", f"an order that is {found.status}")
    if found.ships_with or found.joined:
        raise Refusal("merged", "the order shares its parcel with another")
    address = msgspec.to_builtins(body.address)
    if not all(part.strip() for part in address.values()):
        raise Refusal("incomplete_address", "every part of an address is needed", 422)


def set_address(db: sqlite3.Connection, found: Order, body: AddressChange) -> None:
    """Write address and freight into the order, at its next version."""
    parts = body.address
    db.execute(
        "UPDATE orders SET name = ?, phone = ?, region = ?, city = ?, street = ?, "
        "freight_minor = ?, version = version + 1 WHERE id = ?",
        (
            parts.name,
            parts.phone,
            parts.region,
            parts.city,
            parts.street,
            body.freight_minor,
            found.id,
        ),
    )
