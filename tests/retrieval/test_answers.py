"""
Answers from passages: quoted, split, continued, dated, and honest about gaps.
"""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from desk import SilentShop, make_engine, make_turn, talk
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.contract import (
    Answer,
    Complexity,
    Escalation,
    OpenTask,
    Reason,
    Risk,
    Tier,
)
from engines.guard import check
from engines.guard.figures import figures
from engines.retrieval.compose import BUDGET, extract
from engines.retrieval.documents import Passage
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.language import split_sentences


pytestmark = pytest.mark.anyio


async def cited(
    engine: RetrievalEngine, text: str, *lines: str, locale: str = "zh"
) -> list[str]:
    """Ids of what an answer cites; fails if there is none."""
    turn = make_turn(text, locale=locale, history=talk(*lines))  # type: ignore[arg-type]
    outcome = await engine.answer(turn)
    assert isinstance(outcome, Answer), outcome
    return [citation.id for citation in outcome.citations]


async def test_an_answer_quotes_its_passage(
    reader: RetrievalEngine, passages: tuple[Passage, ...]
) -> None:
    """What is said is what is quoted, and the quote stands in the passage."""
    turn = make_turn("满减和券能一起用吗")
    outcome = await reader.answer(turn)
    assert isinstance(outcome, Answer)
    texts = {passage.id: passage.text for passage in passages}
    assert outcome.citations[0].id == "zh/coupons#stack"
    assert outcome.text == outcome.citations[0].quote
    assert outcome.citations[0].quote in texts["zh/coupons#stack"]
    assert reader.tier is Tier.L2


async def test_composite_questions_get_one_answer_with_several_sources(
    reader: RetrievalEngine,
) -> None:
    """Each part is answered, in order."""
    ids = await cited(reader, "七天无理由支持吗？另外退货运费谁出")
    assert ids == ["zh/returns#no-reason", "zh/returns#freight"]
    both = "does the 15 inch laptop fit the backpack and can i wash it"
    ids = await cited(reader, both, locale="en")
    assert ids == ["en/bp-12#spec", "en/bp-12#care"]


async def test_the_same_passage_is_said_once(reader: RetrievalEngine) -> None:
    """Two questions with one answer do not repeat it."""
    turn = make_turn("满多少包邮？新疆包邮吗")
    outcome = await reader.answer(turn)
    assert isinstance(outcome, Answer)
    lines = outcome.text.split("\n")
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("text", "lines", "expected"),
    [
        ("那四件套呢", ["双肩包怎么洗", "用湿布擦拭"], "zh/bd-16#care"),
        ("它能预约吗", ["电饭煲多大", "容量 3 升"], "zh/rc-02#functions"),
        ("能放洗碗机吗", ["空气炸锅多大", "容量 4.5 升"], "zh/af-03#care"),
        ("那海外呢", ["能寄到西藏吗", "可以"], "zh/freight#abroad"),
        ("要自己出运费吗", ["怎么退货", "点申请售后"], "zh/returns#freight"),
    ],
)
async def test_follow_ups_are_understood_from_the_conversation(
    reader: RetrievalEngine, text: str, lines: list[str], expected: str
) -> None:
    """Products, pronouns and bare 'and what about' lean on earlier turns."""
    assert expected in await cited(reader, text, *lines)


async def test_english_follow_ups_are_understood(reader: RetrievalEngine) -> None:
    """'And the earbuds?' asks the last question again."""
    lines = ["how long do the headphones play", "35 hours"]
    assert await cited(reader, "and the earbuds?", *lines, locale="en") == [
        "en/eb-06#spec"
    ]
    lines = ["tell me about the air fryer", "4.5 litres"]
    assert await cited(reader, "is foil ok in it", *lines, locale="en") == [
        "en/af-03#faq"
    ]


async def test_a_named_product_replaces_the_one_before(
    reader: RetrievalEngine,
) -> None:
    """The kettle's figures are never given for the lamp."""
    ids = await cited(reader, "那台灯多少瓦", "电热水壶多少瓦", "1800 瓦")
    assert ids == ["zh/lp-09#spec"]


async def test_a_product_that_was_not_named_is_named(
    reader: RetrievalEngine,
) -> None:
    """The customer sees of which product a fact is, if it could be another."""
    told = await reader.answer(make_turn("170斤穿多大码"))
    assert isinstance(told, Answer)
    assert told.text.startswith("纯棉短袖：S 码")
    named = await reader.answer(make_turn("短袖170斤穿多大码"))
    assert isinstance(named, Answer)
    assert named.text.startswith("S 码")


async def test_replies_to_other_tiers_are_left_to_them(
    reader: RetrievalEngine,
) -> None:
    """What an agent asked for is not answered with a passage."""
    lines = talk("我要换货", "请问要换成什么颜色？")
    outcome = await reader.answer(make_turn("换成白色的短袖", history=lines))
    assert isinstance(outcome, Escalation)


async def test_answers_follow_the_language_of_the_question(
    reader: RetrievalEngine,
) -> None:
    """An English question on a Chinese channel gets an English answer."""
    assert await cited(reader, "what is the return address", locale="zh") == [
        "en/returns#address"
    ]
    assert await cited(reader, "退貨地址是什麼", locale="en") == ["zh/returns#address"]


@pytest.mark.parametrize(
    ("day", "is_said"),
    [
        (date(2026, 11, 1), True),
        (date(2026, 11, 15), True),
        (date(2026, 11, 16), False),
        (date(2026, 10, 31), False),
    ],
)
async def test_a_sale_is_spoken_of_on_its_days_only(
    day: date, *, is_said: bool
) -> None:
    """Before and after its days nothing is said of it, not even of another sale."""
    engine = make_engine(SilentShop(), day)
    outcome = await engine.answer(make_turn("双十一什么时候结束"))
    ids = [c.id for c in outcome.citations] if isinstance(outcome, Answer) else []
    assert ids == (["zh/double-eleven#when"] if is_said else [])


async def test_expired_passages_are_never_cited(
    reader: RetrievalEngine, passages: tuple[Passage, ...]
) -> None:
    """Whatever is asked in the words of a passage that does not hold today."""
    today = date(2026, 11, 22)
    stale = [
        passage
        for passage in passages
        if passage.header.effective_from > today
        or (passage.header.effective_until or today) < today
    ]
    assert len(stale) >= 6
    for passage in stale:
        for text in (passage.heading, passage.text, *passage.asked):
            found = reader.find(text, passage.locale)
            assert passage.id not in [hit.passage.id for hit in found.hits]


async def test_notes_for_staff_are_never_cited(
    reader: RetrievalEngine, passages: tuple[Passage, ...]
) -> None:
    """Customers do not learn what staff may grant, even in its very words."""
    notes = [p for p in passages if p.header.audience == "staff"]
    assert notes
    for note in notes:
        outcome = await reader.answer(make_turn(note.text, locale=note.locale))
        ids = [c.id for c in outcome.citations] if isinstance(outcome, Answer) else []
        assert note.id not in ids


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("帮我取消订单", Reason.NEEDS_ACTION),
        ("please refund my order", Reason.NEEDS_ACTION),
        ("谢谢", Reason.NO_MATCH),
        ("", Reason.NO_MATCH),
        ("asdf qwer", Reason.NO_MATCH),
        ("世界上最高的山是什么", Reason.LOW_CONFIDENCE),
        ("银联卡能买股票吗", Reason.LOW_CONFIDENCE),
    ],
)
async def test_what_cannot_be_answered_says_why(
    reader: RetrievalEngine, text: str, reason: Reason
) -> None:
    """The next tier learns the reason."""
    outcome = await reader.answer(make_turn(text))
    assert isinstance(outcome, Escalation)
    assert outcome.reason is reason


async def test_open_parts_are_named(reader: RetrievalEngine) -> None:
    """Half an answer says which half is missing, and is less sure."""
    turn = make_turn("退货运费谁出？你们老板叫什么名字")
    outcome = await reader.answer(turn)
    assert isinstance(outcome, Answer)
    assert [c.id for c in outcome.citations] == ["zh/returns#freight"]
    assert "“你们老板叫什么名字”" in outcome.text
    assert "转人工" in outcome.text
    assert outcome.confidence <= 0.75
    assert check(outcome, turn) is outcome


async def test_another_shops_turn_is_not_answered(reader: RetrievalEngine) -> None:
    """An engine serves the shop whose knowledge it holds."""
    outcome = await reader.answer(make_turn("满多少包邮", shop="other"))
    assert isinstance(outcome, Escalation)
    assert outcome.reason is Reason.NO_MATCH


async def test_without_a_business_system_passages_still_answer() -> None:
    """A shop without connector has no look-ups, but all its knowledge."""
    engine = make_engine(None)
    outcome = await engine.answer(make_turn("运费多少寄到新疆 2公斤"))
    assert isinstance(outcome, Answer)
    assert outcome.citations[0].id == "zh/freight#remote"


async def test_a_side_question_does_not_end_a_task(reader: RetrievalEngine) -> None:
    """What the conversation is in the middle of stays open."""
    task = OpenTask(
        tier=Tier.L3,
        name="change_address",
        waits_for="consent",
        complexity=Complexity.COMPLEX,
        risk=Risk.MEDIUM,
    )
    turn = msgspec.structs.replace(make_turn("满多少包邮"), open_task=task)
    outcome = await reader.answer(turn)
    assert isinstance(outcome, Answer)
    assert outcome.open_task == task


async def test_a_turn_may_be_answered_twice_alike(reader: RetrievalEngine) -> None:
    """No state of a conversation stays behind."""
    turn = make_turn("那电饭煲呢", history=talk("空气炸锅怎么清洗", "..."))
    assert await reader.answer(turn) == await reader.answer(turn)


@settings(deadline=None, max_examples=60)
@given(
    st.text(max_size=120),
    st.lists(st.text(max_size=60), max_size=6),
    st.sampled_from(["zh", "en"]),
)
async def test_any_turn_gets_an_answer_or_a_reason(
    text: str, lines: list[str], locale: str
) -> None:
    """Fuzz: an outcome that the guard lets pass, never an exception."""
    turn = make_turn(text, locale=locale, history=talk(*lines))  # type: ignore[arg-type]
    outcome = await READER.answer(turn)
    if isinstance(outcome, Answer):
        assert check(outcome, turn) is outcome


READER = make_engine(SilentShop())


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["退款", "运费", "优惠券", "保修"]),
            st.integers(1, 999),
            st.sampled_from(["天", "元", "%", "个月"]),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(["退款几天", "运费多少", "优惠券多少", "保修多久"]),
)
async def test_extraction_invents_no_figure(
    facts: list[tuple[str, int, str]], question: str
) -> None:
    """However a long passage is cut, every figure stands in a quote of it."""
    text = "".join(
        f"{name}是 {value} {unit}，以页面为准。" for name, value, unit in facts
    )
    searcher = READER._searcher
    template = searcher._index._partitions[("demo", "zh")]._passages[0]  # type: ignore[index]
    passage = msgspec.structs.replace(
        template, text=text, sentences=split_sentences(text, "zh")
    )
    analyzer = searcher._analyzers["zh"]
    piece = extract(passage, analyzer.query(question), analyzer, 0.9)
    assert piece.citations
    assert all(citation.quote in text for citation in piece.citations)
    quoted = "\n".join(citation.quote for citation in piece.citations)
    assert figures(piece.text) <= figures(quoted) <= figures(text)
    longest = max(map(len, passage.sentences))
    assert len(piece.text) <= max(BUDGET["zh"], longest) + len(piece.citations)
