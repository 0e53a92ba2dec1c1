"""
What a customer may claim: a price that fell, another invoice, a refund that is late.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from typing import Any

from engines.shops.demo import records
from engines.shops.demo.books import Refusal
from engines.shops.demo.effects import (
    ZONE,
    book_refund,
    check_version,
    expected_by,
    touch,
)
from engines.shops.demo.exchanges import line_of, units_of
from engines.shops.effects import ChaseRefund, ProtectPrice, ReissueInvoice
from engines.shops.port import Order


def protect_price(
    db: sqlite3.Connection, found: Order, body: ProtectPrice, at: str
) -> dict[str, Any]:
    """Give back by how much the price of a line fell since."""
    check_version(found, body.version)
    if found.status in {"unpaid", "cancelled"}:
        raise Refusal("not_paid", f"an order that is {found.status}")
    line = line_of(found, body.line)
    if line.is_gift or body.quantity != units_of(line) or not body.quantity:
        raise Refusal("nothing_left", "not the units that are left of this line")
    now = records.product(db, line.sku).price_minor
    fallen = line.unit_price_minor - line.protected_minor - now
    if fallen <= 0 or body.amount_minor != fallen * body.quantity:
        raise Refusal("amount_mismatch", "not the difference of the prices")
    if body.amount_minor > found.paid_minor - found.refunded_minor:
        raise Refusal("above_paid", "more than was paid and not yet given back")
    db.execute(
        "UPDATE order_lines SET protected_minor = protected_minor + ? "
        "WHERE order_id = ? AND line = ?",
        (fallen, found.id, line.line),
    )
    book_refund(db, found, at, amount=body.amount_minor, reason="price", line=line.line)
    touch(db, found, found.status)
    return {
        "order_id": found.id,
        "line": line.line,
        "amount_minor": body.amount_minor,
        "expected_by": expected_by(at),
    }


def reissue_invoice(
    db: sqlite3.Connection, found: Order, body: ReissueInvoice, at: str
) -> dict[str, Any]:
    """Void what was issued and issue again, over what was paid and kept."""
    check_version(found, body.version)
    if found.status in {"unpaid", "cancelled"}:
        raise Refusal("not_paid", f"an order that is {found.status}")
    if body.invoice_kind == "company" and not body.tax_id.strip():
        raise Refusal("tax_id_needed", "a company's invoice needs its tax id", 422)
    earlier = records.invoices(db, found.user_id, found.id)
    db.execute("UPDATE invoices SET status = 'void' WHERE order_id = ?", (found.id,))
    invoice_id = f"INV-{found.id}-{len(earlier) + 1}"
    amount = found.paid_minor - found.refunded_minor
    email = body.email or (earlier[0].email if earlier else "")
    db.execute(
        "INSERT INTO invoices VALUES (?, ?, ?, ?, ?, ?, ?, 'issued', ?)",
        (
            invoice_id,
            found.id,
            body.title.strip(),
            body.tax_id.strip(),
            body.invoice_kind,
            email,
            amount,
            at,
        ),
    )
    touch(db, found, found.status)
    return {"order_id": found.id, "invoice_id": invoice_id, "amount_minor": amount}


def chase_refund(
    db: sqlite3.Connection, found: Order, body: ChaseRefund, at: str
) -> dict[str, Any]:
    """Urge the payment provider, once a day, about a refund that is late."""
    check_version(found, body.version)
    known = {one.id: one for one in records.refunds(db, found.user_id, found.id)}
    late = known.get(body.refund_id)
    if late is None:
        raise records.missing("refund")
    today = dt.datetime.fromisoformat(at).astimezone(ZONE).date().isoformat()
    if late.status != "processing" or not late.expected_by or late.expected_by >= today:
        raise Refusal("not_late", f"a refund that is {late.status}")
    until = expected_by(at)
    db.execute(
        "UPDATE refunds SET chased_at = ?, expected_by = ? WHERE id = ?",
        (at, until, int(body.refund_id.removeprefix("RF"))),
    )
    touch(db, found, found.status)
    return {
        "order_id": found.id,
        "refund_id": late.id,
        "amount_minor": late.amount_minor,
        "expected_by": until,
    }
