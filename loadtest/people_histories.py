"""
Random histories: operators come, go, ignore and double-accept; customers come,
write and leave; time passes; several gateways act at once on one store.

After every step: no two operators hold one handoff, nobody holds more than
their capacity, every index agrees with the records, nobody was passed over by a
later deadline, nobody waits past the limit. At the end everybody who came is
closed, abandoned or ticketed: nobody is lost.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from engines.contract import Risk
from gateway.handoff.accounts import Operator
from gateway.handoff.errors import HandoffError
from gateway.handoff.mover import decode_handoff
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.states import FINAL, Handoff, State
from gateway.store.connection import Scripts
from gateway.store.keys import shop_key
from gateway.store.mailbox import Lease
from loadtest.people_house import SHOP, Clock, People, operator


#: Small numbers make collisions likely.
POLICY = HandoffPolicy(max_queue=6, max_hops=2)
NAMES = ("lin", "wang", "zhao")
#: Shares: who comes but is away, whose console is alive, how often long nothing happens.
AWAY, ALIVE, LONG_PAUSE = 0.2, 0.8, 0.05


class Broken(AssertionError):
    """A promise of the queue did not hold."""


class DoubleAssignment(Broken):
    """Two operators hold one handoff, or one holds too many."""


class PassedOver(Broken):
    """An operator was offered somebody with a later deadline."""


class Starved(Broken):
    """Somebody waits past the limit, and nobody is told."""


class Lost(Broken):
    """Somebody who came is nowhere, or was not told where."""


class History:
    """One random history on a real store."""

    def __init__(self, gateways: list[People], clock: Clock, seed: int) -> None:
        self.rng = random.Random(seed)
        self.gateways = gateways
        self.clock = clock
        self.customers = 0
        self.talks: Counter[tuple[str, int]] = Counter()
        self.staff = {
            name: operator(name, capacity=1 + n) for n, name in enumerate(NAMES)
        }
        self.seen: Counter[State] = Counter()
        self.events = 0
        self.longest_s = 0.0
        self.waiting: dict[str, Handoff] = {}
        self.offered: set[tuple[str, int]] = set()

    @property
    def any_gateway(self) -> People:
        """One of the processes, as a load balancer would choose it."""
        return self.rng.choice(self.gateways)

    async def run(self, steps: int) -> None:
        """Let *steps* random things happen, and then everybody go home."""
        for who in self.staff.values():
            await self.any_gateway.desk.come(who, is_away=False)
        for _ in range(steps):
            deed = self.rng.choice(
                [self.arrive] * 3
                + [self.accept] * 5
                + [self.accept_twice] * 2
                + [self.close] * 4
                + [self.wrap_up]
                + [self.pass_time] * 3
                + [self.sweep] * 2
                + [self.come] * 3
                + [self.beat] * 2
                + [self.decline, self.go, self.transfer, self.leave, self.take]
                + [self.write, self.write]
            )
            await deed()
            self.events += 1
            await self.check(is_swept=deed == self.sweep)
        await self.finish()

    async def records(self) -> list[Handoff]:
        """Every handoff there ever was."""
        store = self.gateways[0].store
        found = await asyncio.gather(
            *(store.read(SHOP, f"h-{n}") for n in range(self.customers))
        )
        return [decode_handoff(record) for record in found if record is not None]

    async def one(self, *states: State) -> Handoff | None:
        """A random handoff in one of *states*; None if there is none."""
        found = [h for h in await self.records() if h.state in states]
        return self.rng.choice(found) if found else None

    async def arrive(self) -> None:
        """A customer asks for a person; a retry asks again elsewhere."""
        number, self.customers = self.customers, self.customers + 1
        request = await self.gateways[0].ask(
            str(number), risk=self.rng.choice(list(Risk))
        )
        others = self.rng.sample(self.gateways, k=self.rng.randint(1, 2))
        await asyncio.gather(*(p.handoffs.enqueue(SHOP, request) for p in others))

    async def accept(self, tries: int = 1) -> None:
        """An offer is accepted, perhaps by two at once."""
        handoff = await self.one(State.OFFERED, State.OFFERED, State.QUEUED)
        if handoff is None:
            return
        names = [handoff.operator or NAMES[0], self.rng.choice(NAMES)][:tries]
        results = await asyncio.gather(
            *(
                self.any_gateway.desk.claim(
                    self.staff[name], handoff.id, handoff.version
                )
                for name in names
            ),
            return_exceptions=True,
        )
        won = [r for r in results if not isinstance(r, BaseException)]
        for result in results:
            if isinstance(result, BaseException) and not isinstance(
                result, HandoffError
            ):
                raise result
        if len(won) > 1:
            raise DoubleAssignment(handoff.id)
        for active in won:
            self.talks[active.id, active.epoch] += 1

    async def accept_twice(self) -> None:
        """Two operators accept at once."""
        await self.accept(tries=2)

    async def close(self) -> None:
        """A talk is ended, perhaps with words not yet read."""
        handoff = await self.one(State.ACTIVE)
        if handoff is None:
            return
        seen = len(await self.gateways[0].events(handoff.id.removeprefix("h-")))
        seen -= self.rng.choice([0, 0, 1, 5])
        await self.attempt(
            lambda p, who: p.desk.close(
                who, handoff.id, handoff.version, "solved", max(0, seen)
            ),
            handoff.operator,
        )

    async def wrap_up(self) -> None:
        """A wrap-up is done before its time."""
        handoff = await self.one(State.WRAP)
        if handoff is not None:
            await self.attempt(
                lambda p, who: p.desk.wrap_up(who, handoff.id, "", ""),
                handoff.operator,
            )

    async def decline(self) -> None:
        """An offer is declined."""
        handoff = await self.one(State.OFFERED)
        if handoff is not None:
            await self.attempt(
                lambda p, who: p.desk.decline(who, handoff.id, handoff.version),
                handoff.operator,
            )

    async def transfer(self) -> None:
        """A talk is passed on."""
        handoff = await self.one(State.ACTIVE)
        if handoff is not None:
            await self.attempt(
                lambda p, who: p.desk.transfer(who, handoff.id, handoff.version, ""),
                handoff.operator,
            )

    async def take(self) -> None:
        """A ticket is taken up."""
        handoff = await self.one(State.TICKETED)
        if handoff is not None:
            await self.attempt(
                lambda p, who: p.desk.take(who, handoff.id, handoff.version),
                self.rng.choice(NAMES),
            )

    async def attempt(self, deed: Callable[[People, Operator], Any], name: str) -> None:
        """Do it; what the queue refuses is fine."""
        try:
            await deed(self.any_gateway, self.staff[name])
        except HandoffError:
            return

    async def come(self) -> None:
        """An operator comes, perhaps away."""
        who = self.staff[self.rng.choice(NAMES)]
        await self.any_gateway.desk.come(who, is_away=self.rng.random() < AWAY)

    async def beat(self) -> None:
        """Two consoles show a sign of life."""
        for who in self.rng.sample(list(self.staff.values()), k=2):
            await self.any_gateway.desk.beat(who)

    async def go(self) -> None:
        """An operator goes home in the middle of it."""
        await self.any_gateway.desk.go(self.staff[self.rng.choice(NAMES)])

    async def leave(self) -> None:
        """A customer no longer wants a person."""
        if self.customers:
            number = self.rng.randrange(self.customers)
            await self.any_gateway.handoffs.abandon(SHOP, f"h-{number}")

    async def write(self) -> None:
        """A customer says something."""
        if self.customers:
            number = self.rng.randrange(self.customers)
            people = self.gateways[0]
            accepted = await people.write(str(number), "在吗")
            await self.release(people, number, accepted.epoch)

    async def release(self, people: People, number: int, epoch: int) -> None:
        """What the machine would do with a message that is its own."""
        if epoch:
            await people.conversations.commit(
                Lease(SHOP, f"web:{number}", epoch),
                seq=(await people.conversations.events(SHOP, f"web:{number}", 0, 999))[
                    -1
                ].n,
                message_id=f"m-{people.messages}",
                channel="web",
                result=b"{}",
                events=(),
                state=b"",
            )

    async def pass_time(self) -> None:
        """Mostly the consoles are alive; now and then one falls silent."""
        for who in self.staff.values():
            if self.rng.random() < ALIVE:
                await self.any_gateway.desk.beat(who)
        self.clock.advance(self.rng.choice([1, 5, 21, 30]))
        if self.rng.random() < LONG_PAUSE:
            self.clock.advance(900)

    async def sweep(self) -> None:
        """Two gateways sweep at once."""
        who = self.rng.sample(self.gateways, k=2)
        await asyncio.gather(*(people.handoffs.sweep(SHOP) for people in who))

    async def check(self, *, is_swept: bool = False) -> None:
        """What must hold after every step."""
        records = await self.records()
        self.check_order(records)
        if is_swept:
            self.check_limits(records)
        for handoff in records:
            self.seen[handoff.state] += 1
        if any(count > 1 for count in self.talks.values()):
            raise DoubleAssignment(str(self.talks))
        scripts = self.gateways[0].scripts
        held: dict[str, str] = {}
        keys = [shop_key(SHOP, "ph", name) for name in self.staff]
        sets = await asyncio.gather(
            *(scripts.command(key, "SMEMBERS", key) for key in keys)
        )
        for (name, who), found in zip(self.staff.items(), sets, strict=True):
            ids = [one.decode() for one in found]
            if len(ids) > who.capacity:
                raise DoubleAssignment(f"{name} holds {ids}")
            for handoff_id in ids:
                if handoff_id in held:
                    raise DoubleAssignment(f"{name}, {held[handoff_id]}: {handoff_id}")
                held[handoff_id] = name
        _must(held == {h.id: h.operator for h in records if h.is_held}, "held", held)
        await self.check_indices(scripts, records)

    async def check_indices(self, scripts: Scripts, records: list[Handoff]) -> None:
        """Line, tickets and counts agree with the records."""
        for part, state in (("hl", State.QUEUED), ("ht", State.TICKETED)):
            key = shop_key(SHOP, part)
            ids = {i.decode() for i in await scripts.command(key, "ZRANGE", key, 0, -1)}
            _must(ids == {h.id for h in records if h.state is state}, part, ids)
        counted = Counter(h.state.value for h in records if h.state not in FINAL)
        depths = await self.gateways[0].store.depths(SHOP)
        _must({s: n for s, n in depths.items() if n} == dict(counted), "depths", depths)

    async def finish(self) -> None:
        """Everybody goes home; what is left must be an end or a promise."""
        for _ in range(24):
            self.clock.advance(151)
            await self.any_gateway.handoffs.sweep(SHOP)
        records = await self.records()
        if len(records) != self.customers:
            raise Lost(f"{self.customers - len(records)} of {self.customers}")
        for handoff in records:
            if handoff.state not in FINAL | {State.TICKETED}:
                raise Starved(handoff)
            people = self.gateways[0]
            name = handoff.id.removeprefix("h-")
            told = [e.handoff.state for e in await people.events(name) if e.handoff]
            if told[-1:] != [handoff.state]:
                raise Lost(told, handoff)
            if (await people.write(name, "还在吗")).outcome == "human":
                raise Lost(handoff)

    def check_order(self, records: list[Handoff]) -> None:
        """Nobody who waits all the while could have been offered instead."""
        now_ms, waiting = self.clock(), self.waiting
        fresh = [
            h
            for h in records
            if h.state is State.OFFERED and (h.id, h.version) not in self.offered
        ]
        still = [
            h
            for h in records
            if h.state is State.QUEUED and waiting.get(h.id) == h and not h.wanted
        ]
        for offer in fresh:
            for other in still:
                could = other.excluded.get(offer.operator, 0) <= now_ms
                is_fit = other.weight <= offer.weight
                if could and is_fit and other.deadline_ms < offer.deadline_ms:
                    raise PassedOver(other, offer)
        self.offered |= {(h.id, h.version) for h in fresh}
        self.waiting = {h.id: h for h in records if h.state is State.QUEUED}

    def check_limits(self, records: list[Handoff]) -> None:
        """After a sweep nobody is in the line past the end of their patience."""
        now_ms = self.clock()
        for handoff in records:
            if handoff.state is not State.QUEUED:
                continue
            self.longest_s = max(self.longest_s, (now_ms - handoff.queued_ms) / 1000)
            if handoff.due_ms <= now_ms:
                raise Starved(handoff)


def _must(is_so: bool, what: str, found: object) -> None:
    if not is_so:
        raise Broken(what, found)


async def play(store_url: str, seed: int, steps: int) -> History:
    """
    One history on the store at *store_url*, which is emptied first: give it its own.

    Raises:
        Broken: If a promise did not hold.
    """
    clock = Clock()
    connections = [await Scripts.connect(store_url) for _ in range(3)]
    await connections[0].command("", "FLUSHALL")
    try:
        history = History([People(s, clock, POLICY) for s in connections], clock, seed)
        await history.run(steps)
    finally:
        for scripts in connections:
            await scripts.close()
    return history
