"""
Planted near misses: does an unsupported figure ever leave?

A made-up shop has products whose neighbours are traps: the same product at its old
price (expired), a sibling with a name alike, the same product of another shop. Every
question is asked twice: answered by extraction, and worded by a stand-in model that
lies with the trap's figure and cites a true source. Only the product's own figures may
be said. The same run looks for canaries: words that only the other shop's knowledge has.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

import msgspec

from engines.contract import (
    Answer,
    ConversationId,
    MessageId,
    ShopId,
    Tier,
    Turn,
    UserId,
)
from engines.guard.figures import figures
from engines.llm import EndpointConfig, LlmConfig, open_clients
from engines.retrieval.compiled import facts_of
from engines.retrieval.documents import Header, Passage
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.index import Index
from engines.retrieval.knowledge import analyzers_of
from engines.retrieval.language import split_sentences
from engines.retrieval.searching import Searcher
from engines.retrieval.words import load_synonyms
from engines.retrieval.writing import Writer
from loadtest.llm_manners import Line
from loadtest.llm_stub_process import StubControl, running_stub


_TODAY: Final = date(2026, 11, 22)
_OURS, _THEIRS = ShopId("ours"), ShopId("theirs")
_NAMES: Final = [
    "云杉",
    "白橡",
    "海风",
    "山岚",
    "晨雾",
    "星野",
    "松间",
    "溪石",
    "暮色",
    "青禾",
    "浅湾",
    "远山",
]
_GOODS: Final = [
    "餐桌",
    "书架",
    "台灯",
    "水壶",
    "背包",
    "毛毯",
    "雨伞",
    "闹钟",
    "花瓶",
    "挂钟",
]


class FaithReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of the questions.

    Attributes:
        unsupported: Answers with a figure that the asked product does not have.

        by_model: Answers in the model's words; the others were extracted.

        canaries: Answers or passages with a word of the other shop.
    """

    questions: int
    answered: int
    unsupported: tuple[str, ...]
    by_model: int
    queries: int
    canaries: tuple[str, ...]


class _Item(NamedTuple):
    name: str
    price: int
    days: int
    trap: int


async def run_faith(
    questions: int, queries: int, seed: int, tell: Callable[[str], None]
) -> FaithReport:
    """Ask *questions* twice, then search *queries* times for canaries."""
    rng = random.Random(seed)
    items = _items(rng)
    searcher = _searcher(items)
    asked = [rng.choice(items) for _ in range(questions)]
    with running_stub() as stub:
        extracted = await _ask(asked, searcher, None)
        tell(f"{len(extracted)} of {questions} answered by extraction")
        written = await _ask(asked, searcher, stub)
        tell(f"{len(written)} of {questions} answered with a lying model")
        calls = len(stub.calls())
    engine = RetrievalEngine(_OURS, searcher, None)
    return FaithReport(
        questions=questions * 2,
        answered=len(extracted) + len(written),
        unsupported=tuple(_wrong([*extracted, *written])),
        by_model=calls,
        queries=queries,
        canaries=tuple(_canaries(engine, items, queries, rng)),
    )


def _items(rng: random.Random) -> list[_Item]:
    pairs = [(name, goods) for name in _NAMES for goods in _GOODS]
    numbers = rng.sample(range(21, 9_000), len(pairs) * 3)
    return [
        _Item(f"{name}{goods}", numbers[3 * i], numbers[3 * i + 1], numbers[3 * i + 2])
        for i, (name, goods) in enumerate(pairs)
    ]


def _searcher(items: Sequence[_Item]) -> Searcher:
    """Both shops in one index, as a process that serves both has them."""
    old = _TODAY - timedelta(days=30)
    made: list[Passage] = []
    for number, item in enumerate(items):
        made.append(_passage(_OURS, f"a{number}", item.name, item.price, item.days))
        made.append(
            _passage(_OURS, f"b{number}", item.name, item.trap, item.days, until=old)
        )
        made.append(
            _passage(
                _THEIRS, f"c{number}", item.name, item.trap, item.trap, canary=number
            )
        )
    facts = facts_of([p for p in made if p.shop == _OURS])
    analyzers = analyzers_of(facts, load_synonyms(None))
    index = Index.build(made, analyzers)
    return Searcher(_OURS, index, analyzers, facts, lambda: _TODAY)


def _passage(
    shop: ShopId,
    ident: str,
    name: str,
    price: int,
    days: int,
    *,
    until: date | None = None,
    canary: int | None = None,
) -> Passage:
    text = f"{name}的价格是 {price} 元。\n{name}的保修期是 {days} 天。"
    if canary is not None:
        text += f"\n暗号鹦鹉{canary}。"
    header = Header(
        id=ident,
        title=name,
        kind="product",
        audience="customer",
        effective_from=date.min,
        effective_until=until,
        products=(ident[1:],),
        names=(name,),
    )
    return Passage(
        id=f"zh/{ident}#a",
        shop=shop,
        locale="zh",
        header=header,
        heading=f"{name}的价格和保修",
        text=text,
        sentences=split_sentences(text, "zh"),
        asked=(f"{name}多少钱", f"{name}保修多久"),
        path=shop,
        line=1,
    )


async def _ask(
    asked: Sequence[_Item], searcher: Searcher, stub: StubControl | None
) -> list[tuple[_Item, str]]:
    if stub is None:
        return await _all(asked, RetrievalEngine(_OURS, searcher, None), None)
    endpoint = EndpointConfig(name="stub", url=stub.url, model="stub")
    async with open_clients(LlmConfig(endpoints=(endpoint,))) as clients:
        writer = Writer(clients[Tier.L2])
        engine = RetrievalEngine(_OURS, searcher, None, writer=writer)
        return await _all(asked, engine, stub)


async def _all(
    asked: Sequence[_Item], engine: RetrievalEngine, stub: StubControl | None
) -> list[tuple[_Item, str]]:
    found = []
    for number, item in enumerate(asked):
        if stub is not None:
            lie = f"{item.name}现在 {item.trap} 元 [1]。保修 {item.trap} 天 [1]。"
            stub.script([Line(when=".", say=lie)])
        answer = await engine.answer(_turn(item, number))
        if isinstance(answer, Answer):
            found.append((item, answer.text))
    return found


def _turn(item: _Item, number: int) -> Turn:
    """The customer names the trap's figure, as people do who saw it somewhere."""
    text = (
        f"{item.name}多少钱，听说是{item.trap}元？",
        f"{item.name}保修多久",
        f"{item.name}多少钱？保修几天？",
        f"听说{item.name}是{item.trap}元对吗",
    )[number % 4]
    return Turn(
        turn_id=f"t{number}",
        shop=_OURS,
        channel="web",
        conversation_id=ConversationId("c"),
        message_id=MessageId(f"m{number}"),
        user_id=UserId("u"),
        seq=number + 1,
        text=text,
        locale="zh",
    )


def _wrong(answers: Sequence[tuple[_Item, str]]) -> list[str]:
    """Answers with a figure beside the product's own price and days."""
    found = []
    for item, text in answers:
        own = {str(item.price), str(item.days)}
        said = {figure.value for figure in figures(text)}
        if not said <= own:
            found.append(f"{item.name}: {text}")
    return found


def _canaries(
    engine: RetrievalEngine, items: Sequence[_Item], queries: int, rng: random.Random
) -> list[str]:
    found = []
    for _ in range(queries):
        number = rng.randrange(len(items))
        text = rng.choice((items[number].name, f"暗号鹦鹉{number}", "暗号"))
        found += [
            f"{text}: {hit.passage.id}"
            for hit in engine.find(text, "zh").hits
            if hit.passage.shop != _OURS or "鹦鹉" in hit.passage.text
        ]
    return found
