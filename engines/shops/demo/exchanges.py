"""
Goods for goods: exchanges, replacements, gifts that were left out.

An exchange changes the line itself, so that later refunds count the new
product; what was delivered comes back before the new goods leave.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from engines.shops.demo import records
from engines.shops.demo.books import Refusal
from engines.shops.demo.effects import (
    REFUNDABLE,
    UNSHIPPED,
    book_refund,
    check_version,
    expected_by,
    touch,
)
from engines.shops.effects import ExchangeItem, ReplaceItem, SendGift
from engines.shops.port import Order, OrderLine, Product


DELIVERED = frozenset({"delivered", "completed"})


def exchange(
    db: sqlite3.Connection, found: Order, body: ExchangeItem, at: str
) -> dict[str, Any]:
    """Exchange units; cheaper goods give the difference back at once."""
    check(db, found, body)
    if body.difference_minor > 0:
        raise Refusal("payment_needed", "the price difference must be paid first")
    return swap(db, found, body, at)


def check(db: sqlite3.Connection, found: Order, body: ExchangeItem) -> Product:
    """
    Refuse an exchange that is stale, impossible or miscalculated.

    Returns:
        The product the customer gets.
    """
    check_version(found, body.version)
    if found.status not in REFUNDABLE:
        raise Refusal("not_exchangeable", f"an order that is {found.status}")
    line = line_of(found, body.line)
    if line.is_gift or body.quantity > units_of(line):
        raise Refusal("nothing_left", "more units than are left of this line")
    target = records.product(db, body.sku)
    if target.sku == line.sku:
        raise Refusal("same_product", "the line is of this product already")
    if target.stock < body.quantity:
        raise Refusal("out_of_stock", "too few in stock")
    if body.difference_minor != _difference(db, line, target) * body.quantity:
        raise Refusal("amount_mismatch", "not the difference of the prices")
    return target


def swap(
    db: sqlite3.Connection, found: Order, body: ExchangeItem, at: str
) -> dict[str, Any]:
    """Carry an exchange out that was checked, and paid for if it had to be."""
    line, target = line_of(found, body.line), records.product(db, body.sku)
    price = line.unit_price_minor + body.difference_minor // body.quantity
    number = _write_line(db, found, line, target, body.quantity, price)
    _stock(db, target.sku, -body.quantity)
    is_return = found.status not in UNSHIPPED
    if is_return:
        _send(db, found, number, target.sku, body.quantity, "exchange", "", at)
    else:
        _stock(db, line.sku, body.quantity)
    back = max(0, -body.difference_minor)
    if back:
        book_refund(
            db,
            found,
            at,
            amount=back,
            reason="exchange",
            line=number,
            status="awaiting_return" if is_return else "processing",
        )
    touch(db, found, found.status)
    return {
        "order_id": found.id,
        "line": number,
        "quantity": body.quantity,
        "sku": target.sku,
        "refund_minor": back,
        "status": "awaiting_return" if is_return else "exchanged",
        "expected_by": expected_by(at) if back and not is_return else None,
        "return_to": return_address(db) if is_return else None,
    }


def replace(
    db: sqlite3.Connection, found: Order, body: ReplaceItem, at: str
) -> dict[str, Any]:
    """Send units again that came damaged, wrong or not at all."""
    check_version(found, body.version)
    if found.status not in DELIVERED:
        raise Refusal("not_delivered", f"an order that is {found.status}")
    if not body.evidence.strip():
        raise Refusal("evidence_needed", "a photo or a description is needed", 422)
    line = line_of(found, body.line)
    if body.quantity > units_of(line) - line.replaced_quantity:
        raise Refusal("nothing_left", "more units than can still be replaced")
    _again(db, found, line, body.quantity, body.reason, body.evidence, at)
    return {
        "order_id": found.id,
        "line": line.line,
        "quantity": body.quantity,
        "sku": line.sku,
        "reason": body.reason,
        "status": "created",
    }


def send_gift(
    db: sqlite3.Connection, found: Order, body: SendGift, at: str
) -> dict[str, Any]:
    """Send a gift of the order once more; once."""
    check_version(found, body.version)
    if found.status not in DELIVERED:
        raise Refusal("not_delivered", f"an order that is {found.status}")
    line = line_of(found, body.line)
    if not line.is_gift or line.replaced_quantity or not units_of(line):
        raise Refusal("no_such_gift", "no gift of this order that can be sent again")
    _again(db, found, line, line.quantity, "gift", "", at)
    return {
        "order_id": found.id,
        "line": line.line,
        "quantity": line.quantity,
        "sku": line.sku,
        "status": "created",
    }


def line_of(found: Order, number: int) -> OrderLine:
    """A line of the order."""
    for line in found.lines:
        if line.line == number:
            return line
    raise records.missing("line")


def units_of(line: OrderLine) -> int:
    """Units that are still the customer's."""
    return line.quantity - line.refunded_quantity


def return_address(db: sqlite3.Connection) -> dict[str, str]:
    """Where goods are sent back to, in both languages."""
    facts = {row[0]: row[1] for row in db.execute("SELECT name, value FROM facts")}
    return {locale: facts[f"return_address_{locale}"] for locale in ("zh", "en")}


def _difference(db: sqlite3.Connection, line: OrderLine, target: Product) -> int:
    """Of one unit: list against list in a family, else against what was paid."""
    own = records.product(db, line.sku)
    if own.family and own.family == target.family:
        return target.price_minor - own.price_minor
    return target.price_minor - line.unit_price_minor


def _write_line(
    db: sqlite3.Connection,
    found: Order,
    line: OrderLine,
    target: Product,
    quantity: int,
    price: int,
) -> int:
    """The line itself if all of it is exchanged, else a new line; its number."""
    values = (target.sku, target.title_zh, target.title_en, price, target.weight_g)
    if quantity == line.quantity:
        db.execute(
            "UPDATE order_lines SET sku = ?, title_zh = ?, title_en = ?, "
            "unit_price_minor = ?, weight_g = ?, protected_minor = 0 "
            "WHERE order_id = ? AND line = ?",
            (*values, found.id, line.line),
        )
        return line.line
    db.execute(
        "UPDATE order_lines SET quantity = quantity - ? WHERE order_id = ? AND line = ?",
        (quantity, found.id, line.line),
    )
    number = max(one.line for one in found.lines) + 1
    db.execute(
        "INSERT INTO order_lines (order_id, line, sku, title_zh, title_en, "
        "unit_price_minor, weight_g, quantity) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (found.id, number, *values, quantity),
    )
    return number


def _again(
    db: sqlite3.Connection,
    found: Order,
    line: OrderLine,
    quantity: int,
    reason: str,
    evidence: str,
    at: str,
) -> None:
    if records.product(db, line.sku).stock < quantity:
        raise Refusal("out_of_stock", "too few in stock")
    _stock(db, line.sku, -quantity)
    db.execute(
        "UPDATE order_lines SET replaced_quantity = replaced_quantity + ? "
        "WHERE order_id = ? AND line = ?",
        (quantity, found.id, line.line),
    )
    _send(db, found, line.line, line.sku, quantity, reason, evidence, at)
    touch(db, found, found.status)


def _send(
    db: sqlite3.Connection,
    found: Order,
    line: int,
    sku: str,
    quantity: int,
    reason: str,
    evidence: str,
    at: str,
) -> None:
    status = "awaiting_return" if reason == "exchange" else "created"
    db.execute(
        "INSERT INTO replacements (order_id, line, quantity, sku, reason, evidence, "
        "status, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (found.id, line, quantity, sku, reason, evidence, status, at),
    )


def _stock(db: sqlite3.Connection, sku: str, units: int) -> None:
    db.execute("UPDATE products SET stock = stock + ? WHERE sku = ?", (units, sku))
