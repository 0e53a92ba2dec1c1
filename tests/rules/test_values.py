"""How slot values are read out of what customers write."""

from __future__ import annotations

import pytest

from engines.rules import values
from engines.rules.forms import (
    Choice,
    Email,
    Height,
    Line,
    Number,
    Option,
    TaxId,
    Texts,
    Weight,
)


CITY = Choice(
    options=(
        Option(value="a", title=Texts(zh="上海", en="Shanghai"), words=("沪",)),
        Option(value="b", title=Texts(zh="上海浦东", en="Pudong")),
        Option(value="c", title=Texts(zh="杭州", en="Hangzhou")),
    )
)

MARKED = [
    (Height(), "我175cm", 175),
    (Height(), "身高 168", 168),
    (Height(), "一米七五", 175),
    (Height(), "1米7", 170),
    (Height(), "1.68m", 168),
    (Height(), "１７２厘米", 172),
    (Height(), "5'9", 175),
    (Height(), "6 ft", 183),
    (Height(), "175 65kg", 175),
    (Height(), "不是170cm，是175cm", 175),
    (Height(), "999cm", None),
    (Height(), "7天", None),
    (Height(), "175", None),
    (Weight(), "65公斤", 65),
    (Weight(), "130斤", 65),
    (Weight(), "60.5kg", 60),
    (Weight(), "150 lbs", 68),
    (Weight(), "体重 62", 62),
    (Weight(), "体重 130", None),
    (Weight(), "5000公斤", None),
    (TaxId(), "税号91110000600037341L", "91110000600037341L"),
    (TaxId(), "9111 0000 6000 3734 1l", "91110000600037341L"),
    (TaxId(), "91110000600037341X", None),
    (TaxId(), "123456", None),
    (Email(), "发到 A.b+c@Example.com 谢谢", "a.b+c@example.com"),
    (Email(), "a@b", None),
    (CITY, "我在上海", "a"),
    (CITY, "上海浦东新区", "b"),
    (CITY, "hangzhou please", "c"),
    (CITY, "杭州还是沪", "c"),
    (CITY, "上海或杭州", None),
    (CITY, "北京", None),
]


@pytest.mark.parametrize(("check", "text", "value"), MARKED)
def test_marked_values_are_read_anywhere(check: object, text: str, value: object):
    """A value that says what it is counts in any turn; what does not fit is none."""
    assert values.read(check, text, is_asked=False) == value  # type: ignore[arg-type]


BARE = [
    (Height(), "175", 175),
    (Height(), "我175", 175),
    (Height(), "75", None),
    (Weight(), "65", 65),
    (Weight(), "130", None),
    (Weight(), "大概62吧", 62),
    (Number(min=1, max=9), "3件", 3),
    (Number(min=1, max=9), "30件", None),
    (Line(), "抬头是：潮汐科技有限公司", "潮汐科技有限公司"),
    (Line(), "  Tide   Goods  Ltd ", "Tide Goods Ltd"),
    (Line(max_length=5), "太长太长太长", None),
    (Line(), "x", None),
]


@pytest.mark.parametrize(("check", "text", "value"), BARE)
def test_bare_values_are_read_when_asked_for(check: object, text: str, value: object):
    """Only the question tells what a bare number or line means."""
    assert values.read(check, text, is_asked=True) == value  # type: ignore[arg-type]
    is_bare = not isinstance(check, Height | Weight) or text.isdigit()
    if is_bare:
        assert values.read(check, text, is_asked=False) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("check", "text", "is_attempt"),
    [
        (TaxId(), "91110000600037341X", True),
        (TaxId(), "怎么退货", False),
        (Email(), "a@b", True),
        (Email(), "什么邮箱", False),
        (Weight(), "130", True),
        (Weight(), "我昨天买的3件衣服到现在还没有发货怎么回事", False),
        (CITY, "北京", False),
    ],
)
def test_attempts_are_told_from_other_matters(
    check: object, text: str, is_attempt: bool
):
    """A wrong value gets a hint; another matter does not."""
    assert values.is_attempt(check, text) is is_attempt  # type: ignore[arg-type]


def test_a_choice_is_called_back_by_its_title():
    """The customer reads the title in the language of the dialog."""
    assert values.title(CITY, "c", "zh") == "杭州"
    assert values.title(CITY, "c", "en") == "Hangzhou"
    assert values.title(Height(), 175, "en") == "175"
