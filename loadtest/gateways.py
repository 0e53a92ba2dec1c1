"""
Several whole gateways on one external store, killed one after the other and at once.

Each is ``tidegate serve`` as an operator starts it: supervisor, fork server, workers.
A strike kills every process of a gateway by kill -9, now and then of all of them at
once, and starts it again while the next strike may already fall. With an older
checkout beside this one, a gateway changes its version at each start: a rolling
deploy to and fro, both versions on one store all the time.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from time import monotonic

import httpx
import msgspec

from gateway.config import Config
from gateway.secrets import FILE_NAME, fill
from loadtest.faults import LEASE_MS, FaultReport, run_clients
from loadtest.repeater import Repeater
from loadtest.store_servers import free_port


#: Seconds until a gateway that was started must take messages.
_READY_S = 120.0
#: One strike in so many kills all gateways at once.
_ALL = 6
#: Clients ask again for so long, seconds.
_GIVE_UP_S = 180.0
#: This checkout.
HERE = Path(__file__).parents[1]


class GatewayProcess:
    """
    One whole gateway; keeps port and data folder over its lives.

    Args:
        versions: Checkouts that it runs from, one after the other.
    """

    def __init__(
        self, folder: Path, environ: dict[str, str], versions: Sequence[Path]
    ) -> None:
        self._folder = folder
        self._environ = environ
        self._versions = cycle(versions)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start its next life."""
        checkout = str(next(self._versions))
        words = [sys.executable, "-c", "from gateway.cli.main import main; main()"]
        words += ["serve", "--data-dir", str(self._folder), "--port", str(self.port)]
        with (self._folder / "said").open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                words,
                cwd=checkout,
                env={**self._environ, "PYTHONPATH": checkout},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def kill(self) -> int:
        """Kill every process of it at once; how many there were."""
        if self._process is None:
            return 0
        # Stopped first, so that nobody is born meanwhile.
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGSTOP)
        family = [self._process.pid, *_descendants(self._process.pid)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        return len(family)

    def is_ready(self) -> bool:
        """Whether it takes messages."""
        try:
            found = httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False)
        except httpx.TransportError:
            return False
        return found.status_code == httpx.codes.OK


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, wanted = [], [pid]
    while wanted:
        children = parents.get(wanted.pop(), [])
        found += children
        wanted += children
    return found


class _AnyOf(httpx.AsyncBaseTransport):
    """Sends each request to the next gateway, as a balancer without health checks."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = cycle(ports)
        self._inner = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(port=next(self._ports))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class GatewaysReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was killed, and what came of it.

    Attributes:
        kills / processes: Whole gateways killed, and their processes in all.

        at_once: Strikes that killed all gateways.

        overlapping: Kills of a gateway that had not come up since the last one.
    """

    kills: int
    processes: int
    at_once: int
    overlapping: int
    run: FaultReport


class _Killer:
    """Strikes gateways and starts them again, without waiting until they are up."""

    def __init__(self, gateways: Sequence[GatewayProcess], seed: int) -> None:
        self._gateways = gateways
        self._chance = random.Random(seed)
        self.kills = self.processes = self.at_once = self.overlapping = 0

    async def strike(self, _: str) -> int:
        struck = self._chosen()
        for gateway in struck:
            self.overlapping += not await asyncio.to_thread(gateway.is_ready)
        for gateway in struck:
            self.processes += await asyncio.to_thread(gateway.kill)
            self.kills += 1
        for gateway in struck:
            gateway.start()
        # Somebody must be up now and then, or nothing is there to be killed at work.
        if self._chance.random() < 1 / 2:
            await until_ready(self._gateways)
        return len(struck)

    def _chosen(self) -> Sequence[GatewayProcess]:
        if self._chance.randrange(_ALL) == 0:
            self.at_once += 1
            return self._gateways
        return [self._chance.choice(self._gateways)]


async def until_ready(gateways: Sequence[GatewayProcess]) -> None:
    """
    Wait until one of them takes messages.

    Raises:
        TimeoutError: If none does in time.
    """
    give_up = monotonic() + _READY_S
    while monotonic() < give_up:
        for gateway in gateways:
            if await asyncio.to_thread(gateway.is_ready):
                return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"no gateway was ready within {_READY_S:.0f} s")


def run_gateways(
    config: Config,
    *,
    gateways: int,
    kills: int,
    messages: int,
    seed: int,
    tell: Callable[[str], None],
    older: Path | None = None,
) -> GatewaysReport:
    """
    Run on the external store that *config* names.

    Args:
        kills: Strikes; some of them kill every gateway.

        older: Another checkout: gateways change their version at each start.
    """
    with _started(config, gateways, older) as (started, key):
        killer = _Killer(started, seed)
        asyncio.run(until_ready(started))
        repeater = Repeater(
            started[0].url, key, _GIVE_UP_S, _AnyOf([one.port for one in started])
        )
        run = run_clients(
            repeater,
            "gateway",
            killer.strike,
            messages=messages,
            strikes=kills,
            seed=seed,
            tell=tell,
        )
    return GatewaysReport(
        kills=killer.kills,
        processes=killer.processes,
        at_once=killer.at_once,
        overlapping=killer.overlapping,
        run=run,
    )


@contextmanager
def _started(
    config: Config, count: int, older: Path | None
) -> Iterator[tuple[list[GatewayProcess], str]]:
    with tempfile.TemporaryDirectory(prefix="tg-") as name:
        filled, _ = fill(config, Path(name))
        made = []
        for number in range(count):
            folder = Path(name) / f"g{number}"
            folder.mkdir()
            shutil.copy(Path(name) / FILE_NAME, folder)
            versions = [HERE, older] if older is not None else [HERE]
            order = (
                versions[number % len(versions) :] + versions[: number % len(versions)]
            )
            made.append(GatewayProcess(folder, _environ(config, folder), order))
        try:
            for gateway in made:
                gateway.start()
            keys = {one.name: one.key for one in filled.shops[0].channels}
            yield made, keys["app"]
        finally:
            for gateway in made:
                gateway.kill()


def _environ(config: Config, folder: Path) -> dict[str, str]:
    """Settings that every version knows."""
    return {
        "TIDEGATE_STORE__URL": config.store.url,
        "TIDEGATE_STORE__REPLICAS": str(config.store.replicas),
        "TIDEGATE_STORE__LEASE_MS": str(LEASE_MS),
        "TIDEGATE_SERVER__WORKERS": "1",
        "TIDEGATE_ROUTER__ARITHMETIC": "plain",
        "TIDEGATE_LOG__PATH": str(folder / "log"),
    }
