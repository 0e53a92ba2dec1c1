"""
Print what accept and commit cost, on this machine, with every write on disk.

    python tests/store/measure_store.py [--url URL] [--messages N] [--at-once N]

Server time per call is the server's own (INFO commandstats); client time is this
process's CPU time per call. fsync is published beside every rate.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path


sys.path.insert(0, str(Path(__file__).parents[2]))

import uvloop

from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations, Lease, NewMessage
from gateway.store.embedded import EmbeddedStore


EVENT = b'{"role":"customer","text":"' + "多久发货，今天能到吗".encode() * 4 + b'"}'
REPLY = b'{"role":"assistant","text":"' + "现货当天发出".encode() * 12 + b'"}'
STATE = b'{"turns":3,"risk":"low","history":[' + b'"0123456789",' * 40 + b"1]}"


def fsync_us(folder: Path, times: int = 200) -> float:
    """Median time of one fdatasync of a small append, in microseconds."""
    taken = []
    with (folder / "fsync-probe").open("ab", buffering=0) as probe:
        for _ in range(times):
            probe.write(EVENT)
            start = time.perf_counter()
            os.fdatasync(probe.fileno())
            taken.append((time.perf_counter() - start) * 1e6)
    return statistics.median(taken)


async def one_message(
    store: Conversations, run: str, number: int, taken: list[float]
) -> None:
    """Accept and commit one message of one of 500 conversations."""
    conversation = f"{run}-{number % 500}"
    start = time.perf_counter()
    accepted = await store.accept(
        "demo", conversation, NewMessage("web", f"m-{number}", "0123456789ab", EVENT)
    )
    middle = time.perf_counter()
    await store.commit(
        Lease("demo", conversation, accepted.epoch),
        seq=accepted.seq,
        message_id=f"m-{number}",
        channel="web",
        result=REPLY,
        events=[("reply", REPLY)],
        state=STATE,
    )
    taken += (middle - start, time.perf_counter() - middle)


async def drive(url: str, messages: int, at_once: int) -> list[str]:
    """Run the load; the report's lines."""
    scripts = await Scripts.connect(url)
    store = Conversations(scripts, "w1")
    run = f"run-{time.time_ns()}"
    numbers = iter(range(messages))
    taken: list[float] = []

    async def client() -> None:
        for number in numbers:
            await one_message(store, run, number, taken)

    await asyncio.gather(*(one_message(store, run, -n - 1, []) for n in range(at_once)))
    await scripts.redis.config_resetstat()
    before = (await scripts.redis.info("cpu"))["used_cpu_user"]
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(at_once)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    server = (await scripts.redis.info("cpu"))["used_cpu_user"] - before
    lines = [
        f"{at_once} at once: {messages / wall:,.0f} messages/s",
        f"  client CPU {cpu / messages / 2 * 1e6:.1f} us a call",
        f"  server user CPU {server / messages / 2 * 1e6:.1f} us a call",
        *percentiles(taken),
        *await commands(scripts, messages),
    ]
    await scripts.close()
    return lines


def percentiles(taken: list[float]) -> list[str]:
    """Middle and tail of the time a call took."""
    taken.sort()
    p50, p99 = taken[len(taken) // 2] * 1e3, taken[len(taken) * 99 // 100] * 1e3
    return [f"  a call takes p50 {p50:.2f} ms, p99 {p99:.2f} ms"]


async def commands(scripts: Scripts, messages: int) -> list[str]:
    """What the server did for each message, and how long."""
    stats = await scripts.redis.info("commandstats")
    return [
        f"  {name.removeprefix('cmdstat_'):<12}{figures['calls'] / messages:6.2f}"
        f" a message{figures['usec_per_call']:8.2f} us"
        for name, figures in sorted(stats.items())
        if figures["calls"] >= messages
    ]


def main() -> None:
    """Parse, start a store if none is given, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--at-once", type=int, nargs="*", default=[1, 32])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        store = None if options.url else EmbeddedStore(Path(name) / "data")
        url = options.url or store.start()
        lines = [f"fdatasync {fsync_us(Path(name)):.0f} us"]
        for at_once in options.at_once:
            few = max(1, options.messages // (10 if at_once == 1 else 1))
            lines += uvloop.run(drive(url, few, at_once))
        if store:
            store.stop()
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
