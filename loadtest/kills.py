"""
Kill -9 many times under conversations, and measure how long a take-over takes.

Half of the kills fall at random, half at named places of a message's way
(:mod:`loadtest.kill_places`); some hit one worker, some all, some the store.
Clients repeat each message, with its id, until they know its end. Afterwards
the history checker judges what is left.

The take-over time of a kill runs from the kill until every message that was open
at that moment had its end, as its sender sees it; the next kill waits for that, or
for longer than is promised. A share of the kills falls on L3 tasks before a real shop
(:mod:`loadtest.l3_faults`), where the shop's books tell of doubled effects.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import msgspec

from gateway.config import Config
from gateway.stack import MakeSupervisor, Stack, running
from loadtest.faults import PAUSE_S, ack_of, hash_of, is_at_rest
from loadtest.history import Ack, LogLine, check
from loadtest.kill_places import (
    PLACES,
    KillableSupervisor,
    give_order,
    is_ordered,
    withdraw,
)
from loadtest.kill_report import PROMISED_S, KillReport, spread
from loadtest.l3_faults import run_l3_faults
from loadtest.repeater import Repeater
from loadtest.requests import QUESTIONS
from loadtest.striker import Striker


#: Messages of one conversation; they are sent without waiting for each other.
TURNS = 4
#: Conversations at once.
AT_ONCE = 8
#: Seconds until an order that nobody came by is taken back for a random kill.
PASSING_S = 2.0
#: Seconds between two kills, at most.
PAUSE_BETWEEN_S = 1.0
#: A client gives up and the run waits for rest at most so long, seconds.
GIVE_UP_S, REST_S = 180.0, 60.0
#: One kill in so many falls on an L3 task.
_TASK_SHARE = 5
_CUSTOMERS_A_KILL = 3


class _Kill(msgspec.Struct):
    at_s: float
    open: set[str]
    took_s: float = 0.0


def run_kills(
    config: Config,
    *,
    kills: int,
    seed: int,
    tell: Callable[[str], None],
    has_tasks: bool = True,
    make_supervisor: MakeSupervisor = KillableSupervisor,
) -> KillReport:
    """
    Kill so often on a fresh data folder, with *config*'s lease.

    Args:
        has_tasks: A fifth of the kills falls on L3 tasks.

        make_supervisor: For planted bugs: another parent process.
    """
    strikes = kills // _TASK_SHARE if has_tasks else 0
    with _stack(config, make_supervisor) as (stack, folder):
        run = _Run(stack, folder, random.Random(seed), tell)
        report = asyncio.run(run.carry_out(kills - strikes, config.store.lease_ms))
    if not strikes:
        return report
    tasks = run_l3_faults(
        config,
        customers=strikes * _CUSTOMERS_A_KILL,
        strikes=strikes,
        seed=seed,
        tell=tell,
    )
    return msgspec.structs.replace(
        report,
        tasks=tasks,
        kills=report.kills + tasks.struck,
        seconds=report.seconds + tasks.seconds,
    )


@contextmanager
def _stack(config: Config, make: MakeSupervisor) -> Iterator[tuple[Stack, Path]]:
    with tempfile.TemporaryDirectory(prefix="tidegate-") as name:
        folder = Path(name)
        replace = msgspec.structs.replace
        ours = replace(
            config,
            data_dir=name,
            server=replace(config.server, port=0, workers=2),
            log=replace(config.log, path=str(folder / "gateway.log")),
        )
        with running(ours, lambda _: None, make_supervisor=make) as stack:
            yield stack, folder


class _Run:
    """One run's clients, kills and records."""

    def __init__(
        self,
        stack: Stack,
        folder: Path,
        chance: random.Random,
        tell: Callable[[str], None],
    ) -> None:
        self._supervisor = stack.supervisor
        self._folder = folder
        self._chance = chance
        self._tell = tell
        self._client = Repeater(stack.url, stack.key, GIVE_UP_S)
        self._striker = Striker(stack.supervisor, PAUSE_S)
        self._acks: list[Ack] = []
        self._open: set[str] = set()
        self._kills: list[_Kill] = []
        self._places: Counter[str] = Counter()
        self._names: list[str] = []
        self._is_over = False

    async def carry_out(self, kills: int, lease_ms: int) -> KillReport:
        started = monotonic()
        try:
            talkers = [asyncio.create_task(self._talk(n)) for n in range(AT_ONCE)]
            try:
                killed = await self._kill_all(kills)
            finally:
                self._is_over = True
            await asyncio.gather(*talkers)
            await self._come_to_rest()
            verdict = check(self._acks, await self._read_all(self._names))
        finally:
            await self._client.close()
        return KillReport(
            kills=killed,
            places=dict(sorted(self._places.items())),
            messages=verdict.acknowledged,
            takeover=spread([one.took_s for one in self._kills if one.took_s]),
            lease_ms=lease_ms,
            unacknowledged=self._client.unacknowledged,
            seconds=monotonic() - started,
            findings=verdict.findings,
        )

    async def _talk(self, number: int) -> None:
        """One conversation after the other, until all kills are done."""
        while not self._is_over:
            name = f"k{number}-{len(self._names)}"
            self._names.append(name)
            turns = []
            for turn in range(TURNS):
                turns.append(asyncio.create_task(self._send(name, turn)))
                await asyncio.sleep(self._chance.uniform(0.0, 0.05))
            await asyncio.gather(*turns)

    async def _send(self, name: str, number: int) -> None:
        message_id = f"{name}-{number}"
        body = {
            "message_id": message_id,
            "user_id": f"u-{name}",
            "text": QUESTIONS[hash_of(name, number) % len(QUESTIONS)],
        }
        self._open.add(message_id)
        result = await self._client.send(name, body, is_patient=True)
        self._open.discard(message_id)
        if result is not None:
            self._acks.append(ack_of(name, result))
        self._note_end(message_id)

    def _note_end(self, message_id: str) -> None:
        now = monotonic()
        for kill in self._kills:
            if message_id in kill.open:
                kill.open.discard(message_id)
                kill.took_s = now - kill.at_s

    async def _kill_all(self, kills: int) -> int:
        killed = 0
        while killed < kills:
            await asyncio.sleep(self._chance.uniform(0.1, PAUSE_BETWEEN_S))
            is_named = self._chance.random() < 1 / 2
            killed += await (self._at_a_place() if is_named else self._anywhere())
            await self._taken_over()
            self._tell(f"killed {killed} of {kills}; {len(self._acks)} messages ended")
        return killed

    async def _at_a_place(self) -> int:
        """Kill whoever comes by a place, or the store as somebody does."""
        place, is_store = self._chance.choice(PLACES), self._chance.random() < 1 / 4
        give_order(
            self._folder, place, (self._supervisor.store_pid or 0) if is_store else 0
        )
        give_up = monotonic() + PASSING_S
        while monotonic() < give_up:
            if not is_ordered(self._folder):
                break
            await asyncio.sleep(0.005)
        if withdraw(self._folder):
            return await self._anywhere()
        return self._note_kill(f"{'store' if is_store else 'worker'} at {place}", 1)

    async def _anywhere(self) -> int:
        fault = self._chance.choice(("worker", "worker", "workers", "store"))
        return self._note_kill(f"{fault} at random", await self._striker.strike(fault))

    def _note_kill(self, place: str, count: int) -> int:
        self._places[place] += count
        self._kills.append(_Kill(monotonic(), set(self._open)))
        return count

    async def _taken_over(self) -> None:
        """Sleep until all that the last kill left open has ended, or is too late."""
        last = self._kills[-1]
        give_up = monotonic() + PROMISED_S + 1.0
        while last.open and monotonic() < give_up:  # noqa: ASYNC110 - a set, not one event
            await asyncio.sleep(0.01)

    async def _come_to_rest(self) -> None:
        give_up, names = monotonic() + REST_S, list(self._names)
        while names and monotonic() < give_up:
            logs = await self._read_all(names)
            names = [name for name, log in logs.items() if not is_at_rest(log)]
            await asyncio.sleep(0.3 if names else 0)

    async def _read_all(self, names: Sequence[str]) -> dict[str, list[LogLine]]:
        return {name: await self._client.log(name, LogLine) for name in names}
