"""
Rows of the fault matrix about processes and stores, each a run under load.

Every run is judged by the history checker; a row says how many messages were
acknowledged, what became of them, and how long the slowest one took.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
import msgspec

from gateway.config import Config
from gateway.stack import Stack, running
from gateway.store.keys import bucket_of, tag
from loadtest.fault_proxy import FaultProxy, Mood
from loadtest.faults import FaultReport, run_faults
from loadtest.gateways import run_gateways
from loadtest.matrix_row import Matrix, Outcome, judged
from loadtest.store_servers import (
    DURABLE,
    Cluster,
    Server,
    move_slot,
    wait_for,
    wait_until_synced,
)
from loadtest.striker import Strike


#: How long a line stays bad, seconds.
_BAD_S = 1.5
#: Clients ask again until a store that fails over is back.
_PATIENCE_S = 90.0
#: Nothing but the server's own needs fits into this.
_NO_ROOM = "1mb"
#: Conversations whose slots are moved, and the first slot that another primary has.
_MOVED, _FIRST_THIRD = 40, 16384 // 3
#: A primary without this many replicas takes no writes.
_MIN_REPLICAS = {"min_replicas_to_write": "1", "min_replicas_max_lag": "10"}


def _run(
    matrix: Matrix,
    fault: str,
    config: Config,
    make_strike: Callable[[Stack], Strike] | None = None,
) -> FaultReport:
    return run_faults(
        config,
        fault,
        messages=matrix.messages,
        strikes=matrix.strikes,
        seed=matrix.seed,
        tell=matrix.tell,
        give_up_s=_PATIENCE_S,
        make_strike=make_strike,
    )


def processes(fault: str) -> Callable[[Matrix], Outcome]:
    """A row that strikes processes of a stack with the embedded store."""

    def row(matrix: Matrix) -> Outcome:
        return judged(_run(matrix, fault, matrix.config))

    return row


def _on(config: Config, url: str, replicas: int = 0) -> Config:
    store = msgspec.structs.replace(config.store, url=url, replicas=replicas)
    return msgspec.structs.replace(config, store=store)


@contextmanager
def _server(**settings: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="tg-") as folder:
        server = Server(Path(folder), **settings).start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _cluster(**settings: str) -> Iterator[Cluster]:
    """Three primaries with a replica each."""
    with tempfile.TemporaryDirectory(prefix="tg-") as folder:
        cluster = Cluster(Path(folder), primaries=3, replicas=1, **settings).start()
        for pair in zip(cluster.primaries, cluster.replicas, strict=True):
            wait_until_synced(*pair)
        try:
            yield cluster
        finally:
            cluster.stop()


# --- a store over a bad line, without room, or without fsync ---


def line(mood: Mood) -> Callable[[Matrix], Outcome]:
    """A row whose line to an external store turns bad again and again."""

    def row(matrix: Matrix) -> Outcome:
        with _server(**DURABLE) as server:
            proxy = FaultProxy(server.port).start()
            try:
                config = _on(matrix.config, f"redis://127.0.0.1:{proxy.port}")
                report = _run(matrix, mood, config, lambda _: _spoils(proxy))
            finally:
                proxy.stop()
        return judged(report)

    return row


def _spoils(proxy: FaultProxy) -> Strike:
    async def strike(mood: str) -> int:
        proxy.become(msgspec.convert(mood, Mood))
        await asyncio.sleep(_BAD_S)
        proxy.become("well")
        return 1

    return strike


def no_room(matrix: Matrix) -> Outcome:
    """Memory is used up: writes are refused, nothing is evicted, then it goes on."""
    with _server(**DURABLE, maxmemory_policy="noeviction") as server:

        async def strike(_: str) -> int:
            await asyncio.to_thread(server.ask, "CONFIG", "SET", "maxmemory", _NO_ROOM)
            await asyncio.sleep(_BAD_S)
            await asyncio.to_thread(server.ask, "CONFIG", "SET", "maxmemory", "0")
            return 1

        report = _run(
            matrix, "no room", _on(matrix.config, server.url), lambda _: strike
        )
        with server.client() as client:
            evicted = client.info("stats")["evicted_keys"]
    outcome = judged(report)
    return Outcome(
        outcome.is_fine and not evicted,
        f"{outcome.found}, {evicted} evicted",
        outcome.kills,
    )


def weak_store(matrix: Matrix) -> Outcome:
    """A store that syncs once a second is called what it is."""
    with (
        _server(appendonly="yes", appendfsync="everysec") as server,
        tempfile.TemporaryDirectory(prefix="tg-") as folder,
    ):
        config = _on(matrix.config, server.url)
        replace = msgspec.structs.replace
        config = replace(
            config,
            data_dir=folder,
            server=replace(config.server, port=0),
            log=replace(config.log, path=str(Path(folder) / "log")),
        )
        with running(config, matrix.tell) as stack:
            said = httpx.get(f"{stack.url}/readyz", trust_env=False).json()
    found = f"/readyz: {said['durability']} ({said['why']})"
    return Outcome(said["durability"] == "best-effort", found, 0)


# --- a cluster ---


@contextmanager
def replicated_cluster(config: Config) -> Iterator[Config]:
    """*config* on three primaries with replicas, every write on two disks."""
    with _cluster(**_MIN_REPLICAS) as cluster:
        yield _on(config, cluster.url, replicas=1)


def whole_gateways(matrix: Matrix) -> Outcome:
    """Two gateways, killed whole, one at a time or both, some before they are up."""
    with replicated_cluster(matrix.config) as config:
        report = run_gateways(
            config,
            gateways=2,
            kills=matrix.strikes,
            messages=matrix.messages,
            seed=matrix.seed,
            tell=matrix.tell,
        )
    outcome = judged(report.run)
    found = f"{outcome.found}; {report.kills} gateways, {report.at_once} times both"
    return Outcome(outcome.is_fine, found, report.kills)


def dead_primaries(matrix: Matrix) -> Outcome:
    """
    Primaries die by kill -9 and return as replicas, with every write confirmed by
    a replica's disk.
    """
    with _cluster(**_MIN_REPLICAS) as cluster:
        config = _on(matrix.config, cluster.url, replicas=1)
        report = _run(matrix, "primary", config, lambda _: _kills_primaries(cluster))
    return judged(report)


def dead_primaries_unconfirmed(matrix: Matrix) -> Outcome:
    """The same without waiting for replicas: what is lost is counted, not promised."""
    with _cluster() as cluster:
        report = _run(
            matrix,
            "primary",
            _on(matrix.config, cluster.url),
            lambda _: _kills_primaries(cluster),
        )
    lost, whole = report.verdict.count("lost"), report.verdict.acknowledged
    return Outcome(
        is_fine=True,
        found=f"{lost} of {whole} acknowledged lost (no promise: best-effort)",
        kills=report.struck,
    )


def _kills_primaries(cluster: Cluster) -> Strike:
    """One after the other, replica and primary changing places each time."""
    pairs = list(zip(cluster.primaries, cluster.replicas, strict=True))
    turns = count()

    def fail_over() -> int:
        number = next(turns) % len(pairs)
        primary, replica = pairs[number]
        primary.stop()
        wait_for(lambda: _role(replica) == "master", 30.0)
        primary.start()
        wait_for(lambda: _role(primary) == "slave", 30.0)
        wait_until_synced(replica, primary)
        pairs[number] = replica, primary
        return 1

    async def strike(_: str) -> int:
        return await asyncio.to_thread(fail_over)

    return strike


def _role(server: Server) -> str:
    with server.client() as client:
        return str(client.info("replication")["role"])


def moving_slots(matrix: Matrix) -> Outcome:
    """Slots go from one primary to another and back while messages come."""
    with _cluster() as cluster:
        turns = count()
        slots = [
            slot for slot in _slots_of(cluster, matrix.shop) if slot < _FIRST_THIRD
        ]

        def move() -> None:
            ends = cluster.primaries[0], cluster.primaries[2]
            source, target = ends if next(turns) % 2 == 0 else ends[::-1]
            for slot in slots:
                move_slot(slot, source, target)

        async def strike(_: str) -> int:
            await asyncio.to_thread(move)
            return 1

        config = _on(matrix.config, cluster.url)
        report = _run(matrix, "slots", config, lambda _: strike)
    return judged(report)


def _slots_of(cluster: Cluster, shop: str) -> list[int]:
    """Slots in which the runs' conversations lie."""
    buckets = {bucket_of(f"app.f{number}") for number in range(_MOVED)}
    with cluster.primaries[0].client() as client:
        found = [
            int(client.execute_command("CLUSTER", "KEYSLOT", tag(shop, bucket)))
            for bucket in sorted(buckets)
        ]
    return sorted(set(found))
