"""
Random histories: operators come, go, ignore and double-accept; customers come,
write and leave; time passes; several gateways act at once on one store.

After every step: no two operators hold one handoff, nobody holds more than
their capacity, every index agrees with the records. At the end everybody who
came is closed, abandoned or ticketed: nobody is lost.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from people import SHOP, Clock, People, operator

from engines.contract import Risk
from gateway.handoff.accounts import Operator
from gateway.handoff.errors import HandoffError
from gateway.handoff.mover import decode_handoff
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.states import FINAL, Handoff, State
from gateway.store import connection, functions
from gateway.store.connection import Scripts
from gateway.store.functions import of_source
from gateway.store.keys import shop_key
from gateway.store.mailbox import Lease


pytestmark = pytest.mark.anyio

#: Small numbers make collisions likely.
POLICY = HandoffPolicy(max_queue=6, max_hops=2)
NAMES = ("lin", "wang", "zhao")


class DoubleAssignment(AssertionError):
    """Two operators hold one handoff, or one holds too many."""


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

    @property
    def any_gateway(self) -> People:
        return self.rng.choice(self.gateways)

    async def run(self, steps: int) -> None:
        for who in self.staff.values():
            await self.any_gateway.desk.come(who, is_away=False)
        for _ in range(steps):
            deed = self.rng.choice(
                [self.arrive] * 3
                + [self.accept] * 5
                + [self.accept_twice] * 2
                + [self.close] * 4
                + [self.pass_time] * 3
                + [self.sweep] * 2
                + [self.come] * 3
                + [self.beat] * 2
                + [self.decline, self.go, self.transfer, self.leave, self.take]
                + [self.write, self.write]
            )
            await deed()
            await self.check()
        await self.finish()

    async def records(self) -> list[Handoff]:
        store = self.gateways[0].store
        found = [await store.read(SHOP, f"h-{n}") for n in range(self.customers)]
        return [decode_handoff(record) for record in found if record is not None]

    async def one(self, *states: State) -> Handoff | None:
        found = [h for h in await self.records() if h.state in states]
        return self.rng.choice(found) if found else None

    async def arrive(self) -> None:
        number, self.customers = self.customers, self.customers + 1
        request = await self.gateways[0].ask(
            str(number), risk=self.rng.choice(list(Risk))
        )
        others = self.rng.sample(self.gateways, k=self.rng.randint(1, 2))
        await asyncio.gather(*(p.handoffs.enqueue(SHOP, request) for p in others))

    async def accept(self, tries: int = 1) -> None:
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
        await self.accept(tries=2)

    async def close(self) -> None:
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

    async def decline(self) -> None:
        handoff = await self.one(State.OFFERED)
        if handoff is not None:
            await self.attempt(
                lambda p, who: p.desk.decline(who, handoff.id, handoff.version),
                handoff.operator,
            )

    async def transfer(self) -> None:
        handoff = await self.one(State.ACTIVE)
        if handoff is not None:
            await self.attempt(
                lambda p, who: p.desk.transfer(who, handoff.id, handoff.version, ""),
                handoff.operator,
            )

    async def take(self) -> None:
        handoff = await self.one(State.TICKETED)
        if handoff is not None:
            await self.attempt(
                lambda p, who: p.desk.take(who, handoff.id, handoff.version),
                self.rng.choice(NAMES),
            )

    async def attempt(self, deed: Callable[[People, Operator], Any], name: str) -> None:
        try:
            await deed(self.any_gateway, self.staff[name])
        except HandoffError:
            return

    async def come(self) -> None:
        who = self.staff[self.rng.choice(NAMES)]
        await self.any_gateway.desk.come(who, is_away=self.rng.random() < 0.2)

    async def beat(self) -> None:
        for who in self.rng.sample(list(self.staff.values()), k=2):
            await self.any_gateway.desk.beat(who)

    async def go(self) -> None:
        await self.any_gateway.desk.go(self.staff[self.rng.choice(NAMES)])

    async def leave(self) -> None:
        if self.customers:
            number = self.rng.randrange(self.customers)
            await self.any_gateway.handoffs.abandon(SHOP, f"h-{number}")

    async def write(self) -> None:
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
            if self.rng.random() < 0.8:
                await self.any_gateway.desk.beat(who)
        self.clock.advance(self.rng.choice([1, 5, 21, 30]))
        if self.rng.random() < 0.05:
            self.clock.advance(900)

    async def sweep(self) -> None:
        who = self.rng.sample(self.gateways, k=2)
        await asyncio.gather(*(people.handoffs.sweep(SHOP) for people in who))

    async def check(self) -> None:
        records = await self.records()
        for handoff in records:
            self.seen[handoff.state] += 1
        if any(count > 1 for count in self.talks.values()):
            raise DoubleAssignment(str(self.talks))
        scripts = self.gateways[0].store._scripts
        held: dict[str, str] = {}
        for name, who in self.staff.items():
            key = shop_key(SHOP, "ph", name)
            ids = [i.decode() for i in await scripts.command(key, "SMEMBERS", key)]
            if len(ids) > who.capacity:
                raise DoubleAssignment(f"{name} holds {ids}")
            for handoff_id in ids:
                if handoff_id in held:
                    raise DoubleAssignment(f"{name}, {held[handoff_id]}: {handoff_id}")
                held[handoff_id] = name
        assert held == {h.id: h.operator for h in records if h.is_held}
        await self.check_indices(scripts, records)

    async def check_indices(self, scripts: Scripts, records: list[Handoff]) -> None:
        for part, state in (("hl", State.QUEUED), ("ht", State.TICKETED)):
            key = shop_key(SHOP, part)
            ids = {i.decode() for i in await scripts.command(key, "ZRANGE", key, 0, -1)}
            assert ids == {h.id for h in records if h.state is state}
        counted = Counter(h.state.value for h in records if h.state not in FINAL)
        depths = await self.gateways[0].store.depths(SHOP)
        assert {state: n for state, n in depths.items() if n} == dict(counted)

    async def finish(self) -> None:
        """Everybody goes home; what is left must be an end or a promise."""
        for _ in range(60):
            self.clock.advance(61)
            for people in self.gateways:
                await people.handoffs.sweep(SHOP)
        records = await self.records()
        assert len(records) == self.customers, "somebody was lost"
        for handoff in records:
            assert handoff.state in FINAL | {State.TICKETED}, handoff
            people = self.gateways[0]
            name = handoff.id.removeprefix("h-")
            told = [e.handoff.state for e in await people.events(name) if e.handoff]
            assert told, handoff
            expected = {"abandoned": "abandoned"}.get(handoff.state, handoff.state)
            assert told[-1] == expected, (told, handoff)
            assert (await people.write(name, "还在吗")).outcome != "human", handoff


async def play(store_url: str, seed: int, steps: int) -> History:
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


@pytest.mark.parametrize("seed", range(12))
async def test_nobody_is_lost_and_nobody_held_twice(store_url: str, seed: int) -> None:
    """
    In a random history there is no double assignment and no lost customer.
    """
    history = await play(store_url, seed, steps=120)
    assert history.seen[State.ACTIVE]


async def test_history_finds_a_planted_double_assignment(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Without the version check in the store the histories find two owners.
    """
    guard = "if version and version ~= expected then return"
    intact = functions.load_functions()
    source = intact["handoff_move"].source.decode()
    assert guard in source
    broken = source.replace(guard, "if false then return")
    planted = {**intact, "handoff_move": of_source("handoff_move", broken.encode())}
    monkeypatch.setattr(connection, "load_functions", lambda: planted)
    found = 0
    for seed in range(6):
        try:
            await play(store_url, seed, steps=120)
        except AssertionError:
            found += 1
    assert found >= 3
