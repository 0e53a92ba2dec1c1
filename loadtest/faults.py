"""
Kill real processes under load, then let the checker judge what is left.

Clients send a fixed number of messages and repeat each one, with the same id,
until it is acknowledged, some of them twice at the same moment: that is what
channels do. Meanwhile the fault strikes so many times, spread over the run. Then
the run waits until all is at rest, reads every conversation back and checks;
sends every message once more (a repeat must change nothing and give the same
result), and checks again.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Literal

import httpx
import msgspec

from gateway.config import Config
from gateway.stack import Stack, running
from gateway.supervisor import Supervisor
from loadtest.history import Ack, LogLine, Verdict, check
from loadtest.requests import QUESTIONS


FaultKind = Literal["worker", "workers", "store", "pause", "none"]

#: Messages of one conversation; they are sent without waiting for each other.
TURNS = 4
#: Lease of the runs: short, so that many take-overs fit into one.
LEASE_MS = 3_000
#: A paused worker sleeps this long: its leases run out meanwhile.
PAUSE_S = LEASE_MS / 1000 + 1.5
#: Share of messages that arrive twice at the same moment.
DOUBLED = 0.2
#: Seconds after which a client gives a message up.
GIVE_UP_S = 120.0
#: Seconds after the last acknowledgement until everything must be at rest.
REST_S = 60.0
RETRY_S = 0.15


class FaultReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one run did and found.

    Attributes:
        struck: Processes killed or paused.

        unacknowledged: Messages that were given up: nothing was promised, but
            a client that repeats for so long should have got through.

        retries: Requests that had to be sent again.
    """

    fault: str
    struck: int
    messages: int
    retries: int
    unacknowledged: int
    seconds: float
    slowest_s: float
    verdict: Verdict


def run_faults(
    config: Config,
    fault: FaultKind,
    *,
    messages: int,
    strikes: int,
    seed: int,
    tell: Callable[[str], None],
    give_up_s: float = GIVE_UP_S,
    make_supervisor: Callable[[Config, Callable[[str], None]], Supervisor] = Supervisor,
) -> FaultReport:
    """
    One run on a fresh data folder.

    Args:
        give_up_s: How long a client repeats one message.

        make_supervisor: For planted bugs: another parent process.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        ours = msgspec.structs.replace(
            config,
            data_dir=folder,
            server=msgspec.structs.replace(config.server, port=0, workers=2),
            store=msgspec.structs.replace(config.store, lease_ms=LEASE_MS),
            log=msgspec.structs.replace(
                config.log, path=str(Path(folder) / "gateway.log")
            ),
        )
        with running(ours, lambda _: None, make_supervisor=make_supervisor) as stack:
            run = _Run(stack, fault, seed, tell, give_up_s)
            return asyncio.run(run.carry_out(messages, strikes))


class _Run:
    """One run's clients, striker and records."""

    def __init__(
        self,
        stack: Stack,
        fault: FaultKind,
        seed: int,
        tell: Callable[[str], None],
        give_up_s: float,
    ) -> None:
        self._stack = stack
        self._fault = fault
        self._chance = random.Random(seed)
        self._tell = tell
        self._acks: list[Ack] = []
        self._retries = 0
        self._unacknowledged = 0
        self._give_up_s = give_up_s
        self._slowest_s = 0.0
        self._done = 0

    async def carry_out(self, messages: int, strikes: int) -> FaultReport:
        started = monotonic()
        struck = 0
        headers = {"authorization": f"Bearer {self._stack.key}"}
        async with httpx.AsyncClient(
            base_url=self._stack.url, headers=headers, timeout=30.0, trust_env=False
        ) as http:
            striking = asyncio.create_task(self._strike_all(messages, strikes))
            names = [f"f{number}" for number in range(messages // TURNS)]
            slots = asyncio.Semaphore(16)

            async def one(name: str) -> None:
                async with slots:
                    await self._converse(http, name)

            await asyncio.gather(*(one(name) for name in names))
            struck = await striking
            await self._come_to_rest(http, names)
            at_rest = check(self._acks, await self._read_all(http, names))
            await asyncio.gather(*(one(name) for name in names))
            repeated = check(self._acks, await self._read_all(http, names))
        return FaultReport(
            fault=self._fault,
            struck=struck,
            messages=len(names) * TURNS,
            retries=self._retries,
            unacknowledged=self._unacknowledged,
            seconds=monotonic() - started,
            slowest_s=self._slowest_s,
            verdict=msgspec.structs.replace(
                at_rest, findings=(*at_rest.findings, *repeated.findings)
            ),
        )

    async def _converse(self, http: httpx.AsyncClient, name: str) -> None:
        """All messages of a conversation, a moment apart, none waited for."""
        pending: list[asyncio.Task[None]] = []
        for number in range(TURNS):
            copies = 2 if self._chance.random() < DOUBLED else 1
            pending += [
                asyncio.create_task(self._send(http, name, number))
                for _ in range(copies)
            ]
            await asyncio.sleep(0.005)
        await asyncio.gather(*pending)

    async def _send(self, http: httpx.AsyncClient, name: str, number: int) -> None:
        """Send one message until it is acknowledged."""
        body = {
            "message_id": f"{name}-{number}",
            "user_id": f"u-{name}",
            "text": QUESTIONS[hash_of(name, number) % len(QUESTIONS)],
        }
        started = monotonic()
        while monotonic() - started < self._give_up_s:
            try:
                reply = await http.post(f"/v1/conversations/{name}/messages", json=body)
                if reply.status_code in (200, 202):
                    self._note(name, reply.json(), monotonic() - started)
                    return
            except httpx.TransportError:
                pass
            self._retries += 1
            await asyncio.sleep(RETRY_S)
        self._unacknowledged += 1
        self._done += 1

    def _note(self, name: str, result: dict[str, object], took_s: float) -> None:
        reply = result.get("reply")
        self._slowest_s = max(self._slowest_s, took_s)
        self._done += 1
        self._acks.append(
            Ack(
                conversation=name,
                message_id=str(result["message_id"]),
                seq=int(str(result["seq"])),
                status=str(result["status"]),
                reply=str(reply["text"]) if isinstance(reply, dict) else "",
            )
        )

    async def _strike_all(self, messages: int, strikes: int) -> int:
        """Strike each time another share of the messages is through."""
        if self._fault == "none":
            return 0
        struck = 0
        for number in range(strikes):
            await self._until(int(messages * (number + 0.5) / (strikes + 1)))
            struck += await self._strike()
            self._tell(f"{self._fault} struck ({number + 1}/{strikes})")
            await asyncio.sleep(self._chance.uniform(0.05, 0.4))
        return struck

    async def _until(self, done: int) -> None:
        """Sleep until so many messages are acknowledged."""
        while self._done < done:  # noqa: ASYNC110 - a count, not one event
            await asyncio.sleep(0.01)

    async def _strike(self) -> int:
        pids = self._targets()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(
                    pid, signal.SIGSTOP if self._fault == "pause" else signal.SIGKILL
                )
        if self._fault == "pause":
            await asyncio.sleep(PAUSE_S)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        return len(pids)

    def _targets(self) -> list[int]:
        supervisor = self._stack.supervisor
        if self._fault == "store":
            return [] if supervisor.store_pid is None else [supervisor.store_pid]
        pids = supervisor.worker_pids
        if self._fault == "workers":
            return pids
        return self._chance.sample(pids, min(1, len(pids)))

    async def _come_to_rest(self, http: httpx.AsyncClient, names: list[str]) -> None:
        """Wait until every conversation has as many ends as messages."""
        give_up = monotonic() + REST_S
        open_names = list(names)
        while open_names and monotonic() < give_up:
            logs = [(name, await self._read_back(http, name)) for name in open_names]
            open_names = [name for name, log in logs if not _is_at_rest(log)]
            await asyncio.sleep(0.3 if open_names else 0)

    async def _read_all(
        self, http: httpx.AsyncClient, names: list[str]
    ) -> dict[str, list[LogLine]]:
        return {name: await self._read_back(http, name) for name in names}

    async def _read_back(self, http: httpx.AsyncClient, name: str) -> list[LogLine]:
        for _ in range(200):
            try:
                reply = await http.get(f"/v1/conversations/{name}/events")
                if reply.status_code == httpx.codes.OK:
                    return msgspec.json.decode(reply.content, type=_Page).events
            except httpx.TransportError:
                pass
            await asyncio.sleep(RETRY_S)
        raise TimeoutError(f"the events of {name} could not be read")


class _Page(msgspec.Struct):
    events: list[LogLine]


def _is_at_rest(log: list[LogLine]) -> bool:
    messages = sum(line.kind == "message" for line in log)
    replies = sum(line.kind == "reply" for line in log)
    return replies >= messages or any(line.kind == "notice" for line in log)


def hash_of(name: str, number: int) -> int:
    """A number that is the same in every process."""
    return sum(name.encode()) * 31 + number * 7
