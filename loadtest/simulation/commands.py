"""
Commands on keys, strings, hashes, sets and lists. See the server's own manual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loadtest.simulation.keyspace import Command, Keyspace, Words


COMMANDS: dict[bytes, Command] = {}


def command(name: str) -> Callable[[Command], Command]:
    """Register a command under its name."""

    def register(function: Command) -> Command:
        COMMANDS[name.encode()] = function
        return function

    return register


def number(value: float) -> bytes:
    """A number as a server writes it in a reply."""
    return str(int(value)).encode() if value == int(value) else repr(value).encode()


def part_of(items: list[Any], first: bytes, last: bytes) -> list[Any]:
    """From index *first* to index *last*, both counted in; negative from the end."""
    start, stop = int(first), int(last)
    start = max(0, start + len(items)) if start < 0 else start
    stop = stop + len(items) if stop < 0 else stop
    return items[start : stop + 1]


# --- keys and strings ---


@command("TIME")
def _time(keys: Keyspace, _: Words) -> Any:
    seconds, micros = divmod(keys.clock_us(), 1_000_000)
    return [number(seconds), number(micros)]


@command("PUBLISH")
def _publish(_keys: Keyspace, _: Words) -> Any:
    return 0


@command("EXISTS")
def _exists(keys: Keyspace, words: Words) -> Any:
    return sum(keys.find(key, type(None)) is not None for key in words)


@command("DEL")
def _del(keys: Keyspace, words: Words) -> Any:
    return sum(keys.drop(key) for key in words)


@command("PEXPIRE")
def _pexpire(keys: Keyspace, words: Words) -> Any:
    key, life_ms = words
    if keys.find(key, type(None)) is None:
        return 0
    keys.ends_us[key] = keys.clock_us() + int(life_ms) * 1000
    return 1


@command("GET")
def _get(keys: Keyspace, words: Words) -> Any:
    return keys.find(words[0], type(None))


@command("SET")
def _set(keys: Keyspace, words: Words) -> Any:
    key, value, *options = words
    old = keys.find(key, type(None))
    life = options[options.index(b"PX") + 1] if b"PX" in options else b""
    if not set(options) <= {b"NX", b"GET", b"PX", life}:
        raise NotImplementedError(options)
    is_kept = b"NX" in options and old is not None
    if not is_kept:
        keys.drop(key)
        keys.put(key, value)
        if life:
            keys.ends_us[key] = keys.clock_us() + int(life) * 1000
    if b"GET" in options:
        return old
    return None if is_kept else b"OK"


@command("APPEND")
def _append(keys: Keyspace, words: Words) -> Any:
    value = keys.find(words[0], bytes) + words[1]
    keys.put(words[0], value)
    return len(value)


# --- hashes; sets are hashes without values, in the order of their making ---


@command("HSET")
def _hset(keys: Keyspace, words: Words) -> Any:
    found = keys.find(words[0], dict)
    before = len(found)
    found.update(zip(words[1::2], words[2::2], strict=True))
    keys.put(words[0], found)
    return len(found) - before


@command("HSETNX")
def _hsetnx(keys: Keyspace, words: Words) -> Any:
    return 0 if words[1] in keys.find(words[0], dict) else _hset(keys, words)


@command("HGET")
def _hget(keys: Keyspace, words: Words) -> Any:
    return keys.find(words[0], dict).get(words[1])


@command("HMGET")
def _hmget(keys: Keyspace, words: Words) -> Any:
    found = keys.find(words[0], dict)
    return [found.get(field) for field in words[1:]]


@command("HGETALL")
def _hgetall(keys: Keyspace, words: Words) -> Any:
    return [part for pair in keys.find(words[0], dict).items() for part in pair]


@command("HDEL")
@command("SREM")
@command("ZREM")
def _remove(keys: Keyspace, words: Words) -> Any:
    found = keys.find(words[0], dict)
    gone = sum(found.pop(field, None) is not None for field in words[1:])
    keys.put(words[0], found)
    return gone


@command("HINCRBY")
def _hincrby(keys: Keyspace, words: Words) -> Any:
    found = keys.find(words[0], dict)
    value = int(found.get(words[1], 0)) + int(words[2])
    found[words[1]] = number(value)
    keys.put(words[0], found)
    return value


@command("SADD")
def _sadd(keys: Keyspace, words: Words) -> Any:
    found = keys.find(words[0], dict)
    before = len(found)
    found.update(dict.fromkeys(words[1:], b""))
    keys.put(words[0], found)
    return len(found) - before


@command("SCARD")
@command("ZCARD")
@command("LLEN")
def _size(keys: Keyspace, words: Words) -> Any:
    return len(keys.find(words[0], dict))


@command("SMEMBERS")
def _smembers(keys: Keyspace, words: Words) -> Any:
    return list(keys.find(words[0], dict))


# --- lists ---


@command("RPUSH")
def _rpush(keys: Keyspace, words: Words) -> Any:
    found = [*keys.find(words[0], list), *words[1:]]
    keys.put(words[0], found)
    return len(found)


@command("LPUSH")
def _lpush(keys: Keyspace, words: Words) -> Any:
    found = [*reversed(words[1:]), *keys.find(words[0], list)]
    keys.put(words[0], found)
    return len(found)


@command("LTRIM")
def _ltrim(keys: Keyspace, words: Words) -> Any:
    keys.put(words[0], part_of(keys.find(words[0], list), *words[1:]))
    return b"OK"


@command("LRANGE")
def _lrange(keys: Keyspace, words: Words) -> Any:
    return part_of(keys.find(words[0], list), *words[1:])


@command("LREM")
def _lrem(keys: Keyspace, words: Words) -> Any:
    key, count, value = words
    if count != b"1":
        raise NotImplementedError(count)
    found = list(keys.find(key, list))
    if value not in found:
        return 0
    found.remove(value)
    keys.put(key, found)
    return 1
