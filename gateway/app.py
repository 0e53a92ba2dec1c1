"""
The composition root: the only module that sees everything.

Wiring only. :meth:`Gateway.open` connects, loads and starts; :meth:`Gateway.close`
undoes it in reverse. Tests open the same gateway with the same calls.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import router_models
from engines import guard
from engines.agent.engine import AgentEngine
from engines.contract import Tier
from engines.llm import LlmClient, open_clients, states_of
from engines.retrieval.dense import QuestionVectors
from engines.retrieval.engine import RetrievalEngine
from engines.shops.demo import seed
from gateway.admission.admission import Admission
from gateway.answering import Answerer, Decide, ShopService
from gateway.approvals import Approvals
from gateway.channels.accounts import AccountSettings
from gateway.channels.room import Channels
from gateway.config import Config, HoursConfig, RouterConfig, StoreConfig, resolve
from gateway.customer_facts import FactsOfCustomers
from gateway.desk_help import DeskHelp
from gateway.dispatch import Dispatcher
from gateway.handoff.accounts import Accounts
from gateway.handoff.desk import Desk
from gateway.handoff.effects import Effects
from gateway.handoff.feed import DeskFeed
from gateway.handoff.hours import Hours
from gateway.handoff.mover import Mover
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.queue import Handoffs
from gateway.http.corrections import CorrectionsApi
from gateway.http.demo import DemoCustomer
from gateway.http.door import Limits, Parts, open_door
from gateway.http.intake import HotRoute
from gateway.http.judging import judge
from gateway.http.models import ModelsApi
from gateway.http.system import Readiness, SystemApi
from gateway.http.tide import TideApi
from gateway.librarian import Librarian, Shelved
from gateway.live import Live
from gateway.models import ModelKeeper
from gateway.people import People
from gateway.previews import Previews
from gateway.services import (
    knowledge_of,
    open_questions,
    open_services,
    today,
    use_arithmetic,
)
from gateway.settling import Settling
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.durability import probe
from gateway.store.handoff import HandoffStore
from gateway.store.journal import StoreJournal
from gateway.store.ledger import StoreLedger
from gateway.store.operators import OperatorStore
from gateway.store.threads import Threads
from gateway.store.tide import TideStore
from gateway.store.wakeups import Wakeups
from gateway.sweeper import Sweeper
from gateway.telemetry import Telemetry
from gateway.tide import Tide, open_admission
from gateway.turn_work import TurnWork
from router_models import artifact
from router_models.corrections import CORRECTIONS
from router_models.fleet import Served
from router_models.registry import Registry
from router_models.router import TierRouter
from router_models.text import locale_of


#: The pages' files.
PAGES = Path(__file__).parent / "web"
#: The router that ships.
RELEASED = Path(router_models.__file__).parent / "released"


def wall_ms() -> int:
    """The wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


class Gateway:
    """One process's gateway: an ASGI application and what runs behind it."""

    def __init__(self, resources: AsyncExitStack) -> None:
        self._resources = resources
        self.asgi: HotRoute
        self.dispatcher: Dispatcher
        self._sweeper: Sweeper
        self._keeper: ModelKeeper
        self._live: Live
        self._feed: DeskFeed
        self.channels: Channels

    @classmethod
    async def open(cls, config: Config, visitor_secret: str) -> Gateway:
        """
        Connect to the store, load every shop, start the background loops.

        Raises:
            ConfigError, BadFile, ArtifactError: If something named in the
                configuration cannot be used.
            StoreUnavailable: If the store does not answer.
        """
        async with AsyncExitStack() as resources:
            gateway = cls(resources)
            await gateway._build(config, visitor_secret)
            gateway._sweeper.start()
            gateway.channels.start()
            gateway._keeper.start()
            gateway._resources = resources.pop_all()
        return gateway

    def begin_drain(self) -> None:
        """Take no more messages and end the followers; called on SIGTERM."""
        self.dispatcher.begin_drain()
        self._live.close()
        self._feed.close()

    async def close(self, limit_s: float) -> None:
        """Finish what runs, give back what is left, close; idempotent."""
        self.begin_drain()
        await self.dispatcher.drain(limit_s)
        await self.channels.stop()
        await self._sweeper.stop()
        await self._resources.aclose()

    async def _build(self, config: Config, secret: str) -> None:
        telemetry = Telemetry(log_path=config.log.path, level=config.log.level)
        self._resources.callback(telemetry.lines.close)
        scripts = await Scripts.connect(
            config.store.url, replicas=config.store.replicas
        )
        self._resources.push_async_callback(scripts.close)
        conversations = _conversations(config.store, scripts)
        keeper = self._keeper = _keeper(config, telemetry)
        self._resources.push_async_callback(keeper.stop)
        ledger = StoreLedger(scripts, wall_ms)
        llms = await self._resources.enter_async_context(
            open_clients(config.llm, telemetry.llm_call, probes=True)
        )
        data_dir = Path(config.data_dir)
        questions = open_questions(self._resources)
        services = await open_services(
            config.shops,
            data_dir,
            ledger,
            wall_ms,
            self._resources,
            llms,
            questions,
            StoreJournal(scripts, int(config.store.dedup_days * 86_400)),
        )
        use_arithmetic(services, config.router.arithmetic)
        librarian = Librarian(_shelved(config, services, questions), telemetry)
        librarian.start()
        self._resources.push_async_callback(librarian.stop)
        mover = _mover(config, scripts, conversations, services)
        handoffs = Handoffs(mover)
        people = People(handoffs, conversations)
        admission = open_admission(config, secret, wall_ms)
        tide = TideStore(scripts)
        answerer = self._answerer(
            config, keeper.fleet.decide, telemetry, services, admission
        )
        self.dispatcher = Dispatcher(
            conversations,
            services,
            _turn_work(config, answerer, admission),
            people,
            telemetry,
            reply_wait_s=config.dispatch.reply_wait_s,
            commit_wait_s=config.store.lease_ms / 1000,
        )
        self.channels = self._open_channels(config, scripts, conversations, telemetry)
        self._live = Live(conversations, Wakeups(scripts))
        desk = Desk(mover, handoffs)
        self._feed = DeskFeed(desk, HandoffStore(scripts))
        self._sweeper = Sweeper(
            conversations,
            self.dispatcher,
            people,
            _settling(config, ledger, services),
            Tide(admission, tide, telemetry, [shop.id for shop in config.shops]),
            telemetry,
            [shop.id for shop in config.shops],
            renew_s=config.store.lease_ms / 3000,
        )
        parts = Parts(
            dispatcher=self.dispatcher,
            live=self._live,
            people=people,
            desk=desk,
            feed=self._feed,
            channels=self.channels,
            previews=Previews(answerer, services),
            threads=Threads(scripts),
            accounts=Accounts(
                OperatorStore(scripts), config.people.session_hours * 3600
            ),
            approvals=Approvals(ledger, _agents(services), wall_ms),
            system=await self._system(config, scripts, keeper, telemetry, llms),
            desk_help=DeskHelp(
                services,
                guard.check,
                admission,
                self._live,
                HandoffStore(scripts),
                wall_ms,
                corrected=Path(config.data_dir) / CORRECTIONS,
            ),
            librarian=librarian,
            tide=TideApi(
                admission=admission,
                store=tide,
                voices={shop: one.voice for shop, one in services.items()},
                wall_ms=wall_ms,
            ),
            models=ModelsApi(registry=open_registry(config), wall_ms=wall_ms),
            corrections=CorrectionsApi(
                path=Path(config.data_dir) / CORRECTIONS,
                model=lambda: keeper.fleet.version,
                wall_ms=wall_ms,
            ),
            telemetry=telemetry,
            locale_of=locale_of,
            wall_ms=wall_ms,
            presence_s=mover.policy.presence_s,
            demo=_demo_customers() if config.demo else (),
        )
        self.asgi = open_door(parts, _limits(config), secret, PAGES)

    def _open_channels(
        self,
        config: Config,
        scripts: Scripts,
        conversations: Conversations,
        telemetry: Telemetry,
    ) -> Channels:
        channels = Channels(
            _accounts(config),
            scripts,
            conversations,
            self.dispatcher,
            telemetry,
            locale_of=locale_of,
            wall_ms=wall_ms,
            dedup_s=config.store.dedup_days * 86_400,
            text_chars=config.limits.text_chars,
        )
        self._resources.push_async_callback(channels.accounts.close)
        return channels

    async def _system(
        self,
        config: Config,
        scripts: Scripts,
        keeper: ModelKeeper,
        telemetry: Telemetry,
        llms: Mapping[Tier, LlmClient],
    ) -> SystemApi:
        durability = await probe(scripts)
        telemetry.durability(durability.level, durability.reason)

        async def readiness() -> Readiness:
            return Readiness(
                is_ready=scripts.is_up and not self.dispatcher.is_draining,
                store="up" if scripts.is_up else "away",
                durability=durability.level,
                why=durability.reason,
                model=keeper.fleet.version,
                arithmetic=keeper.fleet.active.router.model.arithmetic.name,
                shops=tuple(shop.id for shop in config.shops),
                llm=states_of(llms.values()),
            )

        return SystemApi(
            telemetry=telemetry, readiness=readiness, judge=judge(keeper.fleet)
        )

    def _answerer(
        self,
        config: Config,
        decide: Decide,
        telemetry: Telemetry,
        services: dict[str, ShopService],
        admission: Admission,
    ) -> Answerer:
        limits = config.dispatch
        facts = FactsOfCustomers(
            {shop: one.orders for shop, one in services.items() if one.orders},
            time.monotonic,
        )
        self._resources.push_async_callback(facts.close)
        return Answerer(
            decide,
            guard.check,
            admission,
            facts,
            deadlines_s={Tier.L2: limits.l2_deadline_s, Tier.L3: limits.l3_deadline_s},
            min_confidence=limits.min_confidence,
            on_fault=telemetry.engine_fault,
        )


def _turn_work(config: Config, answerer: Answerer, admission: Admission) -> TurnWork:
    limits = config.dispatch
    return TurnWork(
        answerer,
        admission,
        wall_ms=wall_ms,
        idle_ms=int(limits.episode_idle_s * 1000),
        keep_lines=limits.history_lines,
        deadline_s=limits.l3_deadline_s,
        max_tries=limits.max_tries,
    )


def _accounts(config: Config) -> list[AccountSettings]:
    """The channels that have a platform behind them."""
    return [
        AccountSettings(
            shop=shop.id,
            name=channel.name,
            platform=channel.platform,
            labels_machine=channel.labels_machine,
            resends_unknown=channel.resends_unknown,
        )
        for shop in config.shops
        for channel in shop.channels
        if channel.platform is not None
    ]


def load_router(config: RouterConfig, folder: Path | None = None) -> TierRouter:
    """The router of a model's *folder*; if None the configured one, or the released."""
    named = resolve(config.model_dir) if config.model_dir else RELEASED
    return TierRouter.load(
        folder or named,
        resolve(config.rules or "router_rules.yaml"),
        resolve(f"stages/{config.stage}.toml"),
    )


def _keeper(config: Config, telemetry: Telemetry) -> ModelKeeper:
    """The routers of this process; the registry says which model serves."""
    registry = open_registry(config)

    def load(name: str) -> Served:
        folder = registry.path(name)
        router = load_router(config.router, folder)
        router.model.use(config.router.arithmetic)
        return Served(name, router, artifact.references(folder))

    keeper = ModelKeeper(registry, load, telemetry, wall_ms)
    telemetry.on_verdict = keeper.turn_ended
    return keeper


def open_registry(config: Config) -> Registry:
    """The models of this installation: those under its data folder, and the shipped."""
    shipped = resolve(config.router.model_dir) if config.router.model_dir else RELEASED
    return Registry(Path(config.data_dir) / "models", shipped)


def _conversations(config: StoreConfig, scripts: Scripts) -> Conversations:
    return Conversations(
        scripts,
        f"{socket.gethostname()}:{os.getpid()}",
        lease_ms=config.lease_ms,
        dedup_ttl_s=int(config.dedup_days * 86_400),
        log_keep=config.log_keep,
    )


def _mover(
    config: Config,
    scripts: Scripts,
    conversations: Conversations,
    services: dict[str, ShopService],
) -> Mover:
    policy = HandoffPolicy(
        max_queue=config.people.max_queue,
        max_eta_s=config.people.max_eta_s,
        offer_s=config.people.offer_s,
    )
    voices = {shop: service.voice for shop, service in services.items()}
    effects = Effects(conversations, voices, policy)
    hours = {shop.id: _hours(shop.hours) for shop in config.shops}
    return Mover(HandoffStore(scripts), effects, policy, wall_ms, hours)


def _hours(config: HoursConfig) -> Hours:
    return Hours(
        days=config.days,
        opens=config.opens,
        closes=config.closes,
        holidays=frozenset(config.holidays),
        utc_offset_min=config.utc_offset_min,
    )


def _shelved(
    config: Config,
    services: dict[str, ShopService],
    questions: QuestionVectors | None,
) -> dict[str, Shelved]:
    return {
        shop.id: Shelved(
            knowledge=knowledge_of(shop, Path(config.data_dir), questions),
            engine=engine,
            today=today,
        )
        for shop in config.shops
        if isinstance(engine := services[shop.id].engines[Tier.L2], RetrievalEngine)
    }


def _settling(
    config: Config, ledger: StoreLedger, services: dict[str, ShopService]
) -> Settling:
    return Settling(
        ledger,
        _agents(services),
        wall_ms,
        after_ms=config.store.lease_ms + int(config.dispatch.l3_deadline_s * 1000),
    )


def _agents(services: dict[str, ShopService]) -> dict[str, AgentEngine]:
    agents = {shop: service.engines.get(Tier.L3) for shop, service in services.items()}
    return {shop: one for shop, one in agents.items() if isinstance(one, AgentEngine)}


def _limits(config: Config) -> Limits:
    return Limits(
        server=config.server,
        limits=config.limits,
        people=config.people,
        shops=config.shops,
    )


def _demo_customers() -> list[DemoCustomer]:
    folder = Path(seed.__file__).parent
    _, fresh = seed.load(folder / "catalog.yaml", folder / "seed.yaml")
    return [
        DemoCustomer(
            one.id,
            one.name,
            one.locale,
            tuple(order.id for order in fresh.orders if order.customer == one.id),
        )
        for one in fresh.customers
    ]
