"""
Shops that nothing was written for: their files, their customers' questions.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import engine_of, make_turn
from inside_gateway import config_of

from engines.contract import Answer, Escalation, Locale, Tier, Utterance
from engines.retrieval.engine import RetrievalEngine
from engines.rules.engine import RulesEngine
from gateway.config import DispatchConfig, ShopConfig, shipped
from gateway.outcome import ReplyOut
from loadtest.strangers import HERE, SHIPPED, Case, judge, load_sheet


pytestmark = pytest.mark.anyio
#: Shops that confidence is fitted on.
HERE_TOO = Path(__file__).parent / "shops"
PACK = shipped("packs/ecommerce.yaml")
FACTS = shipped("knowledge/demo/facts.yaml")


async def last_answer(
    engine: RetrievalEngine, shop: str, case: Case, locale: Locale
) -> ReplyOut | None:
    """What L2 says at the end of the conversation; None if it passes it on."""
    history: list[Utterance] = []
    reply = None
    for text in case.say:
        turn = make_turn(text, locale=locale, history=tuple(history), shop=shop)
        outcome = await engine.answer(turn)
        reply = None
        if isinstance(outcome, Answer):
            reply = ReplyOut(
                text=outcome.text, tier=Tier.L2, citations=outcome.citations
            )
        history.append(Utterance("customer", text))
        history.append(Utterance("assistant", reply.text if reply else "-"))
    return reply


@pytest.mark.parametrize("name", SHIPPED)
async def test_most_questions_of_another_shop_are_answered(
    name: str, tmp_path: Path
) -> None:
    """Three of four say what they must, and nothing is said where nothing is known."""
    sheet = load_sheet(HERE / name)
    engine = engine_of(name, HERE / name / "files", tmp_path)
    faults = {}
    for case in sheet.cases:
        reply = await last_answer(engine, name, case, sheet.shop.locale)
        faults[case.id] = judge(case, reply)
    right = sum(not fault for fault in faults.values())
    assert len(sheet.cases) == 40
    assert right >= 0.75 * len(sheet.cases), faults
    unknown = [case.id for case in sheet.cases if not case.must]
    assert not any(faults[one] for one in unknown)


async def test_a_cell_is_said_with_its_row_and_not_the_whole_table_row(
    tmp_path: Path,
) -> None:
    """Asked for a weight, the weight is said, not the price beside it."""
    engine = engine_of("outdoor", HERE / "outdoor" / "files", tmp_path)
    outcome = await engine.answer(make_turn("浮石充气垫多重", shop="outdoor"))
    assert isinstance(outcome, Answer)
    assert outcome.text.startswith("浮石充气垫：")
    assert "480 克" in outcome.text
    assert "339" not in outcome.text


async def test_a_second_question_may_say_it_of_the_row_named_before(
    tmp_path: Path,
) -> None:
    """Its name is in the message; and half an answer is sure enough to be said."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "products.csv").write_text(
        "product,price,dishwasher,oven\nDune bowl,34 EUR,yes,yes\n"
        "Moss teapot,89 EUR,no,no\n",
        encoding="utf-8",
    )
    engine = engine_of("kiln", files, tmp_path)

    async def said(text: str) -> Answer:
        outcome = await engine.answer(make_turn(text, locale="en", shop="kiln"))
        assert isinstance(outcome, Answer)
        assert outcome.confidence >= DispatchConfig().min_confidence
        return outcome

    both = await said("what does the moss teapot cost and can it go in the dishwasher?")
    assert "89 EUR" in both.text
    assert "dishwasher: no" in both.text
    half = await said("what does the moss teapot cost and does it come in violet?")
    assert "89 EUR" in half.text
    assert "violet" in half.text


async def test_a_follow_up_may_name_another_one_of_the_kind(tmp_path: Path) -> None:
    """ "And the steel one" is not the copper one that was asked about before."""
    files = HERE_TOO / "bees" / "files"
    engine = engine_of("bees", files, tmp_path)
    before = (Utterance("customer", "how much is the copper smoker"),)
    turn = make_turn("and the steel one?", locale="en", shop="bees", history=before)
    outcome = await engine.answer(turn)
    assert isinstance(outcome, Answer)
    assert "24.50" in outcome.text
    assert "38.00" not in outcome.text


async def test_a_general_passage_does_not_speak_of_the_product_named(
    tmp_path: Path,
) -> None:
    """A price is told of the product, not of cleaning a machine that was hired."""
    engine = engine_of("bees", HERE_TOO / "bees" / "files", tmp_path)
    text = "what does a National super cost"
    outcome = await engine.answer(make_turn(text, locale="en", shop="bees"))
    assert isinstance(outcome, Answer)
    assert "33.50" in outcome.text


async def test_what_was_ingested_speaks_before_the_folder(tmp_path: Path) -> None:
    """The demo shop's documents answer only what the ingested ones leave open."""
    demo = shipped("knowledge/demo")
    engine = engine_of("demo", HERE / "outdoor" / "files", tmp_path, demo)
    free = await engine.answer(make_turn("满多少包邮"))
    assert isinstance(free, Answer)
    assert "149" in free.text
    kettle = await engine.answer(make_turn("电热水壶怎么除水垢"))
    assert isinstance(kettle, Answer)
    assert kettle.citations[0].id == "zh/kt-01#care"


async def test_rules_leave_to_the_documents_what_these_answer(tmp_path: Path) -> None:
    """A pack's statement on the shop gives way; small talk and hand-overs do not."""
    demo = shipped("knowledge/demo")
    engine = engine_of("demo", HERE / "outdoor" / "files", tmp_path, demo)
    rules = RulesEngine.load([PACK], FACTS)
    turn = make_turn("你们用的什么快递")
    assert isinstance(await rules.answer(turn), Answer)
    rules.yield_to(engine.knows_better)
    left = await rules.answer(turn)
    assert isinstance(left, Escalation)
    assert isinstance(await rules.answer(make_turn("你好")), Answer)
    other = await rules.answer(make_turn("花呗分期要多少钱起"))
    assert isinstance(other, Answer)


async def test_without_a_page_of_facts_nothing_is_stated_of_the_shop() -> None:
    """No demo figure is said to another shop's customer; talk goes on."""
    rules = RulesEngine.load([PACK], None)
    for text in (
        "多久发货",
        "运费多少",
        "你们用的什么快递",
        "能开专票吗",
        "怎么查积分",
    ):
        assert isinstance(await rules.answer(make_turn(text)), Escalation)
    hello = await rules.answer(make_turn("你好"))
    assert isinstance(hello, Answer)
    assert "潮汐" not in hello.text
    person = await rules.answer(make_turn("转人工"))
    assert isinstance(person, Escalation)
    assert person.to is Tier.HUMAN


def test_a_new_shop_has_nothing_of_the_demo_shop(tmp_path: Path) -> None:
    """A shop that names no facts and no folder has none."""
    new = ShopConfig(id="new")
    assert (new.facts, new.knowledge) == ("", "")
    assert config_of("redis://x", "http://x", tmp_path).shops[0].facts


def test_a_wrong_answer_is_told_from_a_right_one() -> None:
    """Figures only count as figures of their own; no source is needed for silence."""
    case = Case(id="a", kind="single", say=("?",), must=(("25",),), never=("99",))
    said = [
        ReplyOut(text=text, tier=Tier.L2)
        for text in ("收 25 元", "收 125 元", "收 2.5 元", "25 元，满 99 包邮")
    ]
    assert [bool(judge(case, reply)) for reply in said] == [False, True, True, True]
    assert judge(case, None) == "not answered"
    silent = Case(id="b", kind="none", say=("?",))
    assert judge(silent, None) == ""
