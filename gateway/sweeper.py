"""
What time alone must do: heartbeats, take-overs, leftovers, gauges, log lines.

Any gateway sweeps any bucket; the store hands each expired lease to one of
them. A round that fails is told and tried again: this is the second of the two
places that catch every exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import cycle, islice
from math import ceil
from time import monotonic

from gateway.dispatch import Dispatcher
from gateway.people import People
from gateway.settling import Settling
from gateway.store.conversations import Conversations
from gateway.store.errors import StoreUnavailable
from gateway.store.keys import BUCKETS
from gateway.telemetry import Telemetry
from gateway.tide import Tide


#: Seconds between two rounds of a loop.
SWEEP_S = 0.5
OUTBOX_S = 1.0
PEOPLE_S = 1.0
SETTLE_S = 1.0
TIDE_S = 1.0
PULSE_S = 0.25
#: Buckets looked at in one round: small enough to cost an idle gateway nothing…
SWEEP_BUCKETS = 64
OUTBOX_BUCKETS = 32
SETTLE_BUCKETS = 16
#: … and enough that with many shops each bucket is still seen this often.
SWEEP_CYCLE_S = 10.0
OUTBOX_CYCLE_S = 30.0
SETTLE_CYCLE_S = 30.0
#: Take-overs of one bucket in one round.
TAKE = 20


class Sweeper:
    """
    Runs the background loops of one process.

    Args:
        renew_s: Seconds between heartbeats; a third of the lease at most.

        buckets: Where work is looked for; every gateway looks everywhere.
    """

    def __init__(
        self,
        conversations: Conversations,
        dispatcher: Dispatcher,
        people: People,
        settling: Settling,
        tide: Tide,
        telemetry: Telemetry,
        shops: Sequence[str],
        renew_s: float,
        buckets: Sequence[int] = range(BUCKETS),
    ) -> None:
        self._conversations = conversations
        self._dispatcher = dispatcher
        self._people = people
        self._settling = settling
        self._tide = tide
        self._telemetry = telemetry
        self._shops = tuple(shops)
        self._renew_s = renew_s
        places = [(shop, bucket) for shop in shops for bucket in buckets]
        self._to_sweep = _Rotation(places, SWEEP_BUCKETS, SWEEP_CYCLE_S / SWEEP_S)
        self._to_drain = _Rotation(places, OUTBOX_BUCKETS, OUTBOX_CYCLE_S / OUTBOX_S)
        self._to_settle = _Rotation(places, SETTLE_BUCKETS, SETTLE_CYCLE_S / SETTLE_S)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the loops; call once, inside the running event loop."""
        rounds: list[tuple[str, float, Callable[[], Awaitable[None]]]] = [
            ("sweep", SWEEP_S, self.sweep_round),
            ("outbox", OUTBOX_S, self.outbox_round),
            ("renew", self._renew_s, self.renew_round),
            ("people", PEOPLE_S, self.people_round),
            ("settle", SETTLE_S, self.settle_round),
            ("tide", TIDE_S, self._tide.follow_orders),
        ]
        self._tasks = [
            asyncio.create_task(self._loop(name, every_s, work))
            for name, every_s, work in rounds
        ]
        self._tasks.append(asyncio.create_task(self._catch_up()))
        self._tasks.append(asyncio.create_task(self._pulse()))

    async def stop(self) -> None:
        """End the loops; safe to call twice or before :meth:`start`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._telemetry.lines.drain()

    async def sweep_round(self) -> None:
        """Look at the next buckets for leases that ran out."""
        await asyncio.gather(*(self._sweep(*place) for place in self._to_sweep.next()))

    async def _catch_up(self) -> None:
        """Look everywhere once at the start: who died before may have left work."""
        for shop in self._shops:
            with suppress(StoreUnavailable):
                await asyncio.gather(
                    *(self._sweep(shop, bucket) for bucket in range(BUCKETS))
                )

    async def outbox_round(self) -> None:
        """Carry out what a worker that died left in the next buckets' outboxes."""
        await asyncio.gather(
            *(self._people.drain(*place) for place in self._to_drain.next())
        )

    async def _sweep(self, shop: str, bucket: int) -> None:
        for takeover in await self._conversations.sweep(shop, bucket, TAKE):
            self._telemetry.taken_over(
                shop, takeover.lease.conversation, takeover.pending.tries
            )
            self._dispatcher.take_over(takeover.lease, takeover.pending, takeover.state)

    async def renew_round(self) -> None:
        """Keep the leases this process still works under."""
        await asyncio.gather(
            *(self._conversations.renew(lease) for lease in self._dispatcher.held)
        )

    async def people_round(self) -> None:
        """Due offers, overdue handoffs, tickets, and the queue gauges."""
        for shop in self._shops:
            depths = await self._people.sweep(shop)
            for state, depth in depths.items():
                self._telemetry.queue(shop, state, depth)
            rate = await self._people.reply_rate(shop)
            if rate is not None:
                self._telemetry.replies(shop, rate.met, rate.missed)
        self._telemetry.waits(*self._people.waits)

    async def settle_round(self) -> None:
        """Find out what became of actions whose turn was given up."""
        await asyncio.gather(
            *(self._settle(*place) for place in self._to_settle.next())
        )

    async def _settle(self, shop: str, bucket: int) -> None:
        for record in await self._settling.settle(shop, bucket):
            self._telemetry.event(
                "action_settled",
                shop=shop,
                conversation=record.conversation_id,
                action=record.id,
                state=record.state,
            )

    async def _loop(
        self, name: str, every_s: float, work: Callable[[], Awaitable[None]]
    ) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await work()
            except Exception as exc:  # noqa: BLE001 - told; the next round tries again
                self._telemetry.loop_failed(name, exc)

    async def _pulse(self) -> None:
        """Measure how late the loop is, and write the log lines kept so far."""
        while True:
            started = monotonic()
            await asyncio.sleep(PULSE_S)
            lag_s = max(0.0, monotonic() - started - PULSE_S)
            self._tide.pulse(lag_s)
            self._telemetry.pulse(lag_s, len(self._dispatcher.held))


class _Rotation:
    """
    All buckets of all shops, a few at a time, for ever.

    Args:
        rounds: Every bucket comes up within so many rounds.
    """

    def __init__(
        self, places: Sequence[tuple[str, int]], at_least: int, rounds: float
    ) -> None:
        self._places = cycle(places)
        self._count = min(len(places), max(at_least, ceil(len(places) / rounds)))

    def next(self) -> list[tuple[str, int]]:
        """The buckets of the next round."""
        return list(islice(self._places, self._count))
