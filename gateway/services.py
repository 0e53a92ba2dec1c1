"""
Each shop's engines and voice, loaded from the files its configuration names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from engines.agent.engine import GRACE_S, AgentEngine
from engines.agent.journal import Journal
from engines.agent.ledger import Ledger
from engines.agent.model_planner import ModelPlanner
from engines.agent.plan import Planner
from engines.agent.planner import OfflinePlanner
from engines.contract import Engine, ShopId, Tier, Turn
from engines.llm import LlmClient
from engines.retrieval.dense import QuestionVectors, load_encoder
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.ingest.shelf import Shelf
from engines.retrieval.knowledge import Knowledge
from engines.retrieval.rewording import Reworder
from engines.retrieval.writing import Writer
from engines.rules.engine import Arithmetic, RulesEngine
from engines.shops.http import HttpShop
from engines.shops.mapping import load as load_mapping
from engines.shops.mcp_tools import McpMissing, McpShop
from engines.shops.openapi import OpenApiShop, described
from engines.shops.port import EffectSupport
from engines.simulated import SimulatedEngine
from engines.voice import Voice
from engines.yamlfile import BadFile
from gateway.answering import ShopService
from gateway.config import ShopConfig, SimulatedConfig, resolve, shipped
from gateway.errors import ConfigError


#: Calendar of the shops: passages and offers begin and end by it.
ZONE = ZoneInfo("Asia/Shanghai")
#: What customers of any shop say for one thing; a shop's own file replaces it.
WORDS = "knowledge/words.yaml"


#: Whatever speaks the port to a shop.
BusinessShop = HttpShop | OpenApiShop | McpShop


async def open_services(
    shops: Iterable[ShopConfig],
    data_dir: Path,
    ledger: Ledger | None,
    clock_ms: Callable[[], int],
    resources: AsyncExitStack,
    llms: Mapping[Tier, LlmClient],
    questions: QuestionVectors | None = None,
    journal: Journal | None = None,
) -> dict[str, ShopService]:
    """
    Load every shop; what they keep open is closed with *resources*.

    Args:
        data_dir: Where ingested knowledge is.

        llms: Language models by tier; a tier without one does without.

        questions: Encodes questions as vectors; without it words alone decide.

        ledger: Where L3 keeps its actions; without one there is no L3.

        journal: Where L3 keeps what a model said; without one it asks none.

    Raises:
        ConfigError: If a named file does not exist.
        ShelfDamaged: If ingested knowledge cannot be read.
        BadFile: If one is wrong, with file, line and fix.
    """
    return {
        shop.id: await _open(
            shop,
            knowledge_of(shop, data_dir, questions),
            ledger,
            clock_ms,
            resources,
            llms,
            journal,
        )
        for shop in shops
    }


def use_arithmetic(services: Mapping[str, ShopService], arithmetic: Arithmetic) -> None:
    """Choose how L1 of every shop adds up; compiles if that is native."""
    for service in services.values():
        rules = service.engines[Tier.L1]
        if isinstance(rules, RulesEngine):
            rules.use(arithmetic)


def read_stages(
    services: Mapping[str, ShopService], stage_of: Callable[[Turn], str]
) -> None:
    """Let the packs of every shop ask which stage a turn's shop is in."""
    for service in services.values():
        rules = service.engines[Tier.L1]
        if isinstance(rules, RulesEngine):
            rules.read_stage(stage_of)


def load_rules(shop: ShopConfig) -> RulesEngine:
    """
    L1 of *shop*.

    Raises:
        BadFile: If a pack is wrong, with every problem found.
    """
    packs = [resolve(name) for name in shop.packs]
    return RulesEngine.load(packs, resolve(shop.facts) if shop.facts else None)


def knowledge_of(
    shop: ShopConfig, data_dir: Path, questions: QuestionVectors | None = None
) -> Knowledge:
    """Where the knowledge of *shop* is: its folder, and its shelf under *data_dir*."""
    shelf = Shelf(data_dir / "knowledge" / shop.id, ShopId(shop.id))
    folder = resolve(shop.knowledge) if shop.knowledge else None
    return Knowledge(folder, shelf, questions, shipped(WORDS))


def open_questions(resources: AsyncExitStack) -> QuestionVectors | None:
    """What encodes questions in this process, if the extra ``dense`` is installed."""
    encoder = load_encoder()
    if encoder is None:
        return None
    questions = QuestionVectors(encoder)
    resources.callback(questions.close)
    return questions


def today() -> date:
    """The day it is for the shops."""
    return datetime.now(ZONE).date()


async def _open(
    shop: ShopConfig,
    knowledge: Knowledge,
    ledger: Ledger | None,
    clock_ms: Callable[[], int],
    resources: AsyncExitStack,
    llms: Mapping[Tier, LlmClient],
    journal: Journal | None,
) -> ShopService:
    voice = Voice.load(*(resolve(name) for name in shop.voices))
    rules = load_rules(shop)
    business = await _business(shop, resources)
    searcher = knowledge.searcher(today)
    writer = Writer(llms[Tier.L2]) if Tier.L2 in llms else None
    reworder = Reworder(llms[Tier.L2]) if Tier.L2 in llms else None
    retrieval = RetrievalEngine(
        ShopId(shop.id), searcher, business, writer=writer, reworder=reworder
    )
    rules.yield_to(retrieval.knows_better)
    engines: dict[Tier, Engine] = {Tier.L1: rules, Tier.L2: retrieval}
    if business is not None and ledger is not None:
        engines[Tier.L3] = AgentEngine.load(
            business,
            ledger,
            resolve(shop.policy),
            voice,
            clock_ms,
            planner=_planner(llms, journal),
            grace_s=max(GRACE_S, shop.business_timeout_s),
        )
    engines |= {Tier(one.tier): _simulated(one, llms) for one in shop.simulated}
    return ShopService(engines=engines, voice=voice, orders=business)


def _planner(llms: Mapping[Tier, LlmClient], journal: Journal | None) -> Planner:
    """The offline planner; with a model behind it if there is one for L3."""
    offline = OfflinePlanner.load()
    if Tier.L3 not in llms or journal is None:
        return offline
    return ModelPlanner(offline, llms[Tier.L3], journal, offline.simplify)


def _simulated(
    config: SimulatedConfig, llms: Mapping[Tier, LlmClient]
) -> SimulatedEngine:
    tier = Tier(config.tier)
    if config.asks_llm and tier not in llms:
        raise ConfigError(f"simulated {tier}: asks_llm needs an endpoint for {tier}")
    return SimulatedEngine(
        tier,
        config.mean_s,
        config.cv,
        most=config.most,
        escalates=config.escalates,
        llm=llms[tier] if config.asks_llm else None,
    )


async def _business(shop: ShopConfig, resources: AsyncExitStack) -> BusinessShop | None:
    if not shop.business_url:
        return None
    return await resources.enter_async_context(_connector(shop))


def _connector(shop: ShopConfig) -> BusinessShop:
    """
    What speaks to the shop's business system.

    Raises:
        ConfigError: If its operations cannot be used, with file, line and fix.
    """
    at = (shop.business_url, shop.business_key, shop.business_timeout_s)
    if not shop.business_operations:
        return HttpShop(*at, EffectSupport(shop.business_effects))
    path = resolve(shop.business_operations)
    try:
        mapping, document = load_mapping(path)
        if not mapping.openapi:
            return McpShop(mapping, document, *at)
        endpoints = described(mapping, document, path.parent)
        return OpenApiShop(mapping, endpoints, *at)
    except (BadFile, McpMissing) as exc:
        raise ConfigError(f"shop {shop.id}: business_operations: {exc}") from exc
