"""
Pushing replies to platforms: in order, within budgets, once, through outages.

    due ── take ──> plan ── for each send: rate, intend ── send ──┬─ sent: cursor moves
                                                                  ├─ refused: backoff, or drop
                                                                  └─ unknown: same key again where
                                                                     the platform knows keys, else told

A wake-up says that something may be due; a sweep finds what a lost wake-up, a dead
worker or a backoff left behind. A send of unknown outcome is never blindly
repeated: only where the platform takes a key once, or the shop asked for it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import cycle, islice
from time import time_ns
from typing import Protocol

import msgspec

from gateway.channels.accounts import Account, Accounts
from gateway.channels.contract import Outcome, Refused, Sent, Unknown
from gateway.channels.plans import Cursor, Step, To, plan
from gateway.channels.rendering import Line, line_of
from gateway.channels.routes import Route
from gateway.outcome import event_out
from gateway.store.conversations import Conversations
from gateway.store.deliveries import Allowance, Deliveries, Intent, Taken
from gateway.store.errors import StoreError
from gateway.store.keys import BUCKETS


#: Seconds between two rounds of the sweep, and buckets of one round.
SWEEP_S = 0.5
SWEEP_BUCKETS = 64
#: Deliveries at once in one process.
MAX_RUNNING = 64
#: Backoff of refused sends: first, longest, and tries before it waits for a word.
FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 300_000
MAX_TRIES = 300
#: A backoff up to this long is kept by a timer; the sweep finds the others.
TIMER_MS = 60_000
#: Pause until a customer's other messages may be answered too.
WAIT_MS = 200
_PAGE = 50

_routes = msgspec.json.Decoder(Route)
_steps = msgspec.json.Decoder(Step)


class Told(Protocol):
    """Who counts sends; :class:`gateway.telemetry.Telemetry`."""

    def sent(self, channel: str, outcome: str, reason: str) -> None:
        """A send ended."""
        ...

    def loop_failed(self, name: str, exc: Exception) -> None:
        """A round failed."""
        ...


class Deliverer:
    """
    Pushes what is due.

    Args:
        sleep: Waits out a platform's pause; tests pass their own clock.

        chance: Random number from 0 to 1, for the backoff.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        conversations: Conversations,
        accounts: Accounts,
        told: Told,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._deliveries = deliveries
        self._conversations = conversations
        self._accounts = accounts
        self._told = told
        self._sleep = sleep
        self._chance = chance
        self._shops = sorted({account.shop for account in accounts})
        self._running: dict[tuple[str, str], bool] = {}
        self._places = asyncio.Semaphore(MAX_RUNNING)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start to listen and to sweep; nothing happens without accounts."""
        if self._shops:
            loops = (("deliver", self._hear), ("deliver_sweep", self._sweep))
            self._loops = [
                asyncio.create_task(self._guarded(name, loop)) for name, loop in loops
            ]

    async def stop(self) -> None:
        """End; sends on their way are left to whoever finds them."""
        tasks = [*self._loops, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loops = []

    def nudge(self, shop: str, conversation: str) -> None:
        """Look whether a conversation has something to push; returns at once."""
        key = (shop, conversation)
        if key in self._running:
            self._running[key] = True
            return
        self._running[key] = False
        task = asyncio.create_task(self._run(shop, conversation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def rest(self) -> None:
        """Wait until nothing is being pushed; for tests."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _guarded(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await loop()
            except Exception as exc:  # noqa: BLE001 - told; the loop starts again
                self._told.loop_failed(name, exc)
                await asyncio.sleep(SWEEP_S)

    async def _hear(self) -> None:
        async for wake_up in self._conversations.wake_ups():
            channel = wake_up.conversation.partition(".")[0]
            account = self._accounts.get(wake_up.shop, channel)
            if account is not None and account.channel.is_reachable:
                self.nudge(wake_up.shop, wake_up.conversation)

    async def _sweep(self) -> None:
        places = cycle([(shop, n) for shop in self._shops for n in range(BUCKETS)])
        while True:
            await asyncio.sleep(SWEEP_S)
            due = await asyncio.gather(
                *(
                    self.find_due(shop, bucket)
                    for shop, bucket in islice(places, SWEEP_BUCKETS)
                )
            )
            for shop, names in due:
                for name in names:
                    self.nudge(shop, name)

    async def find_due(self, shop: str, bucket: int) -> tuple[str, list[str]]:
        """Conversations of a bucket that are due."""
        now_ms = time_ns() // 1_000_000
        return shop, await self._deliveries.due(shop, bucket, now_ms, _PAGE)

    async def _run(self, shop: str, conversation: str) -> None:
        key = (shop, conversation)
        try:
            async with self._places:
                await self.deliver(shop, conversation)
                while self._running.get(key):
                    self._running[key] = False
                    await self.deliver(shop, conversation)
        except StoreError:
            pass  # the lease runs out and the sweep finds it
        except Exception as exc:  # noqa: BLE001 - told; the sweep tries again
            self._told.loop_failed("deliver", exc)
        finally:
            self._running.pop(key, None)

    async def deliver(self, shop: str, conversation: str) -> None:
        """Push what one conversation has, as far as it goes now."""
        while True:
            taken = await self._deliveries.take(shop, conversation)
            if isinstance(taken, int):
                self._later(shop, conversation, taken)
                return
            if not await self._push(taken):
                return

    def _later(self, shop: str, conversation: str, wait_ms: int) -> None:
        if 0 < wait_ms <= TIMER_MS:
            loop = asyncio.get_running_loop()
            loop.call_later(
                wait_ms / 1000, self._nudge_unless_stopped, shop, conversation
            )

    def _nudge_unless_stopped(self, shop: str, conversation: str) -> None:
        if self._loops:
            self.nudge(shop, conversation)

    async def _push(self, taken: Taken) -> bool:
        """Push one page; True if more is due at once."""
        route = _routes.decode(taken.route)
        account = self._accounts.get(taken.shop, route.channel)
        if account is None:
            await self._hold(taken)
            return False
        if not account.channel.is_reachable:
            await self._leave(taken)
            return False
        if account.channel.caps.sends == 1 and taken.waiting:
            # One send is all there is: it is made when everything is answered.
            await self._deliveries.move(taken, taken.done, taken.part, WAIT_MS)
            self._later(taken.shop, taken.conversation, WAIT_MS)
            return False
        at: Cursor | None = Cursor(taken.done, taken.part)
        if taken.on_its_way:
            at = await self._settle(taken, account)
            if at is None:
                return False
            taken = msgspec.structs.replace(taken, done=at.done, part=at.part)
        lines = _lines(taken, account)
        steps = plan(lines, Cursor(taken.done, taken.part), _to(taken, route),
                     account.channel.caps, taken.spent)  # fmt: skip
        for step in steps:
            if not await self._one(taken, account, step):
                return False
            taken = msgspec.structs.replace(taken, done=step.done, part=step.part)
        return await self._end(taken, lines)

    async def _leave(self, taken: Taken) -> None:
        """
        Leave it as it is to the process that holds the connection.

        Due at once: with a wait, sweeps of one period could miss each other for ever.
        """
        await self._deliveries.move(
            taken,
            taken.done,
            taken.part,
            0,
            tries=taken.tries,
            keeps_send=bool(taken.on_its_way),
        )

    async def _end(self, taken: Taken, lines: list[Line]) -> bool:
        """Everything planned is sent: is it all there is?"""
        if lines and taken.done < lines[-1].n:
            await self._hold(taken)
            self._told.sent(_channel(taken), "held", "budget_spent")
            return False
        done = max(taken.done, taken.events[-1].n if taken.events else 0)
        return await self._deliveries.move(taken, done, 0, "end") == 2  # noqa: PLR2004 - see deliver_move.lua

    async def _hold(self, taken: Taken) -> None:
        """Wait until the customer writes; if that happened already, look again."""
        moved = await self._deliveries.move(taken, taken.done, taken.part, "hold")
        if moved == 2:  # noqa: PLR2004 - see deliver_move.lua
            self.nudge(taken.shop, taken.conversation)

    async def _settle(self, taken: Taken, account: Account) -> Cursor | None:
        """A send that another worker, or an earlier try, left on its way."""
        step = _steps.decode(taken.on_its_way)
        may_repeat = account.settings.resends_unknown
        if account.channel.caps.is_idempotent or may_repeat:
            is_through = await self._one(taken, account, step, is_again=True)
            return Cursor(step.done, step.part) if is_through else None
        self._told.sent(account.name, "unknown", "not_repeated")
        await self._deliveries.move(taken, step.done, step.part, "go")
        return Cursor(step.done, step.part)

    async def _one(
        self, taken: Taken, account: Account, step: Step, *, is_again: bool = False
    ) -> bool:
        """Make one send; True if the next one may follow."""
        intent = await self._intend(taken, account, step, is_again=is_again)
        if intent.verdict != "go":
            if intent.verdict != "lost":
                await self._hold(taken)
                self._told.sent(account.name, "held", intent.verdict)
            return False
        outcome = await account.channel.send(step.piece)
        return await self._settled(taken, account, step, outcome)

    async def _intend(
        self, taken: Taken, account: Account, step: Step, *, is_again: bool
    ) -> Intent:
        """Wait for the account's rate and the customer's pause, then write it down."""
        caps = account.channel.caps
        reserve = 0 if step.piece.who == "operator" else caps.reserve
        allowance = Allowance(
            sends=max(caps.sends - reserve, 0),
            window_ms=caps.window_s * 1000,
            pause_ms=int(caps.pause_s * 1000),
            is_by_address=caps.counts_by_address,
        )
        while wait_ms := await self._deliveries.rate_wait_ms(
            account.shop, account.name, 1000 / caps.rate_per_s, caps.burst
        ):
            await self._sleep(wait_ms / 1000)
        while True:
            intent = await self._deliveries.intend(
                taken, msgspec.json.encode(step), allowance, is_again=is_again
            )
            if intent.verdict != "too_soon":
                return intent
            await self._sleep(intent.wait_ms / 1000)

    async def _settled(
        self, taken: Taken, account: Account, step: Step, outcome: Outcome
    ) -> bool:
        """Write down what became of a send; True if it is over."""
        match outcome:
            case Sent():
                self._told.sent(account.name, "sent", "")
            case Refused(is_final=True):
                self._told.sent(account.name, "dropped", outcome.reason)
            case Unknown() if not self._may_repeat(account):
                self._told.sent(account.name, "unknown", "not_repeated")
            case Unknown():
                self._told.sent(account.name, "unknown", "repeated")
                await self._back_off(taken, None, keeps_send=True)
                return False
            case Refused():
                self._told.sent(account.name, "refused", outcome.reason)
                await self._refused(taken, outcome)
                return False
        return await self._deliveries.move(taken, step.done, step.part, "go") == 1

    def _may_repeat(self, account: Account) -> bool:
        return account.channel.caps.is_idempotent or account.settings.resends_unknown

    async def _refused(self, taken: Taken, outcome: Refused) -> None:
        """Nothing was sent: later, or when the customer writes again."""
        if outcome.reason in ("window_closed", "budget_spent"):
            # The platform counts otherwise than we do, and it is right.
            await self._hold(taken)
            return
        await self._back_off(taken, outcome.retry_after_s, keeps_send=False)

    async def _back_off(
        self, taken: Taken, retry_after_s: float | None, *, keeps_send: bool
    ) -> None:
        tries = taken.tries + 1
        pause_ms = min(FIRST_PAUSE_MS * 2 ** min(tries - 1, 12), LONGEST_PAUSE_MS)
        if retry_after_s is not None:
            wished_ms = int(retry_after_s * 1000)
            pause_ms = wished_ms if tries == 1 else max(wished_ms, pause_ms)
        wait_ms = max(1, int(pause_ms * (0.75 + 0.5 * self._chance())))
        is_over = tries >= MAX_TRIES
        await self._deliveries.move(
            taken,
            taken.done,
            taken.part,
            "hold" if is_over else wait_ms,
            tries=0 if is_over else tries,
            keeps_send=keeps_send,
            is_refunded=not keeps_send,
        )
        self._later(taken.shop, taken.conversation, wait_ms)


def _lines(taken: Taken, account: Account) -> list[Line]:
    shown = (event_out(one.n, one.kind, one.data) for one in taken.events)
    lines = (
        line_of(
            event,
            choices=account.channel.caps.choices,
            labels_machine=account.settings.labels_machine,
        )
        for event in shown
        if event.n > taken.done
    )
    return [line for line in lines if line is not None]


def _to(taken: Taken, route: Route) -> To:
    return To(
        scope=f"{taken.shop}|{taken.conversation}|{route.channel}",
        address=route.address,
        user_id=route.user_id,
        conversation_id=route.conversation_id,
    )


def _channel(taken: Taken) -> str:
    return _routes.decode(taken.route).channel
