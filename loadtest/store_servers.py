"""
Real store servers to be broken: single, replicated, clustered, watched by a sentinel.

All are processes of the shipped server program on the loopback interface.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from gateway.store.server import binary


DURABLE = {"appendonly": "yes", "appendfsync": "always"}


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(what: Callable[[], object], limit_s: float = 20.0) -> None:
    """Poll until *what* is true; store errors mean "not yet"."""
    give_up = time.monotonic() + limit_s
    while time.monotonic() < give_up:
        with suppress(RedisError, OSError):
            if what():
                return
        time.sleep(0.02)
    raise TimeoutError(what)


class Server:
    """One server process; keeps port, folder and settings over restarts."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def client(self) -> Redis:
        return Redis(port=self.port, socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def start(self) -> Server:
        words = [str(binary())]
        for name, value in {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "save": "",
            "repl-diskless-sync-delay": "0",
            **self.settings,
        }.items():
            words += [f"--{name.replace('_', '-')}", *value.split(" ")]
        return self._run(words)

    def start_as_sentinel(self) -> Server:
        """Run with the file ``conf`` of the folder, which a sentinel rewrites."""
        return self._run([str(binary()), str(self.folder / "conf"), "--sentinel"])

    def _run(self, words: list[str]) -> Server:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the shipped program
                words, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        wait_for(lambda: self.ask("PING"))
        return self

    def ask(self, *words: str) -> object:
        with self.client() as client:
            return client.execute_command(*words)

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Cluster:
    """Primaries that share all slots, each with the same number of replicas."""

    def __init__(
        self, folder: Path, primaries: int = 3, replicas: int = 0, **settings: str
    ) -> None:
        self._settings = {**DURABLE, **settings}
        self.primaries = [self._node(folder / f"p{n}") for n in range(primaries)]
        self.replicas = [
            self._node(folder / f"r{n}") for n in range(primaries * replicas)
        ]
        self.url = self.primaries[0].url

    def _node(self, folder: Path) -> Server:
        return Server(
            folder,
            cluster_enabled="yes",
            cluster_port=str(free_port()),
            cluster_node_timeout="1500",
            cluster_allow_replica_migration="no",
            **self._settings,
        )

    @property
    def nodes(self) -> list[Server]:
        return self.primaries + self.replicas

    def start(self) -> Cluster:
        for node in self.nodes:
            node.start()
        edges = [n * 16384 // len(self.primaries) for n in range(1, 99)]
        first = 0
        for number, node in enumerate(self.primaries):
            last = edges[number] - 1
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            node.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            first = last + 1
        for node in self.nodes[1:]:
            self._meet(self.primaries[0], node)
        self._wait_until_all_know_all()
        for number, node in enumerate(self.replicas):
            primary = self.primaries[number % len(self.primaries)]
            node.ask("CLUSTER", "REPLICATE", node_id(primary))
        self.wait_until_ok()
        return self

    @staticmethod
    def _meet(one: Server, other: Server) -> None:
        one.ask(
            "CLUSTER",
            "MEET",
            "127.0.0.1",
            str(other.port),
            other.settings["cluster_port"],
        )

    def _wait_until_all_know_all(self) -> None:
        def known(node: Server) -> int:
            with node.client() as client:
                return int(client.cluster("info")["cluster_known_nodes"])

        for node in self.nodes:
            wait_for(lambda node=node: known(node) == len(self.nodes))  # type: ignore[misc]

    def wait_until_ok(self) -> None:
        def is_ok(node: Server) -> bool:
            with node.client() as client:
                return str(client.cluster("info")["cluster_state"]) == "ok"

        for node in self.nodes:
            wait_for(lambda node=node: is_ok(node))  # type: ignore[misc]

    def flush(self) -> None:
        for node in self.primaries:
            node.ask("FLUSHALL")

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


def move_slot(slot: int, source: Server, target: Server) -> None:
    """Move a slot and what is in it, key by key, while both serve."""
    ids = node_id(source), node_id(target)
    with source.client() as old, target.client() as new:
        new.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
        old.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
        while found := old.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 3):
            old.execute_command(
                "MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *found
            )
        for node in (target, source):
            node.ask("CLUSTER", "SETSLOT", str(slot), "NODE", ids[1])


def node_id(node: Server) -> str:
    """Name of a node inside its cluster."""
    with node.client() as client:
        name = client.execute_command("CLUSTER", "MYID")
    return name.decode() if isinstance(name, bytes) else str(name)


def wait_until_synced(primary: Server, replica: Server) -> None:
    """Return when the replica has every write of its primary."""

    def is_synced() -> bool:
        with primary.client() as one, replica.client() as two:
            wanted = one.info("replication")["master_repl_offset"]
            got = two.info("replication")
        is_linked = got.get("master_link_status") == "up"
        return bool(is_linked and got["slave_repl_offset"] >= wanted)

    wait_for(is_synced)
