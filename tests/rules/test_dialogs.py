"""Forms over several turns, played against the shipped packs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from rules_talk import FACTS, PACKS, make_turn

from engines.contract import Answer, Escalation, OpenTask, Reason, Tier
from engines.rules.engine import RulesEngine


Reply = Answer | Escalation
Play = Callable[..., list[Reply]]


@pytest.fixture
def play(engine: RulesEngine) -> Play:
    """Send messages one after the other; the task travels as the gateway keeps it."""

    def send(*texts: str, locale: Any = "zh") -> list[Reply]:
        replies: list[Reply] = []
        task: OpenTask | None = None
        for text in texts:
            turn = make_turn(text, open_task=task, locale=locale)
            reply = asyncio.run(engine.answer(turn))
            # Through bytes and back, as the store does with it.
            kept = msgspec.json.encode(reply.open_task)
            task = msgspec.json.decode(kept, type=OpenTask | None)
            replies.append(reply)
        return replies

    return send


def waits(reply: Reply) -> str | None:
    return reply.open_task.waits_for if reply.open_task else None


def test_size_is_asked_for_and_answered(play: Play):
    """One question at a time, then an answer with its source; nothing stays open."""
    replies = play("我该穿什么码", "T恤", "140斤", "合身")
    assert [waits(reply) for reply in replies] == ["garment", "weight", "fit", None]
    last = replies[-1]
    assert isinstance(last, Answer)
    assert "70 公斤" in last.text
    assert "推荐 L 码" in last.text
    assert last.citations[0].id == "rule:presale.size_advice"
    assert last.citations[0].quote == last.text


def test_what_the_first_message_says_is_not_asked(play: Play):
    """Height and weight in the opening question are kept."""
    replies = play("身高178体重65公斤穿什么码", "冲锋衣", "宽松")
    assert [waits(reply) for reply in replies] == ["garment", "fit", None]
    assert "178 厘米，宽松，推荐 XXL 码" in replies[-1].text  # type: ignore[union-attr]


def test_values_may_come_in_any_turn(play: Play):
    """Two answers in one message are both taken."""
    replies = play("which size fits me", "tee, 75 kg", "loose", locale="en")
    assert [waits(reply) for reply in replies] == ["garment", "fit", None]
    assert "75 kg, loose fit: I suggest size XXL" in replies[-1].text  # type: ignore[union-attr]


def test_earlier_value_is_corrected(play: Play):
    """A correction replaces the value, says so, and the open question stays."""
    replies = play("帮我推荐尺码", "外套", "一米七", "不对，身高是178", "修身")
    assert waits(replies[3]) == "fit"
    assert replies[3].text.startswith("已更正。")  # type: ignore[union-attr]
    assert "178 厘米" in replies[-1].text  # type: ignore[union-attr]


def test_correction_of_the_form_not_this_but_that(play: Play):
    """Of two figures in a correction the second one counts."""
    replies = play("帮我推荐尺码", "外套", "170cm", "身高不是170，是175", "宽松")
    assert "175 厘米" in replies[-1].text  # type: ignore[union-attr]


def test_digression_is_answered_and_comes_back(play: Play):
    """Another question in between gets its answer, then the open one again."""
    replies = play("帮我推荐尺码", "外套", "多久发货", "一米七", "修身")
    between = replies[2]
    assert isinstance(between, Answer)
    assert between.intent == "shipping.time"
    assert between.citations[0].id == "rule:shipping.time"
    assert "48 小时" in between.text
    assert between.text.endswith("请告诉我您的身高（例如 170cm）。")
    assert waits(between) == "height"
    assert "170 厘米" in replies[-1].text  # type: ignore[union-attr]


@pytest.mark.parametrize("word", ["算了", "取消", "不用了。", "stop", "Never mind!"])
def test_dialog_is_cancelled(play: Play, word: str):
    """Giving up ends the dialog with a word, in the language it was opened in."""
    replies = play("帮我推荐尺码", word, "175")
    assert replies[1].text.startswith("好的，已停止")  # type: ignore[union-attr]
    assert [waits(reply) for reply in replies[1:]] == [None, None]


def test_person_can_be_asked_for_inside_a_dialog(play: Play):
    """转人工 works in every state."""
    replies = play("帮我推荐尺码", "转人工")
    assert isinstance(replies[1], Escalation)
    assert replies[1].reason is Reason.ASKED_HUMAN
    assert replies[1].to is Tier.HUMAN


def test_request_for_an_action_leaves_the_dialog(play: Play):
    """What another tier has to do is handed on at once, not parked."""
    replies = play("帮我推荐尺码", "我要退货")
    assert isinstance(replies[1], Escalation)
    assert replies[1].reason is Reason.NEEDS_ACTION
    assert replies[1].to is Tier.L3


def test_long_other_matter_leaves_the_dialog(play: Play):
    """A long reply without a value is no failed answer; it climbs."""
    replies = play("帮我推荐尺码", "你们家那个水壶底座上面的红灯一直在闪到底是什么意思")
    assert isinstance(replies[1], Escalation)


def test_replies_that_do_not_fit_get_a_hint_and_then_help(play: Play):
    """Two hints, then somebody who understands."""
    replies = play("帮我推荐尺码", "不晓得", "真不晓得", "还是不晓得")
    assert [waits(reply) for reply in replies[:3]] == ["garment"] * 3
    assert "请回复“T恤”或“冲锋衣”" in replies[1].text  # type: ignore[union-attr]
    assert isinstance(replies[3], Escalation)
    assert replies[3].reason is Reason.STUCK


def test_weight_without_unit_is_asked_again(play: Play):
    """130 may be kilograms or 斤: asking is better than guessing."""
    replies = play("帮我推荐尺码", "T恤", "130", "130斤", "合身")
    assert [waits(reply) for reply in replies[1:4]] == ["weight", "weight", "fit"]
    assert "65 公斤" in replies[-1].text  # type: ignore[union-attr]


def test_invoice_details_of_a_company_are_checked(play: Play):
    """A wrong check digit is told; the right one goes on to the recap."""
    replies = play(
        "发票抬头怎么填",
        "公司",
        "抬头是：潮汐科技有限公司",
        "91110000600037341X",
        "91110000600037341l",
        "fin@example.com",
    )
    assert [waits(reply) for reply in replies] == [
        "kind",
        "title",
        "tax_id",
        "tax_id",
        "email",
        None,
    ]
    assert "校验不通过" in replies[3].text  # type: ignore[union-attr]
    text = replies[-1].text  # type: ignore[union-attr]
    for part in ("潮汐科技有限公司", "91110000600037341L", "fin@example.com"):
        assert part in text
    assert "不会替您提交" in text


def test_person_needs_no_tax_id(play: Play):
    """A question whose condition does not hold is skipped."""
    replies = play("发票抬头怎么填", "个人", "张三", "zs@example.com")
    assert [waits(reply) for reply in replies] == ["kind", "title", "email", None]
    assert "税号" not in replies[-1].text  # type: ignore[union-attr]


def test_question_instead_of_a_line_is_a_question(play: Play):
    """Where any text would do, a sure question is still answered as one."""
    replies = play("发票抬头怎么填", "个人", "怎么退货", "张三")
    assert replies[2].intent == "return.howto"  # type: ignore[union-attr]
    assert waits(replies[2]) == "title"
    assert waits(replies[3]) == "email"


def test_dialog_keeps_its_language(play: Play):
    """A Latin company name in a Chinese dialog does not turn it English."""
    replies = play("发票抬头怎么填", "公司", "Tide Goods Trading Limited")
    assert replies[2].text.startswith("请发 18 位")  # type: ignore[union-attr]


def task(**changes: Any) -> OpenTask:
    from engines.contract import Complexity, Risk

    fields: dict[str, Any] = {
        "tier": Tier.L1,
        "name": "presale.size_advice",
        "waits_for": "height",
        "complexity": Complexity.SIMPLE,
        "risk": Risk.LOW,
        "version": "ecommerce@0.9+old",
        "data": {"values": {"garment": "jacket"}},
    }
    return OpenTask(**{**fields, **changes})


def test_dialog_of_an_older_pack_starts_over(
    ask: Callable[..., Reply], engine: RulesEngine
):
    """Its questions may have changed, so nothing it kept is relied on."""
    reply = ask("175", open_task=task())
    assert isinstance(reply, Answer)
    assert waits(reply) == "garment"
    assert reply.open_task is not None
    assert reply.open_task.version == engine.version


def test_other_question_beats_starting_over(ask: Callable[..., Reply]):
    """A customer who has moved on is not dragged back into an old form."""
    reply = ask("多久发货", open_task=task())
    assert isinstance(reply, Answer)
    assert reply.intent == "shipping.time"
    assert reply.open_task is None


def test_dialog_that_is_gone_is_forgotten(ask: Callable[..., Reply]):
    """An open task whose dialog no longer exists does not get in the way."""
    reply = ask("多久发货", open_task=task(name="gone"))
    assert isinstance(reply, Answer)
    assert reply.intent == "shipping.time"


def test_broken_state_counts_as_none(ask: Callable[..., Reply], engine: RulesEngine):
    """State that cannot be read loses the answers so far, never the turn."""
    data = {"values": 7, "rubbish": [1]}
    reply = ask("175cm", open_task=task(version=engine.version, data=data))
    assert isinstance(reply, Answer)
    assert waits(reply) == "garment"


def test_task_of_another_tier_survives_a_word_in_between(ask: Callable[..., Reply]):
    """L1 answers a thank-you and leaves the agent's open task as it was."""
    other = task(tier=Tier.L3, name="change_address", waits_for="consent")
    reply = ask("好的谢谢", open_task=other)
    assert isinstance(reply, Answer)
    assert reply.open_task == other
    assert not reply.is_closing


@pytest.mark.parametrize(
    ("minutes", "text", "intent", "slot"),
    [
        (29, "140斤", "presale.size_advice", "fit"),
        (31, "多久发货", "shipping.time", None),
        (31, "140斤", "presale.size_advice", "garment"),
    ],
)
def test_a_question_is_forgotten_after_half_an_hour(
    minutes: int, text: str, intent: str, slot: str | None
):
    """Later, another matter is one of its own, and a late value begins anew."""
    clock = [datetime(2026, 11, 1, 12)]
    engine = RulesEngine.load([PACKS / "ecommerce.yaml"], FACTS, lambda: clock[0])
    task: OpenTask | None = None
    for said in ("我该穿什么码", "T恤"):
        reply = asyncio.run(engine.answer(make_turn(said, open_task=task)))
        task = reply.open_task
    clock[0] += timedelta(minutes=minutes)
    last = asyncio.run(engine.answer(make_turn(text, open_task=task)))
    assert isinstance(last, Answer)
    assert last.intent == intent
    assert waits(last) == slot
