"""
Machine code that adds up: rows of a turn to chances of all labels, and why.

Numba reads these functions, not Python: plain loops are the point.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from router_models.features import BLOCKS, PAIRED, TEXT_BLOCKS
from router_models.machine import (
    Codes,
    Floats,
    Keys,
    Rows,
    concept_rows,
    look_up,
    machine_code,
    mark_concepts,
    read_block,
)
from router_models.signals import LENGTHS, SIGNALS
from router_models.text import FIRST_MASK, LAST_MASK


_CJK = TEXT_BLOCKS.index("cjk")
_CONCEPT = BLOCKS.index("concept")
_TEXTS = len(TEXT_BLOCKS)
_SPACE, _QUESTION, _EXCLAMATION, _ZERO, _NINE = (ord(char) for char in " ?!09")
_MASK, _MASK_END = ord(FIRST_MASK), ord(LAST_MASK)
_TINY, _SHORT, _LONG = LENGTHS
_IS_ZH, _IS_EN, _IS_EMPTY = (
    SIGNALS.index(f"is_{kind}") for kind in ("zh", "en", "empty")
)
_LENGTH_CJK, _LENGTH_LATIN = SIGNALS.index("length_cjk"), SIGNALS.index("length_latin")
_IS_TINY, _IS_SHORT, _IS_LONG, _IS_MASKS = (
    SIGNALS.index(f"is_{kind}") for kind in ("tiny", "short", "long", "only_masks")
)
_ASKS, _ASKS_TWICE = (
    SIGNALS.index(f"has_{marks}") for marks in ("question_mark", "two_question_marks")
)
_SHOUTS, _SHOUTS_LOUD = (
    SIGNALS.index(f"has_{marks}")
    for marks in ("exclamation_mark", "three_exclamation_marks")
)
#: Most signals that a text has.
_SIGNALS = 8


@machine_code
def _put(row: int, weight: float, rows: Rows, weights: Floats, end: int) -> int:
    rows[end] = row
    weights[end] = weight
    return end + 1


@machine_code
def _count(text: Codes, code: int) -> int:
    found = 0
    for one in text:
        found += one == code
    return found


@machine_code
def _is_masks(text: Codes) -> bool:
    """True if *text* has nothing but masks, digits and spaces."""
    for code in text:
        is_mask = _MASK <= code <= _MASK_END
        if not (is_mask or code == _SPACE or _ZERO <= code <= _NINE):
            return False
    return len(text) > 0


@machine_code
def _add_marks(text: Codes, rows: Rows, weights: Floats, end: int) -> int:
    """Signals of question marks, exclamation marks and masks."""
    asked, shouted = _count(text, _QUESTION), _count(text, _EXCLAMATION)
    if asked > 0:
        end = _put(_ASKS_TWICE if asked > 1 else _ASKS, 1.0, rows, weights, end)
    if shouted > 0:
        end = _put(_SHOUTS_LOUD if shouted > 2 else _SHOUTS, 1.0, rows, weights, end)  # noqa: PLR2004 - the name says it
    if _is_masks(text):
        end = _put(_IS_MASKS, 1.0, rows, weights, end)
    return end


@machine_code
def _add_signals(
    cjk: Codes, latin: Codes, has_letters: bool, rows: Rows, weights: Floats, end: int
) -> int:
    """What the extractor says of the text itself."""
    words = _count(latin, _SPACE) - 1 if len(latin) else 0
    length = len(cjk) or 2 * words
    kind = _IS_ZH if len(cjk) else _IS_EN if has_letters else _IS_EMPTY
    end = _put(_LENGTH_CJK, math.log1p(len(cjk)) / 4, rows, weights, end)
    end = _put(_LENGTH_LATIN, math.log1p(words) / 4, rows, weights, end)
    end = _put(kind, 1.0, rows, weights, end)
    if length <= _SHORT:
        end = _put(_IS_TINY if length <= _TINY else _IS_SHORT, 1.0, rows, weights, end)
    elif length > _LONG:
        end = _put(_IS_LONG, 1.0, rows, weights, end)
    return _add_marks(cjk if len(cjk) else latin, rows, weights, end)


@machine_code
def _weigh(start: int, end: int, weight: float, grams: int, weights: Floats) -> None:
    """Share the weight of a block among its rows, unknown *grams* included."""
    for at in range(start, end):
        weights[at] = weight / math.sqrt(grams)


@machine_code
def _add_grams(
    cjk: Codes,
    latin: Codes,
    block_weights: NDArray[np.float64],
    table: Keys,
    rows: Rows,
    weights: Floats,
    end: int,
) -> int:
    """Rows of the n-grams of the text."""
    slots = 64
    while slots < 6 * (len(cjk) + len(latin)):
        slots *= 2
    fresh = np.empty(slots, dtype=np.uint64)
    for block in range(_TEXTS):
        text = cjk if block == _CJK else latin
        if len(text) == 0:
            continue
        seen = np.zeros(slots, dtype=np.uint64)
        fresh[0] = 0
        read_block(block, text, fresh, seen)
        start, end = end, look_up(fresh, table, rows, end)
        _weigh(start, end, block_weights[block], int(fresh[0]), weights)
    return end


@machine_code
def _add_concepts(
    cjk: Codes,
    latin: Codes,
    weight: float,
    steps: Keys,
    owners: Rows,
    pairs: Rows,
    rows: Rows,
    weights: Floats,
    end: int,
) -> int:
    """Rows of the concepts of the text and of their pairs."""
    marks = np.zeros(len(pairs), dtype=np.int32)
    mark_concepts(cjk, steps, owners, marks)
    mark_concepts(latin, steps, owners, marks)
    start = end
    end, grams = concept_rows(marks, pairs, rows, end)
    _weigh(start, end, weight, grams, weights)
    return end


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
def _chances(
    rows: Rows,
    weights: Floats,
    spans: NDArray[np.float64],
    matrix: Floats,
    bias: Floats,
) -> NDArray[np.float64]:
    """One value a column: the calibrated chance in a span, elsewhere the raw logit."""
    sums = bias.copy()
    for at in range(len(rows)):
        row, weight = rows[at], weights[at]
        for column in range(len(sums)):
            sums[column] += weight * matrix[row, column]
    values = sums.astype(np.float64)
    for number in range(len(spans)):
        _calibrate(values, spans[number])
    return values


@machine_code
def add_up(
    text: Codes,
    cut: int,
    has_letters: bool,
    given: Rows,
    given_weights: Floats,
    spans: NDArray[np.float64],
    matrix: Floats,
    bias: Floats,
    block_weights: NDArray[np.float64],
    table: Keys,
    steps: Keys,
    owners: Rows,
    pairs: Rows,
) -> tuple[NDArray[np.float64], Rows, Floats]:
    """Values, rows and weights of a turn: the *given* rows and those of the text."""
    cjk, latin = text[:cut], text[cut:]
    paired = len(pairs) + PAIRED * PAIRED
    most = len(given) + _SIGNALS + paired + 3 * len(cjk) + 6 * len(latin) + 8
    rows = np.empty(most, dtype=np.int32)
    weights = np.empty(most, dtype=np.float32)
    end = len(given)
    rows[:end] = given
    weights[:end] = given_weights
    end = _add_signals(cjk, latin, has_letters, rows, weights, end)
    end = _add_grams(cjk, latin, block_weights, table, rows, weights, end)
    end = _add_concepts(
        cjk, latin, block_weights[_CONCEPT], steps, owners, pairs, rows, weights, end
    )
    rows, weights = rows[:end], weights[:end]
    return _chances(rows, weights, spans, matrix, bias), rows, weights


@machine_code
def strongest(
    rows: NDArray[np.integer],
    weights: Floats,
    matrix: Floats,
    column: int,
    most: int,
    dull: NDArray[np.bool_],
) -> tuple[Rows, Floats]:
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
