"""
A copy of a data folder in one file, made while the gateway runs, and its way back.

The store's log is only ever appended to, and its writes are on disk before they are
acknowledged, so a copy of its files is the state of one moment: what was acknowledged
before the copy began is in it. If the server rewrites its log meanwhile, the list of
parts changes and the copy is made again. Inside: ``backup.json`` with size and
SHA-256 of every file, then the files. Keys are among them: keep it as you keep those.
Deliberately not here: an external store, which has its own means.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath

import msgspec

from gateway.errors import GatewayError


MANIFEST = "backup.json"
FORMAT = 1
#: Made anew at each start, or of no use without the processes that wrote them.
_LEFT_OUT = frozenset(
    {"lock", "valkey.pid", "valkey.sock", "valkey.conf", "valkey.log", "worker.json"}
)
_LEFT_OUT_FOLDERS = frozenset({"metrics", "shop"})
_LOG_PARTS = Path("appendonlydir")
_LIST_OF_PARTS = _LOG_PARTS / "appendonly.aof.manifest"
#: Rewrites of the log during a copy after which it is given up.
_TRIES = 5
_LARGEST_MANIFEST = 64 * 2**20
#: What unpacking says of bytes that are not those of a backup.
_DAMAGED = (
    OSError,
    EOFError,
    ValueError,  # of a text that is no UTF-8, of a number that is none
    zlib.error,
    tarfile.TarError,
    msgspec.MsgspecError,
)


class BackupError(GatewayError):
    """A backup cannot be made, or what was given is none that can be restored."""


class Member(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a backup; its path has slashes and no root."""

    path: str
    size: int
    sha256: str


class Contents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup says of itself."""

    format: int
    made_at: datetime
    files: tuple[Member, ...]


def back_up(folder: Path, target: Path, now: datetime) -> Contents:
    """
    Copy *folder* into the new file *target*; the folder may be in use.

    Raises:
        BackupError: If there is no such folder, *target* exists, or the store
            rewrites its log faster than it can be copied.
    """
    if not folder.is_dir():
        raise BackupError(f"{folder}: no such data folder; name it with --data-dir")
    if target.exists():
        raise BackupError(f"{target} is there already; name another file")
    part = target.with_name(f"{target.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            contents = _write(folder, file, now)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return contents


def _write(folder: Path, file: io.BufferedIOBase, now: datetime) -> Contents:
    for _ in range(_TRIES):
        file.seek(0)
        file.truncate()
        before = _list_of_parts(folder)
        try:
            contents = _write_once(folder, file, now)
        except FileNotFoundError:
            continue
        if _list_of_parts(folder) == before:
            return contents
    raise BackupError(f"{folder}: the store rewrites its log all the time; try again")


def _list_of_parts(folder: Path) -> bytes:
    path = folder / _LIST_OF_PARTS
    return path.read_bytes() if path.exists() else b""


def _write_once(folder: Path, file: io.BufferedIOBase, now: datetime) -> Contents:
    """Sizes are taken first: what a log grows by afterwards is left out."""
    sized = [(path, path.stat().st_size) for path in _files(folder)]
    members = [_member(folder, path, size) for path, size in sized]
    contents = Contents(format=FORMAT, made_at=now, files=tuple(members))
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
        head = msgspec.json.format(msgspec.json.encode(contents))
        archive.addfile(_entry(MANIFEST, len(head)), io.BytesIO(head))
        for (path, size), member in zip(sized, members, strict=True):
            with path.open("rb") as source:
                archive.addfile(_entry(member.path, size), source)
    return contents


def _files(folder: Path) -> Iterator[Path]:
    """The list of the log's parts comes first: parts are only added after it."""
    for path in sorted(
        folder.rglob("*"), key=lambda one: one.name != _LIST_OF_PARTS.name
    ):
        inside = path.relative_to(folder)
        is_ours = inside.parts[0] not in _LEFT_OUT | _LEFT_OUT_FOLDERS
        if is_ours and path.is_file() and not path.is_symlink():
            yield path


def _member(folder: Path, path: Path, size: int) -> Member:
    digest, left = hashlib.sha256(), size
    with path.open("rb") as source:
        while left and (block := source.read(min(left, 2**20))):
            digest.update(block)
            left -= len(block)
    if left:
        raise FileNotFoundError(path)
    return Member(
        path=path.relative_to(folder).as_posix(), size=size, sha256=digest.hexdigest()
    )


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


def restore(source: Path, folder: Path) -> Contents:
    """
    Unpack a backup into the empty or missing *folder*, every byte checked.

    Nothing is left behind if it fails.

    Raises:
        BackupError: If the file is damaged or no backup, or the folder has something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(
            f"{folder} is not empty: a restore overwrites nothing. Move it away first"
        )
    part = folder.with_name(f"{folder.name}.part")
    if part.exists():
        raise BackupError(f"{part} is left of an earlier try; remove it first")
    part.mkdir(parents=True, mode=0o700)
    try:
        contents = _unpack(source, part)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except _DAMAGED as exc:
        raise BackupError(f"{source}: damaged or no backup: {exc}") from exc
    finally:
        if part.exists():
            _remove(part)
    return contents


def _unpack(source: Path, folder: Path) -> Contents:
    with tarfile.open(source, mode="r:gz") as archive:
        entries = iter(archive)
        contents = _read_contents(archive, next(entries, None))
        for member in contents.files:
            entry = next(entries, None)
            if entry is None or entry.name != member.path or not entry.isfile():
                raise BackupError(f"{source}: {member.path} is missing")
            _put(archive, entry, member, folder)
    return contents


def _read_contents(archive: tarfile.TarFile, entry: tarfile.TarInfo | None) -> Contents:
    is_one = entry is not None and entry.name == MANIFEST
    if not is_one or entry is None or entry.size > _LARGEST_MANIFEST:
        raise BackupError("it does not begin with backup.json")
    file = archive.extractfile(entry)
    contents = msgspec.json.decode(file.read() if file else b"", type=Contents)
    if contents.format != FORMAT:
        raise BackupError(
            f"a backup of format {contents.format}; this release: {FORMAT}"
        )
    return contents


def _put(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, member: Member, folder: Path
) -> None:
    inside = PurePosixPath(member.path)
    if inside.is_absolute() or ".." in inside.parts or not inside.parts:
        raise BackupError(f"{member.path!r} leads out of the folder")
    path = folder / inside
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        file = archive.extractfile(entry)
        while file and (block := file.read(2**20)):
            digest.update(block)
            size += len(block)
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    if (size, digest.hexdigest()) != (member.size, member.sha256):
        raise BackupError(f"{member.path} is not what was backed up")


def _remove(folder: Path) -> None:
    """Everything in the folder and itself."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
