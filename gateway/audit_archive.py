"""
Old lines of the audit log as files: they leave the store, the chain stays whole.

    <folder>/<shop>/<first>-<last>.jsonl.gz     lines as they stood in the store

A file is on disk, whole and under its name, before its lines are dropped. The last
line of a shop always stays in the store, for the next one to follow.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from gateway.audit_log import AT_ONCE, read
from gateway.errors import ConfigError
from gateway.store.audit import AuditStore
from gateway.store.keys import escape


Row = tuple[int, bytes]

#: Folder inside the data folder, and of what is of no shop.
FOLDER, HOUSE_FOLDER = "audit", "_house"
_NAME = re.compile(r"(\d{12})-(\d{12})\.jsonl\.gz").fullmatch
_DAY_MS = 86_400_000


class AuditArchive:
    """
    Moves what is older than *days* from the store into files; a keeper of rounds.

    Args:
        folder: Holds a folder a shop.

        wall_ms: Wall clock.
    """

    EVERY_S: ClassVar = 3600.0

    def __init__(
        self,
        store: AuditStore,
        folder: Path,
        shops: Iterable[str],
        days: float,
        wall_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._folder = folder
        self._shops = tuple(shops)
        self._days = days
        self._wall_ms = wall_ms

    async def look(self) -> None:
        """One round over all shops."""
        for shop in self._shops:
            while await self._move(shop):
                pass

    async def _move(self, shop: str) -> bool:
        """Move some lines; True if more may be old enough."""
        before_ms = self._wall_ms() - self._days * _DAY_MS
        rows = await self._store.read(shop, 0, AT_ONCE + 1)
        old = [row for row in rows[:-1] if read(*row, shop).at_ms < before_ms]
        if not old or old != rows[: len(old)]:
            return False
        put(self._folder, shop, old)
        await self._store.drop(shop, old[-1][0] + 1)
        return len(old) == AT_ONCE


def put(folder: Path, shop: str, rows: Sequence[Row]) -> Path:
    """Write *rows* as one file, on disk at return; the same rows make the same file."""
    where = folder / (escape(shop) or HOUSE_FOLDER)
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = where / f"{rows[0][0]:012}-{rows[-1][0]:012}.jsonl.gz"
    part = path.with_suffix(f".{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(gzip.compress(b"".join(raw + b"\n" for _, raw in rows), mtime=0))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync(where)
    return path


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def archived(folder: Path, shop: str) -> list[Row]:
    """
    All rows of *shop* in the files, oldest first, each number once.

    Raises:
        ConfigError: If a file is no archive, or was cut; it names the file.
    """
    where = folder / (escape(shop) or HOUSE_FOLDER)
    rows: dict[int, bytes] = {}
    for path in sorted(where.glob("*.jsonl.gz")) if where.is_dir() else ():
        for n, raw in _rows(path):
            rows.setdefault(n, raw)
    return sorted(rows.items())


def _rows(path: Path) -> list[Row]:
    name = _NAME(path.name)
    try:
        lines = gzip.decompress(path.read_bytes()).splitlines()
    except (OSError, EOFError, zlib.error) as exc:
        raise ConfigError(f"{path}: damaged ({exc}); put it back from a copy") from exc
    if name is None or len(lines) != int(name[2]) - int(name[1]) + 1:
        raise ConfigError(
            f"{path}: {len(lines)} lines, its name tells of others; put it back from"
            " a copy"
        )
    return list(enumerate(lines, start=int(name[1])))
