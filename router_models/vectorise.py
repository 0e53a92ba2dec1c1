"""
The step from n-grams to rows of the weight matrix, for training and serving.

Rows are numbered signals first, then block by block. ``weigh`` is the one place
that says which rows a turn has and with what weight; the scikit-learn
transformer and the compiled model both call it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from router_models.features import BLOCK_WEIGHTS, BLOCKS, Extract
from router_models.signals import SIGNALS


class Vocabulary(msgspec.Struct, frozen=True):
    """
    Row numbers of the n-grams, block by block.

    Attributes:
        rows: One dictionary a block, in the order of ``BLOCKS``.
    """

    rows: tuple[dict[str, int], ...]

    @classmethod
    def of(cls, grams: Sequence[Sequence[str]]) -> Vocabulary:
        """Number the n-grams of each block in the given order."""
        start = len(SIGNALS)
        rows = []
        for block in grams:
            rows.append({gram: start + at for at, gram in enumerate(block)})
            start += len(block)
        return cls(tuple(rows))

    @property
    def size(self) -> int:
        """Rows of the weight matrix."""
        return len(SIGNALS) + sum(len(block) for block in self.rows)

    def names(self) -> list[str]:
        """What each row stands for, as people read it."""
        blocks = zip(BLOCKS, self.rows, strict=True)
        grams = [f"{name}:{gram}" for name, block in blocks for gram in block]
        return [*SIGNALS, *grams]

    def weigh(self, extract: Extract) -> tuple[list[int], list[float]]:
        """
        Rows of a turn and their weights.

        A block's n-grams share its weight in the Euclidean sense, unknown ones
        included: what the model never saw makes the rest count less.
        """
        rows = [row for row, _ in extract.signals]
        weights = [value for _, value in extract.signals]
        for at, grams in enumerate(extract.blocks):
            if grams:
                row_of = self.rows[at].get
                found = [row for gram in grams if (row := row_of(gram)) is not None]
                rows += found
                weights += [BLOCK_WEIGHTS[at] / math.sqrt(len(grams))] * len(found)
        return rows, weights


def count_groups(
    extracts: Iterable[Extract], groups: Iterable[str]
) -> tuple[Counter[str], ...]:
    """In how many groups each n-gram stands, block by block."""
    seen: tuple[set[tuple[str, str]], ...] = tuple(set() for _ in BLOCKS)
    for extract, group in zip(extracts, groups, strict=True):
        for pairs, grams in zip(seen, extract.blocks, strict=True):
            pairs.update((gram, group) for gram in grams)
    return tuple(Counter(gram for gram, _ in pairs) for pairs in seen)
