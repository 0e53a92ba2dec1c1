"""
What a model makes of found passages, and what of it leaves; against a real server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from desk import KNOWLEDGE, SHELF, TODAY, make_turn

from engines.contract import Answer, Tier
from engines.llm import EndpointConfig, LlmConfig, open_clients
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.knowledge import Knowledge
from engines.retrieval.searching import Searcher
from engines.retrieval.writing import Writer
from loadtest.llm_stub import Line, Manners
from loadtest.llm_stub_process import StubControl, running_stub


pytestmark = pytest.mark.anyio
QUESTION = "满多少包邮"
FOUND = "商品总额满 99 元包邮"


@pytest.fixture(scope="module")
def model() -> Iterator[StubControl]:
    """A stand-in for a model, in a process of its own."""
    with running_stub() as stub:
        yield stub


@pytest.fixture(scope="module")
def searcher() -> Searcher:
    """The shipped knowledge."""
    return Knowledge(KNOWLEDGE, SHELF).searcher(lambda: TODAY)


@asynccontextmanager
async def writing(
    model: StubControl, searcher: Searcher
) -> AsyncIterator[RetrievalEngine]:
    """An engine whose answers a model words."""
    endpoint = EndpointConfig(name="stub", url=model.url, model="stub")
    config = LlmConfig(endpoints=(endpoint,), first_token_s=1.0)
    async with open_clients(config) as clients:
        writer = Writer(clients[Tier.L2])
        yield RetrievalEngine(SHELF.shop, searcher, None, writer=writer)


async def said(
    model: StubControl, searcher: Searcher, reply: str, question: str = QUESTION
) -> Answer:
    """What is answered when the model replies so."""
    model.manners(Manners())
    model.script([Line(when=".", say=reply)] if reply else [])
    async with writing(model, searcher) as engine:
        answer = await engine.answer(make_turn(question))
    assert isinstance(answer, Answer)
    return answer


async def test_a_borne_sentence_is_said_in_the_models_words(
    model: StubControl, searcher: Searcher
) -> None:
    """Without its marks, and with the source it cites."""
    answer = await said(model, searcher, "亲，满 99 元就包邮哦 [1]。全国都一样[1]。")
    assert answer.text == "亲，满 99 元就包邮哦。全国都一样。"
    assert [one.id for one in answer.citations] == ["zh/freight#free"]


async def test_the_stub_quotes_a_source_end_to_end(
    model: StubControl, searcher: Searcher
) -> None:
    """Prompt, stream, marks and check fit together without a script."""
    answer = await said(model, searcher, "")
    (source,) = answer.citations
    assert source.id.startswith("zh/freight#")
    assert answer.text in source.quote
    prompt = model.calls()[-1]["body"]["messages"]
    assert "[1]" in prompt[1]["content"]
    assert prompt[1]["content"].endswith(QUESTION)


@pytest.mark.parametrize(
    "reply",
    [
        "满 59 元包邮 [1]。",
        "满 99 元包邮。",
        "满 99 元包邮 [9]。",
        "满 99 元包邮，我们保证明天送到 [1]。",
        "无法回答",
        "满 199 元包邮 [1]。再送您 20 元券 [1]。",
    ],
)
async def test_what_its_sources_do_not_bear_is_never_said(
    model: StubControl, searcher: Searcher, reply: str
) -> None:
    """Another figure, no source, a source that is not there, a promise: extracted."""
    answer = await said(model, searcher, reply)
    assert answer.text.startswith(FOUND)


async def test_a_claim_of_the_customer_is_no_source(
    model: StubControl, searcher: Searcher
) -> None:
    """The model agrees with a wrong figure; the shop's own is said instead."""
    question = "满 59 元包邮对吧，满多少包邮"
    answer = await said(model, searcher, "对的，满 59 元包邮 [1]。", question)
    assert "59" not in answer.text


async def test_one_bad_sentence_is_cut_and_the_rest_stands(
    model: StubControl, searcher: Searcher
) -> None:
    """As long as half of what was written is borne."""
    reply = "满 99 元包邮 [1]。新疆、西藏也一样 [1]。满 10 元送赠品 [1]。"
    answer = await said(model, searcher, reply)
    assert answer.text == "满 99 元包邮。新疆、西藏也一样。"


@pytest.mark.parametrize(
    "manners",
    [
        Manners(status=500),
        Manners(garbage="html"),
        Manners(garbage="cut"),
        Manners(first_token_s=5.0),
    ],
)
async def test_without_its_model_the_answer_is_extracted(
    model: StubControl, searcher: Searcher, manners: Manners
) -> None:
    """Down, garbage, cut or silent: the customer is answered all the same."""
    model.manners(manners)
    async with writing(model, searcher) as engine:
        answer = await engine.answer(make_turn(QUESTION))
    assert isinstance(answer, Answer)
    assert answer.text.startswith(FOUND)
