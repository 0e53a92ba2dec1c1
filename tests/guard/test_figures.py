"""
What counts as a figure, and which spellings are the same figure.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.guard.figures import Figure, canonical, figures, money


SAME = [
    ["签收后 7 天内", "七天", "７天", "within 7 days", "seven days", "7-day", "7日"],
    ["1-3 个工作日", "一到三个工作日", "1 to 3 working days", "1-3 business days"],
    ["¥1,299.00", "1299 元", "CNY 1299", "1,299块", "1299.0 yuan"],
    ["¥12000", "1.2万元", "一万二千元"],
    ["10%", "百分之十", "10 percent", "ten percent"],
    ["2026-11-15", "2026年11月15日", "15 November 2026", "Nov 15, 2026"],
    ["11月15日", "11 月 15 号", "15 November", "November 15th"],
    ["20:00", "晚上 20 点", "8 pm", "8p.m."],
    ["半年", "0.5年"],
    ["两三天", "2-3 天", "2 to 3 days"],
    ["8折", "八折"],
    ["三百元", "300 元"],
]

DIFFERENT = [
    ("7 天", "7 个工作日"),
    ("7 天", "7 元"),
    ("48 小时", "2 天"),
    ("8折", "8%"),
    ("15 天", "15 个月"),
    ("11月1日", "11月2日"),
    ("1.5 元", "15 元"),
    ("20:00", "21:00"),
]

NONE = [
    "V8 吸尘器和 T3 台灯",
    "KT-01",
    "订单 K3001，单号 SF3014880017",
    "第2件退掉，第三个保留",
    "您有 3 个订单、2 件商品",
    "1. 打开订单\n2. 点申请售后",
    "item 2 and line 3",
    "等一下，一起看看",
    "one of them",
    "20261122000012345",
]


@pytest.mark.parametrize("spellings", SAME, ids=lambda s: s[0])
def test_spellings_of_one_figure_are_equal(spellings: list[str]) -> None:
    """However a figure is written, it is the same figure."""
    found = [figures(spelling) for spelling in spellings]
    assert found[0]
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_values_and_units_are_other_figures(one: str, other: str) -> None:
    """Units are never converted and never mixed."""
    assert figures(one).isdisjoint(figures(other))


@pytest.mark.parametrize("text", NONE)
def test_names_counts_and_ordinals_are_no_figures(text: str) -> None:
    """Model names, order numbers, list marks and plain counts promise nothing."""
    assert figures(text) == frozenset()


@given(st.integers(min_value=0, max_value=10**9))
def test_money_equals_its_written_form(minor: int) -> None:
    """An amount in minor units is the figure that people read."""
    written = f"退款 {minor / 100:,.2f} 元"
    assert figures(written) == {money(minor)}
    assert money(-minor) == money(minor)


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    """No text makes the reader fail, and reading is repeatable."""
    assert figures(text) == figures(text)


@given(st.integers(0, 10**7), st.integers(0, 99))
def test_canonical_numbers_have_one_form(whole: int, part: int) -> None:
    """Separators and trailing zeros do not matter; scaling by ten thousand is exact."""
    number = f"{whole:,}.{part:02}"
    assert canonical(number) == canonical(f"{whole}.{part:02}0")
    assert canonical(number, wan=True) == str(whole * 10_000 + part * 100)


def test_a_range_gives_both_ends_with_the_unit() -> None:
    """'3-7 working days' promises three and seven working days."""
    assert figures("3-7 working days") == {
        Figure("span", "3", "workday"),
        Figure("span", "7", "workday"),
    }
