"""
Each component, made from its section of the configuration; :mod:`gateway.app` joins them.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from engines import guard
from engines.agent.engine import AgentEngine
from engines.contract import Tier, Turn
from engines.retrieval.dense import QuestionVectors
from engines.retrieval.engine import RetrievalEngine
from engines.rules.engine import RulesEngine
from engines.shops.demo import seed
from gateway.admission.admission import Admission
from gateway.answering import Answerer, Decide, ShopService
from gateway.channels.accounts import AccountSettings
from gateway.clock import wall_ms
from gateway.config import (
    Config,
    DispatchConfig,
    HoursConfig,
    SignOnConfig,
    StoreConfig,
    resolve,
)
from gateway.customer_facts import FactsOfCustomers
from gateway.drafts import Drafts
from gateway.endings import EndingsKeeper
from gateway.errors import ConfigError
from gateway.handoff.effects import Effects
from gateway.handoff.hours import Hours
from gateway.handoff.mover import Mover
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.reply_clock import PROFILES, ReplyClock
from gateway.handoff.single_sign_on import SignOnFailed, SignOnSettings, SingleSignOn
from gateway.http.demo import DemoCustomer
from gateway.http.door import Limits
from gateway.librarian import Shelved
from gateway.models import ModelKeeper
from gateway.outcomes import OutcomesKeeper
from gateway.pack_keeper import KeptPack
from gateway.routers import stage_named
from gateway.second_look import SecondLook
from gateway.services import (
    knowledge_of,
    today,
)
from gateway.settling import Settling
from gateway.stages import Stages
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.handoff import HandoffStore
from gateway.store.ledger import StoreLedger
from gateway.store.stages import StageStore
from gateway.telemetry import Telemetry
from gateway.turn_work import TurnWork


def turn_work(
    config: Config, answerer: Answerer, admission: Admission, drafts: Drafts
) -> TurnWork:
    """What does a turn's work, under the configured limits."""
    limits = config.dispatch
    return TurnWork(
        answerer,
        admission,
        wall_ms=wall_ms,
        idle_ms=int(limits.episode_idle_s * 1000),
        keep_lines=limits.history_lines,
        deadline_s=limits.l3_deadline_s,
        max_tries=limits.max_tries,
        drafts=drafts,
    )


def channel_accounts(config: Config) -> list[AccountSettings]:
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


def open_conversations(config: StoreConfig, scripts: Scripts) -> Conversations:
    """The mailboxes, as this process uses them."""
    return Conversations(
        scripts,
        f"{socket.gethostname()}:{os.getpid()}",
        lease_ms=config.lease_ms,
        dedup_ttl_s=int(config.dedup_days * 86_400),
        log_keep=config.log_keep,
    )


def count_outcomes(
    config: Config, scripts: Scripts, telemetry: Telemetry, stages: Stages
) -> OutcomesKeeper:
    """What counts outcomes, at the prices of each shop's stage."""
    return OutcomesKeeper(
        scripts,
        telemetry,
        [shop.id for shop in config.shops],
        stages.prices,
        wall_ms,
        idle_ms=int(config.dispatch.episode_idle_s * 1000),
    )


def count_endings(
    config: Config, scripts: Scripts, telemetry: Telemetry
) -> EndingsKeeper:
    """What counts contacts as they end."""
    return EndingsKeeper(
        scripts,
        telemetry,
        {shop.id: [one.name for one in shop.channels] for shop in config.shops},
        wall_ms,
        idle_ms=int(config.dispatch.episode_idle_s * 1000),
    )


def open_stages(
    config: Config, scripts: Scripts, telemetry: Telemetry, keeper: ModelKeeper
) -> Stages:
    """Which stage each shop is on; the keeper's fleet decides for them."""
    return Stages(
        keeper.fleet,
        StageStore(scripts),
        stage_named,
        config.router.stage,
        [shop.id for shop in config.shops],
        telemetry,
        wall_ms,
    )


def handoff_mover(
    config: Config,
    scripts: Scripts,
    conversations: Conversations,
    services: dict[str, ShopService],
) -> Mover:
    """What moves handoffs, with the shops' words and hours."""
    policy = HandoffPolicy(
        max_queue=config.people.max_queue,
        max_eta_s=config.people.max_eta_s,
        offer_s=config.people.offer_s,
        wrap_s=config.people.wrap_s,
        first_reply_s=config.people.first_reply_s,
        max_hops=config.people.max_hops,
    )
    voices = {shop: service.voice for shop, service in services.items()}
    effects = Effects(conversations, voices, policy)
    hours = {shop.id: _hours(shop.hours) for shop in config.shops}
    return Mover(
        HandoffStore(scripts), effects, policy, wall_ms, hours, reply_clocks(config)
    )


def reply_clocks(config: Config) -> dict[str, ReplyClock]:
    """
    The reply clock of each shop that has one.

    Raises:
        ConfigError: If a shop names a profile that is not there.
    """
    own = config.people.reply_clocks
    profiles = {
        **PROFILES,
        **{
            name: ReplyClock(**msgspec.structs.asdict(one)) for name, one in own.items()
        },
    }
    named = {shop.id: shop.reply_clock for shop in config.shops if shop.reply_clock}
    for shop, name in named.items():
        if name not in profiles:
            known = ", ".join(sorted(profiles))
            raise ConfigError(
                f"shop {shop!r}: reply_clock {name!r} is not known; take one of {known},"
                " or describe it under [people.reply_clocks]"
            )
    return {shop: profiles[name] for shop, name in named.items()}


def _hours(config: HoursConfig) -> Hours:
    return Hours(
        days=config.days,
        opens=config.opens,
        closes=config.closes,
        holidays=frozenset(config.holidays),
        utc_offset_min=config.utc_offset_min,
    )


def open_sign_on(
    config: SignOnConfig, resources: AsyncExitStack
) -> SingleSignOn | None:
    """
    The provider of single sign-on, if there is one.

    Raises:
        ConfigError: If its settings can't be right.
    """
    if not config.issuer:
        return None
    if not config.client_id:
        raise ConfigError("people.sign_on: set client_id, as the provider knows us")
    if config.claim == "email" and not config.domain:
        raise ConfigError("people.sign_on: with claim = 'email' set the domain too")
    settings = SignOnSettings(
        issuer=config.issuer,
        client_id=config.client_id,
        client_secret=config.client_secret,
        claim=config.claim,
        domain=config.domain,
    )
    try:
        provider = SingleSignOn(settings, time.monotonic)
    except SignOnFailed as exc:
        raise ConfigError(f"people.sign_on: {exc}") from exc
    resources.push_async_callback(provider.close)
    return provider


def shelved(
    config: Config,
    services: dict[str, ShopService],
    questions: QuestionVectors | None,
) -> dict[str, Shelved]:
    """Of each shop with an L2 its knowledge and who serves it."""
    return {
        shop.id: Shelved(
            knowledge=knowledge_of(shop, Path(config.data_dir), questions),
            engine=engine,
            today=today,
        )
        for shop in config.shops
        if isinstance(engine := services[shop.id].engines[Tier.L2], RetrievalEngine)
    }


def kept_packs(config: Config, services: dict[str, ShopService]) -> dict[str, KeptPack]:
    """Of each shop with an L1 its engine and the files that it is made of."""
    return {
        shop.id: KeptPack(
            engine=engine,
            packs=tuple(resolve(name) for name in shop.packs),
            facts=resolve(shop.facts) if shop.facts else None,
        )
        for shop in config.shops
        if isinstance(engine := services[shop.id].engines[Tier.L1], RulesEngine)
    }


def settling(
    config: Config, ledger: StoreLedger, services: dict[str, ShopService]
) -> Settling:
    """What settles actions whose worker is gone."""
    return Settling(
        ledger,
        agents_of(services),
        wall_ms,
        after_ms=config.store.lease_ms + int(config.dispatch.l3_deadline_s * 1000),
    )


def agents_of(services: dict[str, ShopService]) -> dict[str, AgentEngine]:
    """The L3 engine of each shop that has one."""
    agents = {shop: service.engines.get(Tier.L3) for shop, service in services.items()}
    return {shop: one for shop, one in agents.items() if isinstance(one, AgentEngine)}


def door_limits(config: Config) -> Limits:
    """What one request may ask for."""
    return Limits(
        server=config.server,
        limits=config.limits,
        people=config.people,
        shops=config.shops,
    )


def demo_customers() -> list[DemoCustomer]:
    """The demo shop's customers, for the chat page to choose from."""
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


def open_answerer(
    limits: DispatchConfig,
    decide: Decide,
    services: Mapping[str, ShopService],
    admission: Admission,
    on_fault: Callable[[str, Tier, BaseException], None],
    resources: AsyncExitStack,
    allows: Callable[[Turn, Tier], bool],
    second: SecondLook | None,
) -> Answerer:
    """What climbs the tiers, asking shops about customers while a tier is contended."""
    facts = FactsOfCustomers(
        {shop: one.orders for shop, one in services.items() if one.orders},
        time.monotonic,
    )
    resources.push_async_callback(facts.close)
    return Answerer(
        decide,
        guard.check,
        admission,
        facts,
        deadlines_s={Tier.L2: limits.l2_deadline_s, Tier.L3: limits.l3_deadline_s},
        min_confidence=limits.min_confidence,
        on_fault=on_fault,
        allows=allows,
        reconsider=None if second is None else second.reconsider,
    )
