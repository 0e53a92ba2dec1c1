"""
The examples that are like a message, found and compared in machine code.

Equal to :class:`engines.rules.similarity.SimilarityIndex`: the same examples in
the same order, the same formulas.
"""

# Numba reads these functions, not Python: plain loops are the point.

from __future__ import annotations

from typing import Any, Final

import numpy as np

from engines.rules.flat import STIR, Ints, Keys, Tables
from engines.rules.machine_code import Scratch, inlined
from engines.rules.similarity import (
    CONTRAST_FACTOR,
    MAX_ENTRIES,
    MAX_SCORED,
    PARTICLE_WEIGHT,
)


_U64 = np.uint64

#: Columns of the table of tokens, as far as they are read here.
_WEIGHT: Final = 1

#: Columns of the table of examples, as far as they are read here.
_CONTRASTS, _GRAMS, _ROOT = range(1, 4)


@inlined
def _slot(key: np.uint64, keys: Keys) -> int:
    """Where *key* is, or the free place where it would be."""
    mask = _U64(len(keys) - 1)
    slot = ((key * STIR) >> _U64(20)) & mask
    while keys[slot] != _U64(0) and keys[slot] != key:
        slot = (slot + _U64(1)) & mask
    return int(slot)


@inlined
def _gram_key(codes: Any, start: int, size: int) -> np.uint64:
    key = _U64(0)
    for n in range(size):
        key += _U64(codes[start + n]) << _U64(64 // size * n)
    return key


@inlined
def read_grams(
    codes: Any, size: int, tokens: Ints, count: int, tables: Tables
) -> tuple[int, int]:
    """Append the known letter pieces, each once; new count, and pieces in all."""
    pieces = 0
    seen = np.empty(max(1, len(codes)), dtype=np.uint64)
    for start in range(len(codes) - size + 1):
        key = _gram_key(codes, start, size)
        is_new = True
        for n in range(pieces):
            if seen[n] == key:
                is_new = False
                break
        if is_new:
            seen[pieces] = key
            pieces += 1
            slot = _slot(key, tables.gram_keys)
            if tables.gram_keys[slot] == key:
                tokens[count] = tables.gram_tokens[slot]
                count += 1
    return count, pieces


@inlined
def gather(
    tokens: Ints, count: int, tables: Tables, scratch: Scratch
) -> tuple[int, int]:
    """Sum the shares of the examples of the rarest features; touched, and work."""
    touched = work = 0
    done = np.zeros(count, dtype=np.bool_)
    for _ in range(count):
        best, least = -1, MAX_ENTRIES + 1
        for n in range(count):
            size = tables.post_starts[tokens[n] + 1] - tables.post_starts[tokens[n]]
            if not done[n] and 0 < size < least:
                best, least = n, size
        if best < 0 or work + least > MAX_ENTRIES:
            break
        done[best] = True
        work += least
        start = tables.post_starts[tokens[best]]
        for entry in range(start, start + least):
            example = tables.post_examples[entry]
            if scratch.shares[example] == 0.0:
                scratch.touched[touched] = example
                touched += 1
            scratch.shares[example] += tables.post_shares[entry]
    return touched, work


@inlined
def best_examples(touched: int, scratch: Scratch) -> Ints:
    """Take the examples with the largest sums, the first touched first; clear."""
    best = np.empty(MAX_SCORED + 1, dtype=np.int32)
    count = 0
    for n in range(touched):
        example = scratch.touched[n]
        place = count
        while place > 0 and scratch.shares[best[place - 1]] < scratch.shares[example]:
            best[place] = best[place - 1]
            place -= 1
        if place < MAX_SCORED:
            best[place] = example
            count = min(count + 1, MAX_SCORED)
    for n in range(touched):
        scratch.shares[scratch.touched[n]] = 0.0
    return best[:count]


@inlined
def likeness(
    example: int,
    stamp: int,
    sizes: tuple[float, int, int],
    tables: Tables,
    scratch: Scratch,
) -> tuple[float, float]:
    """Cosine and overlap of a message, whose tokens are stamped, with an example."""
    root, contrasts, pieces = sizes
    features, turning, speaking = tables.kinds
    common = 0.0
    turns = letters = 0
    for n in range(tables.card_starts[example], tables.card_starts[example + 1]):
        token = tables.card_tokens[n]
        if scratch.stamps[token] != stamp:
            continue
        if token >= speaking:
            letters += 1
        elif token >= turning:
            common += PARTICLE_WEIGHT
        else:
            common += tables.tokens[token, _WEIGHT]
            turns += token >= features
    card = tables.examples[example]
    cosine = common / (root * card[_ROOT])
    for _ in range(int(contrasts + card[_CONTRASTS]) - 2 * turns):
        cosine *= CONTRAST_FACTOR
    both = pieces + card[_GRAMS]
    return cosine, 2 * letters / both if both else 0.0
