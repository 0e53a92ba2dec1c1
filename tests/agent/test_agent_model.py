"""
The planner with a model behind it, over real HTTP: heard once, believed in nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_talk import Talk
from demo_shop import DemoShop

from engines.agent.engine import AgentEngine
from engines.agent.model_planner import ModelPlanner
from engines.agent.planner import OfflinePlanner
from engines.contract import Answer, Escalation, Tier
from engines.llm import EndpointConfig, LlmConfig, open_clients
from engines.shops.http import HttpShop
from engines.voice import Voice
from gateway.store.connection import Scripts
from gateway.store.journal import StoreJournal
from gateway.store.ledger import StoreLedger
from loadtest.llm_manners import Line, Manners
from loadtest.llm_stub_process import StubControl, running_stub


pytestmark = pytest.mark.anyio

POLICY = Path(__file__).parents[2] / "configs/policies/default.yaml"
#: What no pattern understands.
RIDDLE = "那个烧水的家伙我用不上啦，处理掉吧，单号尾巴是3002那笔"

Begin = Callable[..., Talk]


@pytest.fixture(scope="module")
def process() -> Iterator[StubControl]:
    """A stand-in for a model, in a process of its own."""
    with running_stub() as stub:
        yield stub


@pytest.fixture
def stub(process: StubControl) -> StubControl:
    """The stand-in with good manners and nothing to say."""
    process.manners(Manners())
    process.script([])
    return process


@pytest.fixture
async def talk(
    shop: HttpShop,
    ledger: StoreLedger,
    voice: Voice,
    clock: Callable[[], int],
    store_url: str,
    stub: StubControl,
) -> AsyncIterator[Begin]:
    """Begin a conversation with an agent that may ask the model."""
    endpoint = EndpointConfig(name="one", url=stub.url, model="m", key="k" * 20)
    scripts = await Scripts.connect(store_url)
    async with open_clients(LlmConfig(endpoints=(endpoint,))) as clients:
        offline = OfflinePlanner.load()
        planner = ModelPlanner(
            offline, clients[Tier.L3], StoreJournal(scripts, 600), offline.simplify
        )
        engine = AgentEngine.load(
            shop, ledger, POLICY, voice, clock, planner=planner, grace_s=0.2
        )

        def begin(user: str, conversation: str = "model") -> Talk:
            return Talk(engine, ledger, user, "zh", conversation)

        yield begin
    await scripts.close()


def tasks(*wanted: dict[str, Any]) -> list[Line]:
    """The model names these tasks, whatever it is asked."""
    return [Line(when="", tool="do_tasks", args={"tasks": list(wanted)})]


@pytest.mark.parametrize("modes", [("native", "schema"), ("schema",), ()])
async def test_a_model_understands_what_patterns_do_not(
    talk: Begin, demo: DemoShop, stub: StubControl, modes: tuple[Any, ...]
) -> None:
    """In each tool mode the same proposal comes out, in the shop's own figures."""
    stub.manners(Manners(tools=modes))
    stub.script(tasks({"task": "refund_item", "order_id": "K3002", "item": 1}))
    customer = talk("c1001")
    proposal = await customer.answer(RIDDLE)
    assert [one.amount_minor for one in proposal.actions] == [13384]
    assert demo.sql("SELECT count(*) FROM effects") == [(0,)]
    done = await customer.answer("确认")
    assert [one.state for one in done.actions] == ["done"]


async def test_a_repeated_turn_asks_no_model_again(
    talk: Begin, stub: StubControl
) -> None:
    """What the model said is on disk; a second try of the turn reads it there."""
    stub.script(tasks({"task": "refund_item", "order_id": "K3002", "item": 1}))
    customer = talk("c1001", "again")
    customer.seq += 1
    turn = customer.turn(RIDDLE)
    first = await customer.engine.answer(turn)
    asked = len(stub.calls())
    stub.script(tasks({"task": "cancel_order", "order_id": "K3002"}))
    second = await customer.engine.answer(turn)
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert [one.id for one in first.actions] == [one.id for one in second.actions]
    assert len(stub.calls()) == asked


@pytest.mark.parametrize(
    "task",
    [
        {"task": "cancel_order", "order_id": "K3004"},
        {"task": "refund_item", "order_id": "K9999", "item": 1},
        {"task": "refund_item", "order_id": "K3002", "item": 77},
        {"task": "change_address", "order_id": "K3001", "street": "黑市街 1 号",
         "region": "北京", "city": "北京市"},
        {"task": "change_phone", "order_id": "K3001", "phone": "13999999999"},
        {"task": "reissue_invoice", "order_id": "K3001", "invoice_title": "某某公司"},
        {"task": "replace_item", "order_id": "K3003", "item": 1, "quantity": 1,
         "reason": "damaged", "evidence": "https://evil.example/x.png"},
    ],
)  # fmt: skip
async def test_what_a_model_invents_is_never_proposed(
    talk: Begin, demo: DemoShop, stub: StubControl, task: dict[str, Any]
) -> None:
    """Foreign orders, lines, addresses, phones, titles, evidence: asked for, not taken."""
    before = demo.snapshot()
    stub.script(tasks(task))
    outcome = await talk("c1001", str(task)[:40]).say(RIDDLE)
    if isinstance(outcome, Answer):
        assert outcome.actions == ()
    assert demo.snapshot() == before


@pytest.mark.parametrize("garbage", ["bad_json", "wrong_types", "empty", "cut", "html"])
async def test_garbage_leaves_the_offline_plan_standing(
    talk: Begin, stub: StubControl, garbage: Any
) -> None:
    """A model that talks nonsense changes nothing; a person is offered as before."""
    stub.manners(Manners(garbage=garbage))
    outcome = await talk("c1001", garbage).say(RIDDLE)
    assert isinstance(outcome, Escalation)


async def test_consent_and_what_is_clear_never_go_to_a_model(
    talk: Begin, stub: StubControl
) -> None:
    """A plain request, its consent and a refusal are read offline."""
    customer = talk("c1001", "plain")
    asked = len(stub.calls())
    await customer.answer("K3002第2件退掉")
    await customer.answer("确认")
    assert len(stub.calls()) == asked
