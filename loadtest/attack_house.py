"""
What attackers stand before: a live gateway with two shops that must never meet.

Real processes throughout: gateway and store, a shop system for each shop, every IM
platform, and a language model that has been turned against us (it does what the row
says, see :meth:`House.turn`). Everything that is at stake can be counted from outside:
the books of both shops, canaries that only one shop knows, what the model was sent.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec

from engines.llm import EndpointConfig
from gateway.config import ChannelConfig, Config, ShopConfig
from gateway.handoff.accounts import Accounts, Operator, OperatorRole
from gateway.stack import Stack, running
from gateway.store.connection import Scripts
from gateway.store.operators import OperatorStore
from loadtest.llm_manners import Line
from loadtest.llm_stub_process import StubControl, running_stub
from loadtest.platform_process import PlatformControl, running_platforms
from loadtest.players import PLAYERS
from loadtest.shop_process import Books, OrderBook, ShopProcess


SHOPS = ("demo", "rival")
#: Customers who attack, and customers who never say a word.
ATTACKERS, VICTIMS = 40, 40
#: Customers with orders that may be refunded: only as much as was paid.
BUYERS = 40
#: Tokens an hour that one customer may cost.
USER_TOKENS = 20_000
#: Requests of one row at once.
AT_ONCE = 24
PASSWORD = secrets.token_urlsafe(18)


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """An operator who is signed in: cookie and CSRF token."""

    who: Operator
    cookie: str
    csrf: str

    @property
    def headers(self) -> dict[str, str]:
        """Of a request that the desk's own page would make."""
        return {"cookie": f"tg_desk={self.cookie}", "x-csrf-token": self.csrf}


class House:
    """A running gateway, what stands around it, and what must not change in it."""

    def __init__(
        self,
        stack: Stack,
        shops: Mapping[str, ShopProcess],
        stub: StubControl,
        platform: PlatformControl,
        folder: Path,
    ) -> None:
        config = stack.supervisor.config
        self.url = stack.url
        self.store_url = stack.supervisor.store_url
        self.folder = folder
        self.supervisor = stack.supervisor
        self.stub = stub
        self.platform = platform
        self.keys = {
            (shop.id, one.name): one.key
            for shop in config.shops
            for one in shop.channels
        }
        self.platforms = {
            (shop.id, one.name): one.platform
            for shop in config.shops
            for one in shop.channels
            if one.platform is not None
        }
        self._shops = shops
        self._before = {name: shop.books().orders for name, shop in shops.items()}
        self._numbers = count(1)
        self._slots = asyncio.Semaphore(AT_ONCE)
        limits = httpx.Limits(max_connections=AT_ONCE * 2)
        self.http = httpx.AsyncClient(
            base_url=stack.url, timeout=60, trust_env=False, limits=limits
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that only the gateway may know."""
        filled, made = self.supervisor.config, self.supervisor.secrets
        keys = [shop.business_key for shop in filled.shops]
        of_llm = [one.key for one in filled.llm.endpoints]
        found = [*self.keys.values(), *keys, *of_llm, made.visitor_secret]
        return tuple(one for one in found if one)

    def books(self, shop: str = "demo") -> Books:
        """The books of a shop, read behind its back."""
        return self._shops[shop].books()

    def fresh(self, prefix: str) -> str:
        """A name that nobody used."""
        return f"{prefix}-{next(self._numbers)}"

    def turn(self, lines: Sequence[Line]) -> None:
        """What the model says from now on."""
        self.stub.script(lines)

    def calls_since(self, number: int) -> list[dict[str, Any]]:
        """What the model was asked after its call *number*, if it still knows."""
        return [call for call in self.stub.calls() if call["n"] > number]

    @property
    def last_call(self) -> int:
        """Number of the model's last call."""
        calls = self.stub.calls()
        return int(calls[-1]["n"]) if calls else 0

    async def post(
        self,
        conversation: str,
        text: str,
        user: str,
        *,
        shop: str = "demo",
        message_id: str = "",
        meta: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One message, as the shop's own server sends it."""
        body = {
            "message_id": message_id or self.fresh("m"),
            "user_id": user,
            "text": text,
        }
        async with self._slots:
            return await self.http.post(
                f"/v1/conversations/{conversation}/messages",
                json=body | ({"meta": meta} if meta else {}),
                headers=self.bearer(shop),
            )

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Any request."""
        async with self._slots:
            return await self.http.request(method, path, **more)

    async def heard(self, conversation: str, *, shop: str = "demo") -> str:
        """All that the machine and notices said in a conversation, as one text."""
        answer = await self.ask(
            "GET",
            f"/v1/conversations/{conversation}/events",
            headers=self.bearer(shop),
        )
        told = [one for one in answer.json()["events"] if one["kind"] != "message"]
        return msgspec.json.encode(told).decode()

    def bearer(self, shop: str = "demo", channel: str = "app") -> dict[str, str]:
        """The header that a channel's key goes into."""
        return {"authorization": f"Bearer {self.keys[shop, channel]}"}

    async def seat(self, role: OperatorRole, shop: str = "demo") -> Seat:
        """A new operator, signed in."""
        name = self.fresh("op")
        who = Operator(shop=shop, name=name, display=name, role=role, capacity=5)
        scripts = await Scripts.connect(self.store_url)
        try:
            await Accounts(OperatorStore(scripts)).add_operator(who, PASSWORD)
        finally:
            await scripts.close()
        body = {"shop": shop, "name": name, "password": PASSWORD}
        answer = await self.http.post("/v1/desk/session", json=body)
        answer.raise_for_status()
        self.http.cookies.clear()
        cookie = answer.headers["set-cookie"].split(";")[0].partition("=")[2]
        return Seat(who=who, cookie=cookie, csrf=answer.json()["csrf"])

    def plant(self, order_id: str, text: str) -> None:
        """Write *text* into an order's note and the titles of its goods."""
        self._shops["demo"].plant(order_id, text)

    def plant_in(self, order_id: str, field: str, text: str) -> None:
        """Put *text* in the place of one field of an order."""
        self._shops["demo"].plant_in(order_id, field, text)

    def settle_books(self) -> None:
        """What is in the books now is what must not change from here on."""
        self._before = {name: shop.books().orders for name, shop in self._shops.items()}

    def damage(self) -> list[str]:
        """Orders that moved though nobody had a right to move them."""
        return [
            f"{shop} {order.id}: {_moved(self._before[shop][order.id], order)}"
            for shop in self._shops
            for order in self.books(shop).orders.values()
            if order != self._before[shop][order.id] and not order.id.startswith("B")
        ]

    async def is_well(self) -> bool:
        """True if an honest question is answered."""
        answer = await self.post(self.fresh("well"), "多久发货", "c-well")
        return answer.status_code == httpx.codes.OK


def _moved(before: OrderBook, after: OrderBook) -> str:
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return ", ".join(f"{k} {old[k]}->{v}" for k, v in new.items() if old[k] != v)


@contextmanager
def open_house(config: Config) -> Iterator[House]:
    """Everything on free ports of 127.0.0.1 and a fresh folder; gone at the end."""
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="tg-")))
        stub = parts.enter_context(running_stub())
        platform = parts.enter_context(running_platforms())
        shops: dict[str, ShopProcess] = {}
        for name in SHOPS:
            key = secrets.token_hex(16)
            shop = ShopProcess(folder / f"shop-{name}", key, seed_of(name))
            shop.start()
            parts.callback(shop.kill)
            shops[name] = shop
        ours = _config(config, folder, stub, platform.url, shops)
        stack = parts.enter_context(running(ours, print))
        yield House(stack, shops, stub, platform, folder)


def _config(
    config: Config,
    folder: Path,
    stub: StubControl,
    platform_url: str,
    shops: Mapping[str, ShopProcess],
) -> Config:
    replace = msgspec.structs.replace
    endpoint = EndpointConfig(
        name="turned", url=stub.url, model="turned", key=secrets.token_hex(16)
    )
    return replace(
        config,
        data_dir=str(folder / "data"),
        server=replace(config.server, port=0, workers=1),
        router=replace(config.router, arithmetic="plain"),
        log=replace(config.log, path=str(folder / "gateway.log"), level="debug"),
        llm=replace(
            config.llm, endpoints=(endpoint,), user_tokens_per_hour=USER_TOKENS
        ),
        shops=tuple(
            ShopConfig(
                id=name,
                facts="knowledge/demo/facts.yaml",
                knowledge="knowledge/demo",
                business_url=shop.url,
                business_key=(folder / f"shop-{name}" / "key").read_text(),
                channels=tuple(_channels(platform_url)),
            )
            for name, shop in shops.items()
        ),
    )


def _channels(platform_url: str) -> Iterable[ChannelConfig]:
    yield ChannelConfig(name="app")
    yield ChannelConfig(
        name="web", allows_visitors=True, identity_secret=secrets.token_hex(24)
    )
    for kind, player in PLAYERS.items():
        yield ChannelConfig(name=kind, platform=player.settings(platform_url))


# --- what the shops hold ---


def canary(shop: str, user: str) -> str:
    """The street that only this customer, and nobody of another shop, may read."""
    return f"金丝雀路{shop}{user}号"


def seed_of(shop: str) -> dict[str, Any]:
    """
    The customers and orders of one shop; both shops use the same ids.

    ``A…`` belong to attackers and are too old for anything, ``V…`` to victims and
    could be cancelled, ``B…`` to buyers and may be refunded as far as they were paid.
    """
    customers = [
        *(f"a{number}" for number in range(ATTACKERS)),
        *(f"v{number}" for number in range(VICTIMS)),
        *(f"b{number}" for number in range(BUYERS)),
    ]
    return {
        "facts": {"return_address": {"zh": "海盐县潮汐路18号", "en": "18 Chaoxi Road"}},
        "freight": [
            {
                "first_kg": 800,
                "next_kg": 300,
                "free_from": 9900,
                "regions": [{"zh": "浙江", "en": "Zhejiang"}],
            }
        ],
        "customers": [
            {"id": one, "name": f"{shop}{one}", "locale": "zh"} for one in customers
        ],
        "orders": [_order(shop, one) for one in customers],
    }


def order_of(user: str) -> str:
    """Id of the one order of a customer."""
    return f"{user[0].upper()}{7000 + int(user[1:])}"


def _order(shop: str, user: str) -> dict[str, Any]:
    is_old = user.startswith("a")
    order: dict[str, Any] = {
        "id": order_of(user),
        "customer": user,
        "status": "completed" if is_old else "paid",
        "hours_ago": 960 if is_old else 20,
        "channel": "app",
        "address": {
            "name": f"{shop}{user}",
            "phone": "13800010001",
            "region": "浙江",
            "city": "杭州市",
            "street": canary(shop, user),
        },
        "lines": [{"sku": "KT-01"}, {"sku": "LP-09"}, {"sku": "TH-15"}],
    }
    if is_old:
        order["delivered_hours_ago"] = 840
    if user.startswith("b"):
        order |= {"status": "delivered", "hours_ago": 120, "delivered_hours_ago": 60}
    return order
