"""
Calls to the store's functions.

:class:`Scripts` runs ``lua/<name>.lua`` by name on the server that holds its
first key. Calls made in one turn of the event loop share one write. A call
returns after the server has answered, which in the durable profile means after
the write is on disk. It is sent once: a call whose answer is lost raises, and
whether to repeat it is the caller's choice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.store import address, discovery
from gateway.store.errors import ScriptError, StoreRefusing, StoreUnavailable
from gateway.store.functions import Function, load_functions
from gateway.store.link import Link
from gateway.store.subscription import Subscription
from gateway.store.topology import Client, Topology
from gateway.store.wire import Limits, Refusal, pack


#: The server says: not here, not now. Nothing was written.
_NOT_NOW = frozenset(
    {
        "LOADING",
        "BUSY",
        "OOM",
        "READONLY",
        "MISCONF",
        "NOREPLICAS",
        "MASTERDOWN",
        "CLUSTERDOWN",
        "TRYAGAIN",
        "UNKILLABLE",
    }
)

#: Redirections followed for one call before it is given up.
MOST_REDIRECTIONS = 6

_ASKING: bytes = pack(("ASKING",))


class Scripts:
    """The store's functions, callable by name."""

    def __init__(
        self, servers: Topology, functions: Mapping[str, Function], limits: Limits
    ) -> None:
        self._servers = servers
        self._functions = functions
        self._limits = limits

    @classmethod
    async def connect(
        cls, url: str, *, deadline_s: float = 2.0, replicas: int = 0
    ) -> Scripts:
        """
        Connect to the store at *url* (see :mod:`gateway.store.address`).

        With *replicas*, a call returns only when the disks of the primary and
        of that many replicas hold its write.

        Raises:
            StoreUnavailable: If the store does not answer.
            StoreMisused: If the address or the credentials are wrong.
        """
        limits = Limits(deadline_s=deadline_s, replicas=replicas)
        functions = load_functions()
        servers = await discovery.choose(address.parse(url), functions.values(), limits)
        try:
            await servers.open()
        except BaseException:
            await servers.close()
            raise
        return cls(servers, functions, limits)

    @property
    def redis(self) -> Client:
        """The client library, for rare calls; bytes in, bytes out."""
        return self._servers.client

    @property
    def replicas(self) -> int:
        """Replicas that must hold a write before a call returns."""
        return self._limits.replicas

    @property
    def is_up(self) -> bool:
        """Whether every primary is connected."""
        return all(link.is_up for link in self._servers.links())

    async def call(
        self, name: str, keys: Sequence[str], args: Sequence[str | bytes | int]
    ) -> Any:
        """
        Run ``lua/<name>.lua``; all *keys* lie in one bucket.

        Raises:
            StoreUnavailable: If no answer came; the call may have happened.
            StoreRefusing: If the server takes no such call now; it did not happen.
            ScriptError: If the function refused.
        """
        function = self._functions[name]
        tail = (len(keys), *keys, *args)
        packed = pack(("EVALSHA", function.sha, *tail))
        reply = await self._servers.link(keys[0]).send(packed)
        if type(reply) is not Refusal:
            return reply
        whole = pack(("EVAL", function.source, *tail))
        return await self._settle(name, keys[0], whole, reply)

    async def command(self, key: str, *words: str | bytes | int) -> Any:
        """
        Run one plain command on the server that holds *key*.

        Raises:
            As :meth:`call`.
        """
        packed = pack(words)
        reply = await self._servers.link(key).send(packed)
        if type(reply) is not Refusal:
            return reply
        return await self._settle(str(words[0]), key, packed, reply)

    async def on_each_primary(self, *words: str | bytes | int) -> list[Any]:
        """
        Run one plain command on every primary; the replies.

        Raises:
            StoreUnavailable: If one of them does not answer.
            ScriptError: If one of them refuses.
        """
        packed = pack(words)
        sent = [link.send(packed) for link in self._servers.links()]
        replies = await asyncio.gather(*sent)
        for reply in replies:
            if type(reply) is Refusal:
                raise _meaning(str(words[0]), reply)
        return replies

    async def _settle(self, name: str, key: str, packed: bytes, reply: Refusal) -> Any:
        """Find out where to ask instead, or raise what the refusal means."""
        answer: Any = reply
        for _ in range(MOST_REDIRECTIONS):
            if answer.code == "NOSCRIPT":
                answer = await self._servers.link(key).send(packed)
            elif answer.code == "MOVED":
                await self._servers.refresh()
                answer = await (await self._at(answer)).send(packed)
            elif answer.code == "ASK":
                link = await self._at(answer)
                answer = await link.send(_ASKING + packed, commands=2)
            elif answer.code in {"TRYAGAIN", "CLUSTERDOWN"}:
                await asyncio.sleep(self._limits.deadline_s / (4 * MOST_REDIRECTIONS))
                await self._servers.refresh()
                answer = await self._servers.link(key).send(packed)
            else:
                break
            if type(answer) is not Refusal:
                return answer
        if answer.code == "READONLY":
            await self._servers.refresh()
        raise _meaning(name, answer)

    async def _at(self, redirection: Refusal) -> Link:
        host, _, port = str(redirection).split()[2].rpartition(":")
        link = self._servers.link_at(host, int(port))
        await link.until_up()
        return link

    def subscribe(self, pattern: str) -> Subscription:
        """Everything published on channels that match *pattern*, from now on."""
        return Subscription(self._servers.locate_any, pattern, self._limits)

    async def close(self) -> None:
        """Close all connections; calls under way fail."""
        await self._servers.close()


def _meaning(name: str, refusal: Refusal) -> Exception:
    if refusal.code in _NOT_NOW:
        return StoreRefusing(str(refusal))
    if refusal.code in {"MOVED", "ASK"}:
        return StoreUnavailable(f"the cluster is moving keys: {refusal}")
    return ScriptError(name, str(refusal))
