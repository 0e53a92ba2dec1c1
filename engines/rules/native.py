"""
The sums of L1 in machine code, compiled by numba when it is asked for.

Equal to :class:`engines.rules.scoring.PlainScorer`: the same entries in the same
order, the same formulas. Tokens (features, particles, letter pieces) are numbers
here; everything about them lies in a few flat arrays that are built once per
pack. Importing this module needs numba (the extra ``fast``); constructing the
first :class:`NativeScorer` of a process compiles.
"""

# Numba reads these functions, not Python: plain loops are the point.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engines.contract import Locale
from engines.rules import calibration, flat
from engines.rules.flat import STIR, Floats, Ints, Keys, Tables
from engines.rules.profiles import GAIN_STEPS, IntentProfiles
from engines.rules.reading import Reading
from engines.rules.scoring import Scored
from engines.rules.similarity import (
    CONTRAST_FACTOR,
    MAX_ENTRIES,
    MAX_SCORED,
    PARTICLE_WEIGHT,
    SimilarityIndex,
)


_Function = TypeVar("_Function", bound=Callable[..., Any])

_U64 = np.uint64

#: Candidates that rules propose; a message has a handful.
MAX_PROPOSED: Final = 48

#: Intents of a token that are all looked at; of more, each candidate is searched.
SHORT_LIST: Final = 48

#: Columns of the table of tokens.
_RARITY, _WEIGHT = range(2)

#: Columns of the candidates.
_WHO, _LIKE, _LETTERS, _BONUS, _GAINED, _KNOWN = range(6)

#: Columns of the table of examples.
_INTENT, _CONTRASTS, _GRAMS, _ROOT = range(4)

_COSINE = calibration.COSINE
_PROFILE = calibration.PROFILE
_MAX_LEAD = calibration.MAX_LEAD


def machine_code(function: _Function) -> _Function:
    """*function* in machine code, made when it is first called."""
    return cast("_Function", njit(function))


def inlined(function: _Function) -> _Function:
    """As :func:`machine_code`, put into its callers: handing arrays over costs."""
    return cast("_Function", njit(function, inline="always"))


class _Scratch(NamedTuple):
    """Room for one message; the call holds the interpreter, so one is enough."""

    shares: Floats
    stamps: NDArray[np.int64]
    touched: Ints
    rows: Ints


class NativeScorer:
    """One call of compiled code per message."""

    def __init__(
        self,
        locale: Locale,
        index: SimilarityIndex,
        profiles: IntentProfiles,
        priorities: Sequence[float],
        exclusions: Sequence[frozenset[int]],
    ) -> None:
        self._size = flat.piece_size(locale)
        self._unseen = index.unseen
        kinds = flat.tokens_by_kind(index, profiles)
        self._ids = {token: n for n, token in enumerate(t for k in kinds for t in k)}
        self._packed = flat.pack(
            flat.Builder(self._ids, index, profiles, self._size).tables(
                [len(kind) for kind in kinds], priorities, exclusions
            )
        )
        self._scratch = _Scratch(
            np.zeros(len(index.cards) + 1),
            np.zeros(len(self._ids) + 1, dtype=np.int64),
            np.zeros(MAX_ENTRIES + 1, dtype=np.int32),
            np.zeros(len(priorities) + 1, dtype=np.int32),
        )
        self._proposed = np.zeros((MAX_PROPOSED, 2))
        self.score(Reading("", (), frozenset(), frozenset()), "ab", {0: 0.0}, ())

    def score(
        self,
        message: Reading,
        letters: str,
        bonuses: Mapping[int, float],
        excluding: Sequence[int],
    ) -> Scored | None:
        """As the protocol says."""
        ids = self._ids
        unseen = 0.0
        given = [*excluding]
        for feature in message.features:
            if feature in ids:
                given.append(ids[feature])
            else:
                unseen += self._unseen(feature)
        given += [ids[one] for one in message.particles if one in ids]
        found = _score(
            np.array(given, dtype=np.int32),
            len(excluding),
            unseen,
            len(message.particles),
            len(message.contrasts),
            np.frombuffer(letters.encode("utf-32-le"), dtype=np.uint32),
            self._size,
            self._proposed,
            self._propose(bonuses) if bonuses else 0,
            *self._packed,
            *self._scratch,
        )
        return Scored(*found) if found[0] >= 0 else None

    def _propose(self, bonuses: Mapping[int, float]) -> int:
        """Write down what rules propose; how many there are."""
        count = min(len(bonuses), MAX_PROPOSED)
        self._proposed[:count] = [*bonuses.items()][:count]
        return count


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
def _read_grams(
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
def _gather(
    tokens: Ints, count: int, tables: Tables, scratch: _Scratch
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
def _best_examples(touched: int, scratch: _Scratch) -> Ints:
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
def _likeness(
    example: int,
    stamp: int,
    sizes: tuple[float, int, int],
    tables: Tables,
    scratch: _Scratch,
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
    found[row, _KNOWN] += weight


@inlined
def _explain(
    found: Floats, count: int, tokens: Ints, tables: Tables, rows: Ints
) -> tuple[float, float]:
    """Fill what each candidate gains and knows; total rarity, and its length."""
    for n in range(count):
        rows[int(found[n, _WHO])] = n + 1
    squares = total = 0.0
    for token in tokens:
        rarity, weight = tables.tokens[token, _RARITY], tables.tokens[token, _WEIGHT]
        squares += rarity * rarity
        total += rarity
        start, end = tables.gain_starts[token], tables.gain_starts[token + 1]
        if end - start > SHORT_LIST:
            for n in range(count):
                steps = _gain(int(found[n, _WHO]), token, tables)
                if steps:
                    _credit(found, n, steps, rarity, weight)
            continue
        for n in range(start, end):
            row = rows[tables.gain_intents[n]]
            if row:
                _credit(found, row - 1, tables.gain_steps[n], rarity, weight)
    for n in range(count):
        rows[int(found[n, _WHO])] = 0
    return total, np.sqrt(squares)


@inlined
def _put(
    intent: int, cosine: float, overlap: float, found: Floats, count: int
) -> tuple[int, int]:
    """Keep the better likeness of an intent; its row, and how many there are."""
    for n in range(count):
        if found[n, _WHO] == intent:
            if found[n, _LIKE] + found[n, _LETTERS] < cosine + overlap:
                found[n, _LIKE], found[n, _LETTERS] = cosine, overlap
            return n, count
    found[count] = 0.0
    found[count, _WHO], found[count, _LIKE] = intent, cosine
    found[count, _LETTERS] = overlap
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
def _rank(
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
        intent = int(found[n, _WHO])
        if _is_barred(intent, excluding, tables):
            continue
        left += 1
        cost, worth = tables.intents[intent]
        profile = (found[n, _GAINED] - total * cost) / length if length else 0.0
        rank = _COSINE * found[n, _LIKE] + _PROFILE * profile + found[n, _BONUS] + worth
        if rank > first or (rank == first and intent < found[best, _WHO]):
            best, first, second = n, rank, first
        elif rank > second:
            second = rank
    lead = first - second if left > 1 else _MAX_LEAD
    return best, min(lead, _MAX_LEAD), left


@inlined
def _unpacked(ints: Ints, floats: Floats, keys: Keys, ends: Any) -> Tables:
    """Views of the tables, in the order of the fields."""
    return Tables(
        ints[: ends[0]],
        ints[ends[0] : ends[1]],
        ints[ends[1] : ends[2]],
        ints[ends[2] : ends[3]],
        ints[ends[3] : ends[4]],
        ints[ends[4] : ends[5]],
        ints[ends[5] : ends[6]],
        ints[ends[6] : ends[7]],
        ints[ends[7] : ends[8]],
        ints[ends[8] : ends[9]],
        ints[ends[9] : ends[10]],
        floats[: ends[11]].reshape(-1, 2),
        floats[ends[11] : ends[12]],
        floats[ends[12] : ends[13]].reshape(-1, 4),
        floats[ends[13] : ends[14]].reshape(-1, 2),
        keys,
    )


@inlined
def _read(
    listed: Ints, known: int, codes: Any, size: int, stamp: int, packs: Any
) -> tuple[Ints, int, float]:
    """Stamp all known tokens; they, the letter pieces in all, and known weight."""
    tables, scratch = packs
    tokens = np.empty(known + len(codes), dtype=np.int32)
    tokens[:known] = listed[len(listed) - known :]
    count, pieces = _read_grams(codes, size, tokens, known, tables)
    weight = 0.0
    for n in range(count):
        scratch.stamps[tokens[n]] = stamp
        weight += tables.tokens[tokens[n], _WEIGHT]
    return tokens[:count], pieces, weight


@machine_code
def _score(
    listed: Ints,
    exclusions: int,
    unseen: float,
    particles: int,
    contrasts: int,
    codes: Any,
    size: int,
    room: Floats,
    proposals: int,
    ints: Ints,
    floats: Floats,
    keys: Keys,
    ends: Any,
    shares: Floats,
    stamps: NDArray[np.int64],
    places: Ints,
    rows: Ints,
) -> tuple[int, float, float, float, float, int]:
    """
    Find the best candidate; its number is -1 if there is none.

    *listed* are the exclusions that apply, then the known tokens.
    """
    tables = _unpacked(ints, floats, keys, ends)
    scratch = _Scratch(shares, stamps, places, rows)
    stamp = stamps[-1] + 1
    stamps[-1] = stamp
    known = len(listed) - exclusions
    tokens, pieces, weight = _read(listed, known, codes, size, stamp, (tables, scratch))
    total = weight + unseen
    touched, work = _gather(tokens, known, tables, scratch)
    found = np.empty((MAX_SCORED + MAX_PROPOSED, 6))
    count = 0
    sizes = (np.sqrt(total + particles * PARTICLE_WEIGHT), contrasts, pieces)
    for example in _best_examples(touched, scratch):
        cosine, overlap = _likeness(example, stamp, sizes, tables, scratch)
        intent = int(tables.examples[example, _INTENT])
        _, count = _put(intent, cosine, overlap, found, count)
    for n in range(proposals):
        row, count = _put(int(room[n, 0]), 0.0, 0.0, found, count)
        found[row, _BONUS] += room[n, 1]
    sums = _explain(found, count, tokens, tables, rows)
    best, lead, left = _rank(found, count, sums, listed[:exclusions], tables)
    if best < 0:
        return -1, 0.0, 0.0, 0.0, 0.0, work
    row = found[best]
    coverage = row[_KNOWN] / total if total else 0.0
    who = int(row[_WHO])
    return who, row[_LIKE], row[_LETTERS], coverage, lead, work + left
