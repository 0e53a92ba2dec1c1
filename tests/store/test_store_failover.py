"""
Servers that come, go and change roles: sentinel failover, cluster moves, dead primaries.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from redis import Redis
from store_talk import SHOP, answer, as_pending, lease_of, message

from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.errors import StoreUnavailable
from gateway.store.mailbox import Accepted
from gateway.store.single import SENTINEL_PAUSE_S
from loadtest.store_servers import (
    DURABLE,
    Cluster,
    Server,
    free_port,
    move_slot,
    node_id,
    wait_for,
    wait_until_synced,
)


T = TypeVar("T")

pytestmark = [pytest.mark.anyio, pytest.mark.faults, pytest.mark.cluster]


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Scripts]:
    scripts = await Scripts.connect(url)
    try:
        yield scripts
    finally:
        await scripts.close()


async def at_last(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call with the patience of a channel that retries."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(StoreUnavailable):
                return await call()
            await asyncio.sleep(0.05)


async def accept_at_last(
    store: Conversations, conversation: str, name: str
) -> Accepted:
    """Accept, however long it takes."""
    return await at_last(lambda: store.accept(SHOP, conversation, message(name)))


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Server, Server, str]]:
    """A primary, its replica, and one sentinel that watches them."""
    primary = Server(tmp_path / "one", **DURABLE).start()
    replica = Server(
        tmp_path / "two", **DURABLE, replicaof=f"127.0.0.1 {primary.port}"
    ).start()
    wait_until_synced(primary, replica)
    sentinel = Server(tmp_path / "sentinel")
    (tmp_path / "sentinel" / "conf").write_text(
        f"port {sentinel.port}\n"
        f"sentinel monitor main 127.0.0.1 {primary.port} 1\n"
        "sentinel down-after-milliseconds main 300\n"
        "sentinel failover-timeout main 3000\n"
    )
    sentinel.start_as_sentinel()
    sentinel.ask("SENTINEL", "DEBUG", "info-period", "200")

    def sees_replica() -> bool:
        with sentinel.client() as client:
            return len(client.sentinel_slaves("main")) == 1

    wait_for(sees_replica)
    yield primary, replica, f"redis+sentinel://127.0.0.1:{sentinel.port}/main"
    for server in (sentinel, replica, primary):
        server.stop()


async def test_sentinel_failover_is_followed(
    watched: tuple[Server, Server, str],
) -> None:
    """After the primary's death calls find the new one, and the data is there."""
    primary, replica, url = watched
    async with connected(url) as scripts:
        store = Conversations(scripts, "w")
        assert (await store.accept(SHOP, "c", message("m1"))).seq == 1
        await asyncio.to_thread(wait_until_synced, primary, replica)
        primary.stop()
        assert (await accept_at_last(store, "c", "m2")).seq == 2
        assert (await store.accept(SHOP, "c", message("m1"))).outcome == "repeat"


async def test_outvoted_primary_is_left(watched: tuple[Server, Server, str]) -> None:
    """A primary that was voted out, and does not know it yet, gets no more writes."""
    primary, replica, url = watched
    async with connected(url) as scripts:
        store = Conversations(scripts, "w")
        await store.accept(SHOP, "c", message("m1"))
        await asyncio.to_thread(wait_until_synced, primary, replica)
        sentinel_port = int(url.rpartition(":")[2].partition("/")[0])
        with Redis(port=sentinel_port) as sentinel:
            # Refused until the sentinel has heard enough of the replica.
            await asyncio.to_thread(
                wait_for,
                lambda: sentinel.execute_command("SENTINEL", "FAILOVER", "main"),
            )

        def is_primary() -> bool:
            with replica.client() as client:
                return str(client.info("replication")["role"]) == "master"

        await asyncio.to_thread(wait_for, is_primary)
        await asyncio.sleep(2 * SENTINEL_PAUSE_S)
        await accept_at_last(store, "new", "m1")
        with replica.client() as client:
            assert client.exists(keys.of_conversation(SHOP, "new").conversation)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of its own, to be damaged."""
    cluster = Cluster(tmp_path, primaries=3, replicas=1).start()
    yield cluster
    cluster.stop()


async def test_dead_primary_is_replaced(cluster: Cluster) -> None:
    """When a primary dies, its replica's promotion is noticed and used."""
    names = [f"c{n}" for n in range(30)]
    async with connected(cluster.url) as scripts:
        store = Conversations(scripts, "w")
        for name in names:
            assert (await store.accept(SHOP, name, message("m1"))).seq == 1
        for pair in zip(cluster.primaries, cluster.replicas, strict=True):
            await asyncio.to_thread(wait_until_synced, *pair)
        cluster.primaries[1].stop()
        for name in names:
            accepted = await accept_at_last(store, name, "m2")
            assert (accepted.seq, accepted.outcome) == (2, "waiting"), name


async def test_slots_move_under_load(cluster: Cluster) -> None:
    """While slots move between primaries nothing is lost, doubled or out of order."""
    source, target = cluster.primaries[0], cluster.primaries[2]
    names = [f"c{n}" for n in range(40)]
    moving = True

    async def talk(store: Conversations, name: str) -> int:
        count = 0
        while moving or count < 5:
            count += 1
            sent = message(f"m{count}")
            accepted = await accept_at_last(store, name, sent.message_id)
            lease, pending = lease_of(name, accepted), as_pending(accepted, sent)
            await at_last(partial(answer, store, lease, pending))
            await asyncio.sleep(0.02)
        return count

    async with connected(cluster.url) as scripts:
        store = Conversations(scripts, "w", log_keep=100_000)
        talks = [asyncio.create_task(talk(store, name)) for name in names]
        await asyncio.to_thread(move_slots, cluster, source, target, names)
        moving = False
        counts = await asyncio.gather(*talks)
        for name, count in zip(names, counts, strict=True):
            events = await store.events(SHOP, name, 0, 99_999)
            assert events[-1].n == 2 * count
            kinds = [event.kind for event in events]
            assert kinds == ["m", "reply"] * (len(kinds) // 2)


def move_slots(
    cluster: Cluster, source: Server, target: Server, names: list[str]
) -> None:
    """Move the slots of these conversations from *source* to *target*, key by key."""
    with source.client() as old:
        slots = {
            int(old.execute_command("CLUSTER", "KEYSLOT", keys.tag(SHOP, bucket)))
            for bucket in {keys.bucket_of(name) for name in names}
        }
        mine = sorted(slot for slot in slots if slot <= 16384 // 3 - 1)
        assert mine
    for slot in mine:
        move_slot(slot, source, target)


async def test_node_unknown_before_is_reached(cluster: Cluster) -> None:
    """A redirection to a node that joined after the connect is followed."""
    async with connected(cluster.url) as scripts:
        store = Conversations(scripts, "w")
        added = Server(
            cluster.primaries[0].folder / "new",
            cluster_enabled="yes",
            cluster_port=str(free_port()),
            **DURABLE,
        ).start()
        cluster._meet(cluster.primaries[0], added)
        try:
            names = [f"c{n}" for n in range(20)]

            def is_known() -> bool:
                id_ = node_id(added).encode()
                return all(
                    id_ in node.ask("CLUSTER", "NODES")  # type: ignore[operator]
                    for node in cluster.primaries
                )

            await asyncio.to_thread(wait_for, is_known)
            await asyncio.to_thread(
                move_slots, cluster, cluster.primaries[0], added, names
            )
            for name in names:
                assert (await accept_at_last(store, name, "m1")).seq == 1
            with added.client() as client:
                assert client.dbsize() > 0
        finally:
            added.stop()
