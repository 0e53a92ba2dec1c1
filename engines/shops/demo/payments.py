"""
Payment links of the demo shop: the difference is paid, then the change is made.

    open ──pay──> paid      the address change is applied in the same transaction
      └──────────> void     a newer link replaced it, or the order moved meanwhile
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from engines.shops.demo import addresses, exchanges, records
from engines.shops.demo.books import Refusal
from engines.shops.effects import ExchangeItem
from engines.shops.port import Address, Order
from engines.shops.wire import AddressChange


def ask_payment(
    db: sqlite3.Connection, found: Order, body: AddressChange, at: str, token: str
) -> dict[str, Any]:
    """Open a payment link for the higher freight; earlier links become void."""
    addresses.check_movable(db, found, body)
    amount = body.freight_minor - found.freight_minor
    if found.status != "paid" or amount <= 0:
        raise Refusal("no_payment_needed", "nothing is to be paid for this change")
    void_links(db, found.id)
    address = msgspec.json.encode(body.address).decode()
    db.execute(
        "INSERT INTO payment_links (token, order_id, order_version, amount_minor, "
        "freight_minor, address, status, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, 'open', ?)",
        (token, found.id, found.version, amount, body.freight_minor, address, at),
    )
    return {"order_id": found.id, "amount_minor": amount, "token": token}


def link(db: sqlite3.Connection, token: str) -> dict[str, Any]:
    """
    What a payment link is for.

    Raises:
        Refusal: With 404 if there is no such link.
    """
    row = db.execute("SELECT * FROM payment_links WHERE token = ?", (token,)).fetchone()
    if row is None:
        raise records.missing("payment link")
    return dict(row)


def pay(db: sqlite3.Connection, token: str, at: str) -> dict[str, Any]:
    """
    Take the payment of an open link and apply the change it was for.

    A paid link stays paid however often it is paid again.
    """
    found = link(db, token)
    if found["status"] != "open":
        return found
    row = db.execute(
        "SELECT user_id FROM orders WHERE id = ?", (found["order_id"],)
    ).fetchone()
    order = records.order(db, row["user_id"], found["order_id"])
    is_current = order.version == found["order_version"] and (
        order.status == "paid" or found["purpose"] != "address"
    )
    if is_current:
        _apply(db, order, found, at)
    status = "paid" if is_current else "void"
    db.execute("UPDATE payment_links SET status = ? WHERE token = ?", (status, token))
    return {**found, "status": status}


def ask_difference(
    db: sqlite3.Connection, found: Order, body: ExchangeItem, at: str, token: str
) -> dict[str, Any]:
    """Open a payment link for the dearer goods of an exchange."""
    exchanges.check(db, found, body)
    void_links(db, found.id)
    payload = msgspec.json.encode(body).decode()
    db.execute(
        "INSERT INTO payment_links (token, order_id, order_version, amount_minor, "
        "freight_minor, address, status, created_at, purpose, payload) "
        "VALUES (?, ?, ?, ?, ?, '', 'open', ?, 'exchange', ?)",
        (
            token,
            found.id,
            found.version,
            body.difference_minor,
            found.freight_minor,
            at,
            payload,
        ),
    )
    return {
        "order_id": found.id,
        "amount_minor": body.difference_minor,
        "token": token,
        "status": "awaiting_payment",
    }


def void_links(db: sqlite3.Connection, order_id: str) -> None:
    """A newer link replaces every open one of its order."""
    db.execute(
        "UPDATE payment_links SET status = 'void' "
        "WHERE order_id = ? AND status = 'open'",
        (order_id,),
    )


def _apply(
    db: sqlite3.Connection, order: Order, found: dict[str, Any], at: str
) -> None:
    if found["purpose"] == "exchange":
        body = msgspec.json.decode(found["payload"], type=ExchangeItem)
        _take_money(db, order, found)
        exchanges.swap(db, order, body, at)
        return
    _apply_address(db, order, found)


def _take_money(db: sqlite3.Connection, order: Order, found: dict[str, Any]) -> None:
    db.execute(
        "UPDATE orders SET paid_minor = paid_minor + ? WHERE id = ?",
        (found["amount_minor"], order.id),
    )


def _apply_address(db: sqlite3.Connection, order: Order, found: dict[str, Any]) -> None:
    body = AddressChange(
        version=order.version,
        address=msgspec.json.decode(found["address"], type=Address),
        freight_minor=found["freight_minor"],
    )
    _take_money(db, order, found)
    addresses.set_address(db, order, body)
