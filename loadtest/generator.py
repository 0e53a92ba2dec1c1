"""
An HTTP load generator that costs little and does not flatter.

``closed``: so many connections, each sends its next request when the last one
is answered; good for the most a server does. ``open``: requests leave at random
times whatever the server does, and latency counts from the intended start, so
a stall shows. A run whose generator was late itself is marked invalid.

Run as ``python -m loadtest.generator`` with a JSON plan on standard input; the
result is JSON on standard output. In a process of its own, so that it can be
pinned to another core than the server.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
from collections import deque
from collections.abc import Iterable
from functools import partial
from time import perf_counter
from typing import Literal, cast

import msgspec
import uvloop

from loadtest.requests import prepare


#: Lateness of the generator that makes an open-loop run invalid.
MAX_LAG_S = 0.05
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """
    One run.

    Attributes:
        rate_per_s: For ``open``; 0 otherwise.

        texts: What is asked, at random.

        cpu: Core to run on; -1 leaves it to the system.
    """

    mode: Literal["closed", "open"]
    host: str
    port: int
    key: str
    count: int
    connections: int
    texts: tuple[str, ...]
    rate_per_s: float = 0.0
    seed: int = 1
    prefix: str = "bench"
    cpu: int = -1


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a run saw. Latencies in milliseconds.

    Attributes:
        errors: Answers that were not 200, and broken connections.

        lag_ms: For ``open``, how late the generator itself was at worst.
    """

    mode: str
    sent: int
    errors: int
    seconds: float
    rps: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    lag_ms: float = 0.0
    is_valid: bool = True


class Connection(asyncio.Protocol):
    """One keep-alive connection; answers come in the order of the requests."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting: deque[asyncio.Future[bool]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> asyncio.Future[bool]:
        """Send; the future tells whether the answer was 200."""
        assert self._transport is not None  # noqa: S101 - made by create_connection
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._transport.write(request)
        return future

    def waiting(self) -> int:
        """Requests without an answer yet."""
        return len(self._waiting)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(_HEAD_END)) >= 0:
            at = self._buffer.index(_LENGTH) + len(_LENGTH)
            length = int(self._buffer[at : self._buffer.index(b"\r", at)])
            end = head + len(_HEAD_END) + length
            if len(self._buffer) < end:
                return
            is_ok = self._buffer.startswith(b"HTTP/1.1 200")
            self._buffer = self._buffer[end:]
            self._waiting.popleft().set_result(is_ok)

    def connection_lost(self, _: Exception | None) -> None:
        while self._waiting:
            self._waiting.popleft().set_result(False)


async def run(plan: Plan) -> Result:
    """Carry out *plan*."""
    loop = asyncio.get_running_loop()
    requests = deque(
        prepare(
            plan.count,
            plan.key,
            f"{plan.host}:{plan.port}",
            plan.seed,
            plan.prefix,
            plan.texts,
        )
    )
    connections = [
        (await loop.create_connection(Connection, plan.host, plan.port))[1]
        for _ in range(plan.connections)
    ]
    gc.collect()
    gc.freeze()
    if plan.mode == "closed":
        return await _closed(plan, connections, requests)
    return await _open(plan, connections, requests)


async def _closed(
    plan: Plan, connections: list[Connection], requests: deque[bytes]
) -> Result:
    taken: list[float] = []
    errors = 0

    async def work(connection: Connection) -> None:
        nonlocal errors
        while requests:
            started = perf_counter()
            errors += not await connection.send(requests.popleft())
            taken.append(perf_counter() - started)

    started = perf_counter()
    await asyncio.gather(*(work(connection) for connection in connections))
    return _result(plan, taken, errors, perf_counter() - started)


async def _open(
    plan: Plan, connections: list[Connection], requests: deque[bytes]
) -> Result:
    """Poisson arrivals; the least busy connection takes each."""
    chance = random.Random(plan.seed)
    taken: list[float] = []
    errors, lag = 0, 0.0
    pending: set[asyncio.Future[bool]] = set()
    started = perf_counter()
    due = started

    def note(intended: float, future: asyncio.Future[bool]) -> None:
        nonlocal errors
        errors += not future.result()
        taken.append(perf_counter() - intended)
        pending.discard(future)

    while requests:
        due += chance.expovariate(plan.rate_per_s)
        if (wait_s := due - perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        lag = max(lag, perf_counter() - due)
        free = min(connections, key=Connection.waiting)
        future = free.send(requests.popleft())
        pending.add(future)
        future.add_done_callback(partial(note, due))
    while pending:
        await asyncio.wait(set(pending))
        await asyncio.sleep(0)
    return _result(plan, taken, errors, perf_counter() - started, lag)


def _result(
    plan: Plan, taken: list[float], errors: int, seconds: float, lag_s: float = 0.0
) -> Result:
    taken.sort()
    return Result(
        mode=plan.mode,
        sent=len(taken),
        errors=errors,
        seconds=seconds,
        rps=len(taken) / seconds,
        p50_ms=quantile(taken, 0.50) * 1e3,
        p90_ms=quantile(taken, 0.90) * 1e3,
        p99_ms=quantile(taken, 0.99) * 1e3,
        max_ms=taken[-1] * 1e3,
        lag_ms=lag_s * 1e3,
        is_valid=lag_s <= MAX_LAG_S,
    )


def quantile(ordered: Iterable[float], share: float) -> float:
    """The value below which *share* of the sorted values lie."""
    values = list(ordered)
    return values[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    """Entry of ``python -m loadtest.generator``."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    if plan.cpu >= 0:
        os.sched_setaffinity(0, {plan.cpu})
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(plan))))


if __name__ == "__main__":
    main()
