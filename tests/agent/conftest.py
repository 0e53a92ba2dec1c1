"""
Fixtures of the agent's tests: a real shop over HTTP, a real ledger on the store.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from agent_talk import Talk
from demo_shop import KEY, DemoShop

from engines.agent.engine import AgentEngine
from engines.contract import Locale
from engines.shops.http import HttpShop
from engines.voice import Voice
from gateway.store.connection import Scripts
from gateway.store.ledger import StoreLedger


ROOT = Path(__file__).parents[2]
POLICY = ROOT / "configs/policies/default.yaml"
VOICES = (ROOT / "configs/voice/default.yaml", ROOT / "configs/voice/agent.yaml")

Say = Callable[..., Talk]


class Clock:
    """Wall clock that a test may move."""

    def __init__(self) -> None:
        import time

        self._time = time.time
        self.offset_ms = 0

    def __call__(self) -> int:
        return int(self._time() * 1000) + self.offset_ms


@pytest.fixture(scope="session")
def voice() -> Voice:
    return Voice.load(*VOICES)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoShop]:
    """A fresh shop, served over HTTP."""
    shop = DemoShop(tmp_path).start()
    yield shop
    shop.stop()


@pytest.fixture
async def shop(demo: DemoShop) -> AsyncIterator[HttpShop]:
    """The connector to the fresh shop, with a short patience."""
    async with HttpShop(demo.url, KEY, timeout_s=2.0) as port:
        yield port


@pytest.fixture
async def ledger(store_url: str, clock: Clock) -> AsyncIterator[StoreLedger]:
    """A ledger on a real, empty store."""
    scripts = await Scripts.connect(store_url)
    yield StoreLedger(scripts, clock)
    await scripts.close()


@pytest.fixture
def engine(
    shop: HttpShop, ledger: StoreLedger, voice: Voice, clock: Clock
) -> AgentEngine:
    return AgentEngine.load(shop, ledger, POLICY, voice, clock, grace_s=0.2)


@pytest.fixture
def talk(engine: AgentEngine, ledger: StoreLedger) -> Say:
    """Begin a conversation of a customer with the agent."""

    def begin(user: str, locale: Locale = "zh", conversation: str = "talk") -> Talk:
        return Talk(engine, ledger, user, locale, conversation)

    return begin
