"""
What a pack knows, laid out in flat arrays for sums in machine code.

Tokens (features, particles, letter pieces) and intents are numbers here. The
tables are built once per pack and never change. Nothing here needs numba.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engines.contract import Locale
from engines.rules.profiles import GAIN_STEPS, IntentProfiles
from engines.rules.similarity import Posting, SimilarityIndex


Ints: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]
Keys: TypeAlias = NDArray[np.uint64]

#: Scatters keys over a hash table.
STIR: Final = np.uint64(0x9E3779B97F4A7C15)


def piece_size(locale: Locale) -> int:
    """Letters in a piece: pairs in Chinese, runs of four in English."""
    return 2 if locale == "zh" else 4


class Tables(NamedTuple):
    """
    What the sums need of a pack.

    Attributes:
        kinds: Where features, contrasts and particles end among the tokens; what
            follows are letter pieces.

        tokens: By token: rarity, squared weight.

        gain_starts, gain_intents, gain_steps: By token, the intents to which it
            adds something, in order, and how much; laid end to end.

        post_starts, post_examples, post_shares: Postings of each token.

        examples: By example: intent, number of contrasts, of letter pieces, and
            length with particles.

        card_starts, card_tokens: Tokens of each example.

        intents: By intent: cost of a token, and its priority's worth.

        gram_keys, gram_tokens: Hash table of letter pieces.

        barred_starts, barred: Intents that each exclusion rules out, in order.
    """

    kinds: Ints
    gain_starts: Ints
    gain_intents: Ints
    gain_steps: Ints
    post_starts: Ints
    post_examples: Ints
    card_starts: Ints
    card_tokens: Ints
    gram_tokens: Ints
    barred_starts: Ints
    barred: Ints
    tokens: Floats
    post_shares: Floats
    examples: Floats
    intents: Floats
    gram_keys: Keys


class Packed(NamedTuple):
    """
    The tables laid end to end: a call is the cheaper the fewer arrays it is given.

    Attributes:
        ends: Where each table ends among those of its kind, in their order.
    """

    ints: Ints
    floats: Floats
    gram_keys: Keys
    ends: NDArray[np.int64]


#: Fields of :class:`Tables` by kind of array, and how wide those of floats are.
INT_TABLES: Final = Tables._fields[:11]
FLOAT_TABLES: Final = Tables._fields[11:15]


def pack(tables: Tables) -> Packed:
    ints = [getattr(tables, name) for name in INT_TABLES]
    floats = [getattr(tables, name).reshape(-1) for name in FLOAT_TABLES]
    ends = [*np.cumsum([len(a) for a in ints]), *np.cumsum([len(a) for a in floats])]
    return Packed(
        np.concatenate(ints),
        np.concatenate(floats),
        tables.gram_keys,
        np.array(ends, dtype=np.int64),
    )


def tokens_by_kind(index: SimilarityIndex, profiles: IntentProfiles) -> list[list[str]]:
    """All tokens: features, contrasts, particles, letter pieces."""
    kinds: list[list[str]] = [[], [], [], []]
    for token in profiles.rarity:
        if _is_gram(token):
            kinds[3].append(token)
        elif token in index.contrasts:
            kinds[1].append(token)
        else:
            kinds[0 if token in index.weights else 2].append(token)
    return kinds


class Builder:
    """Lays what a pack knows out in tables."""

    def __init__(
        self,
        ids: Mapping[str, int],
        index: SimilarityIndex,
        profiles: IntentProfiles,
        size: int,
    ) -> None:
        self._ids = ids
        self._index = index
        self._profiles = profiles
        self._size = size

    def tables(
        self,
        kinds: Sequence[int],
        priorities: Sequence[float],
        exclusions: Sequence[frozenset[int]],
    ) -> Tables:
        """All tables; *kinds* are the numbers of tokens of each kind."""
        rarity, weights = self._profiles.rarity, self._index.weights
        gram_keys, gram_tokens = self._grams()
        gains, postings, cards = self._gains(), self._postings(), self._cards()
        return Tables(
            kinds=np.cumsum(kinds[:3], dtype=np.int32),
            gain_starts=_starts(gains),
            gain_intents=_numbers([n for n, _ in one] for one in gains),
            gain_steps=_numbers([steps for _, steps in one] for one in gains),
            post_starts=_starts(postings),
            post_examples=_numbers([n for n, _ in one] for one in postings),
            card_starts=_starts(cards),
            card_tokens=_numbers(cards),
            gram_tokens=gram_tokens,
            barred_starts=_starts(exclusions),
            barred=_numbers(sorted(one) for one in exclusions),
            tokens=_rows([(rarity[t], weights.get(t, 0.0)) for t in self._ids], 2),
            post_shares=_rows([(w,) for one in postings for _, w in one], 1)[:, 0],
            examples=self._examples(),
            intents=self._intents(priorities),
            gram_keys=gram_keys,
        )

    def _gains(self) -> list[list[tuple[int, int]]]:
        found: list[list[tuple[int, int]]] = [[] for _ in self._ids]
        for intent, of in sorted(self._profiles.gains.items()):
            for token, gain in of.items():
                found[self._ids[token]].append((intent, round(gain * GAIN_STEPS)))
        return found

    def _postings(self) -> list[Posting]:
        return [self._index.postings.get(token, ()) for token in self._ids]

    def _cards(self) -> list[list[int]]:
        return [
            [self._ids[token] for token in (*c.features, *c.particles, *c.grams)]
            for c in self._index.cards
        ]

    def _examples(self) -> Floats:
        cards = self._index.cards
        return _rows(
            [(c.intent, len(c.contrasts), len(c.grams), c.full_root) for c in cards], 4
        )

    def _intents(self, priorities: Sequence[float]) -> Floats:
        costs, usual = self._profiles.costs, self._profiles.usual_cost
        return _rows([(costs.get(n, usual), w) for n, w in enumerate(priorities)], 2)

    def _grams(self) -> tuple[Keys, Ints]:
        """Open hash table, at most half full; no key is 0."""
        grams = {_key(t, self._size): n for t, n in self._ids.items() if _is_gram(t)}
        bits = (2 * len(grams) + 2).bit_length()
        keys = np.zeros(1 << bits, dtype=np.uint64)
        tokens = np.zeros(1 << bits, dtype=np.int32)
        for key, token in grams.items():
            slot = home(key, bits)
            while keys[slot]:
                slot = (slot + 1) % (1 << bits)
            keys[slot], tokens[slot] = key, token
        return keys, tokens


def _rows(rows: Sequence[tuple[float, ...]], columns: int) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def _numbers(lists: Iterable[Iterable[int]]) -> Ints:
    return np.array([number for one in lists for number in one], dtype=np.int32)


def _starts(lists: Iterable[Collection[object]]) -> Ints:
    return np.cumsum([0, *(len(one) for one in lists)], dtype=np.int32)


def home(key: int, bits: int) -> int:
    """Where the search for a key begins in a table of 2 to the *bits* places."""
    return (key * int(STIR) >> 20) % (1 << 44) % (1 << bits)


def _is_gram(token: str) -> bool:
    return "_" in token


def _key(gram: str, size: int) -> int:
    """As :func:`_gram_key`, of the text of a letter piece."""
    codes = [ord(letter) for letter in gram.replace("_", "")]
    return sum(code << (64 // size * n) for n, code in enumerate(codes)) % (1 << 64)
