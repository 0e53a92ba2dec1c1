"""Fixtures of the rules room: the shipped engine, turns, and small packs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engines.contract import (
    Answer,
    ConversationId,
    Escalation,
    MessageId,
    OpenTask,
    ShopId,
    Turn,
    UserId,
)
from engines.rules.engine import RulesEngine


ROOT = Path(__file__).resolve().parents[2]
PACKS = ROOT / "configs" / "packs"
FACTS = ROOT / "configs" / "knowledge" / "demo" / "facts.yaml"

#: The smallest pack that loads by itself; tests add what they are about.
HEAD = """\
pack: small
version: "1"
phrases:
  cancelled: {zh: 停了, en: stopped}
  back: {zh: 接着：, en: "back: "}
  corrected: {zh: 已更正。, en: "Corrected. "}
  related: {zh: 还有：, en: "also: "}
  cancel_words: [算了, stop]
"""

INTENT = """\
  - id: hours
    title: {zh: 营业时间, en: Opening hours}
    zh: {examples: [几点开门, 营业时间], answer: "{{ shop.hours }}"}
    en: {examples: [when do you open, opening hours], answer: "{{ shop.hours }}"}
"""

SMALL_FACTS = "hours: {zh: 九点到五点, en: nine to five}\n"


@pytest.fixture(scope="session")
def engine() -> RulesEngine:
    """The engine with the shipped packs and the demo shop's facts."""
    return RulesEngine.load([PACKS / "ecommerce.yaml"], FACTS)


@pytest.fixture(scope="session")
def ask(engine: RulesEngine) -> Callable[..., Answer | Escalation]:
    """Answer one message with the shipped engine."""

    def ask_one(text: str, **changes: Any) -> Answer | Escalation:
        return asyncio.run(engine.answer(make_turn(text, **changes)))

    return ask_one


@pytest.fixture
def write_pack(tmp_path: Path) -> Callable[..., Path]:
    """Write a pack (and its facts) to a folder of its own."""

    def write(text: str, name: str = "small.yaml", facts: str = SMALL_FACTS) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        (tmp_path / "facts.yaml").write_text(facts, encoding="utf-8")
        return path

    return write


def make_turn(
    text: str,
    *,
    locale: Any = "zh",
    open_task: OpenTask | None = None,
    turn_id: str = "t1",
) -> Turn:
    """Make a turn of one customer, with everything that rules ignore left out."""
    return Turn(
        turn_id=turn_id,
        shop=ShopId("demo"),
        channel="web",
        conversation_id=ConversationId("c1"),
        message_id=MessageId("m1"),
        user_id=UserId("u1"),
        seq=1,
        text=text,
        locale=locale,
        open_task=open_task,
    )
