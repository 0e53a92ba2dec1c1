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
import random
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from gateway.config import Config
from gateway.stack import Stack, running
from gateway.supervisor import Supervisor
from loadtest.history import Ack, LogLine, Verdict, check
from loadtest.repeater import Repeater
from loadtest.requests import QUESTIONS
from loadtest.striker import Strike, Striker


#: Messages of one conversation; they are sent without waiting for each other.
TURNS = 4
#: Lease of the runs: short, so that many take-overs fit into one.
LEASE_MS = 3_000
#: A paused worker sleeps this long: its leases run out meanwhile.
PAUSE_S = LEASE_MS / 1000 + 1.5
#: Share of messages that arrive twice at the same moment.
DOUBLED = 0.2
#: Seconds after which a client gives a message up.
GIVE_UP_S = 300.0
#: Seconds after the last acknowledgement until everything must be at rest.
REST_S = 60.0


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


def temporary_folder() -> AbstractContextManager[str]:
    """A folder that goes with the run."""
    return tempfile.TemporaryDirectory(prefix="tidegate-")


def run_faults(
    config: Config,
    fault: str,
    *,
    messages: int,
    strikes: int,
    seed: int,
    tell: Callable[[str], None],
    give_up_s: float = GIVE_UP_S,
    make_supervisor: Callable[[Config, Callable[[str], None]], Supervisor] = Supervisor,
    make_strike: Callable[[Stack], Strike] | None = None,
    make_folder: Callable[[], AbstractContextManager[str]] = temporary_folder,
) -> FaultReport:
    """
    One run on a fresh data folder, or on the store that *config* names.

    Args:
        give_up_s: How long a client repeats one message.

        make_supervisor: For planted bugs: another parent process.

        make_strike: What strikes; processes of the stack if left out.

        make_folder: Where the data folder is, for as long as the run lasts.
    """
    with make_folder() as folder:
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
            made = make_strike or _processes_of
            return run_clients(
                Repeater(stack.url, stack.key, give_up_s),
                fault,
                made(stack),
                messages=messages,
                strikes=strikes,
                seed=seed,
                tell=tell,
            )


def run_clients(
    client: Repeater,
    fault: str,
    strike: Strike,
    *,
    messages: int,
    strikes: int,
    seed: int,
    tell: Callable[[str], None],
) -> FaultReport:
    """A run on gateways that are there already."""
    run = _Run(client, fault, strike, seed, tell)
    return asyncio.run(run.carry_out(messages, strikes))


def _processes_of(stack: Stack) -> Strike:
    return Striker(stack.supervisor, PAUSE_S).strike


class _Run:
    """One run's clients, strikes and records."""

    def __init__(
        self,
        client: Repeater,
        fault: str,
        strike: Strike,
        seed: int,
        tell: Callable[[str], None],
    ) -> None:
        self._fault = fault
        self._chance = random.Random(seed)
        self._strike = strike
        self._tell = tell
        self._acks: list[Ack] = []
        self._client = client
        self._done = 0
        self._strikes_left = 0

    async def carry_out(self, messages: int, strikes: int) -> FaultReport:
        started = monotonic()
        try:
            names = [f"f{number}" for number in range(messages // TURNS)]
            self._strikes_left = strikes if self._fault != "none" else 0
            striking = asyncio.create_task(self._strike_all(messages, strikes))
            await self._converse_all(names)
            struck = await striking
            await self._come_to_rest(names)
            at_rest = check(self._acks, await self._read_all(names))
            await self._converse_all(names)
            repeated = check(self._acks, await self._read_all(names))
        finally:
            await self._client.close()
        return FaultReport(
            fault=self._fault,
            struck=struck,
            messages=len(names) * TURNS,
            retries=self._client.retries,
            unacknowledged=self._client.unacknowledged,
            seconds=monotonic() - started,
            slowest_s=self._client.slowest_s,
            verdict=msgspec.structs.replace(
                at_rest, findings=(*at_rest.findings, *repeated.findings)
            ),
        )

    async def _converse_all(self, names: list[str]) -> None:
        slots = asyncio.Semaphore(16)
        strikes = self._strikes_left

        async def one(number: int, name: str) -> None:
            async with slots:
                share = len(names) / (strikes + 1)
                await self._until_struck(strikes - int(number / share))
                await self._converse(name)

        await asyncio.gather(*(one(*pair) for pair in enumerate(names)))

    async def _until_struck(self, left: int) -> None:
        """Sleep until only so many strikes are to come: each gets its share."""
        while self._strikes_left > left:  # noqa: ASYNC110 - a count, not one event
            await asyncio.sleep(0.01)

    async def _converse(self, name: str) -> None:
        """All messages of a conversation, a moment apart, none waited for."""
        pending: list[asyncio.Task[None]] = []
        for number in range(TURNS):
            copies = 2 if self._chance.random() < DOUBLED else 1
            pending += [
                asyncio.create_task(self._send(name, number)) for _ in range(copies)
            ]
            await asyncio.sleep(0.005)
        await asyncio.gather(*pending)

    async def _send(self, name: str, number: int) -> None:
        """Send one message until it is acknowledged."""
        body = {
            "message_id": f"{name}-{number}",
            "user_id": f"u-{name}",
            "text": QUESTIONS[hash_of(name, number) % len(QUESTIONS)],
        }
        result = await self._client.send(name, body)
        if result is not None:
            self._acks.append(ack_of(name, result))
        self._done += 1

    async def _strike_all(self, messages: int, strikes: int) -> int:
        """Strike each time another share of the messages is through."""
        if self._fault == "none":
            return 0
        struck = 0
        for number in range(strikes):
            await self._until(int(messages * (number + 0.5) / (strikes + 1)))
            struck += await self._strike(self._fault)
            self._strikes_left -= 1
            self._tell(f"{self._fault} struck ({number + 1}/{strikes})")
            await asyncio.sleep(self._chance.uniform(0.05, 0.4))
        return struck

    async def _until(self, done: int) -> None:
        """Sleep until so many messages are acknowledged."""
        while self._done < done:  # noqa: ASYNC110 - a count, not one event
            await asyncio.sleep(0.01)

    async def _come_to_rest(self, names: list[str]) -> None:
        """Wait until every conversation has as many ends as messages."""
        give_up = monotonic() + REST_S
        open_names = list(names)
        while open_names and monotonic() < give_up:
            logs = await self._read_all(open_names)
            open_names = [name for name, log in logs.items() if not is_at_rest(log)]
            await asyncio.sleep(0.3 if open_names else 0)

    async def _read_all(self, names: list[str]) -> dict[str, list[LogLine]]:
        return {name: await self._client.log(name, LogLine) for name in names}


def ack_of(conversation: str, result: dict[str, Any]) -> Ack:
    """What a client was promised, for the checker."""
    reply = result.get("reply")
    return Ack(
        conversation=conversation,
        message_id=result["message_id"],
        seq=result["seq"],
        status=result["status"],
        reply=reply["text"] if reply else "",
    )


def is_at_rest(log: Sequence[LogLine]) -> bool:
    """True if every message has its end, or a person has the conversation."""
    messages = sum(line.kind == "message" for line in log)
    replies = sum(line.kind == "reply" for line in log)
    return replies >= messages or any(line.kind == "notice" for line in log)


def hash_of(name: str, number: int) -> int:
    """A number that is the same in every process."""
    return sum(name.encode()) * 31 + number * 7
