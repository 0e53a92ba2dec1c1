"""
Rows of passages, and which of them are near a question.

A small shop's rows are all looked at. Of many, a sketch is looked at first: the same
rows along their strongest directions alone, a quarter of the memory to read. What is
nearest there is measured again with whole rows, so similarities are always exact and
only a passage far down the sketch can be missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt


Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: Rows from which on a sketch is made.
MANY: Final = 20_000
#: Its directions, passages measured again, and rows that tell the directions.
_DIRECTIONS: Final = 96
_AGAIN: Final = 1_000
_SAMPLE: Final = 4_096


class Sketch(NamedTuple):
    """
    Rows along their strongest directions.

    Attributes:
        basis: The directions as columns.
    """

    rows: Floats
    basis: Floats

    @classmethod
    def of(cls, rows: Floats) -> Self:
        """The sketch of *rows*."""
        sample = rows[np.linspace(0, len(rows) - 1, _SAMPLE, dtype=np.int64)]
        _, directions = np.linalg.eigh(sample.T @ sample)
        basis = np.ascontiguousarray(directions[:, -_DIRECTIONS:], np.float32)
        return cls(rows @ basis, basis)


class Vectors(NamedTuple):
    """
    Rows of the passages of a partition, in their order.

    Attributes:
        starts: Where the rows of each passage begin; every passage has one.

        sketch: Of many rows.
    """

    rows: Floats
    starts: Longs
    sketch: Sketch | None = None

    @classmethod
    def of(cls, rows: Floats, starts: Longs) -> Self:
        """With a sketch if there are many."""
        sketch = Sketch.of(rows) if len(rows) > MANY else None
        return cls(rows, starts, sketch)

    def nearest(self, vector: Floats, barred: Mask, k: int) -> list[int]:
        """The *k* passages nearest to *vector*, best first, but for those *barred*."""
        if self.sketch is None:
            numbers = np.flatnonzero(~barred)
        else:
            rows, basis = self.sketch
            rough = np.maximum.reduceat(rows @ (vector @ basis), self.starts)
            rough[barred] = -np.inf
            again = min(max(_AGAIN, k), len(rough))
            numbers = np.argpartition(-rough, again - 1)[:again]
            numbers = np.sort(numbers[rough[numbers] > -np.inf])
        near = self.similarities(vector, numbers)
        order = np.argsort(-near, kind="stable")[:k]
        return [int(numbers[i]) for i in order if near[i] > 0]

    def similarities(
        self, vector: Floats, numbers: Sequence[int] | npt.NDArray[np.integer]
    ) -> Floats:
        """Of each passage of *numbers* its nearest row's."""
        wanted = np.asarray(numbers, np.int64)
        if not len(wanted):
            return np.zeros(0, np.float32)
        if len(wanted) == len(self.starts):
            whole: Floats = np.maximum.reduceat(self.rows @ vector, self.starts)
            return whole[wanted]
        ends = np.append(self.starts[1:], len(self.rows))
        sizes = ends[wanted] - self.starts[wanted]
        first = np.cumsum(sizes) - sizes
        places = np.arange(sizes.sum()) + np.repeat(self.starts[wanted] - first, sizes)
        near: Floats = np.maximum.reduceat(self.rows[places] @ vector, first)
        return near

    def save(self, folder: Path) -> None:
        """Write all arrays."""
        np.save(folder / "vectors", self.rows)
        np.save(folder / "vector_starts", self.starts)
        if self.sketch is not None:
            np.save(folder / "vector_sketch", self.sketch.rows)
            np.save(folder / "vector_basis", self.sketch.basis)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Map the arrays of *folder*; None if it was built without a model."""
        if not (folder / "vectors.npy").exists():
            return None
        rows = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
        starts = np.load(folder / "vector_starts.npy", allow_pickle=False)
        if not (folder / "vector_sketch.npy").exists():
            return cls(rows, starts)
        sketch = np.load(
            folder / "vector_sketch.npy", mmap_mode="r", allow_pickle=False
        )
        basis = np.load(folder / "vector_basis.npy", allow_pickle=False)
        return cls(rows, starts, Sketch(sketch, basis))
