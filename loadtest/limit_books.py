"""
The books of a demo shop before and after a limit run, read behind its back.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec


_OPEN_LINKS = (
    "SELECT order_id, count(*) FROM payment_links WHERE status = 'open'"
    " GROUP BY order_id, order_version HAVING count(*) > 1"
)


class Line(msgspec.Struct, frozen=True):
    """One line as it stood at first."""

    unit_minor: int
    units: int
    is_gift: bool


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """One order as it stood at first; times in milliseconds."""

    user: str
    status: str
    since: Mapping[str, int | None]
    paid_minor: int
    freight_minor: int
    lines: Mapping[int, Line]


def read_stands(path: Path) -> dict[str, Stand]:
    """The orders of a demo shop, read behind its back."""
    with closing(sqlite3.connect(path, timeout=10)) as db:
        db.row_factory = sqlite3.Row
        lines: dict[str, dict[int, Line]] = defaultdict(dict)
        for row in db.execute("SELECT * FROM order_lines"):
            line = Line(row["unit_price_minor"], row["quantity"], bool(row["is_gift"]))
            lines[row["order_id"]][row["line"]] = line
        return {
            row["id"]: Stand(
                user=row["user_id"],
                status=row["status"],
                since={name: _ms(row[name]) for name in ("placed_at", "delivered_at")},
                paid_minor=row["paid_minor"],
                freight_minor=row["freight_minor"],
                lines=lines[row["id"]],
            )
            for row in db.execute("SELECT * FROM orders")
        }


def read_effects(path: Path) -> list[tuple[str, str]]:
    """Key and kind of every effect that took place."""
    with closing(sqlite3.connect(path, timeout=10)) as db:
        return db.execute("SELECT key, kind FROM effects").fetchall()


def with_two_links(path: Path) -> list[str]:
    """Orders with two links that could both be paid."""
    with closing(sqlite3.connect(path, timeout=10)) as db:
        return [row[0] for row in db.execute(_OPEN_LINKS)]


def move_order(path: Path, order_id: str, status: str, *, is_counted: bool) -> None:
    """Put an order elsewhere, as a warehouse does; a new version if *is_counted*."""
    with closing(sqlite3.connect(path, timeout=10)) as db, db:
        db.execute(
            "UPDATE orders SET status = ?, version = version + ? WHERE id = ?",
            (status, int(is_counted), order_id),
        )


def _ms(at: str | None) -> int | None:
    return None if at is None else int(dt.datetime.fromisoformat(at).timestamp() * 1000)
