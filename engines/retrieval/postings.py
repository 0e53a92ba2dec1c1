"""
Build the arrays of one partition: postings of terms, and what filters passages.

Terms are kept as sorted 64-bit hashes, so that finding all words of a question is
one search in an array, and the arrays can be files that several workers map.
Memory is 8 bytes a posting; building costs 12 more.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from engines.retrieval.documents import Passage
from engines.retrieval.terms import Analyzer


Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

#: Saturation of repeated terms, and how much length counts.
K1: Final = 1.2
B: Final = 0.5
#: A small shop's words are weighed as if it had so many passages more, without them:
#: in a handful of passages every word is rare, or none.
UNSEEN: Final = 100
#: What a term counts in a heading, an asked wording or a title.
_FIELDS: Final = (("heading", 3.0), ("asked", 2.0), ("title", 1.0), ("body", 1.0))
_FOREVER: Final = 2**31 - 1


class Table(NamedTuple):
    """Names as sorted hashes, and for each a slice of passage numbers."""

    hashes: Hashes
    starts: Longs
    docs: Ints


class Postings(NamedTuple):
    """
    The arrays of a partition.

    Attributes:
        hashes / starts / docs: Of terms, as :class:`Table`.

        impacts: BM25 of a term in a passage, beside *docs*.

        first_day / last_day: Ordinals of the days on which a passage holds.
    """

    hashes: Hashes
    starts: Longs
    docs: Ints
    impacts: Floats
    idf: Floats
    first_day: Ints
    last_day: Ints
    is_staff: Flags
    has_product: Flags
    of_product: Table

    def find(self, terms: Sequence[str]) -> dict[str, int]:
        """Number of each of *terms* that is known."""
        if not terms:
            return {}
        wanted = np.array([_hash(term) for term in terms], np.uint64)
        places = np.searchsorted(self.hashes, wanted)
        places[places == len(self.hashes)] = 0
        hits = self.hashes[places] == wanted if len(self.hashes) else ()
        return {
            term: int(place)
            for term, place, hit in zip(terms, places, hits, strict=False)
            if hit
        }

    def slice_of(self, number: int) -> tuple[int, int]:
        """Where the postings of a term begin and end."""
        return int(self.starts[number]), int(self.starts[number + 1])

    def save(self, folder: Path) -> None:
        """Write each array as a file of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in self._asdict().items():
            if name != "of_product":
                np.save(folder / name, value)
        for name, value in self.of_product._asdict().items():
            np.save(folder / f"product_{name}", value)

    @classmethod
    def load(cls, folder: Path) -> Postings:
        """Map the files of *folder*; nothing is read before it is used."""

        def mapped(name: str) -> npt.NDArray[np.generic]:
            path = folder / f"{name}.npy"
            found: npt.NDArray[np.generic] = np.load(
                path, mmap_mode="r", allow_pickle=False
            )
            return found

        own = {name: mapped(name) for name in cls._fields if name != "of_product"}
        of_product = [mapped(f"product_{name}") for name in Table._fields]
        return cls(**own, of_product=Table(*of_product))  # type: ignore[arg-type]


def postings_of(passages: Sequence[Passage], analyzer: Analyzer) -> Postings:
    """The arrays of *passages*; each is looked at once."""
    headers = [passage.header for passage in passages]
    return Postings(
        *_bm25(_weighted(passage, analyzer) for passage in passages),
        first_day=_ints(h.effective_from.toordinal() for h in headers),
        last_day=_ints(
            h.effective_until.toordinal() if h.effective_until else _FOREVER
            for h in headers
        ),
        is_staff=np.array([h.audience == "staff" for h in headers], np.bool_),
        has_product=np.array([bool(h.products) for h in headers], np.bool_),
        of_product=_by_product(passages),
    )


def numbers_of(table: Table, names: Iterable[str]) -> Ints:
    """Passages of all *names*, each once."""
    found: list[Ints] = []
    for name in names:
        wanted = np.uint64(_hash(name))
        at = int(np.searchsorted(table.hashes, wanted))
        if at < len(table.hashes) and table.hashes[at] == wanted:
            low, high = int(table.starts[at]), int(table.starts[at + 1])
            found.append(table.docs[low:high])
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int32)


def _weighted(passage: Passage, analyzer: Analyzer) -> Mapping[str, float]:
    """Terms of a passage; what stands in its heading counts more."""
    texts = {
        "heading": passage.heading,
        "asked": "\n".join(passage.asked),
        "title": "\n".join((passage.header.title, *passage.header.names)),
        "body": passage.text,
    }
    total: dict[str, float] = {}
    for field, factor in _FIELDS:
        counted: Counter[str] = analyzer.count(texts[field])
        for term, number in counted.items():
            total[term] = total.get(term, 0.0) + number * factor
    return total


def _bm25(
    counts: Iterable[Mapping[str, float]],
) -> tuple[Hashes, Longs, Ints, Floats, Floats]:
    """
    Terms by hash, where the postings of each begin, their passages, impacts, idf.

    *counts* is read once.
    """
    ids: dict[str, int] = {}
    terms, docs, tf, lengths = array("i"), array("i"), array("f"), array("f")
    for number, of_passage in enumerate(counts):
        terms.extend(ids.setdefault(term, len(ids)) for term in of_passage)
        docs.extend([number] * len(of_passage))
        tf.extend(of_passage.values())
        lengths.append(sum(of_passage.values()))
    hashes, places = _sorted_hashes(ids)
    held_by = places[np.asarray(terms, np.int32)]
    sizes = np.bincount(held_by, minlength=len(ids))
    order = np.argsort(held_by, kind="stable")
    holders = np.asarray(docs, np.int32)[order]
    number = len(lengths) + UNSEEN
    idf = np.log(1 + (number - sizes + 0.5) / (sizes + 0.5)).astype(np.float32)
    length = np.asarray(lengths, np.float32)
    norm = K1 * (1 - B + B * length / max(float(length.mean()), 1.0))
    often = np.asarray(tf, np.float32)[order]
    impacts = np.repeat(idf, sizes) * often * (K1 + 1) / (often + norm[holders])
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return hashes, starts, holders, impacts.astype(np.float32), idf


def _by_product(passages: Sequence[Passage]) -> Table:
    numbers: dict[str, list[int]] = {}
    for number, passage in enumerate(passages):
        for sku in passage.header.products:
            numbers.setdefault(sku, []).append(number)
    hashes, places = _sorted_hashes(numbers)
    lists = list(numbers.values())
    ordered = [lists[i] for i in np.argsort(places)]
    sizes = [len(one) for one in ordered]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Table(hashes, starts, _ints(i for one in ordered for i in one))


def _sorted_hashes(names: Mapping[str, object]) -> tuple[Hashes, Ints]:
    """Hashes in order, and for each name its place among them."""
    hashes = np.fromiter((_hash(name) for name in names), np.uint64, len(names))
    order = np.argsort(hashes, kind="stable")
    places = np.empty(len(names), np.int32)
    places[order] = np.arange(len(names), dtype=np.int32)
    return hashes[order], places


def _hash(name: str) -> int:
    # Keyless but wide: two terms that meet would only share their postings.
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int32)
