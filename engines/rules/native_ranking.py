"""
The candidates of a message, collected and ranked in machine code.

Equal to what :class:`engines.rules.scoring.PlainScorer` does with them.
"""

# Numba reads these functions, not Python: plain loops are the point.

from __future__ import annotations

from typing import Final

import numpy as np

from engines.rules import calibration
from engines.rules.flat import Floats, Ints, Tables
from engines.rules.machine_code import inlined
from engines.rules.profiles import GAIN_STEPS


#: Intents of a token that are all looked at; of more, each candidate is searched.
SHORT_LIST: Final = 48

#: Columns of the table of tokens.
_RARITY, _WEIGHT = range(2)

#: Columns of the candidates.
WHO, LIKE, LETTERS, BONUS, _GAINED, KNOWN = range(6)

_COSINE = calibration.COSINE
_PROFILE = calibration.PROFILE
_MAX_LEAD = calibration.MAX_LEAD


@inlined
def _gain(intent: int, token: int, tables: Tables) -> int:
    """Steps that a token adds to an intent's score; 0 if no example has it."""
    low, end = tables.gain_starts[token], tables.gain_starts[token + 1]
    high = end
    while low < high:
        middle = (low + high) >> 1
        if tables.gain_intents[middle] < intent:
            low = middle + 1
        else:
            high = middle
    is_known = low < end and tables.gain_intents[low] == intent
    return tables.gain_steps[low] if is_known else 0


@inlined
def _credit(found: Floats, row: int, steps: int, rarity: float, weight: float) -> None:
    found[row, _GAINED] += rarity * steps / GAIN_STEPS
    found[row, KNOWN] += weight


@inlined
def explain(
    found: Floats, count: int, tokens: Ints, tables: Tables, rows: Ints
) -> tuple[float, float]:
    """Fill what each candidate gains and knows; total rarity, and its length."""
    for n in range(count):
        rows[int(found[n, WHO])] = n + 1
    squares = total = 0.0
    for token in tokens:
        rarity, weight = tables.tokens[token, _RARITY], tables.tokens[token, _WEIGHT]
        squares += rarity * rarity
        total += rarity
        start, end = tables.gain_starts[token], tables.gain_starts[token + 1]
        if end - start > SHORT_LIST:
            for n in range(count):
                steps = _gain(int(found[n, WHO]), token, tables)
                if steps:
                    _credit(found, n, steps, rarity, weight)
            continue
        for n in range(start, end):
            row = rows[tables.gain_intents[n]]
            if row:
                _credit(found, row - 1, tables.gain_steps[n], rarity, weight)
    for n in range(count):
        rows[int(found[n, WHO])] = 0
    return total, np.sqrt(squares)


@inlined
def put(
    intent: int, cosine: float, overlap: float, found: Floats, count: int
) -> tuple[int, int]:
    """Keep the better likeness of an intent; its row, and how many there are."""
    for n in range(count):
        if found[n, WHO] == intent:
            if found[n, LIKE] + found[n, LETTERS] < cosine + overlap:
                found[n, LIKE], found[n, LETTERS] = cosine, overlap
            return n, count
    found[count] = 0.0
    found[count, WHO], found[count, LIKE] = intent, cosine
    found[count, LETTERS] = overlap
    return count, count + 1


@inlined
def _is_barred(intent: int, excluding: Ints, tables: Tables) -> bool:
    for number in excluding:
        low, high = tables.barred_starts[number], tables.barred_starts[number + 1]
        place = low + np.searchsorted(tables.barred[low:high], intent)
        if place < high and tables.barred[place] == intent:
            return True
    return False


@inlined
def rank(
    found: Floats,
    count: int,
    sums: tuple[float, float],
    excluding: Ints,
    tables: Tables,
) -> tuple[int, float, int]:
    """Row of the best candidate, its lead, and the number of candidates left."""
    total, length = sums
    best, first, second, left = -1, -np.inf, -np.inf, 0
    for n in range(count):
        intent = int(found[n, WHO])
        if _is_barred(intent, excluding, tables):
            continue
        left += 1
        cost, worth = tables.intents[intent]
        profile = (found[n, _GAINED] - total * cost) / length if length else 0.0
        rank = _COSINE * found[n, LIKE] + _PROFILE * profile + found[n, BONUS] + worth
        if rank > first or (rank == first and intent < found[best, WHO]):
            best, first, second = n, rank, first
        elif rank > second:
            second = rank
    lead = first - second if left > 1 else _MAX_LEAD
    return best, min(lead, _MAX_LEAD), left
