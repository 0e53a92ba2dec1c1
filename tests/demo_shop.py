"""
The demo shop as tests use it: a real HTTP server and its real database.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from engines.shops.demo.books import KeyUse
from engines.shops.demo.service import create_app


KEY = "test-shop-key"
ROOT = Path(__file__).parents[1]


class DemoShop:
    """One fresh shop with its own database, served from a thread."""

    def __init__(
        self,
        folder: Path,
        seed: Path | None = None,
        key_use: KeyUse = KeyUse.HONOURED,
    ) -> None:
        self.path = folder / "shop.sqlite3"
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = create_app(self.path, KEY, faults=True, seed_path=seed, key_use=key_use)
        config = uvicorn.Config(app, log_level="critical", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._listener = listener

    def start(self) -> DemoShop:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def fault(self, mode: str, path_end: str = "", **more: Any) -> None:
        """Spoil the answer of calls to come."""
        body = {"mode": mode, "path_end": path_end, **more}
        headers = {"Authorization": f"Bearer {KEY}"}
        httpx.post(
            f"{self.url}/v1/faults", json=body, headers=headers
        ).raise_for_status()

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Read or change the shop's database behind its back."""
        db = sqlite3.connect(self.path, timeout=10)
        try:
            with db:
                return db.execute(statement, values).fetchall()
        finally:
            db.close()

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Every row of every table, by table and key."""
        return {
            f"{table}/{key}": row
            for table, keys in _KEYS.items()
            for key, row in self._rows(table, keys).items()
        }

    def _rows(self, table: str, keys: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        db = sqlite3.connect(self.path, timeout=10)
        db.row_factory = sqlite3.Row
        try:
            rows = db.execute(f"SELECT * FROM {table}").fetchall()
        finally:
            db.close()
        return {"/".join(str(row[key]) for key in keys): dict(row) for row in rows}


_KEYS = {
    "products": ("sku",),
    "customers": ("id",),
    "orders": ("id",),
    "order_lines": ("order_id", "line"),
    "parcels": ("tracking_id",),
    "refunds": ("id",),
    "payment_links": ("id",),
    "notifications": ("id",),
    "effects": ("kind",),
}


def difference(
    before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """What changed: changed fields of old rows, and new rows without times and ids."""
    changes: dict[str, Any] = {}
    for place, row in after.items():
        if place.startswith("effects/"):
            continue
        old = before.get(place)
        if old is None:
            table = place.split("/")[0]
            changes.setdefault(f"new {table}", []).append(row)
            continue
        for field, value in row.items():
            if old[field] != value:
                changes[f"{place}.{field}"] = (old[field], value)
    gone = before.keys() - after.keys()
    return changes | {f"gone {place}": True for place in gone}


class ShopProcess:
    """The demo shop as a process of its own, to be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "key").write_text(KEY)
        self.process: subprocess.Popen[str] | None = None
        self.url = ""
        self._port = 0

    def start(self) -> ShopProcess:
        """Start, on the same port as before if it ran before."""
        words = ["--data-dir", str(self._folder / "data"), "--faults"]
        words += ["--key-file", str(self._folder / "key"), "--port", str(self._port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engines.shops.demo", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]
        self._port = int(self.url.rsplit(":", 1)[1])
        httpx.get(f"{self.url}/healthz", timeout=30).raise_for_status()
        return self

    def kill(self) -> None:
        """End the process at once, as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database."""
        db = sqlite3.connect(self._folder / "data" / "shop.sqlite3", timeout=10)
        try:
            with db:
                return db.execute(statement, values).fetchall()
        finally:
            db.close()
