"""
The last look at an answer: what passes, what does not, and what it costs.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contract import (
    ActionRef,
    Answer,
    Citation,
    ConversationId,
    Escalation,
    MessageId,
    Reason,
    ShopId,
    Turn,
    UserId,
)
from engines.guard import check


def turn(text: str = "退款多久到账") -> Turn:
    """A customer's turn."""
    return Turn(
        turn_id="t",
        shop=ShopId("demo"),
        channel="web",
        conversation_id=ConversationId("c"),
        message_id=MessageId("m"),
        user_id=UserId("u"),
        seq=1,
        text=text,
        locale="zh",
    )


def answer(text: str, *quotes: str, actions: tuple[ActionRef, ...] = ()) -> Answer:
    """An answer of L2 or L3 with quotes behind it."""
    citations = tuple(
        Citation(id=f"zh/doc#{n}", title="t", quote=quote)
        for n, quote in enumerate(quotes)
    )
    return Answer(text=text, citations=citations, actions=actions)


def action(state: str, summary: str, amount: int | None = None) -> ActionRef:
    """An action as the customer sees it."""
    return ActionRef(
        id="a", kind="refund", state=state, summary=summary, amount_minor=amount
    )


BACKED = [
    ("签收后七天内可以退货。", "签收后 7 天内，可以退货。"),
    ("满 199 元减 20 元。", "新人券满 199 减 20"),
    ("活动到 11月15日。", "活动到 2026-11-15 24:00 结束"),
    ("We deliver within 2 to 4 days.", "Delivery usually takes 2-4 days"),
    ("We cannot guarantee the date.", ""),
    ("不能保证当天送达。", ""),
    ("破损的我们承担赔付。", "运输破损由快递公司赔付"),
    ("您可以在订单里点“申请售后”。", ""),
]

UNBACKED = [
    ("签收后 8 天内可以退货。", "签收后 7 天内，可以退货。"),
    ("签收后 7 个工作日内可以退货。", "签收后 7 天内，可以退货。"),
    ("满 199 减 30。", "新人券满 199 减 20"),
    ("活动到 11月16日。", "活动到 2026-11-15 24:00 结束"),
    ("Refunds arrive in 3 days.", "Refunds arrive within 3 working days"),
    ("现价 159。", ""),
    ("打八折。", "每满 400 减 40"),
    ("我们保证明天送到。", "一般 2-4 天送达"),
    ("这个一定能修好。", "保修 12 个月"),
    ("我们会赔您。", "退款原路退回"),
    ("We guarantee delivery tomorrow.", "Delivery usually takes 2-4 days"),
    ("We will refund you.", "Returns within 7 days"),
    ("已经为您退款。", "保修 12 个月"),
]


@pytest.mark.parametrize(("text", "quote"), BACKED)
def test_backed_answers_pass_unchanged(text: str, quote: str) -> None:
    """What stands in a quote may be said in other spellings."""
    given_answer = answer(text, quote)
    assert check(given_answer, turn()) is given_answer


@pytest.mark.parametrize(("text", "quote"), UNBACKED)
def test_unbacked_answers_are_refused(text: str, quote: str) -> None:
    """A changed figure or a promise without a source does not leave."""
    outcome = check(answer(text, quote), turn())
    assert isinstance(outcome, Escalation)
    assert outcome.reason is Reason.GUARD
    assert outcome.note


def test_the_customers_own_figures_may_be_repeated() -> None:
    """Repeating what the customer said promises nothing new."""
    said = answer("您说的 2 公斤的包裹，我帮您看一下。")
    assert check(said, turn("寄 2 公斤多少钱")) is said
    assert isinstance(check(said, turn("多少钱")), Escalation)


def test_the_customers_words_back_no_promise() -> None:
    """A customer who writes 'guarantee' does not make us guarantee."""
    assert isinstance(
        check(answer("我们保证退款。"), turn("你们保证退款吗")), Escalation
    )


def test_an_action_backs_its_amount_and_its_outcome() -> None:
    """The ledger's amount may be said; 'done' needs a done action."""
    done = action("done", "退第 1 件", 6333)
    proposed = action("proposed", "退第 1 件", 6333)
    text = "已经为您退款 63.33 元。"
    assert check(answer(text, actions=(done,)), turn()).__class__ is Answer
    assert isinstance(check(answer(text, actions=(proposed,)), turn()), Escalation)
    wrong = answer("将退回 63.34 元。", actions=(proposed,))
    assert isinstance(check(wrong, turn()), Escalation)


def test_fixed_texts_pass_unread_but_only_alone() -> None:
    """Rule citations are trusted; beside another citation or action they are not."""
    rule = Citation(id="rule:refund.time", title="t")
    text = "退款 1-3 个工作日到账。"
    fixed = Answer(text=text, citations=(rule,))
    assert check(fixed, turn("你好")) is fixed
    mixed = Answer(text=text, citations=(rule, Citation(id="zh/x", title="t")))
    assert isinstance(check(mixed, turn("你好")), Escalation)
    acting = Answer(text=text, citations=(rule,), actions=(action("done", "退款"),))
    assert isinstance(check(acting, turn("你好")), Escalation)


@given(
    quoted=st.integers(1, 10_000),
    said=st.integers(1, 10_000),
    template=st.sampled_from(["{} 元", "¥{}", "{} 天", "{}%", "CNY {}", "{} days"]),
)
def test_a_figure_passes_exactly_if_it_is_quoted(
    quoted: int, said: int, template: str
) -> None:
    """For every amount, span and share: equal to the quote, or refused."""
    outcome = check(
        answer(template.format(said), template.format(quoted)), turn("你好")
    )
    assert isinstance(outcome, Answer) == (said == quoted)


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=100))
def test_any_text_can_be_checked(text: str, quote: str, message: str) -> None:
    """No answer makes the guard fail; quoting oneself whole always passes."""
    check(answer(text, quote), turn(message))
    assert isinstance(check(answer(text, text), turn(message)), Answer)


def test_fixed_texts_cost_next_to_nothing() -> None:
    """The hot path pays less than two microseconds."""
    fixed = Answer(
        text="支持 7 天无理由退货。", citations=(Citation(id="rule:x", title="t"),)
    )
    asked = turn()
    best = min(_seconds(fixed, asked) for _ in range(20))
    assert best / 1000 < 2e-6


def _seconds(fixed: Answer, asked: Turn) -> float:
    started = time.perf_counter()
    for _ in range(1000):
        check(fixed, asked)
    return time.perf_counter() - started
