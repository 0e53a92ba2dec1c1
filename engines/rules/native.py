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

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engines.contract import Locale
from engines.rules import flat
from engines.rules.flat import Floats, Ints, Keys, Tables
from engines.rules.machine_code import Scratch, inlined, machine_code
from engines.rules.native_likeness import (
    best_examples,
    gather,
    likeness,
    read_grams,
)
from engines.rules.native_ranking import (
    BONUS,
    KNOWN,
    LETTERS,
    LIKE,
    WHO,
    explain,
    put,
    rank,
)
from engines.rules.profiles import IntentProfiles
from engines.rules.reading import Reading
from engines.rules.scoring import Scored
from engines.rules.similarity import (
    MAX_ENTRIES,
    MAX_SCORED,
    PARTICLE_WEIGHT,
    SimilarityIndex,
)


#: Candidates that rules propose; a message has a handful.
MAX_PROPOSED: Final = 48

#: Columns of the tables of tokens and of examples that are read here.
_WEIGHT: Final = 1
_INTENT: Final = 0


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
        self._scratch = Scratch(
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
    count, pieces = read_grams(codes, size, tokens, known, tables)
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
    scratch = Scratch(shares, stamps, places, rows)
    stamp = stamps[-1] + 1
    stamps[-1] = stamp
    known = len(listed) - exclusions
    tokens, pieces, weight = _read(listed, known, codes, size, stamp, (tables, scratch))
    total = weight + unseen
    touched, work = gather(tokens, known, tables, scratch)
    found = np.empty((MAX_SCORED + MAX_PROPOSED, 6))
    count = 0
    sizes = (np.sqrt(total + particles * PARTICLE_WEIGHT), contrasts, pieces)
    for example in best_examples(touched, scratch):
        cosine, overlap = likeness(example, stamp, sizes, tables, scratch)
        intent = int(tables.examples[example, _INTENT])
        _, count = put(intent, cosine, overlap, found, count)
    for n in range(proposals):
        row, count = put(int(room[n, 0]), 0.0, 0.0, found, count)
        found[row, BONUS] += room[n, 1]
    sums = explain(found, count, tokens, tables, rows)
    best, lead, left = rank(found, count, sums, listed[:exclusions], tables)
    if best < 0:
        return -1, 0.0, 0.0, 0.0, 0.0, work
    row = found[best]
    coverage = row[KNOWN] / total if total else 0.0
    who = int(row[WHO])
    return who, row[LIKE], row[LETTERS], coverage, lead, work + left
