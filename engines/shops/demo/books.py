"""
The database of the demo shop: transactions off the event loop, effects once.

One thread owns the writing connection and one the reading connection, so the
event loop never waits for a disk. An effect and its row in ``effects`` are one
transaction: a key that answered once answers the same for ever. A shop may be
told to be worse (:class:`KeyUse`), as many a real one is.

    Refusal            the shop says no; the transaction is rolled back
    └── KeyReused      the key belongs to another request
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engines.shops.port import Effect


T = TypeVar("T")


class KeyUse(StrEnum):
    """What the shop does with idempotency keys; its connector has to know."""

    #: The same key takes effect once.
    HONOURED = "honoured"
    #: Whatever comes takes effect, as often as it comes; a key can be looked up.
    KEPT = "kept"
    #: As above, and nobody can ask what became of a key.
    IGNORED = "ignored"


class Refusal(Exception):
    """The shop says no; *status* is the HTTP status that says so."""

    def __init__(self, code: str, message: str, status: int = 409) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class KeyReused(Refusal):
    """The key belongs to another request."""

    def __init__(self) -> None:
        super().__init__("key_reused", "this key was used for another request")


class Ask(msgspec.Struct, frozen=True):
    """
    One effect asked for.

    Attributes:
        kind: Name of the effect; its initials begin the receipt.
        fingerprint: What was asked, so that a key can't change its meaning.
        at: Time of the request, ISO 8601.
    """

    key: str
    kind: str
    fingerprint: str
    at: str


Change = Callable[[sqlite3.Connection], dict[str, Any]]


def fingerprint(*parts: object) -> str:
    """Digest of a request, whatever the order of its keys."""
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


class Books:
    """
    The open database; close it when done.

    Every call runs on a thread of its own connection and is one transaction.
    """

    def __init__(self, path: Path, key_use: KeyUse = KeyUse.HONOURED) -> None:
        self._path = path
        self.key_use = key_use
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="books-write")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="books-read")
        self._connections: dict[str, sqlite3.Connection] = {}

    async def open(self) -> None:
        """Create the file and its tables, if they are not there yet."""
        schema = resources.files(__package__).joinpath("schema.sql").read_text("utf-8")
        await self._run(self._writer, lambda: self._connect("write", schema))
        await self._run(self._reader, lambda: self._connect("read", ""))

    async def close(self) -> None:
        """Close both connections; what was answered is on disk."""
        await self._run(self._reader, lambda: self._disconnect("read"))
        await self._run(self._writer, lambda: self._disconnect("write"))
        self._reader.shutdown()
        self._writer.shutdown()

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run *work* on one consistent view of the books."""
        return await self._run(self._reader, lambda: self._in_view(work))

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run *work* as one transaction that is on disk when this returns."""
        return await self._run(self._writer, lambda: self._in_transaction(work))

    async def perform(self, ask: Ask, change: Change) -> Effect:
        """
        Let *change* take effect once for the key of *ask*.

        Where keys are not honoured it takes effect each time, and every further
        row has the key with a number behind it.

        Raises:
            KeyReused: If the key was used for something else.
            Refusal: If *change* refuses; nothing is stored then.
        """
        once = _once if self.key_use is KeyUse.HONOURED else _each_time
        return await self.write(lambda db: once(db, ask, change))

    async def _run(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def _connect(self, role: str, schema: str) -> None:
        db = sqlite3.connect(self._path, isolation_level=None)
        db.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            db.execute(f"PRAGMA {pragma}").fetchone()
        if schema:
            db.executescript(schema)
        self._connections[role] = db

    def _disconnect(self, role: str) -> None:
        self._connections.pop(role).close()

    def _in_view(self, work: Callable[[sqlite3.Connection], T]) -> T:
        db = self._connections["read"]
        db.execute("BEGIN")
        try:
            return work(db)
        finally:
            db.execute("ROLLBACK")

    def _in_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        db = self._connections["write"]
        db.execute("BEGIN IMMEDIATE")
        try:
            result = work(db)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return result


def find_effect(db: sqlite3.Connection, key: str) -> Effect | None:
    """Look an effect up by its key."""
    row = db.execute("SELECT * FROM effects WHERE key = ?", (key,)).fetchone()
    return _effect(row) if row else None


def _once(db: sqlite3.Connection, ask: Ask, change: Change) -> Effect:
    row = db.execute("SELECT * FROM effects WHERE key = ?", (ask.key,)).fetchone()
    if row is not None:
        if row["request"] != ask.fingerprint:
            raise KeyReused
        return _effect(row)
    return _carried_out(db, ask, change, ask.key)


def _each_time(db: sqlite3.Connection, ask: Ask, change: Change) -> Effect:
    [before] = db.execute(
        # Of the signs a key may have "#" and "$" are neighbours.
        "SELECT count(*) FROM effects WHERE key = ? OR (key > ? AND key < ?)",
        (ask.key, f"{ask.key}#", f"{ask.key}$"),
    ).fetchone()
    name = f"{ask.key}#{before + 1}" if before else ask.key
    return _carried_out(db, ask, change, name)


def _carried_out(db: sqlite3.Connection, ask: Ask, change: Change, name: str) -> Effect:
    detail = change(db)
    number = db.execute("SELECT count(*) FROM effects").fetchone()[0] + 1
    initials = "".join(word[0] for word in ask.kind.split("_")).upper()
    receipt = f"{initials}-{number:06d}"
    db.execute(
        "INSERT INTO effects VALUES (?, ?, ?, ?, ?, ?)",
        (name, ask.kind, ask.fingerprint, receipt, json.dumps(detail), ask.at),
    )
    return Effect(key=ask.key, kind=ask.kind, receipt=receipt, detail=detail)


def _effect(row: sqlite3.Row) -> Effect:
    return Effect(
        key=row["key"],
        kind=row["kind"],
        receipt=row["receipt"],
        detail=json.loads(row["detail"]),
    )
