"""
The store's commands under the Lua functions, on Python dicts.

As much of the protocol as the functions of :mod:`gateway.store` use and no more: an
unknown command or option is an error, never a guess. Replies are those of a server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


Words = Sequence[bytes]
Command = Callable[["Keyspace", Words], Any]


class Keyspace:
    """
    All keys of one server.

    Args:
        commands: By name; see :mod:`loadtest.simulation.commands`.

        clock_us: The server's own wall clock in microseconds.
    """

    def __init__(
        self, commands: Mapping[bytes, Command], clock_us: Callable[[], int]
    ) -> None:
        self._commands = commands
        self.clock_us = clock_us
        self.values: dict[bytes, Any] = {}
        self.ends_us: dict[bytes, int] = {}
        self._added = 0

    def run(self, *words: str | bytes | float) -> Any:
        """One command, as a client or a Lua function gives it."""
        name, *rest = (_as_bytes(word) for word in words)
        return self._commands[name.upper()](self, rest)

    def find(self, key: bytes, make: Callable[[], Any]) -> Any:
        """The value of *key*, or what *make* makes; not stored yet."""
        end = self.ends_us.get(key)
        if end is not None and end <= self.clock_us():
            self.drop(key)
        found = self.values.get(key)
        return make() if found is None else found

    def put(self, key: bytes, value: Any) -> None:
        """Store a value; an empty collection is no key at all."""
        if isinstance(value, dict | list) and not value:
            self.drop(key)
        else:
            self.values[key] = value

    def drop(self, key: bytes) -> int:
        """Forget a key; how many there were."""
        self.ends_us.pop(key, None)
        return int(self.values.pop(key, None) is not None)

    def next_id(self) -> int:
        """Milliseconds that rise, for stream entries without a number."""
        self._added = max(self._added + 1, self.clock_us() // 1000)
        return self._added


def _as_bytes(word: str | bytes | float) -> bytes:
    """As a server's Lua writes numbers: no fraction if there is none."""
    if isinstance(word, bytes):
        return word
    if isinstance(word, float) and word.is_integer():
        word = int(word)
    return str(word).encode()
