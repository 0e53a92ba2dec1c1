"""
Many customers, several workers, a server that is killed again and again.

What was acknowledged is there afterwards: every message answered once, in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from store_talk import SHOP, answer, message

from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.embedded import EmbeddedStore
from gateway.store.errors import StaleLease, StoreUnavailable
from gateway.store.mailbox import Lease, Pending
from loadtest.store_servers import wait_for


pytestmark = [pytest.mark.anyio, pytest.mark.faults]

T = TypeVar("T")

CUSTOMERS = [f"customer-{n}" for n in range(24)]
MESSAGES = 30
LEASE_MS = 400


async def at_last(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call until the store has answered it."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(StoreUnavailable):
                return await call()
            await asyncio.sleep(0.01)


class Worker:
    """Accepts at the door, answers what it holds, sweeps what others left."""

    def __init__(self, name: str, scripts: Scripts, seed: int) -> None:
        self.store = Conversations(scripts, name, lease_ms=LEASE_MS)
        self.chance = random.Random(seed)
        self.tasks: set[asyncio.Task[None]] = set()

    async def take(self, customer: str, name: str) -> int:
        """Accept one message, as a channel that retries; its number."""
        sent = message(name)
        accepted = await at_last(lambda: self.store.accept(SHOP, customer, sent))
        assert accepted.outcome != "conflict"
        if accepted.outcome == "leased":
            own = Pending(accepted.seq, name, sent.channel, sent.event, 0)
            lease = Lease(SHOP, customer, accepted.epoch)
            self.start(lease, accepted.head or own)
        return accepted.seq

    def start(self, lease: Lease, pending: Pending) -> None:
        task = asyncio.create_task(self.work(lease, pending))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def work(self, lease: Lease, pending: Pending | None) -> None:
        """Answer until nothing waits; now and then die in the middle, or dawdle."""
        with contextlib.suppress(StaleLease):
            while pending is not None:
                here = pending
                if self.chance.random() < 0.02:
                    return
                if self.chance.random() < 0.02:
                    await asyncio.sleep(LEASE_MS / 1000 * 1.5)
                outbox = (b"send " + here.event,)
                done = await at_last(
                    lambda: answer(self.store, lease, here, outbox=outbox)  # noqa: B023
                )
                pending = done.next

    async def sweep_for_ever(self) -> None:
        buckets = sorted({keys.bucket_of(name) for name in CUSTOMERS})
        while True:
            for bucket in buckets:
                with contextlib.suppress(StoreUnavailable):
                    for taken in await self.store.sweep(SHOP, bucket, 9):
                        self.start(taken.lease, taken.pending)
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def staff(url: str, count: int = 3) -> AsyncIterator[list[Worker]]:
    connections = [await Scripts.connect(url) for _ in range(count)]
    workers = [Worker(f"w{n}", one, n) for n, one in enumerate(connections)]
    sweepers = [asyncio.create_task(worker.sweep_for_ever()) for worker in workers]
    try:
        yield workers
    finally:
        rest = sweepers + [task for worker in workers for task in worker.tasks]
        for task in rest:
            task.cancel()
        done = await asyncio.gather(*rest, return_exceptions=True)
        for scripts in connections:
            await scripts.close()
        assert all(isinstance(one, asyncio.CancelledError | None) for one in done)


async def serve(workers: list[Worker], customer: str) -> dict[str, int]:
    """A customer who writes one message after the other, to any worker."""
    chance = random.Random(customer)
    numbers = {}
    for n in range(MESSAGES):
        worker = chance.choice(workers)
        numbers[f"m{n}"] = await worker.take(customer, f"m{n}")
        await asyncio.sleep(chance.random() * 0.05)
    return numbers


async def check(store: Conversations, customer: str, numbers: dict[str, int]) -> None:
    """One conversation's history: nothing lost, nothing twice, all in order."""
    events = await store.events(SHOP, customer, 0, 99_999)
    assert [event.n for event in events] == list(range(1, len(events) + 1))
    mail = [event for event in events if event.kind == "m"]
    assert [event.n for event in mail] == list(numbers.values())
    assert [event.data for event in mail] == [f"text of {n}".encode() for n in numbers]
    replies = [event.data for event in events if event.kind == "reply"]
    assert replies == [b"reply to " + event.data for event in mail]
    for name, seq in numbers.items():
        again = await store.accept(SHOP, customer, message(name))
        assert (again.outcome, again.seq) == ("repeat", seq)
        assert again.result == b"result of " + name.encode()


async def until_all_answered(store: Conversations) -> None:
    async with asyncio.timeout(60):
        for customer in CUSTOMERS:
            while True:
                with contextlib.suppress(StoreUnavailable):
                    events = await store.events(SHOP, customer, 0, 99_999)
                    kinds = Counter(event.kind for event in events)
                    if kinds["m"] == kinds["reply"] == MESSAGES:
                        break
                await asyncio.sleep(0.05)


async def check_outbox(store: Conversations) -> None:
    """One entry per reply, in the order of the replies."""
    sent: dict[str, list[bytes]] = {customer: [] for customer in CUSTOMERS}
    for bucket in {keys.bucket_of(name) for name in CUSTOMERS}:
        for entry in await store.outbox(SHOP, bucket, 99_999):
            sent[entry.conversation].append(entry.data)
    wanted = [f"send text of m{n}".encode() for n in range(MESSAGES)]
    assert sent == dict.fromkeys(CUSTOMERS, wanted)


async def run_history(url: str, disturb: Callable[[], Awaitable[None]]) -> None:
    async with staff(url) as workers:
        talks = [asyncio.create_task(serve(workers, name)) for name in CUSTOMERS]
        await disturb()
        numbers = dict(zip(CUSTOMERS, await asyncio.gather(*talks), strict=True))
        store = workers[0].store
        await until_all_answered(store)
        for customer in CUSTOMERS:
            await check(store, customer, numbers[customer])
        await check_outbox(store)


async def test_crowd_is_served_once_and_in_order(every_store_url: str) -> None:
    """Customers and workers all at once, with dying workers: once each, in order."""

    async def nothing() -> None:
        """A quiet day."""

    await run_history(every_store_url, nothing)


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed(
    tmp_path: Path,
) -> None:
    """The embedded server is killed in full flow, ten times: nothing lost, nothing twice."""
    embedded = EmbeddedStore(tmp_path / "data")
    embedded.start()

    async def kill_now_and_then() -> None:
        chance = random.Random(5)
        for _ in range(10):
            await asyncio.sleep(0.1 + chance.random() * 0.2)
            await asyncio.to_thread(wait_for, lambda: embedded.pid)
            assert embedded.pid is not None
            os.kill(embedded.pid, signal.SIGKILL)

    try:
        await run_history(embedded.url, kill_now_and_then)
        assert embedded.restarts >= 10
    finally:
        embedded.stop()
