"""Packs change while customers write; nothing is lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from rules_talk import HEAD, INTENT, make_turn

from engines.contract import Answer, Escalation
from engines.rules.engine import RulesEngine
from engines.yamlfile import BadFile


Pack = Callable[..., Path]

OLD = HEAD + "intents:\n" + INTENT
NEW = OLD.replace("{{ shop.hours }}", "always open")


async def ask(engine: RulesEngine) -> Answer | Escalation:
    return await engine.answer(make_turn("几点开门"))


def test_a_bad_pack_leaves_the_old_one_serving(write_pack: Pack) -> None:
    """The reason names file and line, and customers notice nothing."""
    path = write_pack(OLD)
    facts = path.with_name("facts.yaml")
    engine = RulesEngine.load([path], facts)
    before = asyncio.run(ask(engine))
    write_pack(OLD.replace("answer:", "anwser:", 1))
    with pytest.raises(BadFile) as refused:
        engine.reload([path], facts)
    (problem,) = refused.value.problems
    assert (problem.path, problem.line) == (str(path), 12)
    assert asyncio.run(ask(engine)) == before


def test_every_turn_under_reloads_is_answered(write_pack: Pack) -> None:
    """While packs are swapped in another thread each turn gets one of the answers."""
    path = write_pack(OLD)
    facts = path.with_name("facts.yaml")
    engine = RulesEngine.load([path], facts)

    async def talk() -> set[str]:
        said = set()
        for text in (NEW, OLD) * 5:
            path.write_text(text, encoding="utf-8")
            swap = asyncio.create_task(asyncio.to_thread(engine.reload, [path], facts))
            while not swap.done():
                answer = await ask(engine)
                assert isinstance(answer, Answer)
                said.add(answer.text)
                await asyncio.sleep(0)
            await swap
        return said

    assert asyncio.run(talk()) == {"九点到五点", "always open"}
