"""
The same sums in machine code, compiled by numba when the model is loaded.

The n-grams of a text never become strings here: each is folded into 64 bits and
looked up in one flat table. The model's own n-grams are checked to stay apart when the
table is built; that any other falls on one of them has odds of one in 10^14.

Importing this module needs numba (the extra ``fast``) and takes a moment; building
:class:`NativeArithmetic` compiles, so do it before the first turn. Nothing is kept on
disk: a cache of machine code would be code that somebody could exchange.
"""

from __future__ import annotations

import numpy as np

from engines.contract import Locale, Turn
from router_models.features import (
    BLOCK_WEIGHTS,
    BLOCKS,
    NOTHING,
    TEXT_BLOCKS,
    Extractor,
    trimmed,
)
from router_models.lexicon import Lexicon
from router_models.machine import Codes, Floats, Keys, Rows, enter, enter_step, step_of
from router_models.machine_sums import add_up, strongest
from router_models.signals import has_letters
from router_models.sums import DULL, Span, Sums
from router_models.text import Normal
from router_models.turns import turn_of
from router_models.vectorise import Vocabulary


_CONCEPT = BLOCKS.index("concept")


class NativeArithmetic:
    """
    Finds, weighs and adds up the rows of a turn in one call of compiled code.

    Everything the text itself says is read there; the few n-grams of the lines before
    and of the open task come from the extractor.
    """

    name = "native"

    def __init__(
        self,
        extractor: Extractor,
        vocabulary: Vocabulary,
        weights: Floats,
        bias: Floats,
        spans: dict[Locale, list[Span]],
    ) -> None:
        self._around = extractor.around
        self._weigh = vocabulary.weigh
        self._spans = {
            locale: np.array(found, dtype=np.float64) for locale, found in spans.items()
        }
        self._dull = np.array(DULL)
        self._nothing = _given([], [])
        self._weights, self._bias = weights, bias
        self._block_weights = np.array(BLOCK_WEIGHTS, dtype=np.float64)
        self._table = _table(vocabulary)
        self._steps, self._owners = _trie(extractor.lexicon)
        self._pairs = _pairs(extractor, vocabulary)
        self.strongest(self.add_up(turn_of("a", "en"), Normal("", " a ")), 0, 1)

    def add_up(self, turn: Turn, normal: Normal) -> Sums:
        """As the protocol says."""
        normal = trimmed(normal)
        cjk, latin = normal
        around = self._around(turn, normal)
        given = self._nothing if around is NOTHING else _given(*self._weigh(around))
        values, found, shares = add_up(
            _codes(cjk + latin),
            len(cjk),
            not cjk and has_letters(latin),
            *given,
            self._spans[turn.locale],
            self._weights,
            self._bias,
            self._block_weights,
            self._table,
            self._steps,
            self._owners,
            self._pairs,
        )
        return Sums(values.tolist(), found, shares)

    def strongest(self, sums: Sums, column: int, most: int) -> list[tuple[int, float]]:
        """As the protocol says."""
        rows, shares = strongest(
            sums.rows, sums.weights, self._weights, column, most, self._dull
        )
        return list(zip(rows.tolist(), shares.tolist(), strict=True))


def _given(rows: list[int], weights: list[float]) -> tuple[Rows, Floats]:
    return np.array(rows, dtype=np.int32), np.array(weights, dtype=np.float32)


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def _table(vocabulary: Vocabulary) -> Keys:
    """
    Key and row number of each of the text's n-grams, at most a quarter full.

    Raises:
        ValueError: If two n-grams of the model fold into the same 64 bits.
    """
    blocks = vocabulary.rows[: len(TEXT_BLOCKS)]
    slots = 1 << (2 * sum(len(block) for block in blocks) + 16).bit_length()
    table = np.zeros(slots, dtype=np.uint64)
    for number, block in enumerate(blocks):
        ends = np.cumsum([len(gram) for gram in block], dtype=np.int64)
        rows = np.array(list(block.values()), dtype=np.int32)
        if not enter(_codes("".join(block)), ends, rows, number, table):
            raise ValueError("two n-grams share a key; change the stirring constant")
    return table


def _trie(lexicon: Lexicon) -> tuple[Keys, Rows]:
    """Steps of the trie of all phrases, and by node the concepts of its phrase."""
    children: dict[tuple[int, int], int] = {}
    ends: dict[int, tuple[int, ...]] = {}
    for phrase, concepts in lexicon.owners.items():
        node = 0
        for char in phrase:
            node = children.setdefault((node, ord(char)), len(children) + 1)
        ends[node] = concepts
    steps = np.zeros((1 << (2 * len(children) + 1).bit_length(), 2), dtype=np.uint64)
    for (node, code), child in children.items():
        enter_step(step_of(node, code), child, steps)
    widest = max([len(concepts) for concepts in ends.values()], default=1)
    owners = np.full((len(children) + 1, widest), -1, dtype=np.int32)
    for node, concepts in ends.items():
        owners[node, : len(concepts)] = concepts
    return steps, owners


def _pairs(extractor: Extractor, vocabulary: Vocabulary) -> Rows:
    """Row of each pair of concepts, of each concept on the diagonal; -1 if none."""
    row_of, names = vocabulary.rows[_CONCEPT], extractor.lexicon.names
    pairs = np.full((len(names), len(names)), -1, dtype=np.int32)
    for first, name in enumerate(names):
        pairs[first, first] = row_of.get(name, -1)
        for second in range(first + 1, len(names)):
            pairs[first, second] = row_of.get(extractor.pair(first, second), -1)
    return pairs
