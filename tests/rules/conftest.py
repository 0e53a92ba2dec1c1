"""Fixtures of the rules room: the shipped engine, and small packs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rules_talk import FACTS, PACKS, SMALL_FACTS, make_turn

from engines.contract import Answer, Escalation
from engines.rules.engine import RulesEngine


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
