"""
Reading a turn: its parts, their kinds, and what is a request for a change.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contract import Locale, Utterance
from engines.retrieval.kinds import Kind, kind_of
from engines.retrieval.places import region_in
from engines.retrieval.questions import MAX_PARTS, parts
from engines.retrieval.reads import weight_in
from engines.retrieval.wishes import replies, wants_change


SPLITS: list[tuple[Locale, str, list[str]]] = [
    ("zh", "退货运费谁出？另外多久到账", ["退货运费谁出？", "多久到账"]),
    ("zh", "我170斤穿多大，会缩水吗", ["我170斤穿多大，", "会缩水吗"]),
    ("zh", "我买的耳机有杂音，可以换吗", ["我买的耳机有杂音， 可以换吗"]),
    ("zh", "你好，我想问下包邮吗", ["你好， 我想问下包邮吗"]),
    ("zh", "包邮吗？谢谢", ["包邮吗？ 谢谢"]),
    ("zh", "退货地址", ["退货地址"]),
    ("zh", "满1,000减多少", ["满1,000减多少"]),
    (
        "en",
        "does it fit a 15 inch laptop and is it in stock",
        ["does it fit a 15 inch laptop", "is it in stock"],
    ),
    (
        "en",
        "Is it waterproof? How heavy is it?",
        ["Is it waterproof?", "How heavy is it?"],
    ),
    ("en", "My kettle broke. Can I return it?", ["My kettle broke. Can I return it?"]),
    ("en", "return address please", ["return address please"]),
]

KINDS: list[tuple[Locale, str, Kind]] = [
    ("zh", "我的快递到哪了", Kind.PARCEL),
    ("zh", "我的包裹什么时候能到", Kind.PARCEL),
    ("zh", "明天能到吗", Kind.PARCEL),
    ("zh", "怎么还没收到货", Kind.PARCEL),
    ("zh", "我买的台灯几时到", Kind.PARCEL),
    ("zh", "东西什么时候到啊", Kind.PARCEL),
    ("zh", "宝贝大概几号到", Kind.PARCEL),
    ("zh", "快递一般几天到", Kind.KNOWLEDGE),
    ("zh", "物流好几天没更新", Kind.KNOWLEDGE),
    ("zh", "发货了吗", Kind.ORDER),
    ("zh", "我的订单什么情况", Kind.ORDER),
    ("zh", "这款有货吗", Kind.STOCK),
    ("zh", "台灯还有现货没", Kind.STOCK),
    ("zh", "空气炸锅多少钱", Kind.PRICE),
    ("zh", "运费多少寄到新疆 2公斤", Kind.FREIGHT),
    ("zh", "退货运费多少", Kind.KNOWLEDGE),
    ("zh", "满多少包邮", Kind.KNOWLEDGE),
    ("zh", "价保几天", Kind.KNOWLEDGE),
    ("zh", "拍了两单能合并发货吗", Kind.KNOWLEDGE),
    ("en", "where is my parcel", Kind.PARCEL),
    ("en", "my order hasn't arrived", Kind.PARCEL),
    ("en", "has my order shipped?", Kind.ORDER),
    ("en", "what's the status of my order", Kind.ORDER),
    ("en", "where is my warranty card", Kind.KNOWLEDGE),
    ("en", "my order?", Kind.ORDER),
    ("en", "wheres my stuff", Kind.PARCEL),
    ("zh", "吸尘器维修要多少钱", Kind.KNOWLEDGE),
    ("zh", "我现在有多少积分", Kind.POINTS),
    ("zh", "查一下我的积分", Kind.POINTS),
    ("zh", "买东西得多少积分", Kind.KNOWLEDGE),
    ("zh", "积分怎么用", Kind.KNOWLEDGE),
    ("en", "how many points do I have", Kind.POINTS),
    ("en", "how many points do I get for a return", Kind.KNOWLEDGE),
    ("en", "will it come before the weekend?", Kind.PARCEL),
    ("en", "does it come with a charger", Kind.KNOWLEDGE),
    ("en", "is it in stock", Kind.STOCK),
    ("en", "how much is the kettle", Kind.PRICE),
    ("en", "shipping cost to Tibet for 2 kg", Kind.FREIGHT),
    ("en", "who pays the shipping cost of a return", Kind.KNOWLEDGE),
    ("en", "how long does delivery usually take", Kind.KNOWLEDGE),
    ("zh", "什么时候补货", Kind.STOCK),
    ("zh", "报个价", Kind.PRICE),
    ("zh", "活动里买1300减几块", Kind.KNOWLEDGE),
    ("zh", "我能用哪张券", Kind.COUPON),
    ("zh", "积分余额", Kind.POINTS),
    ("zh", "2公斤到成都运费", Kind.FREIGHT),
    ("zh", "和这个耳机搭的有什么", Kind.COMPANION),
    ("en", "how many are left", Kind.STOCK),
    ("en", "how expensive is the lamp", Kind.PRICE),
    ("en", "which coupon can i use", Kind.COUPON),
    ("en", "my points", Kind.POINTS),
    ("en", "postage for 2kg to beijing", Kind.FREIGHT),
    ("en", "what else do i need for the air fryer", Kind.COMPANION),
]

CHANGES: list[tuple[Locale, str]] = [
    ("zh", "帮我把地址改成上海市静安区"),
    ("zh", "我要退款"),
    ("zh", "K3001和K3002能不能一块儿发"),
    ("zh", "电饭煲能改成空气炸锅吗"),
    ("zh", "取消订单"),
    ("zh", "把第二件退掉"),
    ("zh", "麻烦给我开张发票"),
    ("zh", "能帮我改一下收货地址吗"),
    ("zh", "你好，我想退货"),
    ("zh", "申请价保，帮我补差价"),
    ("zh", "两个订单合并一下"),
    ("zh", "质量一般 退了吧"),
    ("zh", "降价了 退我差价"),
    ("zh", "坏了 我要报修"),
    ("zh", "手机号换了 13900002222"),
    ("en", "pls cancel my order its not shipped yet"),
    ("en", "I need a VAT invoice made out to my company"),
    ("en", "can you switch the payment to my mastercard"),
    ("en", "please cancel my order"),
    ("en", "I want to return the kettle"),
    ("en", "can you change my address"),
    ("en", "cancel the second item and refund me"),
    ("en", "I'd like a refund"),
]

NO_CHANGES: list[tuple[Locale, str]] = [
    ("zh", "怎么退货"),
    ("zh", "能退吗"),
    ("zh", "我想退货怎么操作"),
    ("zh", "取消订单钱怎么退"),
    ("zh", "退款多久到账"),
    ("zh", "改地址要补运费吗"),
    ("zh", "帮我查一下退货规则"),
    ("zh", "退货地址"),
    ("en", "how do I return something"),
    ("en", "can I return it"),
    ("en", "what if I want to cancel"),
    ("en", "who pays if I return it"),
    ("en", "return policy"),
    ("en", "do you refund shipping"),
]


@pytest.mark.parametrize(("locale", "text", "expected"), SPLITS)
def test_composite_messages_are_split(
    locale: Locale, text: str, expected: list[str]
) -> None:
    """One part for each question; what only sets the scene stays with its question."""
    assert [part.text for part in parts(text, locale)] == expected


@pytest.mark.parametrize(("locale", "text", "kind"), KINDS)
def test_the_kind_of_a_question_is_read(locale: Locale, text: str, kind: Kind) -> None:
    """Look-ups are told from general questions in the same words."""
    assert kind_of(text, locale) is kind


@pytest.mark.parametrize(("locale", "text"), CHANGES)
def test_requests_for_a_change_are_noticed(locale: Locale, text: str) -> None:
    """Whoever wants something changed is not answered with a rule."""
    assert wants_change(text, locale)


@pytest.mark.parametrize(("locale", "text"), NO_CHANGES)
def test_questions_about_a_change_are_no_requests(locale: Locale, text: str) -> None:
    """Asking how a thing is done is not asking to do it."""
    assert not wants_change(text, locale)


@given(st.text(max_size=300), st.sampled_from(["zh", "en"]))
def test_any_text_can_be_split(text: str, locale: Locale) -> None:
    """No character of substance is lost but joints, and the number is bounded."""
    found = parts(text, locale)
    assert len(found) <= MAX_PARTS
    kept = Counter("".join("".join(part.text.split()) for part in found))
    assert kept <= Counter("".join(text.split()))
    if len(found) == 1:
        assert kept == Counter("".join(text.split()))


@pytest.mark.parametrize(
    ("text", "locale", "region"),
    [
        ("寄到新疆乌鲁木齐", "zh", "新疆"),
        ("从北京寄到深圳", "zh", "广东"),
        ("shipping to Inner Mongolia", "en", "Inner Mongolia"),
        ("to Lhasa please", "en", "Tibet"),
        ("to Shaanxi", "en", "Shaanxi"),
        ("hello", "en", None),
    ],
)
def test_regions_are_read(text: str, locale: Locale, region: str | None) -> None:
    """The last place counts; a city stands for its province."""
    assert region_in(text, locale) == region


@pytest.mark.parametrize(
    ("text", "grams"),
    [
        ("2公斤", 2000),
        ("两公斤", 2000),
        ("1.5 kg", 1500),
        ("三斤", 1500),
        ("500克", 500),
        ("800 grams", 800),
        ("十二公斤", 12_000),
        ("一个包裹", 0),
    ],
)
def test_weights_are_read(text: str, grams: int) -> None:
    """In the units people use."""
    assert weight_in(text) == grams


@pytest.mark.parametrize(
    ("ours", "text", "is_reply"),
    [
        ("请提供一下订单号", "昨天买的那个", True),
        ("要换成什么颜色呢？", "灰的", True),
        ("请提供一下订单号", "订单号在哪里看", False),
        ("已经为您登记了", "灰的", False),
        ("Which order do you mean?", "the last one", True),
        ("Which order do you mean?", "where do I see the number", False),
        ("Done.", "the last one", False),
    ],
)
def test_replies_to_our_questions_are_told_from_questions(
    ours: str, text: str, *, is_reply: bool
) -> None:
    """A slot answer goes back to whoever asked for it."""
    history = (Utterance("customer", "..."), Utterance("assistant", ours))
    assert replies(text, history, "en" if text.isascii() else "zh") is is_reply
