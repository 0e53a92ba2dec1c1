"""
An HTTP load generator that costs little and does not flatter.

``closed``: so many connections, each sends its next request when the last one
is answered; good for the most a server does. ``open``: requests leave at random
times whatever the server does, and latency counts from the intended start, so
a stall shows. A run is invalid if its generator was late itself, or used most of
its core: then it measured itself.

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
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from functools import partial
from time import perf_counter, process_time
from typing import Literal, cast

import msgspec
import uvloop

from loadtest.requests import prepare, request
from loadtest.schedule import Piece, sends


#: Lateness of the generator that makes an open-loop run invalid.
MAX_LAG_S = 0.05
#: Share of its core that the generator may use in a valid open-loop run.
MAX_CPU = 0.8
#: Seconds after the last send in which answers are waited for.
PATIENCE_S = 60.0
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """
    One run.

    Attributes:
        rate_per_s: For ``open``; 0 otherwise.

        texts: What is asked, at random.

        cpu: Core to run on; -1 leaves it to the system.

        course / talks: For ``open``: the rate over time and the conversations, instead
            of *count*, *texts* and *rate_per_s*.
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
    course: tuple[Piece, ...] = ()
    talks: tuple[tuple[str, ...], ...] = ()


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """What was due in one second of a run, and how long it took."""

    offered: int
    errors: int
    p50_ms: float
    p95_ms: float
    max_ms: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a run saw. Latencies in milliseconds.

    Attributes:
        sent: Requests sent; *unanswered* of them never got an answer.

        errors: Answers that were not 200 or 202, and broken connections.

        lag_ms: For ``open``, how late the generator itself was at worst.

        cpu_share: For ``open``, the part of a core the generator used.

        course: For ``open``, second by second, by the intended time.
    """

    mode: str
    sent: int
    errors: int
    seconds: float
    rps: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    unanswered: int = 0
    lag_ms: float = 0.0
    cpu_share: float = 0.0
    is_valid: bool = True
    course: tuple[Second, ...] = ()


class Connection(asyncio.Protocol):
    """One keep-alive connection; answers come in the order of the requests."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting: deque[asyncio.Future[bool]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> asyncio.Future[bool]:
        """Send; the future tells whether it was accepted: 200 or 202."""
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
            is_ok = self._buffer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202"))
            self._buffer = self._buffer[end:]
            self._waiting.popleft().set_result(is_ok)

    def connection_lost(self, _: Exception | None) -> None:
        while self._waiting:
            self._waiting.popleft().set_result(False)


async def run(plan: Plan) -> Result:
    """Carry out *plan*."""
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(Connection, plan.host, plan.port))[1]
        for _ in range(plan.connections)
    ]
    if plan.mode == "closed":
        requests = deque(_requests(plan))
        gc.collect()
        gc.freeze()
        return await _closed(plan, connections, requests)
    due = deque(_due(plan))
    gc.collect()
    gc.freeze()
    return await _Open(plan, connections).carry_out(due)


def _requests(plan: Plan) -> Iterable[bytes]:
    host = f"{plan.host}:{plan.port}"
    return prepare(plan.count, plan.key, host, plan.seed, plan.prefix, plan.texts)


def _due(plan: Plan) -> Iterator[tuple[float, bytes]]:
    """Every request with its time from the start."""
    if not plan.course:
        chance, at = random.Random(plan.seed), 0.0
        for one in _requests(plan):
            at += chance.expovariate(plan.rate_per_s)
            yield at, one
        return
    host = f"{plan.host}:{plan.port}"
    for send in sends(plan.course, plan.talks, plan.seed, plan.prefix):
        body = {
            "message_id": f"{send.conversation}-{send.number}",
            "user_id": f"u-{send.conversation}",
            "text": send.text,
        }
        yield send.due_s, request(send.conversation, body, plan.key, host)


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
    return result_of(plan, taken, errors, perf_counter() - started)


class _Open:
    """An open-loop run; the least busy connection takes each request."""

    def __init__(self, plan: Plan, connections: list[Connection]) -> None:
        self._plan = plan
        self._connections = connections
        self._seen: list[tuple[float, float, bool]] = []
        self._pending: set[asyncio.Future[bool]] = set()
        self._lag_s = 0.0

    async def carry_out(self, due: deque[tuple[float, bytes]]) -> Result:
        """Send all of *due* in its time, then wait for what is still to come."""
        started, cpu = perf_counter(), process_time()
        while due:
            at, one = due.popleft()
            if (wait_s := started + at - perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            self._send(started, at, one)
        sent_s = perf_counter() - started
        cpu_share = (process_time() - cpu) / sent_s
        if self._pending:
            await asyncio.wait(self._pending, timeout=PATIENCE_S)
            await asyncio.sleep(0)
        return self._told(perf_counter() - started, cpu_share)

    def _send(self, started: float, at: float, one: bytes) -> None:
        self._lag_s = max(self._lag_s, perf_counter() - started - at)
        future = min(self._connections, key=Connection.waiting).send(one)
        self._pending.add(future)
        future.add_done_callback(partial(self._note, started, at))

    def _note(self, started: float, at: float, future: asyncio.Future[bool]) -> None:
        self._seen.append((at, perf_counter() - started - at, future.result()))
        self._pending.discard(future)

    def _told(self, seconds: float, cpu_share: float) -> Result:
        taken = [took for _, took, _ in self._seen]
        errors = sum(not is_ok for _, _, is_ok in self._seen)
        return msgspec.structs.replace(
            result_of(self._plan, taken, errors, seconds),
            sent=len(taken) + len(self._pending),
            unanswered=len(self._pending),
            lag_ms=self._lag_s * 1e3,
            cpu_share=cpu_share,
            is_valid=is_valid(self._lag_s, cpu_share),
            course=tuple(by_second(self._seen)),
        )


def is_valid(lag_s: float, cpu_share: float) -> bool:
    """The rule for open-loop runs: neither late itself, nor near its own limit."""
    return lag_s <= MAX_LAG_S and cpu_share <= MAX_CPU


def by_second(seen: list[tuple[float, float, bool]]) -> Iterator[Second]:
    """Every second of the run, those without a request too."""
    groups: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for at, took, is_ok in seen:
        groups[int(at)].append((took, is_ok))
    for second in range(max(groups, default=-1) + 1):
        taken = sorted(took for took, _ in groups[second])
        yield Second(
            offered=len(taken),
            errors=sum(not is_ok for _, is_ok in groups[second]),
            p50_ms=quantile(taken, 0.50) * 1e3,
            p95_ms=quantile(taken, 0.95) * 1e3,
            max_ms=quantile(taken, 1.0) * 1e3,
        )


def result_of(plan: Plan, taken: list[float], errors: int, seconds: float) -> Result:
    taken.sort()
    return Result(
        mode=plan.mode,
        sent=len(taken),
        errors=errors,
        seconds=seconds,
        rps=len(taken) / seconds,
        p50_ms=quantile(taken, 0.50) * 1e3,
        p90_ms=quantile(taken, 0.90) * 1e3,
        p95_ms=quantile(taken, 0.95) * 1e3,
        p99_ms=quantile(taken, 0.99) * 1e3,
        max_ms=quantile(taken, 1.0) * 1e3,
    )


def quantile(ordered: Iterable[float], share: float) -> float:
    """The value below which *share* of the sorted values lie; 0 if there are none."""
    values = list(ordered)
    if not values:
        return 0.0
    return values[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    """Entry of ``python -m loadtest.generator``."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    if plan.cpu >= 0:
        os.sched_setaffinity(0, {plan.cpu})
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(plan))))


if __name__ == "__main__":
    main()
