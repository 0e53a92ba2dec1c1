"""
Ingest paths onto a shelf: what changed is read, what is bad is named and skipped.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from engines.retrieval.documents import Audience
from engines.retrieval.ingest.blocks import MAX_FILE_BYTES
from engines.retrieval.ingest.chunks import Source
from engines.retrieval.ingest.readers import READERS
from engines.retrieval.ingest.shelf import Document, Manifest, Shelf
from engines.retrieval.ingest.worker import ReaderProcess


Status = Literal["added", "changed", "unchanged", "removed", "refused"]

_SLUG: Final = re.compile(r"[^a-z0-9]+")
_BLOCK: Final = 1 << 20


#: Changes when readers read otherwise: files are read anew at the next ingest.
READING: Final = b"2"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of one file.

    Attributes:
        reason: Why it was refused; what was on the shelf under its name stays.
    """

    name: str
    status: Status
    passages: int = 0
    reason: str = ""


class IngestReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of all of them.

    Attributes:
        left_out: Files in folders that are of no kind we read (pictures, styles).
    """

    outcomes: tuple[Outcome, ...]
    left_out: int
    documents: int
    passages: int

    @property
    def refused(self) -> tuple[Outcome, ...]:
        """What could not be used."""
        return tuple(one for one in self.outcomes if one.status == "refused")


class _File(NamedTuple):
    path: Path
    name: str
    is_wanted: bool
    problem: str = ""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """
    How to ingest.

    Attributes:
        prune: Documents of an ingested folder whose file is gone are removed.
    """

    audience: Audience = "customer"
    prune: bool = False
    max_bytes: int = MAX_FILE_BYTES


def ingest(
    paths: Sequence[Path],
    shelf: Shelf,
    now: Callable[[], str],
    tell: Callable[[Outcome, int, int], None],
    options: Options | None = None,
) -> IngestReport:
    """
    Bring *paths*, files or folders, onto *shelf*.

    Args:
        now: The time as ISO 8601.

        tell: Called after each file with its outcome, its number and how many
            there are.
    """
    options = options or Options()
    files = list(_files(paths))
    wanted = [one for one in files if one.is_wanted]
    with shelf.writing(), ReaderProcess() as reader:
        before = shelf.manifest()
        documents = {one.name: one for one in before.documents}
        outcomes = []
        for number, file in enumerate(wanted, 1):
            outcome, document = _one(file, shelf, reader, documents, now, options)
            if document is not None:
                documents[file.name] = document
            outcomes.append(outcome)
            tell(outcome, number, len(wanted))
        if options.prune:
            outcomes += _pruned(paths, wanted, documents)
        after = _commit(shelf, before, documents)
    return IngestReport(
        outcomes=tuple(outcomes),
        left_out=len(files) - len(wanted),
        documents=len(after.documents),
        passages=sum(one.passages for one in after.documents),
    )


def remove(names: Iterable[str], shelf: Shelf) -> list[Outcome]:
    """Take documents off *shelf*; a name that is not there is refused."""
    outcomes = []
    with shelf.writing():
        before = shelf.manifest()
        documents = {one.name: one for one in before.documents}
        for name in names:
            gone = documents.pop(name, None)
            if gone is None:
                reason = "no such document; see 'kb stats'"
                outcomes.append(Outcome(name=name, status="refused", reason=reason))
            else:
                outcomes.append(
                    Outcome(name=name, status="removed", passages=gone.passages)
                )
        _commit(shelf, before, documents)
    return outcomes


def _commit(shelf: Shelf, before: Manifest, documents: dict[str, Document]) -> Manifest:
    after = tuple(documents[name] for name in sorted(documents))
    if after == before.documents:
        return before
    manifest = Manifest(generation=before.generation + 1, documents=after)
    shelf.commit(manifest)
    return manifest


def _one(
    file: _File,
    shelf: Shelf,
    reader: ReaderProcess,
    documents: dict[str, Document],
    now: Callable[[], str],
    options: Options,
) -> tuple[Outcome, Document | None]:
    old = documents.get(file.name)
    if file.problem:
        return Outcome(name=file.name, status="refused", reason=file.problem), None
    try:
        size = file.path.stat().st_size
        digest = _digest(file.path) if size <= options.max_bytes else ""
    except OSError as exc:
        reason = f"cannot be read: {exc.strerror}"
        return Outcome(name=file.name, status="refused", reason=reason), None
    if old is not None and old.hash == digest and old.audience == options.audience:
        passages = old.passages
        return Outcome(name=file.name, status="unchanged", passages=passages), None
    document = Document(
        id=_id(file.name),
        name=file.name,
        hash=digest or "0" * 64,
        bytes=size,
        zh=0,
        en=0,
        added_at=now(),
        audience=options.audience,
    )
    return _read(file, document, shelf, reader, old, options)


def _read(
    file: _File,
    document: Document,
    shelf: Shelf,
    reader: ReaderProcess,
    old: Document | None,
    options: Options,
) -> tuple[Outcome, Document | None]:
    source = Source(
        shop=shelf.shop,
        id=document.id,
        name=file.name,
        audience=options.audience,
    )
    out = shelf.file_of(document)
    part = out.with_suffix(".part")
    done = reader.read(file.path, source, part, options.max_bytes)
    if done.reason:
        part.unlink(missing_ok=True)
        reason = done.reason + ("; the earlier version stays" if old else "")
        return Outcome(name=file.name, status="refused", reason=reason), None
    part.replace(out)
    document = msgspec.structs.replace(document, zh=done.zh, en=done.en)
    status: Status = "changed" if old is not None else "added"
    passages = document.passages
    return Outcome(name=file.name, status=status, passages=passages), document


def _files(paths: Sequence[Path]) -> Iterator[_File]:
    """Every file once, folders in order; links are not followed."""
    seen: set[Path] = set()
    for root in paths:
        if not root.exists():
            yield _File(
                root, str(root), is_wanted=True, problem="no such file or folder"
            )
            continue
        base = root.resolve()
        for path, name in _walk(base):
            if path not in seen:
                seen.add(path)
                is_wanted = base.is_file() or path.suffix.lower() in READERS
                yield _File(path, name, is_wanted)


def _walk(base: Path) -> Iterator[tuple[Path, str]]:
    if base.is_file():
        yield base, base.name
        return
    for folder, folders, names in os.walk(base, followlinks=False):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path, f"{base.name}/{path.relative_to(base).as_posix()}"


def _pruned(
    paths: Sequence[Path], wanted: list[_File], documents: dict[str, Document]
) -> list[Outcome]:
    present = {file.name for file in wanted}
    roots = [f"{path.resolve().name}/" for path in paths if path.is_dir()]
    gone = [
        name
        for name in documents
        if name not in present and any(name.startswith(root) for root in roots)
    ]
    return [
        Outcome(name=name, status="removed", passages=documents.pop(name).passages)
        for name in gone
    ]


def _digest(path: Path) -> str:
    digest = hashlib.sha256(READING)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _id(name: str) -> str:
    """A short plain name that no other document has."""
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0].lower()
    slug = _SLUG.sub("-", stem).strip("-")[:40]
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest
