"""
The store's real Lua functions, run in this process on a simulated keyspace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lupa.lua51 import LuaRuntime, lua_type

from gateway.store.functions import Function
from loadtest.simulation.keyspace import Keyspace


#: What a server gives its functions, as far as ours use it.
_SERVER = b"""
function(call)
  redis = {call = call, error_reply = function(text) error(text) end}
end
"""


class LuaFunctions:
    """
    All functions, compiled once; one keyspace at a time.

    Args:
        functions: As :func:`gateway.store.functions.load_functions` reads them, or
            with a planted bug.
    """

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._lua = LuaRuntime(encoding=None, unpack_returned_tuples=True)
        self._keyspace: Keyspace | None = None
        self._lua.eval(_SERVER)(self._call)
        self._functions = {
            name: self._lua.eval(b"function(KEYS, ARGV) %s\nend" % _body(one.source))
            for name, one in functions.items()
        }

    def run(
        self,
        keyspace: Keyspace,
        name: str,
        keys: Sequence[str],
        args: Sequence[str | bytes | int],
    ) -> Any:
        """Call one function, as a client that sends EVALSHA: all or nothing of it."""
        self._keyspace = keyspace
        return _to_reply(
            self._functions[name](
                self._table(key.encode() for key in keys),
                self._table(
                    arg if isinstance(arg, bytes) else str(arg).encode() for arg in args
                ),
            )
        )

    def _table(self, items: Any) -> Any:
        return self._lua.table_from(list(items))

    def _call(self, *words: bytes | float) -> Any:
        assert self._keyspace is not None  # noqa: S101 - set by run
        return self._to_lua(self._keyspace.run(*words))

    def _to_lua(self, reply: Any) -> Any:
        """A reply as a server's Lua sees it: nothing is false."""
        if reply is None:
            return False
        if isinstance(reply, list):
            return self._table(self._to_lua(part) for part in reply)
        return reply


def _body(source: bytes) -> bytes:
    """The code without its flags and data dictionary, whose brackets Lua 5.1 minds."""
    return source.partition(b"\n]]\n")[2]


def _to_reply(value: Any) -> Any:
    """What a client gets: a table up to its first nil, whole numbers, true as 1."""
    if lua_type(value) == "table":
        found: list[Any] = []
        while (part := value[len(found) + 1]) is not None:
            found.append(_to_reply(part))
        return found
    if value is False or value is None:
        return None
    if value is True:
        return 1
    return int(value) if isinstance(value, float) else value
