"""Reading from bare lines what the shop waits for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contract import Utterance
from router_models.dataset import Dataset
from router_models.open_task import infer_open_task


def _after(line: str, role: str = "assistant") -> str | None:
    context = [Utterance("customer", "我要退货"), Utterance(role, line)]  # type: ignore[arg-type]
    asked = infer_open_task(context)
    return asked.waits_for if asked else None


@pytest.mark.parametrize(
    ("line", "waits_for"),
    [
        ("好的，请提供一下订单号", "order_id"),
        ("麻烦拍张照片我看下哦", "photo"),
        ("请问新的收货地址是哪里呢？", "address"),
        ("方便说下什么原因吗", "reason"),
        ("给您退20元可以吗？", "consent"),
        ("确认取消这个订单吗？", "consent"),
        ("回复“是”我就为您提交", "consent"),
        ("亲，您什么时间方便", "time"),
        ("请问查哪一个", "answer"),
        ("是这笔订单吗 [订单卡片]", "consent"),
        ("亲，指示灯亮不亮？", "consent"),
        ("I can pass on a new number. What is it?", "answer"),
        ("To your usual address?", "consent"),
        ("What is your order number?", "order_id"),
        ("Could you please send us a photo of the damage?", "photo"),
        ("Which size would you like?", "variant"),
        ("Shall I go ahead?", "consent"),
        ("I can refund $10 to your card. Is that ok?", "consent"),
    ],
)
def test_a_question_waits_for_its_answer(line: str, waits_for: str) -> None:
    """Questions for a slot and offers that wait for consent are read as such."""
    assert _after(line) == waits_for
    assert _after(line, "operator") == waits_for


@pytest.mark.parametrize(
    "line",
    [
        "您好，请问有什么可以帮您？",
        "已经为您提交，1到3个工作日到账",
        "请问还有其他问题吗？",
        "支持七天无理由退货",
        "How can I help you today?",
        "Is there anything else I can help you with?",
        "Your parcel left Leeds this morning.",
        "",
    ],
)
def test_information_and_offers_of_help_wait_for_nothing(line: str) -> None:
    """What only informs, or offers more help, leaves nothing open."""
    assert _after(line) is None


def test_a_question_outlives_two_lines_of_the_customer() -> None:
    """Customers answer in pieces and ask for time; then the talk has moved on."""
    asked = Utterance("assistant", "请提供订单号")
    said = Utterance("customer", "稍等")
    for lines in (1, 2):
        found = infer_open_task([asked, *[said] * lines])
        assert found is not None
        assert (found.waits_for, found.at, found.request_at) == ("order_id", 0, None)
    assert infer_open_task([asked, said, said, said]) is None
    patient = Utterance("assistant", "好的亲，不着急")
    assert infer_open_task([asked, said, patient]) == infer_open_task([asked])
    assert infer_open_task([]) is None


def test_tasks_of_our_own_groups_are_found(dataset: Dataset) -> None:
    """At least 95 of 100 groups with a stated task show it in their lines."""
    stated = {
        example.group: example.turn
        for example in dataset.examples
        if example.turn.open_task and example.turn.open_task.name != "inferred"
    }
    found = [infer_open_task(turn.history) is not None for turn in stated.values()]
    assert len(found) > 80
    assert sum(found) / len(found) >= 0.95


@given(
    st.lists(
        st.builds(Utterance, st.sampled_from(["customer", "assistant"]), st.text()),
        max_size=4,
    )
)
def test_any_lines_are_read(context: list[Utterance]) -> None:
    """No line crashes the reader."""
    infer_open_task(context)
