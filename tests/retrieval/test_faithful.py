"""
Near misses that are planted, and what of them leaves: nothing.

``tidegate loadtest faith`` asks more of the same.
"""

from __future__ import annotations

import pytest

from loadtest import kb_faith
from loadtest.kb_bench import compare
from loadtest.kb_faith import run_faith


@pytest.mark.anyio
async def test_no_figure_of_a_near_miss_and_no_word_of_another_shop_leaves() -> None:
    """Old prices, siblings, another shop's, and a model that lies with them."""
    report = await run_faith(24, 300, 5, lambda _: None)
    assert report.answered >= 30
    assert report.by_model >= 5
    assert report.unsupported == ()
    assert report.canaries == ()


def test_a_wrong_figure_would_be_found() -> None:
    """The check above can fail."""
    item = kb_faith._Item("云杉餐桌", 100, 20, 30)
    assert kb_faith._wrong([(item, "价格 100 元，保修 20 天")]) == []
    assert kb_faith._wrong([(item, "价格 30 元")]) == ["云杉餐桌: 价格 30 元"]


def test_the_speed_report_has_a_row_for_each_engine_that_is_there() -> None:
    """Ours always; peers where they are installed."""
    rows = compare((200,), lambda _: None, questions=20)
    assert {row.engine for row in rows} >= {
        "tidegate words",
        "tidegate words + vectors",
    }
    assert all(row.p50_ms > 0 and row.passages == 200 for row in rows)
