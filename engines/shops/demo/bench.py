"""
Switches for tests and acceptance runs: faults, a fresh start, the whole state.

Only there when the service was started with faults allowed. They are no part
of the shop's interface and stand in no schema.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.datastructures import State
from litestar.params import JSONBody

from engines.shops.demo import filling
from engines.shops.demo.books import Refusal
from engines.shops.demo.desk import books
from engines.shops.demo.faults import Fault
from engines.shops.demo.seed import Catalogue, Seed


Value = str | int | None
Row = dict[str, Value]
#: Table -> key -> row.
Tables = dict[str, dict[str, Row]]

#: Tables of the books, children first, with the columns that name a row.
TABLES: Mapping[str, tuple[str, ...]] = {
    "effects": ("key",),
    "notifications": ("id",),
    "payment_links": ("id",),
    "replacements": ("id",),
    "invoices": ("id",),
    "refunds": ("id",),
    "parcel_events": ("tracking_id", "at"),
    "parcels": ("tracking_id",),
    "order_lines": ("order_id", "line"),
    "orders": ("id",),
    "freight": ("region",),
    "facts": ("name",),
    "coupons": ("id",),
    "customers": ("id",),
    "products": ("sku",),
}


class Fresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the books hold after a fresh start."""

    catalogue: Catalogue
    seed: Seed


class Patch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Fields of one row changed behind everybody's back.

    Attributes:
        place: ``table/key``, for example ``orders/K3001``.
    """

    place: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+/.+$")]
    values: Row


#: A whole shop must fit.
FRESH_BYTES = 16 * 1024 * 1024


@post("/v1/faults", status_code=204)
async def set_fault(state: State, data: JSONBody[Fault]) -> None:
    """Set a fault; only there when the service allows them."""
    state.switchboard.set(data)


@post(
    "/v1/bench/fresh",
    status_code=204,
    include_in_schema=False,
    request_max_body_size=FRESH_BYTES,
)
async def start_over(state: State, data: JSONBody[Fresh]) -> None:
    """Forget everything, faults too, and hold what is given."""
    state.switchboard.clear()
    now = state.clock()
    await books(state).write(lambda db: _refill(db, data, now))


@get("/v1/bench/state", include_in_schema=False)
async def whole_state(state: State) -> Tables:
    """Every row of every table, by table and key."""
    return await books(state).read(
        lambda db: {table: _rows(db, table) for table in TABLES}
    )


@post(
    "/v1/bench/patch",
    status_code=204,
    include_in_schema=False,
    request_max_body_size=FRESH_BYTES,
)
async def patch(state: State, data: JSONBody[Patch]) -> None:
    """Change a row as somebody else in the shop would."""
    await books(state).write(lambda db: _patch(db, data))


#: Handlers of this module.
SWITCHES = (set_fault, start_over, whole_state, patch)


def _refill(db: sqlite3.Connection, fresh: Fresh, now: dt.datetime) -> None:
    for table in TABLES:
        # Table names are literals of this module.
        db.execute(f"DELETE FROM {table}")  # noqa: S608
    db.execute("DELETE FROM sqlite_sequence")
    filling.fill(db, fresh.catalogue, fresh.seed, now)


def _rows(db: sqlite3.Connection, table: str) -> dict[str, Row]:
    rows = db.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - as above
    return {
        "/".join(str(row[name]) for name in TABLES[table]): dict(row) for row in rows
    }


def _patch(db: sqlite3.Connection, change: Patch) -> None:
    table, _, key = change.place.partition("/")
    names = TABLES.get(table)
    parts = key.split("/")
    if names is None or len(parts) != len(names):
        raise Refusal("no_such_place", change.place, 404)
    known: list[Any] = [
        row[1] for row in db.execute(f"PRAGMA table_info({table})").fetchall()
    ]
    if not change.values.keys() <= set(known):
        raise Refusal("no_such_field", change.place, 404)
    fields = ", ".join(f"{name} = ?" for name in change.values)
    where = " AND ".join(f"{name} = ?" for name in names)
    done = db.execute(
        f"UPDATE {table} SET {fields} WHERE {where}",  # noqa: S608 - names checked
        (*change.values.values(), *parts),
    )
    if not done.rowcount:
        raise Refusal("no_such_place", change.place, 404)
    if table in {"orders", "order_lines"}:
        db.execute("UPDATE orders SET version = version + 1 WHERE id = ?", (parts[0],))
