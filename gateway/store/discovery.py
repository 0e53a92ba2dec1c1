"""What stands behind an address: one server, sentinels or a cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from gateway.store.address import Address
from gateway.store.cluster import Cluster
from gateway.store.errors import StoreMisused, StoreUnavailable
from gateway.store.functions import Function
from gateway.store.single import SingleServer
from gateway.store.topology import LIBRARY_FAILURES, Topology
from gateway.store.wire import Limits


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
