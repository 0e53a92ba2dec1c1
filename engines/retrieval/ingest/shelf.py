"""
A shop's ingested documents on disk: a manifest, and a file of passages each.

The manifest is the truth and is replaced as a whole, on disk before it counts, so
that a reader sees the old shelf or the new one. One writer at a time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from engines.contract import ShopId
from engines.retrieval.documents import Audience, Passage


MANIFEST: Final = "manifest.json"
#: Changes with the form of a passage: older shelves are read anew.
VERSION: Final = 1


class ShelfDamaged(Exception):
    """The manifest or a file of passages cannot be read; *path* is which."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: damaged ({why}); remove it and ingest again")
        self.path = path


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """
    One ingested document.

    Attributes:
        id: Part of its passages' ids.

        name: What was ingested: a file's name, below its folder's.

        hash: Of the file's bytes.

        added_at: ISO 8601 in UTC.
    """

    id: str
    name: str
    hash: str
    bytes: int
    zh: int
    en: int
    added_at: str
    audience: Audience = "customer"

    @property
    def passages(self) -> int:
        """How many it has."""
        return self.zh + self.en


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All documents of a shelf; *generation* rises with every change."""

    version: int = VERSION
    generation: int = 0
    documents: tuple[Document, ...] = ()

    def named(self, name: str) -> Document | None:
        """The document called *name*."""
        return next((one for one in self.documents if one.name == name), None)


class Shelf:
    """The shelf of one shop in *folder*; need not exist yet."""

    def __init__(self, folder: Path, shop: ShopId) -> None:
        self.folder = folder
        self.shop = shop

    def manifest(self) -> Manifest:
        """
        What is on it now.

        Raises:
            ShelfDamaged: If the manifest is no manifest.
        """
        path = self.folder / MANIFEST
        try:
            found = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except FileNotFoundError:
            return Manifest()
        except (msgspec.DecodeError, UnicodeDecodeError, OSError) as exc:
            raise ShelfDamaged(path, str(exc)) from exc
        return (
            found if found.version == VERSION else Manifest(generation=found.generation)
        )

    def stamp(self) -> tuple[int, int]:
        """Changes whenever the manifest does; cheap enough to look at often."""
        try:
            stat = (self.folder / MANIFEST).stat()
        except FileNotFoundError:
            return (0, 0)
        return (stat.st_mtime_ns, stat.st_ino)

    def file_of(self, document: Document) -> Path:
        """Where the passages of *document* are."""
        return self.folder / "passages" / f"{document.id}-{document.hash[:16]}.jsonl"

    def passages(self, manifest: Manifest) -> Iterator[Passage]:
        """
        Every passage of *manifest*, read one by one.

        Raises:
            ShelfDamaged: If a file is gone or is not what was written.
        """
        decoder = msgspec.json.Decoder(Passage)
        for document in manifest.documents:
            path = self.file_of(document)
            try:
                with path.open("rb") as file:
                    for line in file:
                        yield decoder.decode(line)
            except (OSError, msgspec.DecodeError, UnicodeDecodeError) as exc:
                raise ShelfDamaged(path, str(exc)) from exc

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer; waits for another one."""
        (self.folder / "passages").mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def commit(self, manifest: Manifest) -> None:
        """Make *manifest* what is on the shelf, and remove what it lacks."""
        path = self.folder / MANIFEST
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        kept = {self.file_of(document).name for document in manifest.documents}
        for old in (self.folder / "passages").iterdir():
            if old.name not in kept:
                old.unlink(missing_ok=True)
