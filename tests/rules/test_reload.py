"""Packs change while customers write; nothing is lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from rules_talk import HEAD, INTENT, make_turn

from engines.contract import Answer, Escalation
from engines.rules.engine import RulesEngine
from engines.yamlfile import BadFile
from gateway.pack_keeper import KeptPack, PackKeeper
from gateway.telemetry import Telemetry


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


class Told:
    """Gathers what a telemetry would write down."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def event(self, name: str, **facts: object) -> None:
        self.events.append((name, facts))

    def loop_failed(self, name: str, exc: Exception) -> None:
        raise exc


def test_a_running_gateway_takes_up_edits_and_refuses_bad_ones(
    write_pack: Pack,
) -> None:
    """Nothing but the files is touched; a mistake is told once, with its line."""
    path = write_pack(OLD)
    facts = path.with_name("facts.yaml")
    engine = RulesEngine.load([path], facts)
    told = Told()
    kept = KeptPack(engine=engine, packs=(path,), facts=facts)
    keeper = PackKeeper({"demo": kept}, cast("Telemetry", told))

    async def edits() -> list[Answer | Escalation]:
        said = []
        for text in (OLD, NEW, NEW.replace("answer:", "anwser:", 1), NEW + "\n"):
            write_pack(text)
            await keeper.look()
            await keeper.look()
            said.append(await ask(engine))
        return said

    old, new, still, again = asyncio.run(edits())
    assert old != new
    assert new == still == again
    names = [name for name, _ in told.events if name != "pack_loaded"]
    assert names == ["pack_refused"]
    (refused,) = [facts for name, facts in told.events if name == "pack_refused"]
    assert f"{path}:12" in str(refused["problems"])
