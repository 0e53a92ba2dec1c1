"""
A demo shop as a process of its own, to be killed and started again, and its books.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One effect as the shop's books have it; *at_s* is the second it took place."""

    key: str
    kind: str
    at_s: int


class OrderBook(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the books say of one order.

    Attributes:
        version: 1, and one more for every effect that took place.

        units: Line -> units given back.

        refunds: Refunds booked for it.
    """

    id: str
    user_id: str
    status: str
    version: int
    paid_minor: int
    refunded_minor: int
    street: str
    units: dict[int, int]
    refunds: int


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """All that the checker looks at; *told* counts notifications of a customer."""

    orders: dict[str, OrderBook]
    effects: dict[str, Effect]
    told: dict[str, int]


class ShopProcess:
    """
    One shop on one port with one database, through all its deaths.

    Args:
        folder: Its database, key and seed; it outlives the process.

        seed: What it holds at first, see :mod:`engines.shops.demo.seed`.

        keys: What it does with idempotency keys: honoured, kept or ignored.
    """

    def __init__(
        self, folder: Path, key: str, seed: dict[str, Any], keys: str = "honoured"
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._keys = keys
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        (folder / "key").write_text(key, encoding="utf-8")
        # JSON is YAML, too.
        (folder / "seed.yaml").write_bytes(msgspec.json.encode(seed))

    def start(self) -> None:
        """Start it, on the port it had before; returns when it listens."""
        words = ["--data-dir", str(self._folder), "--port", str(self._port)]
        words += ["--key-file", str(self._folder / "key"), "--until-eof"]
        words += ["--seed", str(self._folder / "seed.yaml"), "--keys", self._keys]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "engines.shops.demo", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        line = self._process.stdout.readline()
        self.url = msgspec.json.decode(line, type=dict[str, str])["url"]
        self._port = int(self.url.rsplit(":", 1)[1])

    def kill(self) -> None:
        """End it as a crash does; harmless if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            os.kill(process.pid, signal.SIGKILL)

    def books(self) -> Books:
        """Read its database, behind its back."""
        return read_books(self._folder / "shop.sqlite3")

    def plant(self, order_id: str, text: str) -> None:
        """Write *text* into an order's note and titles, as whoever edits them could."""
        path = self._folder / "shop.sqlite3"
        with closing(sqlite3.connect(path, timeout=10)) as db, db:
            db.execute("UPDATE orders SET note = ? WHERE id = ?", (text, order_id))
            db.execute(
                "UPDATE order_lines SET title_zh = title_zh || ?1,"
                " title_en = title_en || ?1 WHERE order_id = ?2",
                (text, order_id),
            )

    def plant_in(self, order_id: str, field: str, text: str) -> None:
        """Put *text* in the place of an order's ``note``, ``title`` or ``address``."""
        path = self._folder / "shop.sqlite3"
        with closing(sqlite3.connect(path, timeout=10)) as db, db:
            db.execute(_PLANTED[field], (text, order_id))


#: A field of an order that anybody could have written into.
_PLANTED = {
    "note": "UPDATE orders SET note = ? WHERE id = ?",
    "title": (
        "UPDATE order_lines SET title_zh = ?1, title_en = ?1 WHERE order_id = ?2"
    ),
    "address": "UPDATE orders SET street = ? WHERE id = ?",
}


def read_books(path: Path) -> Books:
    """Read the database of a demo shop."""
    with closing(sqlite3.connect(path, timeout=10)) as db:
        db.row_factory = sqlite3.Row
        return Books(
            orders={row["id"]: _order(db, row) for row in _rows(db, "orders")},
            effects={row["key"]: _effect(row) for row in _rows(db, "effects")},
            told=dict(
                db.execute(
                    "SELECT user_id, count(*) FROM notifications GROUP BY user_id"
                )
            ),
        )


def _rows(db: sqlite3.Connection, table: str) -> list[sqlite3.Row]:
    # The names are literals of this module.
    return db.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608


def _order(db: sqlite3.Connection, row: sqlite3.Row) -> OrderBook:
    lines = db.execute(
        "SELECT line, refunded_quantity FROM order_lines WHERE order_id = ?",
        (row["id"],),
    )
    [(refunds,)] = db.execute(
        "SELECT count(*) FROM refunds WHERE order_id = ?", (row["id"],)
    )
    return OrderBook(
        id=row["id"],
        user_id=row["user_id"],
        status=row["status"],
        version=row["version"],
        paid_minor=row["paid_minor"],
        refunded_minor=row["refunded_minor"],
        street=row["street"],
        units=dict(lines),
        refunds=refunds,
    )


def _effect(row: sqlite3.Row) -> Effect:
    at_s = int(datetime.fromisoformat(row["at"]).timestamp())
    return Effect(key=row["key"], kind=row["kind"], at_s=at_s)
