"""
The lines between gateways and the store: late, broken, and a store that goes away.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gateway.store.connection import Scripts
from gateway.store.errors import StoreUnavailable
from loadtest.simulation.keyspace import Keyspace
from loadtest.simulation.lua_functions import LuaFunctions


#: What a client waits for an answer.
DEADLINE_S = 2.0
#: Share of calls that take long, and the longest of them.
_SLOW, _SLOWEST_S = 0.01, 2.5
_USUAL_S = 0.002


class Store:
    """
    One durable server: what it has answered survives its crash.

    Args:
        watch: Told of every function just before it runs, returns what is told
            of its reply.
    """

    def __init__(
        self,
        keyspace: Keyspace,
        functions: LuaFunctions,
        watch: Callable[[str, Sequence[str]], Callable[[], None]],
    ) -> None:
        self.keyspace = keyspace
        self.is_up = True
        self._functions = functions
        self._watch = watch

    def call(self, name: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run one of the store functions, whole."""
        after = self._watch(name, keys)
        reply = self._functions.run(self.keyspace, name, keys, args)
        after()
        return reply


class Line(Scripts):
    """
    One process's connection: in order, until it breaks.

    What is on the way when it breaks has happened or not; nobody is told.

    Args:
        is_calm: No delays and no losses: for who looks from outside.
    """

    def __init__(
        self, store: Store, chance: random.Random, *, is_calm: bool = False
    ) -> None:
        self._store = store
        self._chance = chance
        self._is_calm = is_calm
        self._there_s = self._back_s = 0.0
        self._waiting: dict[asyncio.Future[Any], None] = {}
        self._number = 0
        self._is_dead = False
        #: Until then the process is stopped: nothing comes through to it.
        self.asleep_until_s = 0.0

    @property
    def is_up(self) -> bool:
        """Whether a call would be sent."""
        return self._store.is_up

    async def call(
        self, name: str, keys: Sequence[str], args: Sequence[str | bytes | int]
    ) -> Any:
        """As :meth:`gateway.store.connection.Scripts.call`."""
        return await self._send(partial(self._store.call, name, keys, args))

    async def command(self, key: str, *words: str | bytes | int) -> Any:
        """As :meth:`gateway.store.connection.Scripts.command`."""
        del key
        return await self._send(partial(self._store.keyspace.run, *words))

    def die(self) -> None:
        """The process is gone: it sends nothing more and hears nothing more."""
        self._is_dead = True
        self._waiting = {}

    def break_off(self) -> None:
        """The connection breaks; a new one is opened at once."""
        self._number += 1
        waiting, self._waiting = self._waiting, {}
        for future in waiting:
            if not future.done():
                future.set_exception(StoreUnavailable("the connection broke"))
                future.exception()

    async def _send(self, run: Callable[[], Any]) -> Any:
        if self._is_calm:
            return run()
        if self._is_dead:
            raise asyncio.CancelledError
        if not self._store.is_up:
            raise StoreUnavailable("the store is down")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting[future] = None
        self._there_s = max(self._there_s, loop.time() + self._delay_s())
        loop.call_at(self._there_s, self._arrive, self._number, future, run)
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await future
        except TimeoutError as exc:
            raise StoreUnavailable("no answer in time") from exc
        finally:
            self._waiting.pop(future, None)

    def _arrive(
        self, number: int, future: asyncio.Future[Any], run: Callable[[], Any]
    ) -> None:
        """The call is at the store, unless its connection broke on the way."""
        if number != self._number or not self._store.is_up:
            return
        reply = run()
        loop = asyncio.get_running_loop()
        earliest = max(self._back_s, self.asleep_until_s)
        self._back_s = max(earliest, loop.time() + self._delay_s())
        loop.call_at(self._back_s, self._come_back, number, future, reply)

    def _come_back(self, number: int, future: asyncio.Future[Any], reply: Any) -> None:
        if number == self._number and not future.done():
            future.set_result(reply)

    def _delay_s(self) -> float:
        if self._chance.random() < _SLOW:
            return self._chance.random() * _SLOWEST_S
        return self._chance.random() * _USUAL_S
