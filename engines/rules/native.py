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

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engines.contract import Locale
from engines.rules import calibration
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
_Ints: TypeAlias = NDArray[np.int32]
_Floats: TypeAlias = NDArray[np.float64]
_Keys: TypeAlias = NDArray[np.uint64]

_U64 = np.uint64
_LOW = _U64((1 << 32) - 1)
_STIR = _U64(0x9E3779B97F4A7C15)

#: Kinds of token.
_FEATURE, _CONTRAST, _PARTICLE, _GRAM = range(4)

#: Candidates that rules propose; a message has a handful.
MAX_PROPOSED: Final = 48

_NO_BONUSES: _Floats = np.empty((0, 2))
_NOTHING: _Ints = np.empty(0, dtype=np.int32)

#: Columns of the table of tokens.
_RARITY, _WEIGHT, _KIND = range(3)

#: Columns of the table of examples.
_INTENT, _CONTRASTS, _GRAMS, _ROOT = range(4)

_COSINE = calibration.COSINE
_PROFILE = calibration.PROFILE
_MAX_LEAD = calibration.MAX_LEAD


def machine_code(function: _Function) -> _Function:
    """*function* in machine code, made when it is first called."""
    return cast("_Function", njit(function))


class _Tables(NamedTuple):
    """
    What the sums need of a pack.

    Attributes:
        tokens: By token: rarity, squared weight, kind.

        post_starts, post_examples, post_shares: Postings of each token, laid
            end to end.

        examples: By example: intent, number of contrasts, of letter pieces, and
            length with particles.

        card_starts, card_tokens: Tokens of each example, laid end to end.

        intents: By intent: cost of a token, and its priority's worth.

        gains: Hash table of (intent, token); a cell holds the key's number and
            the gain in steps, so that a look-up is one wait for memory.

        gram_keys, gram_tokens: Hash table of letter pieces.

        barred_starts, barred: Intents that each exclusion rules out, in order.
    """

    tokens: _Floats
    post_starts: _Ints
    post_examples: _Ints
    post_shares: _Floats
    examples: _Floats
    card_starts: _Ints
    card_tokens: _Ints
    intents: _Floats
    gains: _Keys
    gram_keys: _Keys
    gram_tokens: _Ints
    barred_starts: _Ints
    barred: _Ints


class _Scratch(NamedTuple):
    """Room for one message; the call holds the interpreter, so one is enough."""

    shares: _Floats
    stamps: NDArray[np.int64]
    touched: _Ints


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
        self._size = 2 if locale == "zh" else 4
        self._unseen = index.unseen
        self._ids = {token: number for number, token in enumerate(profiles.rarity)}
        self._tables = _tables(
            self._ids, index, profiles, priorities, exclusions, self._size
        )
        self._scratch = _Scratch(
            np.zeros(len(index.cards) + 1),
            np.zeros(len(self._ids) + 1, dtype=np.int64),
            np.zeros(MAX_ENTRIES + 1, dtype=np.int32),
        )
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
        tokens = []
        for feature in message.features:
            if feature in ids:
                tokens.append(ids[feature])
            else:
                unseen += self._unseen(feature)
        tokens += [ids[one] for one in message.particles if one in ids]
        found = _score(
            np.array(tokens, dtype=np.int32),
            unseen,
            len(message.particles),
            len(message.contrasts),
            np.frombuffer(letters.encode("utf-32-le"), dtype=np.uint32),
            self._size,
            np.array([*bonuses.items()][:MAX_PROPOSED]) if bonuses else _NO_BONUSES,
            np.array(excluding, dtype=np.int32) if excluding else _NOTHING,
            self._tables,
            self._scratch,
        )
        return Scored(*found) if found[0] >= 0 else None


def _tables(
    ids: Mapping[str, int],
    index: SimilarityIndex,
    profiles: IntentProfiles,
    priorities: Sequence[float],
    exclusions: Sequence[frozenset[int]],
    size: int,
) -> _Tables:
    cards = index.cards
    postings = [index.postings.get(token, ()) for token in ids]
    known = [[*c.features, *c.particles, *c.grams] for c in cards]
    grams = {_key(token, size): n for token, n in ids.items() if _is_gram(token)}
    gram_keys, gram_tokens = _hashed_grams(grams)
    return _Tables(
        tokens=np.array(
            [
                (rarity, index.weights.get(token, 0.0), _kind(token, index))
                for token, rarity in profiles.rarity.items()
            ],
            dtype=np.float64,
        ).reshape(-1, 3),
        post_starts=_starts(postings),
        post_examples=_numbers([n for n, _ in one] for one in postings),
        post_shares=np.array([w for one in postings for _, w in one], dtype=np.float64),
        examples=np.array(
            [(c.intent, len(c.contrasts), len(c.grams), c.full_root) for c in cards],
            dtype=np.float64,
        ).reshape(-1, 4),
        card_starts=_starts(known),
        card_tokens=_numbers([ids[token] for token in one] for one in known),
        intents=_intents(profiles, priorities),
        gains=_hashed_gains(ids, profiles),
        gram_keys=gram_keys,
        gram_tokens=gram_tokens,
        barred_starts=_starts([*exclusions]),
        barred=_numbers(sorted(one) for one in exclusions),
    )


def _intents(profiles: IntentProfiles, priorities: Sequence[float]) -> _Floats:
    costs = [profiles.costs.get(n, profiles.usual_cost) for n in range(len(priorities))]
    return np.array([*zip(costs, priorities, strict=True)]).reshape(-1, 2)


def _numbers(lists: Iterable[Iterable[int]]) -> _Ints:
    return np.array([number for one in lists for number in one], dtype=np.int32)


def _is_gram(token: str) -> bool:
    return "_" in token


def _kind(token: str, index: SimilarityIndex) -> int:
    if _is_gram(token):
        return _GRAM
    if token in index.contrasts:
        return _CONTRAST
    return _FEATURE if token in index.weights else _PARTICLE


def _key(gram: str, size: int) -> int:
    """As :func:`_gram_key`, of the text of a letter piece."""
    codes = [ord(letter) for letter in gram.replace("_", "")]
    return sum(code << (64 // size * n) for n, code in enumerate(codes)) % (1 << 64)


def _starts(lists: Iterable[Collection[object]]) -> _Ints:
    return np.cumsum([0, *(len(one) for one in lists)], dtype=np.int32)


def _hashed_grams(grams: Mapping[int, int]) -> tuple[_Keys, _Ints]:
    """Open hash table, at most half full; no key is 0."""
    slots = 1 << (2 * len(grams) + 2).bit_length()
    keys = np.zeros(slots, dtype=np.uint64)
    tokens = np.zeros(slots, dtype=np.int32)
    _enter_grams(
        np.array([*grams], dtype=np.uint64), _numbers([grams.values()]), keys, tokens
    )
    return keys, tokens


def _hashed_gains(ids: Mapping[str, int], profiles: IntentProfiles) -> _Keys:
    """Open hash table, at most half full, of the cells that :func:`_gain` reads."""
    cells = [
        (intent * len(ids) + ids[token] + 1) << 32 | round(gain * GAIN_STEPS)
        for intent, of in profiles.gains.items()
        for token, gain in of.items()
    ]
    table = np.zeros(1 << (2 * len(cells) + 2).bit_length(), dtype=np.uint64)
    _enter_gains(np.array(cells, dtype=np.uint64), table)
    return table


@machine_code
def _slot(key: np.uint64, keys: _Keys) -> int:
    """Where *key* is, or the free place where it would be."""
    mask = _U64(len(keys) - 1)
    slot = ((key * _STIR) >> _U64(20)) & mask
    while keys[slot] != _U64(0) and keys[slot] != key:
        slot = (slot + _U64(1)) & mask
    return np.int64(slot)


@machine_code
def _enter_grams(given: _Keys, tokens: _Ints, keys: _Keys, found: _Ints) -> None:
    for n in range(len(given)):
        slot = _slot(given[n], keys)
        keys[slot] = given[n]
        found[slot] = tokens[n]


@machine_code
def _enter_gains(cells: _Keys, table: _Keys) -> None:
    for cell in cells:
        table[_gain_slot(cell >> _U64(32), table)] = cell


@machine_code
def _gain_slot(key: np.uint64, table: _Keys) -> int:
    """Where the cell of *key* is, or the free place where it would be."""
    mask = _U64(len(table) - 1)
    slot = ((key * _STIR) >> _U64(20)) & mask
    while table[slot] != _U64(0) and table[slot] >> _U64(32) != key:
        slot = (slot + _U64(1)) & mask
    return np.int64(slot)


@machine_code
def _gram_key(codes: Any, start: int, size: int) -> np.uint64:
    key = _U64(0)
    for n in range(size):
        key += _U64(codes[start + n]) << _U64(64 // size * n)
    return key


@machine_code
def _read_grams(
    codes: Any, size: int, tokens: _Ints, count: int, tables: _Tables
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


@machine_code
def _gather(
    tokens: _Ints, count: int, tables: _Tables, scratch: _Scratch
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


@machine_code
def _best_examples(touched: int, scratch: _Scratch) -> _Ints:
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


@machine_code
def _likeness(
    example: int,
    stamp: int,
    sizes: tuple[float, int, int],
    tables: _Tables,
    scratch: _Scratch,
) -> tuple[float, float]:
    """Cosine and overlap of a message, whose tokens are stamped, with an example."""
    root, contrasts, pieces = sizes
    common = 0.0
    turns = letters = 0
    for n in range(tables.card_starts[example], tables.card_starts[example + 1]):
        token = tables.card_tokens[n]
        if scratch.stamps[token] == stamp:
            kind = tables.tokens[token, _KIND]
            if kind == _GRAM:
                letters += 1
            elif kind == _PARTICLE:
                common += PARTICLE_WEIGHT
            else:
                common += tables.tokens[token, _WEIGHT]
                turns += kind == _CONTRAST
    card = tables.examples[example]
    cosine = common / (root * card[_ROOT])
    cosine *= CONTRAST_FACTOR ** (contrasts + card[_CONTRASTS] - 2 * turns)
    both = pieces + card[_GRAMS]
    return cosine, 2 * letters / both if both else 0.0


@machine_code
def _gain(intent: int, token: int, tables: _Tables) -> float:
    """What a token adds to an intent's score; 0 if none of its examples has it."""
    key = _U64(intent * len(tables.tokens) + token + 1)
    cell = tables.gains[_gain_slot(key, tables.gains)]
    return np.float64(cell & _LOW) / GAIN_STEPS


@machine_code
def _profile(intent: int, tokens: _Ints, tables: _Tables) -> float:
    squares = gained = total = 0.0
    for token in tokens:
        rarity = tables.tokens[token, _RARITY]
        squares += rarity * rarity
        total += rarity
        gained += rarity * _gain(intent, token, tables)
    if squares == 0.0:
        return 0.0
    return (gained - total * tables.intents[intent, 0]) / np.sqrt(squares)


@machine_code
def _coverage(
    intent: int, tokens: _Ints, count: int, total: float, tables: _Tables
) -> float:
    known = 0.0
    for n in range(count):
        if _gain(intent, tokens[n], tables) != 0.0:
            known += tables.tokens[tokens[n], _WEIGHT]
    return known / total if total else 0.0


@machine_code
def _put(intent: int, cosine: float, overlap: float, found: _Floats, count: int) -> int:
    """Keep the better likeness of an intent; new number of candidates."""
    for n in range(count):
        if found[n, 0] == intent:
            if found[n, 1] + found[n, 2] < cosine + overlap:
                found[n, 1], found[n, 2] = cosine, overlap
            return count
    found[count, 0], found[count, 1], found[count, 2] = intent, cosine, overlap
    found[count, 3] = 0.0
    return count + 1


@machine_code
def _propose(proposed: _Floats, found: _Floats, count: int) -> int:
    """Add what rules propose to the candidates."""
    for row in range(len(proposed)):
        count = _put(proposed[row, 0], 0.0, 0.0, found, count)
        for n in range(count):
            if found[n, 0] == proposed[row, 0]:
                found[n, 3] += proposed[row, 1]
    return count


@machine_code
def _is_barred(intent: int, excluding: _Ints, tables: _Tables) -> bool:
    for number in excluding:
        low, high = tables.barred_starts[number], tables.barred_starts[number + 1]
        place = low + np.searchsorted(tables.barred[low:high], intent)
        if place < high and tables.barred[place] == intent:
            return True
    return False


@machine_code
def _rank(
    found: _Floats, count: int, tokens: _Ints, excluding: _Ints, tables: _Tables
) -> tuple[int, float, int]:
    """Row of the best candidate, its lead, and the number of candidates left."""
    best, first, second, left = -1, -np.inf, -np.inf, 0
    for n in range(count):
        intent = np.int64(found[n, 0])
        if _is_barred(intent, excluding, tables):
            continue
        left += 1
        rank = (
            _COSINE * found[n, 1]
            + _PROFILE * _profile(intent, tokens, tables)
            + found[n, 3]
            + tables.intents[intent, 1]
        )
        if rank > first or (rank == first and intent < found[best, 0]):
            best, first, second = n, rank, first
        elif rank > second:
            second = rank
    lead = first - second if left > 1 else _MAX_LEAD
    return best, min(lead, _MAX_LEAD), left


@machine_code
def _score(
    given: _Ints,
    unseen: float,
    particles: int,
    contrasts: int,
    codes: Any,
    size: int,
    proposed: _Floats,
    excluding: _Ints,
    tables: _Tables,
    scratch: _Scratch,
) -> tuple[int, float, float, float, float, int]:
    """Find the best candidate; its number is -1 if there is none."""
    tokens = np.empty(len(given) + len(codes), dtype=np.int32)
    tokens[: len(given)] = given
    count, pieces = _read_grams(codes, size, tokens, len(given), tables)
    stamp = scratch.stamps[-1] + 1
    scratch.stamps[-1] = stamp
    total = unseen
    for n in range(count):
        scratch.stamps[tokens[n]] = stamp
        total += tables.tokens[tokens[n], _WEIGHT]
    touched, work = _gather(tokens, len(given), tables, scratch)
    found = np.empty((MAX_SCORED + MAX_PROPOSED, 4))
    candidates = 0
    root = np.sqrt(total + particles * PARTICLE_WEIGHT)
    for example in _best_examples(touched, scratch):
        cosine, overlap = _likeness(
            example, stamp, (root, contrasts, pieces), tables, scratch
        )
        intent = np.int64(tables.examples[example, _INTENT])
        candidates = _put(intent, cosine, overlap, found, candidates)
    candidates = _propose(proposed, found, candidates)
    best, lead, left = _rank(found, candidates, tokens[:count], excluding, tables)
    if best < 0:
        return -1, 0.0, 0.0, 0.0, 0.0, work
    intent = np.int64(found[best, 0])
    coverage = _coverage(intent, tokens, len(given), total, tables)
    return intent, found[best, 1], found[best, 2], coverage, lead, work + left
