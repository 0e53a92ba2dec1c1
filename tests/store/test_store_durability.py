"""
The durability level is what the server really does, never what was hoped for.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from inside_gateway import config_of, open_inside
from store_talk import SHOP, message

from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.durability import Profile, judge, probe
from gateway.store.embedded import EmbeddedStore
from gateway.store.errors import StoreUnavailable
from gateway.worker_config import EX_UNAVAILABLE, WorkerConfig
from loadtest.store_servers import DURABLE, Cluster, Server, wait_for


pytestmark = pytest.mark.anyio

GOOD = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory-policy": "noeviction",
    "min-replicas-to-write": "1",
}


@contextlib.asynccontextmanager
async def connected(url: str, replicas: int = 0) -> AsyncIterator[Scripts]:
    scripts = await Scripts.connect(url, replicas=replicas, deadline_s=1)
    try:
        yield scripts
    finally:
        await scripts.close()


async def level(url: str, replicas: int = 0) -> tuple[str, str]:
    async with connected(url, replicas) as scripts:
        found = await probe(scripts)
        return found.level, found.reason


async def test_embedded_store_is_durable(store_url: str) -> None:
    """The embedded default is durable."""
    assert (await level(store_url))[0] == "durable"


async def test_external_store_is_durable(external_store: Server) -> None:
    """An external server with the durable settings is durable."""
    assert (await level(external_store.url))[0] == "durable"


@pytest.mark.cluster
async def test_cluster_is_as_durable_as_its_weakest(cluster_store: Cluster) -> None:
    """One careless primary makes the whole cluster best effort."""
    assert (await level(cluster_store.url))[0] == "durable"
    cluster_store.primaries[2].ask("CONFIG", "SET", "appendfsync", "no")
    try:
        found, reason = await level(cluster_store.url)
        assert (found, "appendfsync no" in reason) == ("best-effort", True)
    finally:
        cluster_store.primaries[2].ask("CONFIG", "SET", "appendfsync", "always")


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("appendfsync", "everysec", "everysec"),
        ("appendfsync", "no", "appendfsync no"),
        ("appendonly", "no", "appendonly"),
        ("maxmemory-policy", "allkeys-lru", "allkeys-lru"),
        ("no-appendfsync-on-rewrite", "yes", "rewrite"),
    ],
)
async def test_weak_settings_are_best_effort(
    embedded_store: EmbeddedStore, store_url: str, name: str, value: str, word: str
) -> None:
    """Each setting that may lose acknowledged writes is reported, with the reason."""
    async with connected(store_url) as scripts:
        good = (await scripts.redis.config_get(name))[name]
        await scripts.redis.config_set(name, value)
        try:
            found = await probe(scripts)
        finally:
            await scripts.redis.config_set(name, good)
        assert found.level == "best-effort"
        assert word in found.reason
        assert (await probe(scripts)).level == "durable"


async def test_hidden_settings_are_best_effort(external_store: Server) -> None:
    """A server that does not show its settings promises nothing."""
    external_store.ask(
        "ACL", "SETUSER", "shy", "on", ">p", "~*", "&*", "+@all", "-config"
    )
    url = f"redis://shy:p@127.0.0.1:{external_store.port}"
    found, reason = await level(url)
    assert found == "best-effort"
    assert "does not show" in reason


@pytest.mark.parametrize(
    ("change", "replicas", "confirmed_by", "expected"),
    [
        ({}, 0, 0, "durable"),
        ({}, 1, 1, "durable-replicated"),
        ({}, 2, 1, "durable-replicated"),
        ({"appendfsync": "everysec"}, 1, 1, "durable-replicated"),
        ({}, 1, 0, "best-effort"),
        ({}, 0, 1, "best-effort"),
        ({}, 1, 2, "best-effort"),
        ({"min-replicas-to-write": "0"}, 1, 1, "best-effort"),
        ({"appendonly": "no"}, 1, 1, "best-effort"),
        ({"maxmemory-policy": "volatile-ttl"}, 1, 1, "best-effort"),
    ],
)
def test_judgement(
    change: dict[str, str], replicas: int, confirmed_by: int, expected: str
) -> None:
    """Replicas help only if calls wait for them and the primary stops without them."""
    assert judge(Profile(GOOD | change, replicas), confirmed_by).level == expected


@pytest.fixture
def replicated(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """A primary and one replica, both with a log on disk."""
    primary = Server(tmp_path / "primary", **DURABLE, min_replicas_to_write="1").start()
    replica = Server(
        tmp_path / "replica", **DURABLE, replicaof=f"127.0.0.1 {primary.port}"
    ).start()

    def is_linked() -> bool:
        with replica.client() as client:
            return str(client.info("replication")["master_link_status"]) == "up"

    wait_for(is_linked)
    yield primary, replica
    replica.stop()
    primary.stop()


@pytest.mark.faults
async def test_replicated_store_waits_for_its_replica(
    replicated: tuple[Server, Server],
) -> None:
    """With replicas to confirm, an answer means two disks; without them calls fail."""
    primary, replica = replicated
    async with connected(primary.url, replicas=1) as scripts:
        assert (await probe(scripts)).level == "durable-replicated"
        store = Conversations(scripts, "w")
        many = [store.accept(SHOP, f"c{n}", message("m")) for n in range(50)]
        assert {one.outcome for one in await asyncio.gather(*many)} == {"leased"}
        with replica.client() as client:
            assert client.dbsize() >= 100
        replica.signal(signal.SIGSTOP)
        with pytest.raises(StoreUnavailable):
            await store.accept(SHOP, "late", message("m"))
        replica.signal(signal.SIGCONT)
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(StoreUnavailable):
                    again = await store.accept(SHOP, "late", message("m"))
                    break
                await asyncio.sleep(0.05)
        assert again.outcome in {"repeat", "leased"}


@pytest.mark.faults
async def test_a_gateway_waits_for_as_many_replicas_as_configured(
    replicated: tuple[Server, Server], tmp_path: Path
) -> None:
    """With ``store.replicas`` a gateway is as durable as its replicas, and says so."""
    config = config_of(replicated[0].url, "http://127.0.0.1:9", tmp_path)
    store = msgspec.structs.replace(config.store, replicas=1)
    config = msgspec.structs.replace(config, store=store)
    async with open_inside(config, "a") as inside:
        said = (await inside.http.get("/readyz")).json()
        assert said["durability"] == "durable-replicated"
        assert (await inside.say("c1", "你好"))["status"] == "answered"


def test_a_worker_without_a_store_says_so_in_one_line(tmp_path: Path) -> None:
    """No trace: the supervisor starts it again, a person reads what is missing."""
    config = config_of(f"unix://{tmp_path}/none.sock", "http://127.0.0.1:9", tmp_path)
    handed = tmp_path / "worker.json"
    handed.write_bytes(
        msgspec.json.encode(WorkerConfig(config=config, visitor_secret="s" * 40))
    )
    command = [sys.executable, "-m", "gateway.worker", str(handed)]
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        subprocess.Popen(
            [*command, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,  # a worker ends when this closes
            stderr=subprocess.PIPE,
            text=True,
        ) as worker,
    ):
        assert worker.wait(60) == EX_UNAVAILABLE
        said = worker.stderr.read() if worker.stderr else ""
    assert "no store to work with" in said
    assert "Traceback" not in said


@pytest.mark.faults
async def test_replica_that_nobody_waits_for_is_reported(
    replicated: tuple[Server, Server],
) -> None:
    """A replicated server whose calls don't wait is best effort: a failover may lose."""
    found, reason = await level(replicated[0].url)
    assert found == "best-effort"
    assert "failover" in reason


@pytest.mark.faults
async def test_acknowledged_mail_survives_the_primary(
    replicated: tuple[Server, Server],
) -> None:
    """What was acknowledged with one replica confirming is on that replica afterwards."""
    primary, replica = replicated
    acknowledged: list[str] = []

    async def send(store: Conversations, name: str) -> None:
        with contextlib.suppress(StoreUnavailable):
            await store.accept(SHOP, name, message("m"))
            acknowledged.append(name)

    async with connected(primary.url, replicas=1) as scripts:
        store = Conversations(scripts, "w")
        sending = [asyncio.create_task(send(store, f"c{n}")) for n in range(300)]
        await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        primary.stop()
        await asyncio.wait(sending)
    assert acknowledged
    replica.ask("REPLICAOF", "NO", "ONE")
    async with connected(replica.url) as scripts:
        store = Conversations(scripts, "w")
        for name in acknowledged:
            assert len(await store.events(SHOP, name, 0, 9)) == 1, name
