"""Decisions of the released router, and what always holds of any decision."""

from __future__ import annotations

import copy
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_hard_rules import ASKS, DANGERS, _lines

from engines.contract import (
    RISK_ORDER,
    TIER_ORDER,
    Complexity,
    Locale,
    OpenTask,
    Risk,
    Tier,
    Utterance,
)
from router_models.hard_rules import HardRules
from router_models.router import TierRouter
from router_models.situation import situate
from router_models.turns import turn_of
from router_models.verdict import COMPLEXITY_ORDER


ADDRESS = OpenTask(
    tier=Tier.L3,
    name="change_address",
    waits_for="address",
    complexity=Complexity.COMPLEX,
    risk=Risk.MEDIUM,
)
REFUND = OpenTask(
    tier=Tier.L3,
    name="refund_item",
    waits_for="consent",
    complexity=Complexity.COMPLEX,
    risk=Risk.HIGH,
)
ASKED = (
    Utterance("customer", "帮我改下地址"),
    Utterance("assistant", "好的，请提供新的收货地址和电话。"),
)
OFFERED = (
    Utterance("customer", "I want a refund for the broken mug"),
    Utterance("assistant", "I can refund $12.50 to your card. Shall I go ahead?"),
)

#: The examples of the label page: complexity, risk, tier.
PAGE = [
    ("多久发货", "simple", None, None),
    ("支持七天无理由吗", "simple", "low", "L1"),
    ("你好", "simple", "low", "L1"),
    ("好的谢谢", "simple", "low", "L1"),
    ("what are your opening hours", "simple", "low", "L1"),
    ("我的快递到哪了", "moderate", "low", "L2"),
    ("满300减50和会员券能叠加吗", "moderate", "low", "L2"),
    ("这款和那款哪个适合送老人", "moderate", "low", "L2"),
    ("does it fit a 15 inch laptop and is it in stock", "moderate", "low", "L2"),
    ("第2件退掉其他保留", "complex", "high", "L3"),
    ("cancel the second item and refund me", "complex", "high", "L3"),
    ("改下收货地址", "complex", "medium", "L3"),
    ("退款怎么还没到账", None, "high", "L3"),
    ("我要投诉你们12315", None, "high", "human"),
    ("充电器冒烟了", None, "high", "human"),
    ("有人盗了我的号下单", None, "high", "human"),
    ("假货赔钱", None, "high", "human"),
    ("转人工", None, None, "human"),
    ("是人工吗", "simple", "low", "L1"),
]


@pytest.mark.parametrize(("text", "complexity", "risk", "tier"), PAGE)
def test_the_examples_of_the_label_page(
    router: TierRouter,
    text: str,
    complexity: str | None,
    risk: str | None,
    tier: str | None,
) -> None:
    """What the definition of the labels gives as examples is decided so."""
    decision = router.decide(situate(router, text))
    assert complexity in {None, decision.complexity}
    assert risk in {None, decision.risk}
    assert tier in {None, decision.tier}


@pytest.mark.parametrize("text", _lines(ASKS))
@pytest.mark.parametrize("task", [None, ADDRESS, REFUND])
def test_a_person_can_be_asked_for_in_every_state(
    router: TierRouter, text: str, task: OpenTask | None
) -> None:
    """转人工 goes to a person, also in the middle of a task."""
    locale: Locale = "zh" if not text.isascii() else "en"
    decision = router.decide(turn_of(text, locale, ASKED if task else (), task))
    assert decision.asks_human
    assert decision.tier is Tier.HUMAN


@pytest.mark.parametrize("line", DANGERS.strip().splitlines())
def test_danger_interrupts_a_task(router: TierRouter, line: str) -> None:
    """What a hard rule finds is high risk although a task is open."""
    for text in line.split("|")[1:]:
        decision = router.decide(turn_of(text, "zh", ASKED, ADDRESS))
        assert decision.risk is Risk.HIGH, text
        assert any(reason.startswith("rule:") for reason in decision.reasons)


@pytest.mark.parametrize(
    "text",
    [
        "浙江省杭州市西湖区文一路8号 李雷 13812345678",
        "上海市浦东新区世纪大道100号 张三",
    ],
)
def test_a_slot_answer_takes_the_task(router: TierRouter, text: str) -> None:
    """An address that was asked for has the labels and the tier of its task."""
    decision = router.decide(turn_of(text, "zh", ASKED, ADDRESS))
    assert decision.complexity is Complexity.COMPLEX
    assert decision.risk is Risk.MEDIUM
    assert decision.tier is Tier.L3


@pytest.mark.parametrize("text", ["yes", "yes please", "ok go ahead"])
def test_consent_takes_the_task_and_alone_is_small_talk(
    router: TierRouter, text: str
) -> None:
    """Yes to an offered refund is high risk; yes to nothing is not."""
    inside = router.decide(turn_of(text, "en", OFFERED, REFUND))
    assert (inside.tier, inside.risk) == (Tier.L3, Risk.HIGH)
    alone = router.decide(turn_of(text, "en"))
    assert (alone.complexity, alone.risk) == (Complexity.SIMPLE, Risk.LOW)


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("对了，你们支持七天无理由吗", "zh"),
        ("等下，优惠券怎么领", "zh"),
        ("what are your opening hours", "en"),
    ],
)
def test_a_new_question_in_a_task_is_judged_itself(
    router: TierRouter, text: str, locale: str
) -> None:
    """A question about something else does not inherit the task's labels."""
    decision = router.decide(turn_of(text, locale, ASKED, ADDRESS))  # type: ignore[arg-type]
    assert decision.complexity is not Complexity.COMPLEX


def test_bare_lines_show_the_open_task(router: TierRouter) -> None:
    """From lines alone, an answer to a question takes the request before it."""
    turn = situate(router, "浙江省杭州市西湖区文一路8号 李雷 13812345678", ASKED)
    assert turn.open_task is not None
    assert turn.open_task.waits_for == "address"
    assert router.decide(turn).tier is Tier.L3


_texts = st.text(max_size=150) | st.lists(
    st.sampled_from(
        [
            "退款",
            "人工",
            "投诉",
            "怎么",
            "地址",
            "12315",
            "谢谢",
            "发货",
            "假货",
            "吗",
            "refund",
            "person",
            "agent",
            "how",
            "where",
            "lawyer",
            "please",
            "order",
            "冒烟",
            "no",
            "yes",
            "好的",
            "13812345678",
        ]
    ),
    max_size=8,
).map(" ".join)
_risks = st.none() | st.sampled_from(list(Risk))
_open = st.sampled_from([None, ADDRESS, REFUND])


@settings(deadline=None, max_examples=300)
@given(_texts, st.sampled_from(["zh", "en"]), _open, _risks)
def test_rules_only_raise(
    router: TierRouter,
    text: str,
    locale: str,
    task: OpenTask | None,
    floor: Risk | None,
) -> None:
    """With rules no label and no tier is lower than without them (I9)."""
    bare = TierRouter(router.model, HardRules(()), router.prices, router.version)
    turn = turn_of(text, locale, ASKED if task else (), task)  # type: ignore[arg-type]
    turn = msgspec.structs.replace(turn, previous_risk=floor)
    with_rules, without = router.decide(turn), bare.decide(turn)
    assert RISK_ORDER[with_rules.risk] >= RISK_ORDER[without.risk]
    assert TIER_ORDER[with_rules.tier] >= TIER_ORDER[without.tier]
    assert with_rules.asks_human >= without.asks_human
    rank = COMPLEXITY_ORDER
    assert rank[with_rules.complexity] >= rank[without.complexity]


@settings(deadline=None, max_examples=300)
@given(_texts, st.sampled_from(["zh", "en"]), _open, st.sampled_from(list(Risk)))
def test_risk_never_falls_inside_an_episode(
    router: TierRouter, text: str, locale: str, task: OpenTask | None, floor: Risk
) -> None:
    """The decided risk is at least the floor, and the floor lowers nothing (I9)."""
    turn = turn_of(text, locale, ASKED if task else (), task)  # type: ignore[arg-type]
    free = router.decide(turn)
    bound = router.decide(msgspec.structs.replace(turn, previous_risk=floor))
    assert RISK_ORDER[bound.risk] >= RISK_ORDER[floor]
    assert RISK_ORDER[bound.risk] >= RISK_ORDER[free.risk]
    assert TIER_ORDER[bound.tier] >= TIER_ORDER[free.tier]


def test_thanks_after_a_refund_stay_on_l1(router: TierRouter) -> None:
    """The floor holds the risk up, but a fixed text still answers thanks."""
    turn = msgspec.structs.replace(turn_of("好的谢谢", "zh"), previous_risk=Risk.HIGH)
    decision = router.decide(turn)
    assert decision.risk is Risk.HIGH
    assert decision.tier is Tier.L1


@settings(deadline=None, max_examples=200)
@given(_texts, st.sampled_from(["zh", "en"]))
def test_a_tier_is_never_below_its_labels(
    router: TierRouter, text: str, locale: str
) -> None:
    """High risk and complex turns never go below L3; asking for a person is a person."""
    decision = router.decide(turn_of(text, locale))  # type: ignore[arg-type]
    rank = TIER_ORDER[decision.tier]
    if decision.risk is Risk.HIGH or decision.complexity is Complexity.COMPLEX:
        assert rank >= TIER_ORDER[Tier.L3]
    if decision.complexity is Complexity.MODERATE or decision.risk is Risk.MEDIUM:
        assert rank >= TIER_ORDER[Tier.L2]
    assert not decision.asks_human or decision.tier is Tier.HUMAN
    assert 0.0 <= decision.confidence <= 1.0


@settings(deadline=None, max_examples=100)
@given(_texts, st.sampled_from(["zh", "en"]), _open)
def test_a_decision_is_a_function_of_the_turn(
    router: TierRouter, text: str, locale: str, task: OpenTask | None
) -> None:
    """The same turn gets the same decision, and it survives JSON."""
    turn = turn_of(text, locale, ASKED if task else (), task)  # type: ignore[arg-type]
    decision = router.decide(turn)
    assert router.decide(turn) == decision
    encoded = msgspec.json.encode(decision)
    assert msgspec.json.decode(encoded, type=type(decision)) == decision


@pytest.mark.parametrize(
    "text",
    ["", " ", "\x01\x02", "\u202e\u200b", "?" * 500, "😀" * 500, "\U000e0041" * 50],
)
def test_nothing_and_noise_are_small_talk(router: TierRouter, text: str) -> None:
    """A text without words is simple, low, and answered on L1 or L2."""
    decision = router.decide(turn_of(text, "zh"))
    assert decision.complexity is Complexity.SIMPLE
    assert decision.risk is Risk.LOW


@pytest.mark.parametrize(
    "text",
    ["退款" * 500_000, "refund " * 150_000, "a" * 1_000_000, "转\u200b" * 500_000],
    ids=["zh", "en", "word", "invisible"],
)
def test_a_megabyte_costs_milliseconds(router: TierRouter, text: str) -> None:
    """A huge text is decided in bounded time."""
    started = time.process_time()
    router.decide(turn_of(text, "zh"))
    assert time.process_time() - started < 1.0


def test_a_long_history_costs_no_more_than_its_tail(router: TierRouter) -> None:
    """A thousand lines before change little of the cost."""
    lines = [Utterance("customer", "我的快递到哪了" * 50)] * 1_000
    started = time.process_time()
    router.decide(turn_of("那明天能到吗", "zh", lines))
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize(("text", "locale"), [("谢谢你", "zh"), ("thank you", "en")])
def test_no_fixed_text_above_the_line(
    router: TierRouter, text: str, locale: Locale
) -> None:
    """A turn that may need a tool leaves L1, whatever that costs, in its own language."""
    assert router.decide(turn_of(text, locale)).tier is Tier.L1
    lines = router.model.thresholds
    strict = copy.copy(router.model)
    strict.thresholds = msgspec.structs.replace(
        lines, beyond_l1=lines.beyond_l1 | {locale: 0.0}
    )
    careful = TierRouter(strict, router.rules, router.prices, "strict")
    assert careful.decide(turn_of(text, locale)).tier is Tier.L2
    other = "hi" if locale == "zh" else "你好"
    assert careful.decide(situate(careful, other)).tier is Tier.L1


def test_padding_does_not_hide_a_request(router: TierRouter) -> None:
    """A request for a person at either end of a long text is heard."""
    for text in ("转人工" + "哈" * 9_000, "哈" * 9_000 + "转人工"):
        assert router.decide(turn_of(text, "zh")).asks_human


def test_an_explanation_shows_what_led_to_the_decision(router: TierRouter) -> None:
    """Probabilities, lines, rules and the strongest features, for /v1/route."""
    told = router.explain(situate(router, "你们卖假货，我要去12315投诉"))
    assert set(told.rules) == {"law_threat", "counterfeit"}
    assert sum(told.chances["risk"].values()) == pytest.approx(1, abs=1e-3)
    assert sum(told.needed.values()) == pytest.approx(1, abs=1e-3)
    assert told.features["risk"]
    assert told.decision == router.decide(
        situate(router, "你们卖假货，我要去12315投诉")
    )
    msgspec.json.encode(told)
