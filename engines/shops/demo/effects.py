"""
What changes the demo shop's books. Each effect checks everything itself.

Every function runs inside one transaction, refuses with a code, and returns
the detail that goes into the effect's row. The shop trusts no amount that it
is told: freight must be its own table's, and no refund exceeds what was paid.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from typing import Any
from zoneinfo import ZoneInfo

from engines.shops.demo import records
from engines.shops.demo.books import Refusal
from engines.shops.port import Order, OrderLine, RefundStatus
from engines.shops.wire import Cancellation, Notification, RefundRequest


#: Working days within which a refund arrives at the latest.
REFUND_WORKING_DAYS = 3
#: The shop's calendar.
ZONE = ZoneInfo("Asia/Shanghai")
UNSHIPPED = frozenset({"unpaid", "paid"})
REFUNDABLE = frozenset({"paid", "delivered", "completed"})
_FRIDAY = 4


def refund_line(
    db: sqlite3.Connection, found: Order, body: RefundRequest, at: str
) -> dict[str, Any]:
    """Refund units of one line; an unshipped order with nothing left is cancelled."""
    check_version(found, body.version)
    if found.status not in REFUNDABLE:
        raise Refusal("not_refundable", f"an order that is {found.status}")
    line = _refundable_line(found, body)
    gifts = _gift_lines(found, body)
    is_last = found.status == "paid" and units_left(found) == body.quantity
    _check_amounts(found, line, body, is_last=is_last)
    status: RefundStatus = "processing" if found.status == "paid" else "awaiting_return"
    take_back(db, found, {line.line: body.quantity, **gifts})
    book_refund(
        db,
        found,
        at,
        line=line.line,
        quantity=body.quantity,
        amount=body.amount_minor,
        points=body.points_minor,
        reason="line",
        status=status,
    )
    touch(db, found, "cancelled" if is_last else found.status)
    return _refund_detail(db, found, body, status, at)


def cancel_order(
    db: sqlite3.Connection, found: Order, body: Cancellation, at: str
) -> dict[str, Any]:
    """Cancel an unshipped order; all that was paid goes back."""
    check_version(found, body.version)
    if found.status not in UNSHIPPED:
        raise Refusal("already_shipped", f"an order that is {found.status}")
    money = found.paid_minor - found.refunded_minor
    points = found.points_minor - found.refunded_points_minor
    if (body.amount_minor, body.points_minor) != (money, points):
        raise Refusal("amount_mismatch", "a cancellation gives back what was paid")
    left = {
        line.line: line.quantity - line.refunded_quantity
        for line in found.lines
        if line.quantity > line.refunded_quantity
    }
    take_back(db, found, left)
    if money or points:
        book_refund(db, found, at, amount=money, points=points, reason="cancel")
    touch(db, found, "cancelled")
    return {
        "order_id": found.id,
        "amount_minor": money,
        "points_minor": points,
        "expected_by": expected_by(at) if money else None,
    }


def notify(
    db: sqlite3.Connection, user_id: str, body: Notification, at: str
) -> dict[str, Any]:
    """Store a notification for the customer."""
    if not db.execute("SELECT 1 FROM customers WHERE id = ?", (user_id,)).fetchone():
        raise records.missing("customer")
    db.execute(
        "INSERT INTO notifications (user_id, template, text, at) VALUES (?, ?, ?, ?)",
        (user_id, body.template, body.text, at),
    )
    return {"user_id": user_id, "template": body.template}


def check_version(found: Order, version: int) -> None:
    if found.version != version:
        raise Refusal("version_conflict", f"the order is at version {found.version}")


def _refundable_line(found: Order, body: RefundRequest) -> OrderLine:
    for line in found.lines:
        if line.line == body.line and not line.is_gift:
            if body.quantity > line.quantity - line.refunded_quantity:
                raise Refusal("nothing_left", "more units than are left of this line")
            return line
    raise records.missing("line")


def _gift_lines(found: Order, body: RefundRequest) -> dict[int, int]:
    gifts = {
        line.line: line.quantity - line.refunded_quantity
        for line in found.lines
        if line.is_gift and line.gift_of in {0, body.line}
    }
    if not set(body.gifts) <= gifts.keys() or len(set(body.gifts)) < len(body.gifts):
        raise Refusal("no_such_gift", "a gift that this line did not earn")
    return {line: gifts[line] for line in body.gifts if gifts[line]}


def _check_amounts(
    found: Order, line: OrderLine, body: RefundRequest, *, is_last: bool
) -> None:
    freight = found.freight_minor if is_last else 0
    worth = line.unit_price_minor * body.quantity + freight
    money_left = found.paid_minor - found.refunded_minor
    points_left = found.points_minor - found.refunded_points_minor
    if body.amount_minor > money_left or body.points_minor > points_left:
        raise Refusal("above_paid", "more than was paid and not yet given back")
    if body.amount_minor + body.points_minor > worth:
        raise Refusal("above_worth", "more than these units cost")


def units_left(found: Order) -> int:
    return sum(
        line.quantity - line.refunded_quantity
        for line in found.lines
        if not line.is_gift
    )


def take_back(db: sqlite3.Connection, found: Order, units: dict[int, int]) -> None:
    """Mark units as given back; what never left the house is in stock again."""
    skus = {line.line: line.sku for line in found.lines}
    for line, quantity in units.items():
        db.execute(
            "UPDATE order_lines SET refunded_quantity = refunded_quantity + ? "
            "WHERE order_id = ? AND line = ?",
            (quantity, found.id, line),
        )
        if found.status in UNSHIPPED:
            db.execute(
                "UPDATE products SET stock = stock + ? WHERE sku = ?",
                (quantity, skus[line]),
            )


def book_refund(
    db: sqlite3.Connection,
    found: Order,
    at: str,
    *,
    amount: int,
    reason: str,
    points: int = 0,
    line: int = 0,
    quantity: int = 0,
    status: RefundStatus = "processing",
) -> None:
    db.execute(
        "INSERT INTO refunds (order_id, line, quantity, amount_minor, points_minor, "
        "status, reason, requested_at, expected_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            found.id,
            line,
            quantity,
            amount,
            points,
            status,
            reason,
            at,
            expected_by(at) if status == "processing" else None,
        ),
    )
    db.execute(
        "UPDATE orders SET refunded_minor = refunded_minor + ?, "
        "refunded_points_minor = refunded_points_minor + ? WHERE id = ?",
        (amount, points, found.id),
    )
    if status == "processing":
        db.execute(
            "UPDATE customers SET points_minor = points_minor + ? WHERE id = ?",
            (points, found.user_id),
        )


def touch(db: sqlite3.Connection, found: Order, status: str) -> None:
    db.execute(
        "UPDATE orders SET status = ?, version = version + 1 WHERE id = ?",
        (status, found.id),
    )


def _refund_detail(
    db: sqlite3.Connection,
    found: Order,
    body: RefundRequest,
    status: RefundStatus,
    at: str,
) -> dict[str, Any]:
    facts = {row[0]: row[1] for row in db.execute("SELECT name, value FROM facts")}
    is_return = status == "awaiting_return"
    return {
        "order_id": found.id,
        "line": body.line,
        "quantity": body.quantity,
        "amount_minor": body.amount_minor,
        "points_minor": body.points_minor,
        "status": status,
        "expected_by": None if is_return else expected_by(at),
        "return_to": {
            locale: facts[f"return_address_{locale}"] for locale in ("zh", "en")
        }
        if is_return
        else None,
    }


def expected_by(at: str) -> str:
    """Last of the working days within which the money arrives."""
    day = dt.datetime.fromisoformat(at).date()
    left = REFUND_WORKING_DAYS
    while left:
        day += dt.timedelta(days=1)
        left -= day.weekday() <= _FRIDAY
    return day.isoformat()
