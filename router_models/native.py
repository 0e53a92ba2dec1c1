"""
The same sums in machine code, compiled by numba when the model is loaded.

The n-grams of a text never become strings here: each is folded into 64 bits and
looked up in one flat table. The model's own n-grams are checked to stay apart when the
table is built; that any other falls on one of them has odds of one in 10^14.

Importing this module needs numba (the extra ``fast``) and takes a moment; building
:class:`NativeArithmetic` compiles, so do it before the first turn. Nothing is kept on
disk: a cache of machine code would be code that somebody could exchange.
"""

# Numba reads these functions, not Python: plain loops are the point, and what looks like
# a needless conversion keeps a number 64 bits wide.

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engines.contract import Locale, Turn
from router_models.features import (
    BLOCK_WEIGHTS,
    TEXT_BLOCKS,
    WORD_CHARS,
    Extractor,
    trimmed,
)
from router_models.sums import DULL, Span, Sums
from router_models.text import Normal
from router_models.turns import turn_of
from router_models.vectorise import Vocabulary


_Function = TypeVar("_Function", bound=Callable[..., Any])
_Codes: TypeAlias = NDArray[np.uint32]
_Keys: TypeAlias = NDArray[np.uint64]
_Rows: TypeAlias = NDArray[np.int32]
_Floats: TypeAlias = NDArray[np.float32]

_U64 = np.uint64
_SPACE, _BEGIN, _END = ord(" "), ord("^"), ord("$")
_STIR = _U64(0x9E3779B97F4A7C15)
_CJK, _WORD, _PIECE = range(len(TEXT_BLOCKS))


def machine_code(function: _Function) -> _Function:
    """*function* in machine code, made when it is first called."""
    return cast("_Function", njit(function))


class NativeArithmetic:
    """
    Finds, weighs and adds up the rows of a turn in one call of compiled code.

    The blocks of the text itself are read there; the few n-grams of the lines before,
    the concepts and the signals come from the extractor.
    """

    name = "native"

    def __init__(
        self,
        extractor: Extractor,
        vocabulary: Vocabulary,
        weights: _Floats,
        bias: _Floats,
        spans: dict[Locale, list[Span]],
    ) -> None:
        self._context = extractor.context
        self._weigh = vocabulary.weigh
        self._spans = {
            locale: np.array(found, dtype=np.float64) for locale, found in spans.items()
        }
        self._weights = weights
        self._dull = np.array(DULL)
        self._given = (
            weights,
            bias,
            np.array(BLOCK_WEIGHTS[: len(TEXT_BLOCKS)], dtype=np.float64),
            _table(vocabulary),
        )
        self.strongest(self.add_up(turn_of("a", "en"), Normal("", " a ")), 0, 1)

    def add_up(self, turn: Turn, normal: Normal) -> Sums:
        """As the protocol says."""
        normal = trimmed(normal)
        rows, weights = self._weigh(self._context(turn, normal))
        values, found, shares = _add_up(
            _codes(normal.cjk + normal.latin),
            len(normal.cjk),
            np.array(rows, dtype=np.int32),
            np.array(weights, dtype=np.float32),
            self._spans[turn.locale],
            *self._given,
        )
        return Sums(values.tolist(), found, shares)

    def strongest(self, sums: Sums, column: int, most: int) -> list[tuple[int, float]]:
        """As the protocol says."""
        rows, shares = _strongest(
            sums.rows, sums.weights, self._weights, column, most, self._dull
        )
        return list(zip(rows.tolist(), shares.tolist(), strict=True))


def _codes(text: str) -> _Codes:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def _table(vocabulary: Vocabulary) -> _Keys:
    """
    Key and row number of each of the text's n-grams, at most a quarter full.

    Raises:
        ValueError: If two n-grams of the model fold into the same 64 bits.
    """
    blocks = vocabulary.rows[: len(TEXT_BLOCKS)]
    slots = 1 << (4 * sum(len(block) for block in blocks) + 16).bit_length()
    table = np.zeros((slots, 2), dtype=np.uint64)
    for number, block in enumerate(blocks):
        ends = np.cumsum([len(gram) for gram in block], dtype=np.int64)
        rows = np.array(list(block.values()), dtype=np.uint64)
        if not _enter(_codes("".join(block)), ends, rows, number, table):
            raise ValueError("two n-grams share a key; change the stirring constant")
    return table


@machine_code
def _begun(block: int) -> np.uint64:
    """The key of nothing yet, another one for each block."""
    return _U64(block + 1) * _STIR


@machine_code
def _stirred(key: np.uint64, code: int) -> np.uint64:
    """*key* with one character more."""
    key = (key ^ _U64(code)) * _STIR
    return key ^ (key >> _U64(29))


@machine_code
def _enter(
    codes: _Codes,
    ends: NDArray[np.int64],
    numbers: _Keys,
    block: int,
    table: _Keys,
) -> bool:
    """Put n-grams into the table; False if one meets another."""
    mask = _U64(len(table) - 1)
    start = 0
    for gram in range(len(ends)):
        key = _word(_begun(block), codes, start, ends[gram])
        start = ends[gram]
        slot = key & mask
        while table[slot, 0] != 0:
            if table[slot, 0] == key:
                return False
            slot = (slot + _U64(1)) & mask
        table[slot, 0] = key
        table[slot, 1] = numbers[gram]
    return True


@machine_code
def _take(key: np.uint64, fresh: _Keys, seen: _Keys) -> None:
    """Append *key* to *fresh*, whose first cell is the count, unless it is *seen*."""
    mask = _U64(len(seen) - 1)
    slot = key & mask
    while seen[slot]:
        if seen[slot] == key:
            return
        slot = (slot + _U64(1)) & mask
    seen[slot] = key
    fresh[0] += _U64(1)
    fresh[fresh[0]] = key


@machine_code
def _look_up(
    fresh: _Keys,
    table: _Keys,
    rows: _Rows,
    end: int,
) -> int:
    """
    Add the rows of those *fresh* keys that the *table* has; the new end of *rows*.

    First all places are fetched, without a branch between, so that the waits for
    memory overlap; then they are looked at.
    """
    mask = _U64(len(table) - 1)
    wanted = fresh[1 : fresh[0] + _U64(1)]
    met = np.empty((len(wanted), 2), dtype=np.uint64)
    for at in range(len(wanted)):
        slot = wanted[at] & mask
        met[at, 0] = table[slot, 0]
        met[at, 1] = table[slot, 1]
    for at in range(len(wanted)):
        key, row, slot = met[at, 0], met[at, 1], wanted[at] & mask
        while key != 0 and key != wanted[at]:
            slot = (slot + _U64(1)) & mask
            key, row = table[slot, 0], table[slot, 1]
        if key != 0:
            rows[end] = row
            end += 1
    return end


@machine_code
def _read_cjk(text: _Codes, fresh: _Keys, seen: _Keys) -> None:
    """Characters 1 to 3 of ``^text$``; a mark alone is no n-gram."""
    last = len(text)
    for start in range(-1, last):
        key = _stirred(_begun(_CJK), text[start] if start >= 0 else _BEGIN)
        if start >= 0:
            _take(key, fresh, seen)
        for at in range(start + 1, min(start + 3, last + 1)):
            key = _stirred(key, text[at] if at < last else _END)
            _take(key, fresh, seen)


@machine_code
def _word(key: np.uint64, text: _Codes, start: int, end: int) -> np.uint64:
    """*key* with the characters of a word more."""
    for at in range(start, end):
        key = _stirred(key, text[at])
    return key


@machine_code
def _next_word(text: _Codes, at: int) -> tuple[int, int]:
    """Where the first word from *at* on stands; nowhere is the end twice."""
    while at < len(text) and text[at] == _SPACE:
        at += 1
    start = at
    while at < len(text) and text[at] != _SPACE:
        at += 1
    return start, at


@machine_code
def _read_words(text: _Codes, fresh: _Keys, seen: _Keys) -> None:
    """Words and pairs of neighbours; the ends of the text count as neighbours."""
    before = _stirred(_begun(_WORD), _BEGIN)
    start, end = _next_word(text, 0)
    while start < end:
        _take(_word(_stirred(before, _SPACE), text, start, end), fresh, seen)
        before = _word(_begun(_WORD), text, start, end)
        _take(before, fresh, seen)
        start, end = _next_word(text, end)
    _take(_stirred(_stirred(before, _SPACE), _END), fresh, seen)


@machine_code
def _read_pieces(text: _Codes, fresh: _Keys, seen: _Keys) -> None:
    """Characters 2 to 5 inside each word between its spaces."""
    start, end = _next_word(text, 0)
    while start < end:
        last = min(end, start + WORD_CHARS)
        for first in range(start - 1, last):
            key = _stirred(_begun(_PIECE), text[first] if first >= start else _SPACE)
            for at in range(first + 1, min(first + 5, last + 1)):
                key = _stirred(key, text[at] if at < last else _SPACE)
                _take(key, fresh, seen)
        start, end = _next_word(text, end)


@machine_code
def _calibrate(values: NDArray[np.float64], span: NDArray[np.float64]) -> None:
    """Turn the logits of one head into chances, in place."""
    start, end, slope, shift = int(span[0]), int(span[1]), span[2], span[3]
    if end - start == 1:
        logit = values[start] * slope + shift
        values[start] = 1.0 / (1.0 + math.exp(-min(max(logit, -700.0), 700.0)))
        return
    top, total = values[start], 0.0
    for at in range(start + 1, end):
        top = max(top, values[at])
    for at in range(start, end):
        values[at] = math.exp((values[at] - top) * slope)
        total += values[at]
    for at in range(start, end):
        values[at] /= total


@machine_code
def _read(block: int, text: _Codes, fresh: _Keys, seen: _Keys) -> None:
    """Take every n-gram of one block."""
    if len(text) == 0:
        return
    if block == _CJK:
        _read_cjk(text, fresh, seen)
    elif block == _WORD:
        _read_words(text, fresh, seen)
    else:
        _read_pieces(text, fresh, seen)


@machine_code
def _add_up(
    text: _Codes,
    cut: int,
    given: _Rows,
    given_weights: _Floats,
    spans: NDArray[np.float64],
    matrix: _Floats,
    bias: _Floats,
    block_weights: NDArray[np.float64],
    table: _Keys,
) -> tuple[NDArray[np.float64], _Rows, _Floats]:
    """Values, rows and weights of a turn: the *given* rows and those of the text."""
    most = len(given) + 3 * cut + 6 * (len(text) - cut) + 8
    rows = np.empty(most, dtype=np.int32)
    weights = np.empty(most, dtype=np.float32)
    end = 0
    for row in given:
        rows[end], weights[end] = row, given_weights[end]
        end += 1
    slots = 64
    while slots < 6 * len(text):
        slots *= 2
    fresh = np.empty(slots, dtype=np.uint64)
    for block in range(len(block_weights)):
        seen = np.zeros(slots, dtype=np.uint64)
        fresh[0] = 0
        _read(block, text[:cut] if block == _CJK else text[cut:], fresh, seen)
        start, end = end, _look_up(fresh, table, rows, end)
        for at in range(start, end):
            weights[at] = block_weights[block] / math.sqrt(fresh[0])
    sums = np.empty(len(bias), dtype=np.float32)
    for column in range(len(bias)):
        sums[column] = bias[column]
    for at in range(end):
        row, weight = rows[at], weights[at]
        for column in range(len(sums)):
            sums[column] += weight * matrix[row, column]
    values = np.empty(len(sums), dtype=np.float64)
    for column in range(len(sums)):
        values[column] = sums[column]
    for number in range(len(spans)):
        _calibrate(values, spans[number])
    return values, rows[:end], weights[:end]


@machine_code
def _strongest(
    rows: NDArray[np.integer],
    weights: _Floats,
    matrix: _Floats,
    column: int,
    most: int,
    dull: NDArray[np.bool_],
) -> tuple[_Rows, _Floats]:
    """The rows that add most to a column, strongest first, of equals the lower row."""
    shares = np.empty(len(rows), dtype=np.float32)
    for at in range(len(rows)):
        row = rows[at]
        is_dull = row < len(dull) and dull[row]
        shares[at] = 0.0 if is_dull else matrix[row, column] * weights[at]
    found = np.empty(most, dtype=np.int32)
    added = np.empty(most, dtype=np.float32)
    for count in range(most):
        best = 0
        for at in range(1, len(shares)):
            gap = shares[at] - shares[best]
            if gap > 0 or (gap == 0 and rows[at] < rows[best]):
                best = at
        if len(shares) == 0 or shares[best] <= 0:
            return found[:count], added[:count]
        found[count], added[count] = rows[best], shares[best]
        shares[best] = 0
    return found, added
