"""
Which server holds a key: one server, whatever sentinels name, or a cluster.

The client library (redis-py) finds servers and keeps the map of a cluster; the
batching links do the talking.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

import msgspec
from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.crc import key_slot
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
)

from gateway.store.address import Address
from gateway.store.errors import StoreMisused, StoreUnavailable
from gateway.store.functions import Function
from gateway.store.link import Endpoint, Link
from gateway.store.wire import Limits


#: At most this often is the map of a cluster read again after a failure.
REFRESH_PAUSE_S = 0.2

#: Sentinels are asked this often whether the primary is still the primary.
SENTINEL_PAUSE_S = 1.0

#: What the library raises when it can't reach what it looks for; its cluster
#: client has an error of its own outside its tree.
LIBRARY_FAILURES = (RedisError, RedisClusterException, OSError)

Client: TypeAlias = "Redis | RedisCluster"


class Topology(Protocol):
    """Finds the link to the server that holds a key."""

    @property
    def client(self) -> Client:
        """The library's own client, for rare calls."""
        ...

    async def open(self) -> None:
        """Connect to every server."""
        ...

    def link(self, key: str) -> Link:
        """The link to the server that holds *key*."""
        ...

    def links(self) -> Iterable[Link]:
        """One link to each primary."""
        ...

    async def refresh(self) -> None:
        """Look again who holds what."""
        ...

    def link_at(self, host: str, port: int) -> Link:
        """The link to the server at an address it was redirected to."""
        ...

    async def locate_any(self) -> Endpoint:
        """A primary, for subscriptions."""
        ...

    async def close(self) -> None:
        """Close everything."""
        ...


class SingleServer:
    """One server; with sentinels, whichever they name at the time."""

    def __init__(
        self, address: Address, functions: Iterable[Function], limits: Limits
    ) -> None:
        self._address = address
        self._sentinel: Sentinel | None = None
        if address.kind == "sentinel":
            self._sentinel = Sentinel(  # type: ignore[no-untyped-call]
                list(address.sentinels), socket_timeout=limits.deadline_s
            )
        self.client: Client = self._make_client(limits)
        self._connected_to = address.endpoint
        self._following: asyncio.Task[None] | None = None
        self._link = Link(self._locate, functions, limits)

    def _make_client(self, limits: Limits) -> Redis:
        if self._sentinel is None:
            return Redis.from_url(self._address.url, socket_timeout=limits.deadline_s)
        door = self._address.endpoint
        client: Redis = self._sentinel.master_for(
            self._address.service,
            db=door.db,
            username=door.username or None,
            password=door.password or None,
        )
        return client

    async def open(self) -> None:
        """Connect; with sentinels, leave a primary as soon as they name another."""
        await self._link.open()
        if self._sentinel is not None:
            self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        # A primary that was voted out does not know it yet and takes writes
        # that will be thrown away: its word alone is not enough.
        while True:
            await asyncio.sleep(SENTINEL_PAUSE_S)
            with suppress(StoreUnavailable):
                if await self.locate_any() != self._connected_to:
                    self._link.reconnect()

    def link(self, key: str) -> Link:  # noqa: ARG002 - one server holds all keys
        """The one link."""
        return self._link

    def links(self) -> Iterable[Link]:
        """The one link."""
        return (self._link,)

    async def refresh(self) -> None:
        """Connect anew: a former primary may have become a replica."""
        self._link.reconnect()

    def link_at(self, host: str, port: int) -> Link:
        """A single server redirects nobody."""
        raise StoreUnavailable(f"redirected to {host}:{port} without a cluster")

    async def _locate(self) -> Endpoint:
        self._connected_to = await self.locate_any()
        return self._connected_to

    async def locate_any(self) -> Endpoint:
        """The server, or whom the sentinels call primary now."""
        if self._sentinel is None:
            return self._address.endpoint
        try:
            host, port = await self._sentinel.discover_master(self._address.service)
        except LIBRARY_FAILURES as exc:
            raise StoreUnavailable(f"no sentinel names a primary: {exc}") from exc
        return msgspec.structs.replace(
            self._address.endpoint, host=str(host), port=int(port)
        )

    async def close(self) -> None:
        """Close link, client and sentinels."""
        await _end(self._following)
        await self._link.close()
        await self.client.aclose()
        if self._sentinel is not None:
            for sentinel in self._sentinel.sentinels:
                await sentinel.aclose()


class Cluster:
    """Several primaries; each has its own link, and each hash tag one primary."""

    def __init__(
        self, address: Address, functions: Iterable[Function], limits: Limits
    ) -> None:
        self._door = address.endpoint
        self._functions = tuple(functions)
        self._limits = limits
        self._cluster = RedisCluster.from_url(
            address.url, socket_timeout=limits.deadline_s
        )
        self.client: Client = self._cluster
        self._links: dict[tuple[str, int], Link] = {}
        self._by_tag: dict[str, Link] = {}
        self._refreshed_at = 0.0
        self._refreshing = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read the map and connect to every primary."""
        try:
            await self._cluster.initialize()
        except LIBRARY_FAILURES as exc:
            raise StoreUnavailable(f"no cluster answers: {exc}") from exc
        for host, port in self._primaries():
            link = self._new_link(host, port)
            self._links[host, port] = link
            await link.open()

    def _primaries(self) -> list[tuple[str, int]]:
        return [
            (str(node.host), int(node.port)) for node in self._cluster.get_primaries()
        ]

    def _new_link(self, host: str, port: int) -> Link:
        endpoint = msgspec.structs.replace(self._door, host=host, port=port)

        async def locate() -> Endpoint:
            return endpoint

        return Link(locate, self._functions, self._limits)

    def link(self, key: str) -> Link:
        """The link to the primary of the key's hash tag."""
        end = key.find("}")
        tag = key[: end + 1] if end > 0 else key
        link = self._by_tag.get(tag)
        if link is None:
            link = self._by_tag[tag] = self._look_up(tag)
        if not link.is_up and self._looking is None:
            # Its primary may have been replaced: look, while this call fails.
            self._looking = asyncio.create_task(self._look_again())
        return link

    async def _look_again(self) -> None:
        try:
            await asyncio.sleep(REFRESH_PAUSE_S)
            await self.refresh()
        finally:
            self._looking = None

    def _look_up(self, tag: str) -> Link:
        try:
            node = self._cluster.nodes_manager.get_node_from_slot(
                key_slot(tag.encode())
            )
        except LIBRARY_FAILURES as exc:
            raise StoreUnavailable(f"no primary holds the key: {exc}") from exc
        return self.link_at(str(node.host), int(node.port))

    def links(self) -> Iterable[Link]:
        """The links to the primaries known now."""
        return tuple(self.link_at(host, port) for host, port in self._primaries())

    def link_at(self, host: str, port: int) -> Link:
        """The link to one node; a new one opens in the background."""
        link = self._links.get((host, port))
        if link is None:
            link = self._links[host, port] = self._new_link(host, port)
            link.open_later()
        return link

    async def refresh(self) -> None:
        """Read the map again, unless it was just read."""
        async with self._refreshing:
            if time.monotonic() - self._refreshed_at < REFRESH_PAUSE_S:
                return
            with suppress(*LIBRARY_FAILURES):
                await self._cluster.nodes_manager.initialize()
            self._refreshed_at = time.monotonic()
            self._by_tag.clear()
            await self._drop_strangers()

    async def _drop_strangers(self) -> None:
        known = set(self._primaries())
        for where in [where for where in self._links if where not in known]:
            await self._links.pop(where).close()

    async def locate_any(self) -> Endpoint:
        """A primary that is up, or else any: publications reach all of them."""
        primaries = self._primaries()
        for where in primaries:
            link = self._links.get(where)
            if link is not None and link.is_up:
                return self._endpoint_of(where)
        await self.refresh()
        return self._endpoint_of(primaries[0])

    def _endpoint_of(self, where: tuple[str, int]) -> Endpoint:
        return msgspec.structs.replace(self._door, host=where[0], port=where[1])

    async def close(self) -> None:
        """Close all links and the client."""
        await _end(self._looking)
        for link in self._links.values():
            await link.close()
        await self._cluster.aclose()


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def choose(
    address: Address, functions: Iterable[Function], limits: Limits
) -> Topology:
    """
    Pick the topology of *address*; a plain address may turn out a cluster.

    Raises:
        StoreUnavailable: If nobody answers.
        StoreMisused: If the credentials are refused.
    """
    if address.kind == "single" and await _is_cluster(address, limits):
        address = msgspec.structs.replace(address, kind="cluster")
    if address.kind == "cluster":
        return Cluster(address, functions, limits)
    return SingleServer(address, functions, limits)


async def _is_cluster(address: Address, limits: Limits) -> bool:
    if address.endpoint.path:
        return False
    client = Redis.from_url(address.url, socket_timeout=limits.deadline_s)
    try:
        facts: dict[str, Any] = await client.info("cluster")
    except NoPermissionError:
        # A user without the right to ask is taken at the word of the address.
        return False
    except AuthenticationError as exc:
        raise StoreMisused(f"the store refuses the credentials: {exc}") from exc
    except LIBRARY_FAILURES as exc:
        raise StoreUnavailable(f"the store does not answer: {exc}") from exc
    finally:
        await client.aclose()
    return bool(facts.get("cluster_enabled"))
