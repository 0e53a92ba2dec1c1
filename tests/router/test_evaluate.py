"""Rows from any source: how they are read, judged and summed up."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_models.evaluate import Row, RowError, evaluate, read_rows, route_row
from router_models.metrics import (
    calibration_error,
    confusion,
    head_report,
    left_at_l1,
    recall_and_alarms,
    severe_share,
)
from router_models.router import TierRouter


def test_rows_are_read_with_any_of_the_labels() -> None:
    """Labels are optional, blank lines are skipped, ids may be numbers."""
    lines = [
        '{"text": "你好"}',
        "",
        '{"id": 7, "text": "hi", "locale": "en", "tier": "L1", "asks_human": "no"}',
        '{"id": "a", "text": "x", "context": [{"role": "operator", "text": "y"}]}',
        '{"text": "z", "source": "elsewhere"}',
    ]
    rows = list(read_rows(lines))
    assert [row.id for row in rows] == [None, 7, "a", None]
    assert rows[1].tier == "L1"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"text": 3}',
        '{"text": "a", "tier": "L9"}',
        '{"text": "a", "context": [{"role": "agent", "text": "b"}]}',
        '{"text": "' + "a" * 1_000_001 + '"}',
        b'{"text": "\xff"}',
        "[" * 5_000,
    ],
)
def test_a_wrong_line_is_named(line: str | bytes) -> None:
    """The error has the number of the line, the problem, and what to write."""
    with pytest.raises(RowError, match=r"line 2: .*text") as caught:
        list(read_rows(['{"text": "fine"}', line]))
    assert caught.value.line == 2


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(line: bytes) -> None:
    """Any line is a row or a RowError."""
    with contextlib.suppress(RowError):
        list(read_rows([line]))


def test_evaluation_scores_only_given_labels(router: TierRouter) -> None:
    """A head without labels is left out; the others count their own rows."""
    rows = [
        Row("转人工", tier="human", asks_human=True),  # type: ignore[arg-type]
        Row("你好", tier="L1"),  # type: ignore[arg-type]
        Row("我要退款", risk="high"),  # type: ignore[arg-type]
        Row("where is my parcel"),
    ]
    done: list[int] = []
    report = evaluate(rows, router, done.append)
    assert done == [1, 2, 3, 4]
    assert report.n == 4
    assert report.model == router.version
    assert report.overall.heads["tier"].n == 2
    assert report.overall.heads["asks_human"].n == 1
    assert report.overall.high_risk_recall == 1.0
    assert report.overall.high_risk_false_alarms is None
    assert "complexity" not in report.overall.heads
    assert set(report.by_locale) == {"zh", "en"}
    msgspec.json.encode(report)


def test_an_empty_file_is_an_empty_report(router: TierRouter) -> None:
    """No rows give no figures instead of a division by zero."""
    report = evaluate([], router)
    assert report.n == 0
    assert report.overall.heads == {}
    assert report.overall.severe_under_routing is None


def test_a_row_is_routed_with_its_context(router: TierRouter) -> None:
    """The same 可以 is consent after an offer and an acknowledgement without."""
    context = (
        {"role": "customer", "text": "杯子碎了，我要退款"},
        {"role": "assistant", "text": "可以给您退30元，确认退款吗？"},
    )
    row = msgspec.convert({"text": "可以", "context": context}, Row)
    assert route_row(router, row).tier == "L3"
    assert route_row(router, Row("可以")).tier == "L1"


def test_head_figures_by_hand() -> None:
    """Accuracy, F1 and macro F1 of a small table are what a pencil gives."""
    report = head_report(["a", "a", "b", "b"], ["a", "b", "b", "b"])
    assert report.accuracy == 0.75
    assert report.f1 == {"a": 0.6667, "b": 0.8}
    assert report.macro_f1 == pytest.approx(0.7333, abs=1e-3)


def test_recall_alarms_and_severe_by_hand() -> None:
    """The three safety figures of a small table are what a pencil gives."""
    assert recall_and_alarms(
        [True, True, False, False], [True, False, True, False]
    ) == (
        0.5,
        0.5,
    )
    assert severe_share(["human", "L3", "L3", "L2"], ["L3", "L1", "L2", "L1"]) == 0.5
    assert left_at_l1(["human", "L3", "L3", "L2"], ["L3", "L1", "L2", "L1"]) == 0.25
    assert left_at_l1([], []) is None
    assert confusion(["L1", "L1"], ["L1", "L2"]) == {"L1": {"L1": 1, "L2": 1}}


def test_calibration_error_sees_overconfidence() -> None:
    """Always sure and half wrong is an error of one half; honest is none."""
    assert calibration_error([(1.0, True), (1.0, False)] * 50) == pytest.approx(0.5)
    assert calibration_error([(0.5, True), (0.5, False)] * 50) == pytest.approx(
        0, abs=0.05
    )
