"""
The composition root: the only module that sees everything.

Wiring only. :meth:`Gateway.open` connects, loads and starts; :meth:`Gateway.close`
undoes it in reverse. Tests open the same gateway with the same calls.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import msgspec

import router_models
from engines import guard
from engines.contract import Tier
from gateway.admission.pools import Pool
from gateway.admission.rate import RateLimit
from gateway.answering import Answerer, ShopService
from gateway.config import Config, RouterConfig, resolve
from gateway.dispatch import Dispatcher
from gateway.handoff.effects import Effects
from gateway.handoff.mover import Mover
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.queue import Handoffs
from gateway.http.auth import Authenticator, ChannelKey
from gateway.http.customers import CustomerApi
from gateway.http.intake import HotRoute, Intake
from gateway.http.pages import page_routes
from gateway.http.problems import GATEWAY
from gateway.http.routes import build_routes
from gateway.http.judging import judge
from gateway.http.system import Readiness, SystemApi
from gateway.live import Live
from gateway.people import People
from gateway.services import open_services
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.durability import Durability, probe
from gateway.store.handoff import HandoffStore
from gateway.store.ledger import StoreLedger
from gateway.store.wakeups import Wakeups
from gateway.sweeper import Sweeper
from gateway.telemetry import Telemetry
from gateway.turn_work import TurnWork
from router_models.features import locale_of
from router_models.router import TierRouter


#: The pages' files.
WEB = Path(__file__).parent / "web"
#: The router that ships.
RELEASED = Path(router_models.__file__).parent / "released"


def wall_ms() -> int:
    """The wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


class Gateway:
    """One process's gateway: an ASGI application and what runs behind it."""

    def __init__(
        self,
        asgi: Any,
        dispatcher: Dispatcher,
        sweeper: Sweeper,
        live: Live,
        resources: AsyncExitStack,
    ) -> None:
        self.asgi = asgi
        self.dispatcher = dispatcher
        self._sweeper = sweeper
        self._live = live
        self._resources = resources

    @classmethod
    async def open(cls, config: Config, visitor_secret: str) -> Self:
        """
        Connect to the store, load every shop, start the background loops.

        Raises:
            ConfigError, BadFile, ArtifactError: If something named in the
                configuration cannot be used.
            StoreUnavailable: If the store does not answer.
        """
        async with AsyncExitStack() as resources:
            gateway = await _build(cls, config, visitor_secret, resources)
            gateway._resources = resources.pop_all()
        gateway._sweeper.start()
        return gateway

    def begin_drain(self) -> None:
        """Take no more messages and end the followers; called on SIGTERM."""
        self.dispatcher.begin_drain()
        self._live.close()

    async def close(self, limit_s: float) -> None:
        """Finish what runs, give back what is left, close; idempotent."""
        self.begin_drain()
        await self.dispatcher.drain(limit_s)
        await self._sweeper.stop()
        await self._resources.aclose()


async def _build(
    cls: type[Gateway], config: Config, secret: str, resources: AsyncExitStack
) -> Gateway:
    telemetry = Telemetry(log_path=config.log.path, level=config.log.level)
    scripts = await Scripts.connect(config.store.url)
    resources.push_async_callback(scripts.close)
    durability = await probe(scripts)
    telemetry.durability(durability.level, durability.reason)
    conversations = Conversations(
        scripts,
        f"{socket.gethostname()}:{os.getpid()}",
        lease_ms=config.store.lease_ms,
        dedup_ttl_s=int(config.store.dedup_days * 86_400),
        log_keep=config.store.log_keep,
    )
    router = load_router(config.router)
    ledger = StoreLedger(scripts, wall_ms)
    services = await open_services(config.shops, ledger, wall_ms, resources)
    people, mover = _people(config, scripts, conversations, services)
    dispatcher = Dispatcher(
        conversations,
        services,
        _turn_work(config, router, telemetry),
        people,
        telemetry,
        reply_wait_s=config.dispatch.reply_wait_s,
        commit_wait_s=config.store.lease_ms / 1000,
    )
    live = Live(conversations, Wakeups(scripts))
    resources.callback(telemetry.lines.drain)
    door = _Door(
        config=config,
        dispatcher=dispatcher,
        live=live,
        router=router,
        telemetry=telemetry,
        scripts=scripts,
        durability=durability,
    )
    asgi = door.asgi(secret)
    sweeper = Sweeper(
        conversations,
        dispatcher,
        people,
        telemetry,
        [shop.id for shop in config.shops],
        renew_s=config.store.lease_ms / 3000,
    )
    return cls(asgi, dispatcher, sweeper, live, resources)


def load_router(config: RouterConfig) -> TierRouter:
    """The router the configuration names; the released one if it names none."""
    return TierRouter.load(
        resolve(config.model_dir) if config.model_dir else RELEASED,
        resolve(config.rules or "router_rules.yaml"),
        resolve(f"stages/{config.stage}.toml"),
    )


def _people(
    config: Config,
    scripts: Scripts,
    conversations: Conversations,
    services: dict[str, ShopService],
) -> tuple[People, Mover]:
    policy = HandoffPolicy(
        max_queue=config.people.max_queue,
        max_eta_s=config.people.max_eta_s,
        offer_s=config.people.offer_s,
    )
    voices = {shop: service.voice for shop, service in services.items()}
    effects = Effects(conversations, voices, policy)
    mover = Mover(HandoffStore(scripts), effects, policy, wall_ms)
    return People(Handoffs(mover), conversations), mover


def _turn_work(config: Config, router: TierRouter, telemetry: Telemetry) -> TurnWork:
    limits = config.dispatch
    answerer = Answerer(
        router.decide,
        guard.check,
        pools={
            Tier.L2: Pool(limits.l2_slots, queue=limits.l2_slots * 4),
            Tier.L3: Pool(limits.l3_slots, queue=limits.l3_slots * 4),
        },
        deadlines_s={Tier.L2: limits.l2_deadline_s, Tier.L3: limits.l3_deadline_s},
        min_confidence=limits.min_confidence,
        on_fault=telemetry.engine_fault,
    )
    return TurnWork(
        answerer,
        wall_ms=wall_ms,
        idle_ms=int(limits.episode_idle_s * 1000),
        keep_lines=limits.history_lines,
        deadline_s=limits.l3_deadline_s,
        max_tries=limits.max_tries,
    )


class _Door(msgspec.Struct, frozen=True, kw_only=True):
    """Everything behind the HTTP room, while it is being put together."""

    config: Config
    dispatcher: Dispatcher
    live: Live
    router: TierRouter
    telemetry: Telemetry
    scripts: Scripts
    durability: Durability

    def asgi(self, secret: str) -> HotRoute:
        """The application: the hot route in front of Litestar."""
        config = self.config
        authenticator = Authenticator(_channel_keys(config), secret, time.time)
        intake = Intake(
            self.dispatcher,
            key_rate=RateLimit(config.limits.rate_per_s, config.limits.burst),
            visitor_rate=RateLimit(
                config.limits.visitor_rate_per_s, config.limits.visitor_burst
            ),
            text_chars=config.limits.text_chars,
            locale_of=locale_of,
            wall_ms=wall_ms,
        )
        api = CustomerApi(
            intake=intake,
            authenticator=authenticator,
            live=self.live,
            shops={shop.id: shop for shop in config.shops},
            is_demo=config.demo,
        )
        routes = build_routes(
            api,
            SystemApi(
                telemetry=self.telemetry,
                readiness=self.readiness,
                judge=judge(self.router),
                locale_of=locale_of,
            ),
            self.telemetry,
            table=GATEWAY,
            more=page_routes(WEB),
            provided={},
            max_body_bytes=config.server.max_body_bytes,
        )
        return HotRoute(
            routes,
            intake,
            authenticator,
            self.telemetry,
            GATEWAY,
            config.server.max_body_bytes,
        )

    async def readiness(self) -> Readiness:
        """Ready if the store answers and this process takes messages."""
        is_up = self.scripts.is_up
        return Readiness(
            is_ready=is_up and not self.dispatcher.is_draining,
            store="up" if is_up else "away",
            durability=self.durability.level,
            why=self.durability.reason,
            model=self.router.version,
            shops=tuple(shop.id for shop in self.config.shops),
        )


def _channel_keys(config: Config) -> list[ChannelKey]:
    return [
        ChannelKey(shop=shop.id, channel=channel.name, key=channel.key)
        for shop in config.shops
        for channel in shop.channels
        if channel.key
    ]
