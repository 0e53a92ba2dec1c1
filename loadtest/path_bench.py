"""
The whole L1 path beside a bare handler, in one run, on one core each.

    (a) bare     Litestar decodes and encodes the same bodies
    (b) gateway  everything on: accept on disk, route, answer, guard, commit,
                 metrics, canonical log line
    (c) shares   where the time of (b) goes

The server under test is pinned to core 0; generator and store take core 1. The
rounds alternate, medians are compared: on a shared machine the ratio holds
where absolute figures drift.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import httpx
import msgspec

from gateway.config import Config
from gateway.stack import running
from loadtest.generator import Plan, Result


SERVER_CORE, OTHER_CORE = 0, 1
CONNECTIONS = 32
OPEN_CONNECTIONS = 64
_TICKS = os.sysconf("SC_CLK_TCK")


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """
    Medians of one server over all rounds.

    Attributes:
        cpu_us: Server CPU time per request, the steadiest figure.
    """

    rps: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    errors: int


class PathReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one comparison found.

    Attributes:
        ratio: Requests/s of the gateway over those of the bare handler.

        cpu_ratio: Bare CPU time over the gateway's, per request.

        shares: Stage -> part of the time between first and last stamp.

        open_loop: Arrivals at a fixed rate, latency from the intended start.
    """

    bare: Side
    gateway: Side
    ratio: float
    cpu_ratio: float
    shares: dict[str, float]
    stage_us: dict[str, float]
    open_loop: Result
    durability: str
    hardware: str
    rounds: int


class _Server(msgspec.Struct, frozen=True):
    """A server under test: where it listens, and its process."""

    port: int
    key: str
    pid: int


def compare(
    config: Config,
    *,
    rounds: int,
    messages: int,
    rate_per_s: float,
    tell: Callable[[str], None],
) -> PathReport:
    """
    Run the comparison with *config*'s gateway on a fresh data folder.

    Args:
        messages: Requests a round and server.

        rate_per_s: Arrivals of the open-loop run.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        ours = _quiet(config, folder)
        with _bare_server() as bare, running(ours, tell) as stack:
            gateway = _Server(
                port=httpx.URL(stack.url).port or 0,
                key=stack.key,
                pid=stack.supervisor.worker_pids[0],
            )
            _pin(stack.supervisor.store_pid, OTHER_CORE)
            _pin(gateway.pid, SERVER_CORE)
            return _measure(
                stack.url, bare, gateway, rounds, messages, rate_per_s, tell
            )


def _measure(
    url: str,
    bare: _Server,
    gateway: _Server,
    rounds: int,
    messages: int,
    rate_per_s: float,
    tell: Callable[[str], None],
) -> PathReport:
    _closed_round(bare, messages // 4, "warm")
    _closed_round(gateway, messages // 4, "warm")
    before = _stages(url)
    pairs: list[tuple[tuple[Result, float], tuple[Result, float]]] = []
    for number in range(rounds):
        pair = (
            _closed_round(bare, messages, f"a{number}"),
            _closed_round(gateway, messages, f"b{number}"),
        )
        tell(
            f"round {number + 1}: bare {pair[0][0].rps:.0f}/s, gateway {pair[1][0].rps:.0f}/s"
        )
        pairs.append(pair)
    after = _stages(url)
    count = sum(pair[1][0].sent for pair in pairs)
    stage_us = {
        name: (after[name] - before.get(name, 0.0)) / count * 1e6 for name in after
    }
    bare_side = _side([pair[0] for pair in pairs])
    gateway_side = _side([pair[1] for pair in pairs])
    return PathReport(
        bare=bare_side,
        gateway=gateway_side,
        ratio=statistics.median(pair[1][0].rps / pair[0][0].rps for pair in pairs),
        cpu_ratio=bare_side.cpu_us / gateway_side.cpu_us,
        shares={name: us / sum(stage_us.values()) for name, us in stage_us.items()},
        stage_us=stage_us,
        open_loop=_open_round(gateway, rate_per_s),
        durability=httpx.get(f"{url}/readyz", trust_env=False).json()["durability"],
        hardware=_hardware(),
        rounds=rounds,
    )


def _quiet(config: Config, folder: str) -> Config:
    """One worker, a free port, log lines to a file: they are written, not shown."""
    server = msgspec.structs.replace(config.server, port=0, workers=1)
    log = msgspec.structs.replace(config.log, path=str(Path(folder) / "gateway.log"))
    return msgspec.structs.replace(config, data_dir=folder, server=server, log=log)


def _closed_round(server: _Server, count: int, prefix: str) -> tuple[Result, float]:
    before = _cpu_s(server.pid)
    result = _generate(
        Plan(
            mode="closed",
            host="127.0.0.1",
            port=server.port,
            key=server.key,
            count=count,
            connections=CONNECTIONS,
            prefix=prefix,
            cpu=OTHER_CORE,
        )
    )
    return result, (_cpu_s(server.pid) - before) / result.sent * 1e6


def _open_round(server: _Server, rate_per_s: float) -> Result:
    return _generate(
        Plan(
            mode="open",
            host="127.0.0.1",
            port=server.port,
            key=server.key,
            count=int(rate_per_s * 10),
            connections=OPEN_CONNECTIONS,
            rate_per_s=rate_per_s,
            prefix="open",
            cpu=OTHER_CORE,
        )
    )


def _generate(plan: Plan) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.generator"],
        input=msgspec.json.encode(plan),
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Result)


def _side(rounds: list[tuple[Result, float]]) -> Side:
    results = [result for result, _ in rounds]
    return Side(
        rps=statistics.median(result.rps for result in results),
        cpu_us=statistics.median(cpu for _, cpu in rounds),
        p50_ms=statistics.median(result.p50_ms for result in results),
        p99_ms=statistics.median(result.p99_ms for result in results),
        errors=sum(result.errors for result in results),
    )


@contextmanager
def _bare_server() -> Iterator[_Server]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "loadtest.bare", str(listener.fileno())],
            pass_fds=(listener.fileno(),),
            start_new_session=True,
        )
        _pin(process.pid, SERVER_CORE)
        try:
            sleep(0.1)
            yield _Server(listener.getsockname()[1], "none", process.pid)
        finally:
            process.terminate()
            process.wait(timeout=10)


def _pin(pid: int | None, core: int) -> None:
    """Keep a process and its threads on one core, where the system can."""
    if pid is None or not hasattr(os, "sched_setaffinity"):
        return
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def _cpu_s(pid: int) -> float:
    fields = (
        Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    )
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _stages(url: str) -> dict[str, float]:
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    found = re.findall(r'tidegate_stage_seconds_total\{stage="(\w+)"\} (\S+)', text)
    return {name: float(value) for name, value in found}


def _hardware() -> str:
    model = re.search(
        r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8")
    )
    name = model.group(1) if model else "unknown processor"
    return f"{os.cpu_count()} cores, {name}, Python {sys.version.split()[0]}"
