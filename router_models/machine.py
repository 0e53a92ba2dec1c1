"""
Machine code that reads a text: n-grams and concepts, folded into 64 bits.

Numba reads these functions, not Python: plain loops are the point, and what looks like
a needless conversion keeps a number 64 bits wide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from router_models.features import PAIRED, TEXT_BLOCKS, WORD_CHARS


_Function = TypeVar("_Function", bound=Callable[..., Any])
Codes: TypeAlias = NDArray[np.uint32]
Keys: TypeAlias = NDArray[np.uint64]
Rows: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float32]

_U64 = np.uint64
_SPACE, _BEGIN, _END = ord(" "), ord("^"), ord("$")
_STIR = _U64(0x9E3779B97F4A7C15)
_CJK, _WORD, _PIECE = range(len(TEXT_BLOCKS))
#: Bits of a row in an entry of the table.
_ROW_BITS = _U64(20)
_ROW_MASK = _U64((1 << 20) - 1)
#: Bits of a character in the key of a step of the trie.
_CODE_BITS = _U64(21)


def machine_code(function: _Function) -> _Function:
    """*function* in machine code, made when it is first called."""
    return cast("_Function", njit(function))


@machine_code
def begun(block: int) -> np.uint64:
    """The key of nothing yet, another one for each block."""
    return _U64(block + 1) * _STIR


@machine_code
def stirred(key: np.uint64, code: int) -> np.uint64:
    """*key* with one character more."""
    key = (key ^ _U64(code)) * _STIR
    return key ^ (key >> _U64(29))


@machine_code
def _entry(key: np.uint64, row: int) -> np.uint64:
    """What stands in the table for *key*: most of its bits, and its row from 1."""
    return (key >> _ROW_BITS << _ROW_BITS) | _U64(row + 1)


@machine_code
def enter(
    codes: Codes,
    ends: NDArray[np.int64],
    numbers: Rows,
    block: int,
    table: Keys,
) -> bool:
    """Put n-grams into the table; False if one meets another."""
    mask = _U64(len(table) - 1)
    start = 0
    for gram in range(len(ends)):
        key = _word(begun(block), codes, start, ends[gram])
        start = ends[gram]
        slot = key & mask
        while table[slot] != 0:
            if table[slot] >> _ROW_BITS == key >> _ROW_BITS:
                return False
            slot = (slot + _U64(1)) & mask
        table[slot] = _entry(key, numbers[gram])
    return True


@machine_code
def _take(key: np.uint64, fresh: Keys, seen: Keys) -> None:
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
def look_up(fresh: Keys, table: Keys, rows: Rows, end: int) -> int:
    """
    Add the rows of those *fresh* keys that the *table* has; the new end of *rows*.

    First all places are fetched, without a branch between, so that the waits for
    memory overlap; then they are looked at.
    """
    mask = _U64(len(table) - 1)
    wanted = fresh[1 : fresh[0] + _U64(1)]
    met = np.empty(len(wanted), dtype=np.uint64)
    for at in range(len(wanted)):
        met[at] = table[wanted[at] & mask]
    for at in range(len(wanted)):
        key, slot, entry = wanted[at], wanted[at] & mask, met[at]
        while entry != 0 and entry >> _ROW_BITS != key >> _ROW_BITS:
            slot = (slot + _U64(1)) & mask
            entry = table[slot]
        if entry != 0:
            rows[end] = np.int32(entry & _ROW_MASK) - 1
            end += 1
    return end


@machine_code
def _read_cjk(text: Codes, fresh: Keys, seen: Keys) -> None:
    """Characters 1 to 3 of ``^text$``; a mark alone is no n-gram."""
    last = len(text)
    for start in range(-1, last):
        key = stirred(begun(_CJK), text[start] if start >= 0 else _BEGIN)
        if start >= 0:
            _take(key, fresh, seen)
        for at in range(start + 1, min(start + 3, last + 1)):
            key = stirred(key, text[at] if at < last else _END)
            _take(key, fresh, seen)


@machine_code
def _word(key: np.uint64, text: Codes, start: int, end: int) -> np.uint64:
    """*key* with the characters of a word more."""
    for at in range(start, end):
        key = stirred(key, text[at])
    return key


@machine_code
def _next_word(text: Codes, at: int) -> tuple[int, int]:
    """Where the first word from *at* on stands; nowhere is the end twice."""
    while at < len(text) and text[at] == _SPACE:
        at += 1
    start = at
    while at < len(text) and text[at] != _SPACE:
        at += 1
    return start, at


@machine_code
def _read_words(text: Codes, fresh: Keys, seen: Keys) -> None:
    """Words and pairs of neighbours; the ends of the text count as neighbours."""
    before = stirred(begun(_WORD), _BEGIN)
    start, end = _next_word(text, 0)
    while start < end:
        _take(_word(stirred(before, _SPACE), text, start, end), fresh, seen)
        before = _word(begun(_WORD), text, start, end)
        _take(before, fresh, seen)
        start, end = _next_word(text, end)
    _take(stirred(stirred(before, _SPACE), _END), fresh, seen)


@machine_code
def _read_pieces(text: Codes, fresh: Keys, seen: Keys) -> None:
    """Characters 2 to 5 inside each word between its spaces."""
    start, end = _next_word(text, 0)
    while start < end:
        last = min(end, start + WORD_CHARS)
        for first in range(start - 1, last):
            key = stirred(begun(_PIECE), text[first] if first >= start else _SPACE)
            for at in range(first + 1, min(first + 5, last + 1)):
                key = stirred(key, text[at] if at < last else _SPACE)
                _take(key, fresh, seen)
        start, end = _next_word(text, end)


@machine_code
def read_block(block: int, text: Codes, fresh: Keys, seen: Keys) -> None:
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
def step_of(node: int | np.int64, code: int) -> np.uint64:
    """The key of a step of the trie; 0 is none."""
    return (_U64(node) << _CODE_BITS) | _U64(code)


@machine_code
def enter_step(key: np.uint64, child: int, steps: Keys) -> None:
    """Put a step into the table of a trie, which is at most half full."""
    mask = _U64(len(steps) - 1)
    slot = (key * _STIR >> _U64(29)) & mask
    while steps[slot, 0] != 0:
        slot = (slot + _U64(1)) & mask
    steps[slot, 0] = key
    steps[slot, 1] = child


@machine_code
def _next_node(node: np.int64, code: int, steps: Keys) -> np.int64:
    """Where a character leads from a node; 0 if nowhere."""
    key, mask = step_of(node, code), _U64(len(steps) - 1)
    slot = (key * _STIR >> _U64(29)) & mask
    while steps[slot, 0] != 0:
        if steps[slot, 0] == key:
            return np.int64(steps[slot, 1])
        slot = (slot + _U64(1)) & mask
    return np.int64(0)


@machine_code
def mark_concepts(text: Codes, steps: Keys, owners: Rows, marks: Rows) -> None:
    """Set the mark of every concept that has a phrase in the *text*."""
    for start in range(len(text)):
        node = np.int64(0)
        for at in range(start, len(text)):
            node = _next_node(node, text[at], steps)
            if node == 0:
                break
            for place in range(owners.shape[1]):
                if owners[node, place] < 0:
                    break
                marks[owners[node, place]] = 1


@machine_code
def concept_rows(marks: Rows, pairs: Rows, rows: Rows, end: int) -> tuple[int, int]:
    """
    Add the rows of the marked concepts, alone and in pairs, to *rows*.

    Returns:
        The new end of *rows*, and how many n-grams there were, known or not.
    """
    found = np.empty(len(marks), dtype=np.int32)
    count = 0
    for concept in range(len(marks)):
        if marks[concept]:
            found[count] = concept
            count += 1
    for at in range(count):
        row = pairs[found[at], found[at]]
        if row >= 0:
            rows[end] = row
            end += 1
    paired = min(count, PAIRED)
    for at in range(paired):
        for other in range(at + 1, paired):
            row = pairs[found[at], found[other]]
            if row >= 0:
                rows[end] = row
                end += 1
    return end, count + paired * (paired - 1) // 2
