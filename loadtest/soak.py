"""
The same load for a long time: what grows, what slows down, what is lost.

One gateway gets slice after slice of the same open-loop load. After each slice every
conversation of it is read back, and memory is looked at: what differs between the
first slices and the last ones is drift. The store keeps what was said, so its memory
grows with the messages; what a worker keeps must not.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median

import msgspec

from gateway.config import Config
from gateway.stack import Stack, running
from gateway.store.connection import Scripts
from loadtest.sale import Ends, Sale, account, offer
from loadtest.servers import hardware


#: Fewest slices that say anything of drift: a first and a last third of two each.
LEAST_SLICES = 6
#: Growth of the workers' memory, and of p95, from first to last third that is drift.
MOST_MEMORY, MOST_LATENCY = 1.10, 1.5
#: Milliseconds below which a slower p95 is no matter.
LEAST_MS = 5.0


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """
    One slice, and how things stood after it.

    Attributes:
        ends: What became of its messages; *lost* were acknowledged and in no log.

        workers_mb: Resident memory of all workers.

        store_mb: What the store keeps, without its own needs.
    """

    messages: int
    is_valid: bool
    p50_ms: float
    p95_ms: float
    max_ms: float
    ends: Ends
    lost: int
    workers_mb: float
    store_mb: float


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """
    The last third of the slices beside the first.

    Attributes:
        workers / p95: Median of the last third over that of the first.

        workers_mb_per_million: Slope by Theil and Sen, per million messages.

        store_bytes_per_message: The same for the store: what is kept of a message.
    """

    workers: float
    p95: float
    p95_first_ms: float
    p95_last_ms: float
    workers_mb_per_million: float
    store_bytes_per_message: float

    @property
    def findings(self) -> list[str]:
        """What drifted."""
        found = []
        if self.workers > MOST_MEMORY:
            found.append(f"workers' memory grew to {self.workers:.2f} of what it was")
        if self.p95 > MOST_LATENCY and self.p95_last_ms - self.p95_first_ms > LEAST_MS:
            found.append(f"p95 grew to {self.p95:.2f} of what it was")
        return found


class SoakReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    A run.

    Attributes:
        drift: None if there were too few slices to tell.
    """

    rate_per_s: float
    slice_s: float
    slices: tuple[Slice, ...]
    drift: Drift | None
    hardware: str

    @property
    def messages(self) -> int:
        """Of all slices."""
        return sum(one.messages for one in self.slices)

    @property
    def is_clean(self) -> bool:
        """Nothing lost or left without an end, nothing drifted."""
        is_whole = all(not one.lost and not one.ends.unfinished for one in self.slices)
        return is_whole and not (self.drift and self.drift.findings)


def run_soak(
    config: Config, sale: Sale, slices: int, tell: Callable[[str], None]
) -> SoakReport:
    """Run *sale* again and again against one gateway on a fresh data folder."""
    with tempfile.TemporaryDirectory(prefix="tidegate-soak-") as folder:
        server = msgspec.structs.replace(config.server, port=0)
        log = msgspec.structs.replace(config.log, path=f"{folder}/gateway.log")
        ours = msgspec.structs.replace(config, data_dir=folder, server=server, log=log)
        with running(ours, tell) as stack:
            found = [_slice(stack, sale, number, tell) for number in range(slices)]
    return SoakReport(
        rate_per_s=sale.peak_per_s,
        slice_s=sale.seconds,
        slices=tuple(found),
        drift=drift_of(found),
        hardware=hardware(),
    )


def _slice(stack: Stack, sale: Sale, number: int, tell: Callable[[str], None]) -> Slice:
    one = msgspec.structs.replace(sale, seed=sale.seed + number, prefix=f"soak{number}")
    client = offer(stack, one)
    ends = asyncio.run(account(stack, one))
    found = Slice(
        messages=client.sent,
        is_valid=client.is_valid,
        p50_ms=client.p50_ms,
        p95_ms=client.p95_ms,
        max_ms=client.max_ms,
        ends=ends,
        lost=max(0, ends.not_taken - client.errors - client.unanswered),
        workers_mb=sum(map(resident_mb, stack.supervisor.worker_pids)),
        store_mb=asyncio.run(_store_mb(stack.supervisor.store_url)),
    )
    tell(
        f"slice {number + 1}: {found.messages} messages, p95 {found.p95_ms:.1f} ms,"
        f" workers {found.workers_mb:.0f} MB, store {found.store_mb:.1f} MB"
    )
    return found


def resident_mb(pid: int) -> float:
    """Memory that a process has to itself or shares, as it lies in RAM."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def _store_mb(url: str) -> float:
    scripts = await Scripts.connect(url)
    try:
        found = await scripts.redis.info("memory")
    finally:
        await scripts.close()
    return int(found["used_memory_dataset"]) / 1e6


def drift_of(slices: Sequence[Slice]) -> Drift | None:
    """What changed from the first third of *slices* to the last."""
    if len(slices) < LEAST_SLICES:
        return None
    third = len(slices) // 3
    first, last = slices[:third], slices[-third:]
    before = median(one.p95_ms for one in first)
    after = median(one.p95_ms for one in last)
    sent, total = [], 0
    for one in slices:
        total += one.messages
        sent.append(float(total))
    return Drift(
        workers=median(one.workers_mb for one in last)
        / median(one.workers_mb for one in first),
        p95=after / before,
        p95_first_ms=before,
        p95_last_ms=after,
        workers_mb_per_million=slope(sent, [one.workers_mb for one in slices]) * 1e6,
        store_bytes_per_message=slope(sent, [one.store_mb for one in slices]) * 1e6,
    )


def slope(at: Sequence[float], values: Sequence[float]) -> float:
    """Median of the slopes between all pairs (Theil 1950, Sen 1968)."""
    pairs = combinations(zip(at, values, strict=True), 2)
    return median((b - a) / (y - x) for (x, a), (y, b) in pairs if y != x)
