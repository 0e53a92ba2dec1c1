"""
Turns that say nearly the same: how alike two texts are, and which pairs are too alike.

Two texts are near twins if their sets of words and pairs of words (Chinese: characters)
overlap by :data:`ALIKE`, after the normal form of ``text.py``: numbers are masked, so a
template filled with another number is a twin. Two turns are twins if, besides, the
last lines before them are twins or both have none: "yes" to another question is another turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from engines.contract import Turn
from router_models.text import clean, mask


#: Jaccard overlap from which two texts are near twins.
ALIKE = 0.8

#: Rows compared with all at once: bounds the memory of a comparison.
_CHUNK = 256

#: Words of Latin letters, and any other character that is not mere punctuation.
_TOKEN = re.compile(r"[a-z\u00c0-\u024f']+|[^\s,.、。;:…~\-—\"'“”‘’()\[\]·]")


def tokens(text: str) -> list[str]:
    """Words of Latin letters, single characters of any other script; no punctuation."""
    return _TOKEN.findall(mask(clean(text)))


def grams(text: str) -> frozenset[str]:
    """Words and pairs of neighbours of *text*, its edges included."""
    words = ["^", *tokens(text), "$"]
    return frozenset(words[1:-1]) | {f"{a} {b}" for a, b in pairwise(words)}


def overlap(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard overlap of two sets; 1 if both are empty."""
    union = len(left | right)
    return len(left & right) / union if union else 1.0


def twin_turns(turns: Sequence[Turn]) -> Iterator[tuple[int, int]]:
    """Places of all pairs of twins among *turns*, the earlier one first."""
    before = [grams(turn.history[-1].text if turn.history else "") for turn in turns]
    for at, other in twin_texts([turn.text for turn in turns]):
        both = bool(turns[at].history) == bool(turns[other].history)
        if both and overlap(before[at], before[other]) >= ALIKE:
            yield at, other


def twin_texts(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Places of all pairs of near twins among *texts*, the earlier one first."""
    matrix = _matrix([grams(text) for text in texts])
    sizes = np.asarray(matrix.sum(axis=1)).ravel()
    for start in range(0, len(texts), _CHUNK):
        shared = (matrix[start : start + _CHUNK] @ matrix.T).tocoo()
        rows, columns = shared.row + start, shared.col
        union = sizes[rows] + sizes[columns] - shared.data
        found = (columns > rows) & (shared.data >= ALIKE * union)
        yield from zip(rows[found].tolist(), columns[found].tolist(), strict=True)


def _matrix(sets: Sequence[frozenset[str]]) -> sp.csr_matrix:
    """One row a set, a one in the column of each of its members."""
    numbers: dict[str, int] = {}
    columns = [numbers.setdefault(gram, len(numbers)) for one in sets for gram in one]
    ends = np.cumsum([0, *(len(one) for one in sets)])
    ones = np.ones(len(columns), dtype=np.float32)
    return sp.csr_matrix((ones, columns, ends), shape=(len(sets), len(numbers)))
