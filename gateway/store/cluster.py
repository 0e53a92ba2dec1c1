"""Several primaries that share the keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress

import msgspec
from redis.asyncio import RedisCluster
from redis.crc import key_slot

from gateway.store.address import Address
from gateway.store.errors import StoreUnavailable
from gateway.store.functions import Function
from gateway.store.link import Endpoint, Link
from gateway.store.topology import LIBRARY_FAILURES, Client, end_task
from gateway.store.wire import Limits


#: At most this often is the map of a cluster read again after a failure.
REFRESH_PAUSE_S = 0.2


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
        await end_task(self._looking)
        for link in self._links.values():
            await link.close()
        await self._cluster.aclose()
