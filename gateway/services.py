"""
Each shop's engines and voice, loaded from the files its configuration names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import datetime
from zoneinfo import ZoneInfo

from engines.agent.engine import AgentEngine
from engines.agent.ledger import Ledger
from engines.contract import Engine, ShopId, Tier
from engines.retrieval.engine import RetrievalEngine
from engines.rules.engine import RulesEngine
from engines.shops.http import HttpShop
from engines.voice import Voice
from gateway.answering import ShopService
from gateway.config import ShopConfig, resolve


#: Calendar of the shops: passages and offers begin and end by it.
ZONE = ZoneInfo("Asia/Shanghai")


async def open_services(
    shops: Iterable[ShopConfig],
    ledger: Ledger | None,
    clock_ms: Callable[[], int],
    resources: AsyncExitStack,
) -> dict[str, ShopService]:
    """
    Load every shop; what they keep open is closed with *resources*.

    Args:
        ledger: Where L3 keeps its actions; without one there is no L3.

    Raises:
        ConfigError: If a named file does not exist.
        BadFile: If one is wrong, with file, line and fix.
    """
    return {shop.id: await _open(shop, ledger, clock_ms, resources) for shop in shops}


async def _open(
    shop: ShopConfig,
    ledger: Ledger | None,
    clock_ms: Callable[[], int],
    resources: AsyncExitStack,
) -> ShopService:
    voice = Voice.load(*(resolve(name) for name in shop.voices))
    rules = RulesEngine.load(
        [resolve(name) for name in shop.packs], resolve(shop.facts)
    )
    business = await _business(shop, resources)
    retrieval = RetrievalEngine.load(
        resolve(shop.knowledge),
        business,
        lambda: datetime.now(ZONE).date(),
        shop_id=ShopId(shop.id),
    )
    engines: dict[Tier, Engine] = {Tier.L1: rules, Tier.L2: retrieval}
    if business is not None and ledger is not None:
        engines[Tier.L3] = AgentEngine.load(
            business, ledger, resolve(shop.policy), voice, clock_ms
        )
    return ShopService(engines=engines, voice=voice)


async def _business(shop: ShopConfig, resources: AsyncExitStack) -> HttpShop | None:
    if not shop.business_url:
        return None
    return await resources.enter_async_context(
        HttpShop(shop.business_url, shop.business_key, shop.business_timeout_s)
    )
