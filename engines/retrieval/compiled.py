"""
A shop's whole knowledge on disk, ready to be mapped: arrays, passages, names.

    index/<signature>/facts.json                  names and titles of products
                      <layer>/<locale>/*.npy      postings
                      <layer>/<locale>/passages   the passages, one after the other

A layer is what was ingested, or what the folder holds. The signature says what it was built of: form, folder, synonyms and shelf. Workers
map the same files, so a large shop is in memory once. An index that does not fit
what is there now is never used; it is built again by whoever changes the shelf.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, overload

import msgspec
import numpy as np

from engines.contract import Locale, ShopId
from engines.retrieval.documents import LOCALES, ROW, Header, Passage
from engines.retrieval.index import Index, Partition
from engines.retrieval.postings import Longs, Postings, postings_of
from engines.retrieval.terms import Analyzer
from engines.retrieval.vectors import Vectors


#: Changes with everything that an index on disk depends on.
FORM: Final = "4"
_FACTS: Final = "facts.json"
#: A stock number that nobody writes by accident.
_NUMBER: Final = re.compile(r"(?=.*\d).{4,}")

#: Where passages come from; the first speaks first.
Layer = Literal["ingested", "folder"]
LAYERS: Final[tuple[Layer, ...]] = ("ingested", "folder")
Layers = Mapping[Layer, Sequence[Passage]]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is known of products beside their passages.

    Attributes:
        wordings: What customers say, and the stock number it means.

        titles: Stock number to title, per language.
    """

    wordings: tuple[tuple[str, str], ...]
    titles: dict[str, dict[str, str]]
    passages: int


def facts_of(passages: Sequence[Passage]) -> Facts:
    """Names, stock numbers and titles of all product passages."""
    wordings = {
        (name, passage.header.products[0])
        for passage in passages
        for name in _wordings(passage.header)
    }
    titles: dict[str, dict[str, str]] = {locale: {} for locale in LOCALES}
    for passage in passages:
        if passage.header.names:
            sku = passage.header.products[0]
            titles[passage.locale][sku] = title_of(passage)
    return Facts(
        wordings=tuple(sorted(wordings)), titles=titles, passages=len(passages)
    )


def _wordings(header: Header) -> tuple[str, ...]:
    """What means a product: its names, and its number, which links hold too."""
    if not header.names:
        return ()
    number = header.products[0]
    return (*header.names, number) if _NUMBER.search(number) else header.names


def title_of(passage: Passage) -> str:
    """What the product of a passage is called: a row's name, else the document's."""
    header = passage.header
    is_row = ROW in header.id
    return header.names[0] if is_row and header.names else header.title


def signature_of(folder: Path | None, stamp: str) -> str:
    """What an index of *folder* and a shelf with *stamp* is called."""
    digest = hashlib.sha256(f"{FORM}\n{stamp}\n".encode())
    for path in sorted(folder.rglob("*")) if folder is not None else ():
        if path.is_file() and path.suffix in {".md", ".yaml"}:
            digest.update(str(path.relative_to(folder or path)).encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:24]


class PassageFile(Sequence[Passage]):
    """Passages in a mapped file, decoded one by one when they are looked at."""

    def __init__(self, path: Path, starts: Longs) -> None:
        self._starts = starts
        with path.open("rb") as file:
            size = path.stat().st_size
            self._data = (
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
            )
        self._decoder = msgspec.msgpack.Decoder(Passage)

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, number: int) -> Passage: ...
    @overload
    def __getitem__(self, number: slice) -> list[Passage]: ...
    def __getitem__(self, number: int | slice) -> Passage | list[Passage]:
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        low, high = int(self._starts[number]), int(self._starts[number + 1])
        return self._decoder.decode(self._data[low:high])

    @staticmethod
    def write(path: Path, passages: Sequence[Passage]) -> Longs:
        """Write *passages*; where each begins, and where the last one ends."""
        encoder, starts = msgspec.msgpack.Encoder(), [0]
        with path.open("wb") as file:
            for passage in passages:
                starts.append(starts[-1] + file.write(encoder.encode(passage)))
        return np.asarray(starts, np.int64)


def save(
    folder: Path,
    layers: Layers,
    facts: Facts,
    analyzers: Mapping[Locale, Analyzer],
    vectors_of: Callable[[Sequence[Passage]], Vectors | None],
) -> None:
    """Write an index of *layers* to *folder*, whole or not at all."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for layer, passages in layers.items():
        for locale in LOCALES:
            own = [passage for passage in passages if passage.locale == locale]
            if own:
                _save(part / layer / locale, own, analyzers[locale], vectors_of(own))
    part.mkdir(parents=True, exist_ok=True)
    (part / _FACTS).write_bytes(msgspec.json.encode(facts))
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


def _save(
    folder: Path,
    passages: Sequence[Passage],
    analyzer: Analyzer,
    vectors: Vectors | None,
) -> None:
    postings_of(passages, analyzer).save(folder)
    starts = PassageFile.write(folder / "passages", passages)
    np.save(folder / "passage_starts", starts)
    if vectors is not None:
        vectors.save(folder)


def load_facts(folder: Path) -> Facts | None:
    """Facts of the index in *folder*; None if there is none."""
    try:
        return msgspec.json.decode((folder / _FACTS).read_bytes(), type=Facts)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def load_indexes(folder: Path, shop: ShopId) -> dict[Layer, Index]:
    """Map the index of each layer in *folder*; a layer without passages has none."""
    return {
        layer: _load(folder / layer, shop)
        for layer in LAYERS
        if (folder / layer).is_dir()
    }


def _load(folder: Path, shop: ShopId) -> Index:
    return Index(
        {
            (shop, locale): Partition(
                Postings.load(folder / locale),
                _mapped_passages(folder / locale),
                Vectors.load(folder / locale),
            )
            for locale in _saved(folder)
        }
    )


def _saved(folder: Path) -> list[Locale]:
    return [locale for locale in LOCALES if (folder / locale).is_dir()]


def _mapped_passages(folder: Path) -> PassageFile:
    starts: Longs = np.load(folder / "passage_starts.npy", mmap_mode="r")
    return PassageFile(folder / "passages", starts)
