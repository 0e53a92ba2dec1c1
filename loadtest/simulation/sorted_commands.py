"""
Commands on sorted sets and streams, added to those of :mod:`.commands`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from loadtest.simulation.commands import COMMANDS, command, number, part_of
from loadtest.simulation.keyspace import Keyspace, Words


__all__ = ["COMMANDS"]

_Entry = tuple[int, list[bytes]]


# --- sorted sets ---


@command("ZADD")
def _zadd(keys: Keyspace, words: Words) -> Any:
    key, *rest = words
    is_new_only = rest[0] == b"NX"
    pairs = rest[1:] if is_new_only else rest
    found = keys.find(key, dict)
    before = len(found)
    for score, member in zip(pairs[::2], pairs[1::2], strict=True):
        if not (is_new_only and member in found):
            found[member] = float(score)
    keys.put(key, found)
    return len(found) - before


@command("ZSCORE")
def _zscore(keys: Keyspace, words: Words) -> Any:
    score = keys.find(words[0], dict).get(words[1])
    return None if score is None else number(score)


@command("ZRANK")
def _zrank(keys: Keyspace, words: Words) -> Any:
    members = [member for member, _ in _sorted(keys, words[0])]
    return members.index(words[1]) if words[1] in members else None


@command("ZCOUNT")
def _zcount(keys: Keyspace, words: Words) -> Any:
    return len(_between(_sorted(keys, words[0]), *words[1:]))


@command("ZRANGE")
def _zrange(keys: Keyspace, words: Words) -> Any:
    key, first, last, *options = words
    pairs = _sorted(keys, key)
    if options[:1] == [b"BYSCORE"]:
        found = _between(pairs, first, last)
        if options[1:2] == [b"LIMIT"]:
            start, most = int(options[2]), int(options[3])
            found = found[start:][:most]
        return [member for member, _ in found]
    chosen = part_of(pairs, first, last)
    if options == [b"WITHSCORES"]:
        return [part for member, score in chosen for part in (member, number(score))]
    if options:
        raise NotImplementedError(options)
    return [member for member, _ in chosen]


def _sorted(keys: Keyspace, key: bytes) -> list[tuple[bytes, float]]:
    found: dict[bytes, float] = keys.find(key, dict)
    return sorted(found.items(), key=lambda pair: (pair[1], pair[0]))


def _between(
    pairs: Iterable[tuple[bytes, float]], low: bytes, high: bytes
) -> list[tuple[bytes, float]]:
    from_, is_above = _bound(low)
    to, is_below = _bound(high)
    return [
        (member, score)
        for member, score in pairs
        if (score > from_ if is_above else score >= from_)
        and (score < to if is_below else score <= to)
    ]


def _bound(text: bytes) -> tuple[float, bool]:
    """A score, and whether it is itself left out."""
    is_open = text.startswith(b"(")
    return float(text.removeprefix(b"(")), is_open


# --- streams: lists of (number, fields) ---


@command("XADD")
def _xadd(keys: Keyspace, words: Words) -> Any:
    key, *rest = words
    found: list[_Entry] = keys.find(key, list)
    if rest[0] == b"MINID":
        # "~" lets a server keep more; the one here always does.
        rest = rest[3:]
    id_, *fields = rest
    n = keys.next_id() if id_ == b"*" else _number_of(id_)
    if found and n <= found[-1][0]:
        raise ValueError(f"XADD: {n} is not above {found[-1][0]}")
    keys.put(key, [*found, (n, fields)])
    return b"%d-0" % n


@command("XRANGE")
def _xrange(keys: Keyspace, words: Words) -> Any:
    key, first, last, *options = words
    return _page(_within(keys, key, first, last), options)


@command("XREVRANGE")
def _xrevrange(keys: Keyspace, words: Words) -> Any:
    key, last, first, *options = words
    return _page(_within(keys, key, first, last)[::-1], options)


@command("XDEL")
def _xdel(keys: Keyspace, words: Words) -> Any:
    gone = {_number_of(id_) for id_ in words[1:]}
    found: list[_Entry] = keys.find(words[0], list)
    keys.put(words[0], [entry for entry in found if entry[0] not in gone])
    return len(gone)


def _within(keys: Keyspace, key: bytes, first: bytes, last: bytes) -> list[_Entry]:
    low = -math.inf if first == b"-" else _number_of(first)
    high = math.inf if last == b"+" else _number_of(last)
    found: list[_Entry] = keys.find(key, list)
    return [entry for entry in found if low <= entry[0] <= high]


def _page(entries: list[_Entry], options: Words) -> Any:
    most = int(options[1]) if options else len(entries)
    return [[b"%d-0" % n, list(fields)] for n, fields in entries[:most]]


def _number_of(id_: bytes) -> int:
    return int(id_.partition(b"-")[0])
