"""
Two gateway processes' insides in this process: one store, one demo shop, no sweeping
but what a test asks for.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
from demo_shop import KEY
from redis import Redis

from engines.contract import Answer, Engine, Escalation, Tier, Turn
from gateway.answering import ShopService
from gateway.app import Gateway
from gateway.config import ChannelConfig, Config, ShopConfig
from gateway.config_file import load
from gateway.secrets import fill
from gateway.store.keys import bucket_of
from loadtest.faults import ack_of
from loadtest.history import Ack, Finding, LogLine, check


#: Lease of these gateways, seconds: as short as it may be.
LEASE_S = 1.0

#: What the demo shop knows.
DEMO: Any = {"facts": "knowledge/demo/facts.yaml", "knowledge": "knowledge/demo"}

_numbers = itertools.count(1)


class Inside:
    """One gateway, called as its channel ``app`` calls it."""

    def __init__(
        self, gateway: Gateway, keys: Mapping[str, str], http: httpx.AsyncClient
    ) -> None:
        self.gateway = gateway
        self.keys = keys
        self.http = http
        #: Every acknowledgement, for the history checker.
        self.acks: list[Ack] = []

    async def post(
        self,
        conversation: str,
        text: str,
        *,
        user: str = "c1005",
        message_id: str = "",
        shop: str = "demo",
    ) -> httpx.Response:
        """Send a message."""
        return await self.http.post(
            f"/v1/conversations/{conversation}/messages",
            json={
                "message_id": message_id or f"m{next(_numbers)}",
                "user_id": user,
                "text": text,
            },
            headers={"authorization": f"Bearer {self.keys[shop]}"},
        )

    async def say(self, conversation: str, text: str, **more: str) -> dict[str, Any]:
        """Send a message that must be accepted; what became of it."""
        answer = await self.post(conversation, text, **more)
        assert answer.status_code in (200, 202), answer.text
        result: dict[str, Any] = answer.json()
        self.acks.append(ack_of(conversation, result))
        return result

    async def events(
        self, conversation: str, shop: str = "demo"
    ) -> list[dict[str, Any]]:
        """Everything that happened."""
        answer = await self.http.get(
            f"/v1/conversations/{conversation}/events",
            headers={"authorization": f"Bearer {self.keys[shop]}"},
        )
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["events"]
        return found

    async def texts(self, conversation: str, kind: str) -> list[str]:
        """What was said, by one kind of speaker."""
        return [e["text"] for e in await self.events(conversation) if e["kind"] == kind]

    async def sweep(self, conversation: str) -> None:
        """Take over what is due where this conversation lies, and finish it."""
        await self.gateway._sweeper._sweep("demo", bucket(conversation))
        await self.rest()

    async def rest(self) -> None:
        """Wait for the work in the background."""
        while tasks := self.gateway.dispatcher._tasks:
            await asyncio.wait(tasks)

    def instead(self, tier: Tier, make: Callable[[Engine], Engine]) -> Restore:
        """Put something in front of an engine of the demo shop, or in its place."""
        services: Any = self.gateway.dispatcher._services
        service: ShopService = services["demo"]
        engines = {**service.engines, tier: make(service.engines[tier])}
        services["demo"] = msgspec.structs.replace(service, engines=engines)
        return Restore(services, service)


class Restore(NamedTuple):
    """Undoes :meth:`Inside.instead` at the end of a ``with``."""

    services: dict[str, ShopService]
    before: ShopService

    def __enter__(self) -> None:
        """Nothing to do: it is in place."""

    def __exit__(self, *_: object) -> None:
        self.services["demo"] = self.before


class Pair(NamedTuple):
    """Two workers of one shop."""

    a: Inside
    b: Inside

    async def findings(self, *conversations: str) -> tuple[Finding, ...]:
        """What the history checker says of all that the two acknowledged."""
        acks = [
            ack
            for ack in (*self.a.acks, *self.b.acks)
            if ack.conversation in conversations
        ]
        logs = {
            name: msgspec.convert(await self.b.events(name), list[LogLine])
            for name in conversations
        }
        return check(acks, logs).findings


def bucket(conversation: str) -> int:
    """Bucket of a conversation of the channel ``app``."""
    return bucket_of(f"app.{conversation}")


@asynccontextmanager
async def open_inside(config: Config, name: str) -> AsyncIterator[Inside]:
    """One gateway whose background loops stand still."""
    filled, kept = fill(config, Path(config.data_dir))
    gateway = await Gateway.open(filled, kept.visitor_secret)
    await gateway._sweeper.stop()
    gateway.dispatcher._conversations._worker = name
    keys = {shop.id: shop.channels[0].key for shop in filled.shops}
    app: Any = gateway.asgi
    transport = httpx.ASGITransport(app=app)
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://inside", timeout=30
        ) as http:
            yield Inside(gateway, keys, http)
    finally:
        await gateway.close(0.2)


@asynccontextmanager
async def open_pair(config: Config) -> AsyncIterator[Pair]:
    """Two gateways on the store of *config*, which is emptied."""
    with Redis.from_url(config.store.url) as client:
        client.flushall()
    async with open_inside(config, "a") as a, open_inside(config, "b") as b:
        yield Pair(a, b)


def config_of(store_url: str, shop_url: str, folder: Path) -> Config:
    """Two shops on one store, the first with a business system; short times."""
    config, replace = load(None, {}), msgspec.structs.replace
    app = (ChannelConfig(name="app"),)
    return replace(
        config,
        data_dir=str(folder),
        store=replace(config.store, url=store_url, lease_ms=int(LEASE_S * 1000)),
        dispatch=replace(
            config.dispatch, reply_wait_s=4.0, l3_deadline_s=5.0, max_tries=1
        ),
        log=replace(config.log, path=str(folder / "gateway.log")),
        router=replace(config.router, arithmetic="plain"),
        shops=(
            ShopConfig(
                id="demo",
                business_url=shop_url,
                business_key=KEY,
                channels=app,
                **DEMO,
            ),
            ShopConfig(id="rival", channels=app, **DEMO),
        ),
    )


class Gate:
    """An engine whose turns wait until the gate is opened; *asked* counts them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.asked = 0
        self.is_open = asyncio.Event()
        self.reached = asyncio.Event()

    @property
    def tier(self) -> Tier:
        return self._engine.tier

    async def answer(self, turn: Turn) -> Answer | Escalation:
        self.asked += 1
        self.reached.set()
        await self.is_open.wait()
        return await self._engine.answer(turn)


def kept(gates: list[Gate], gate: Gate) -> Gate:
    """*gate*, for the test to open."""
    gates.append(gate)
    return gate


class Deadly:
    """An engine that ends its worker's work as a crash does: nothing is undone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.asked = 0

    @property
    def tier(self) -> Tier:
        return self._engine.tier

    async def answer(self, turn: Turn) -> Answer | Escalation:
        self.asked += 1
        raise asyncio.CancelledError


@contextmanager
def crash() -> Iterator[None]:
    """The request that ran into a crash gets no answer."""
    try:
        yield
    except asyncio.CancelledError:
        return
    raise AssertionError("nothing crashed")
