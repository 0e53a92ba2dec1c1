"""
Which server holds a key: the port, for one server and for many.

The client library (redis-py) finds servers and keeps the map of a cluster; the
batching links do the talking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol, TypeAlias

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from gateway.store.link import Endpoint, Link


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


async def end_task(task: asyncio.Task[None] | None) -> None:
    """Cancel a background task, if there is one, and wait for its end."""
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
