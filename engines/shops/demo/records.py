"""Reading the demo shop's books into the structs of the port."""

from __future__ import annotations

import sqlite3
from itertools import pairwise

from engines.shops.demo.books import Refusal
from engines.shops.port import (
    Address,
    Invoice,
    Order,
    OrderLine,
    Parcel,
    Product,
    Refund,
)
from engines.shops.wire import NOT_FOUND


#: Orders shown to one customer at once.
MAX_ORDERS = 200
#: One step of the freight table, in grams.
STEP_G = 1000

#: Orders of an account, and of the accounts proven to be the same person's.
_OWN = (
    "user_id = ? OR user_id IN (SELECT other.id FROM customers own "
    "JOIN customers other ON other.person = own.person "
    "WHERE own.id = ? AND own.person != '')"
)
_LINES = "SELECT * FROM order_lines WHERE order_id = ? ORDER BY line"


def orders(db: sqlite3.Connection, user_id: str) -> tuple[Order, ...]:
    """Orders of one customer, newest first."""
    rows = db.execute(
        f"SELECT * FROM orders WHERE {_OWN} "  # noqa: S608 - a literal of this module
        "ORDER BY placed_at DESC, id DESC LIMIT ?",
        (user_id, user_id, MAX_ORDERS),
    ).fetchall()
    return tuple(_order(db, row) for row in rows)


def order(db: sqlite3.Connection, user_id: str, order_id: str) -> Order:
    """
    One order of this customer.

    Raises:
        Refusal: With 404, also if the order is another customer's.
    """
    row = db.execute(
        f"SELECT * FROM orders WHERE id = ? AND ({_OWN})",  # noqa: S608 - as above
        (order_id, user_id, user_id),
    ).fetchone()
    if row is None:
        raise missing("order")
    return _order(db, row)


def parcel(db: sqlite3.Connection, user_id: str, order_id: str) -> Parcel:
    """The parcel of an order of this customer."""
    order(db, user_id, order_id)
    row = db.execute("SELECT * FROM parcels WHERE order_id = ?", (order_id,)).fetchone()
    if row is None:
        raise missing("parcel")
    events = db.execute(
        "SELECT at, place, text FROM parcel_events WHERE tracking_id = ? "
        "ORDER BY at DESC",
        (row["tracking_id"],),
    ).fetchall()
    return Parcel(**dict(row), events=tuple((e[0], e[1], e[2]) for e in events))


def refunds(db: sqlite3.Connection, user_id: str, order_id: str) -> tuple[Refund, ...]:
    """Refunds of an order of this customer, newest first."""
    order(db, user_id, order_id)
    rows = db.execute(
        "SELECT * FROM refunds WHERE order_id = ? ORDER BY id DESC", (order_id,)
    ).fetchall()
    return tuple(_refund(row) for row in rows)


def invoices(
    db: sqlite3.Connection, user_id: str, order_id: str
) -> tuple[Invoice, ...]:
    """Invoices of an order of this customer, newest first."""
    order(db, user_id, order_id)
    rows = db.execute(
        "SELECT * FROM invoices WHERE order_id = ? ORDER BY issued_at DESC, id DESC",
        (order_id,),
    ).fetchall()
    return tuple(Invoice(**dict(row)) for row in rows)


def variants(db: sqlite3.Connection, sku: str) -> tuple[Product, ...]:
    """
    The product *sku* first, then the other variants of its family.

    Raises:
        Refusal: With 404 if there is no such product.
    """
    own = product(db, sku)
    rows = db.execute(
        "SELECT * FROM products WHERE family = ? AND family != '' AND sku != ? "
        "ORDER BY sku",
        (own.family, sku),
    ).fetchall()
    return (own, *(_product(row) for row in rows))


def product(db: sqlite3.Connection, sku: str) -> Product:
    """
    One product.

    Raises:
        Refusal: With 404 if there is none.
    """
    row = db.execute("SELECT * FROM products WHERE sku = ?", (sku,)).fetchone()
    if row is None:
        raise missing("product")
    return _product(row)


def products(db: sqlite3.Connection, query: str, limit: int) -> tuple[Product, ...]:
    """Products whose title, alias or number holds *query*; cheap words first."""
    rows = db.execute("SELECT * FROM products ORDER BY sku").fetchall()
    words = query.casefold().split() or [""]
    scored = [(_match(row, query.casefold(), words), row) for row in rows]
    best = sorted((s for s in scored if s[0] > 0), key=lambda s: (-s[0], s[1]["sku"]))
    return tuple(_product(row) for _, row in best[:limit])


def quote_freight(
    db: sqlite3.Connection, region: str, weight_g: int, goods_minor: int
) -> int:
    """
    Freight from the table: first kilogram, then each started one.

    Raises:
        Refusal: With ``unknown_region`` if the table has no such region.
    """
    row = db.execute("SELECT * FROM freight WHERE region = ?", (region,)).fetchone()
    if row is None:
        raise Refusal("unknown_region", "the shop does not deliver there", 422)
    if row["free_from_minor"] is not None and goods_minor >= row["free_from_minor"]:
        return 0
    steps = max(0, -(-weight_g // STEP_G) - 1)
    return int(row["first_kg_minor"] + steps * row["next_kg_minor"])


def order_freight(db: sqlite3.Connection, found: Order, region: str) -> int:
    """Freight of what is left of an order, were it sent to *region*."""
    left = [(line, line.quantity - line.refunded_quantity) for line in found.lines]
    weight = sum(line.weight_g * units for line, units in left)
    goods = sum(
        line.unit_price_minor * units for line, units in left if not line.is_gift
    )
    return quote_freight(db, region, weight, goods)


def missing(what: str) -> Refusal:
    """The refusal for a record that is not there, or not this customer's."""
    return Refusal(NOT_FOUND, f"no such {what}", 404)


def _order(db: sqlite3.Connection, row: sqlite3.Row) -> Order:
    lines = db.execute(_LINES, (row["id"],)).fetchall()
    fields = dict(row)
    fields.pop("note")
    address = {
        name: fields.pop(name) for name in ("name", "phone", "region", "city", "street")
    }
    joined = db.execute(
        "SELECT id FROM orders WHERE ships_with = ? ORDER BY id", (row["id"],)
    ).fetchall()
    return Order(
        **fields,
        joined=tuple(one[0] for one in joined),
        address=Address(**address),
        lines=tuple(_line(line) for line in lines),
    )


def _line(row: sqlite3.Row) -> OrderLine:
    fields = dict(row)
    fields.pop("order_id")
    fields["is_gift"] = bool(fields["is_gift"])
    return OrderLine(**fields)


def _refund(row: sqlite3.Row) -> Refund:
    fields = dict(row)
    fields.pop("reason")
    fields["id"] = f"RF{fields['id']:05d}"
    return Refund(**fields)


def _product(row: sqlite3.Row) -> Product:
    fields = dict(row)
    fields.pop("aliases")
    options = tuple(filter(None, fields.pop("options").split("|")))
    return Product(**fields, options=options)


def _match(row: sqlite3.Row, query: str, words: list[str]) -> int:
    names = [row["title_zh"], row["title_en"], row["sku"]]
    names += [*row["aliases"].split("|"), *row["options"].split("|")]
    names = [name.casefold() for name in names if name]
    if any(query and (query in name or name in query) for name in names):
        return 100
    text = " ".join(names)
    # Chinese is written without spaces: two characters in a row are a word here.
    pairs = (f"{one}{two}" for one, two in pairwise(query) if min(one, two) >= "\u4e00")
    return sum(len(word) for word in {*words, *pairs} if word and word in text)
