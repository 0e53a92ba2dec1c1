"""
One gateway process of the simulation: the real core, wired as :mod:`gateway.app` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from engines.contract import Answer, Escalation, Tier, Turn
from engines.voice import Voice
from gateway import sweeper
from gateway.admission.admission import Admission
from gateway.admission.pools import PoolPolicy
from gateway.answering import Answerer, ShopService
from gateway.customer_facts import FactsOfCustomers
from gateway.dispatch import Dispatcher
from gateway.handoff.desk import Desk
from gateway.handoff.effects import Effects
from gateway.handoff.mover import Mover
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.queue import Handoffs
from gateway.people import People
from gateway.settling import Settling
from gateway.store.conversations import Conversations
from gateway.store.errors import StoreUnavailable
from gateway.store.handoff import HandoffStore
from gateway.store.ledger import StoreLedger
from gateway.store.tide import TideStore
from gateway.sweeper import Sweeper
from gateway.telemetry import Telemetry
from gateway.tide import Tide
from gateway.turn_work import TurnWork
from loadtest.simulation.engines import Mind, SimulatedTier
from loadtest.simulation.network import Line
from loadtest.simulation.virtual_loop import on_task


SHOP = "demo"
LEASE_MS = 3_000
DEADLINES_S: Mapping[Tier, float] = {Tier.L2: 4.0, Tier.L3: 8.0}
#: Short times, so that each of them runs out in a history of a few minutes.
POLICY = HandoffPolicy(offer_s=10, wrap_s=5, first_reply_s=20, idle_s=60, presence_s=15)

_Result = TypeVar("_Result")


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What all processes of a history share."""

    loop: asyncio.AbstractEventLoop
    telemetry: Telemetry
    voice: Voice
    mind: Mind
    wall_ms: Callable[[], int]
    buckets: Sequence[int]
    failed: Callable[[str, BaseException], None]


class Process:
    """
    One process; ended by :meth:`crash` or :meth:`drain`, never used again.

    Attributes:
        is_over: True from its end on.
    """

    def __init__(self, name: str, line: Line, ground: Ground) -> None:
        self.line = line
        self.is_over = False
        self._ground = ground
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._conversations = Conversations(line, name, lease_ms=LEASE_MS)
        mover = Mover(
            HandoffStore(line),
            Effects(self._conversations, {SHOP: ground.voice}, POLICY),
            POLICY,
            ground.wall_ms,
        )
        handoffs = Handoffs(mover)
        self.desk = Desk(mover, handoffs)
        self.people = People(handoffs, self._conversations)
        admission = self._admission()
        self.dispatcher = Dispatcher(
            self._conversations,
            {SHOP: self._service()},
            self._work(admission),
            self.people,
            ground.telemetry,
            reply_wait_s=5.0,
            commit_wait_s=LEASE_MS / 1000,
            clock=ground.loop.time,
        )
        self._sweeper = self._sweep(line, admission)

    def _admission(self) -> Admission:
        ground = self._ground
        return Admission(
            {
                Tier.L2: PoolPolicy(slots=4, service_s=0.5, target_s=2.0),
                Tier.L3: PoolPolicy(slots=2, service_s=1.0, target_s=4.0),
            },
            weights={SHOP: 1.0},
            secret=b"simulation",
            clock=ground.loop.time,
            wall_ms=ground.wall_ms,
        )

    def _service(self) -> ShopService:
        tiers = (Tier.L1, Tier.L2, Tier.L3)
        engines = {t: SimulatedTier(t, self._ground.mind, self.crash) for t in tiers}
        return ShopService(engines=engines, voice=self._ground.voice)

    def _work(self, admission: Admission) -> TurnWork:
        ground = self._ground

        def fault(_turn: str, _tier: Tier, exc: BaseException) -> None:
            if not str(exc).startswith("a fault of ours"):
                ground.failed("engine", exc)

        answerer = Answerer(
            ground.mind.decide,
            _let_pass,
            admission,
            FactsOfCustomers({}, ground.loop.time),
            deadlines_s=DEADLINES_S,
            min_confidence=0.0,
            on_fault=fault,
        )
        return TurnWork(
            answerer,
            admission,
            wall_ms=ground.wall_ms,
            idle_ms=1_800_000,
            keep_lines=8,
            deadline_s=12.0,
            max_tries=2,
            clock=ground.loop.time,
        )

    def _sweep(self, line: Line, admission: Admission) -> Sweeper:
        ground = self._ground
        tide = Tide(
            admission, TideStore(line), ground.telemetry, [SHOP], _none, ground.wall_ms
        )
        settling = Settling(StoreLedger(line, ground.wall_ms), {}, ground.wall_ms, 0)
        return Sweeper(
            self._conversations,
            self.dispatcher,
            self.people,
            settling,
            tide,
            ground.telemetry,
            [SHOP],
            renew_s=LEASE_MS / 3000,
            buckets=ground.buckets,
        )

    def start(self) -> None:
        """The rounds that time alone must do; an idle pulse is left out."""
        rounds: tuple[tuple[float, Callable[[], Awaitable[None]]], ...] = (
            (sweeper.SWEEP_S, self._sweeper.sweep_round),
            (sweeper.OUTBOX_S, self._sweeper.outbox_round),
            (LEASE_MS / 3000, self._sweeper.renew_round),
            (sweeper.PEOPLE_S, self._sweeper.people_round),
        )
        for every_s, work in rounds:
            self.spawn(self._again(every_s, work))

    async def _again(self, every_s: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await work()
            except StoreUnavailable:
                pass
            except Exception as exc:  # noqa: BLE001 - no round may fail otherwise
                self._ground.failed("round", exc)

    def spawn(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        """Run *work* in this process: it ends when the process does."""
        token = on_task.set(self._began)
        try:
            return self._ground.loop.create_task(work)
        finally:
            on_task.reset(token)

    def _began(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def crash(self) -> None:
        """Kill -9: what is on the way to the store may still arrive."""
        self.is_over = True
        for task in list(self._tasks):
            task.cancel()
        self.line.die()

    def begin_drain(self) -> None:
        """SIGTERM: take no more, finish, give back, end."""
        self.dispatcher.begin_drain()
        self._drain = self._ground.loop.create_task(self._drained())

    async def _drained(self) -> None:
        with suppress(StoreUnavailable, asyncio.CancelledError):
            await self.spawn(self.dispatcher.drain(5.0))
        self.crash()


def _let_pass(answer: Answer, _turn: Turn) -> Answer | Escalation:
    return answer


async def _none() -> int:
    return 0
