"""One server, or whichever the sentinels call primary at the time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import msgspec
from redis.asyncio import Redis, Sentinel

from gateway.store.address import Address
from gateway.store.errors import StoreUnavailable
from gateway.store.functions import Function
from gateway.store.link import Endpoint, Link
from gateway.store.topology import LIBRARY_FAILURES, Client, end_task
from gateway.store.wire import Limits


#: Sentinels are asked this often whether the primary is still the primary.
SENTINEL_PAUSE_S = 1.0


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
        await end_task(self._following)
        await self._link.close()
        await self.client.aclose()
        if self._sentinel is not None:
            for sentinel in self._sentinel.sentinels:
                await sentinel.aclose()
