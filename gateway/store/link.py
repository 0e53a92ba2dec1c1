"""A connection that stays: found, opened, prepared, and opened again when lost."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from gateway.store.errors import StoreError, StoreMisused, StoreUnavailable
from gateway.store.functions import Function
from gateway.store.wire import Limits, Refusal, Wire, pack


_log = logging.getLogger(__name__)

#: First and longest pause between two tries to reconnect.
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 1.0

#: Error codes that say: right server, wrong credentials or rights.
_DENIED = frozenset({"NOAUTH", "WRONGPASS", "NOPERM", "DENIED"})


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server listens and how to get in."""

    host: str = "localhost"
    port: int = 6379
    path: str = ""
    username: str = ""
    password: str = ""
    db: int = 0
    tls: ssl.SSLContext | None = None

    def greeting(self) -> list[tuple[str | int, ...]]:
        """Commands that open the door."""
        commands: list[tuple[str | int, ...]] = []
        if self.password:
            commands.append(("AUTH", self.username or "default", self.password))
        if self.db:
            commands.append(("SELECT", self.db))
        return commands


Locate = Callable[[], Awaitable[Endpoint]]
_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)


async def dial(
    endpoint: Endpoint, make: Callable[[], _Protocol], timeout_s: float
) -> _Protocol:
    """
    Open a transport to *endpoint*.

    Raises:
        StoreUnavailable: If nobody listens there.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            if endpoint.path:
                _, protocol = await loop.create_unix_connection(make, endpoint.path)
            else:
                _, protocol = await loop.create_connection(
                    make, endpoint.host, endpoint.port, ssl=endpoint.tls
                )
    except (OSError, TimeoutError, ValueError) as exc:
        # ValueError: a host name that can't be one.
        where = endpoint.path or f"{endpoint.host}:{endpoint.port}"
        raise StoreUnavailable(f"no store at {where}: {exc}") from exc
    return protocol


class Link:
    """
    One batching connection to one server, re-opened for as long as it lives.

    *locate* is asked before each opening, so that a failover is followed. All
    store functions are loaded each time. While it is down, calls fail at once.
    """

    def __init__(
        self, locate: Locate, functions: Iterable[Function], limits: Limits
    ) -> None:
        self._locate = locate
        self._functions = tuple(functions)
        self._limits = limits
        self._wire: Wire | None = None
        self._up = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether a call would be sent."""
        return self._wire is not None

    async def open(self) -> None:
        """
        Connect for the first time, and keep connected from now on.

        Raises:
            StoreUnavailable: If there is no server, or it is still loading.
            StoreMisused: If the server refuses the credentials.
        """
        self._wire = await self._connect()
        self._up.set()
        self._keeper = asyncio.create_task(self._keep(self._wire))

    def open_later(self) -> None:
        """Keep connected from now on, without waiting for the first time."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(None))

    async def until_up(self) -> None:
        """
        Wait until it is connected, for no longer than a call may take.

        Raises:
            StoreUnavailable: If that takes too long.
        """
        try:
            async with asyncio.timeout(self._limits.deadline_s):
                await self._up.wait()
        except TimeoutError as exc:
            raise StoreUnavailable("the store is down") from exc

    def send(self, packed: bytes, commands: int = 1) -> asyncio.Future[Any]:
        """As :meth:`Wire.send`, on whatever wire is open now."""
        if self._wire is None:
            raise StoreUnavailable("the store is down")
        return self._wire.send(packed, commands)

    def reconnect(self) -> None:
        """Drop the connection and look for the server again."""
        if self._wire is not None:
            self._wire.abort()

    async def close(self) -> None:
        """Close for good."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.abort()
            await wire.lost

    async def _keep(self, wire: Wire | None) -> None:
        while True:
            if wire is not None:
                await asyncio.shield(wire.lost)
                self._wire = None
                self._up.clear()
            wire = await self._reconnect()
            self._wire = wire
            self._up.set()

    async def _reconnect(self) -> Wire:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await self._connect()
            except StoreError as exc:
                # Wrong credentials may be a rotation in progress: keep trying.
                _log.debug("store_reconnect_failed: %s", exc)
            except Exception:  # noqa: BLE001 - logged; a background loop goes on
                _log.exception("store_reconnect_failed")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _connect(self) -> Wire:
        endpoint = await self._locate()
        loop = asyncio.get_running_loop()
        timeout_s = self._limits.deadline_s
        wire = await dial(endpoint, lambda: Wire(loop, self._limits), timeout_s)
        try:
            await self._prepare(wire, endpoint)
        except BaseException:
            wire.abort()
            raise
        return wire

    async def _prepare(self, wire: Wire, endpoint: Endpoint) -> None:
        greeting = [(str(words[0]), words) for words in endpoint.greeting()]
        loads = [
            (function.name, ("SCRIPT", "LOAD", function.source))
            for function in self._functions
        ]
        steps: list[tuple[str, tuple[str | int | bytes, ...]]] = [*greeting, *loads]
        replies = [wire.send(pack(words)) for _, words in steps]
        for (step, _), reply in zip(steps, await asyncio.gather(*replies), strict=True):
            if isinstance(reply, Refusal):
                raise _refused_at_door(step, reply)


def _refused_at_door(step: str, refusal: Refusal) -> StoreError:
    if refusal.code in _DENIED:
        return StoreMisused(f"the store refuses {step}: {refusal}")
    if "compiling script" in str(refusal):
        return StoreMisused(f"lua/{step}.lua does not compile: {refusal}")
    return StoreUnavailable(f"the store is not ready: {refusal}")
