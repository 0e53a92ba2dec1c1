"""
Plain customers: 420 everyday turns that no model was trained on.

``plain.jsonl`` holds whole talks turn by turn and single questions, in Chinese and
English, labelled by the label page. It is no part of the training set; the floors are
below what the released model reaches, so that a worse one is noticed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.contract import Locale
from router_models.dataset import Dataset
from router_models.evaluate import EvalReport, Row, evaluate, read_rows
from router_models.router import TierRouter
from router_models.text import normalise


PLAIN = Path(__file__).with_name("plain.jsonl")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with PLAIN.open(encoding="utf-8") as lines:
        return list(read_rows(lines))


@pytest.fixture(scope="module")
def measured(rows: list[Row], router: TierRouter) -> EvalReport:
    return evaluate(rows, router)


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_plain_turns_find_their_tier(measured: EvalReport, locale: Locale) -> None:
    """Nearly four of five everyday turns get exactly the tier of their labels."""
    found = measured.by_locale[locale]
    assert found.n >= 140
    assert found.heads["tier"].accuracy >= 0.78
    assert found.heads["complexity"].accuracy >= 0.78
    assert found.heads["risk"].accuracy >= 0.78


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_plain_dangers_are_seen(measured: EvalReport, locale: Locale) -> None:
    """High risk is seen without crying wolf, and hardly ever left to fixed texts."""
    found = measured.by_locale[locale]
    assert found.high_risk_recall is not None
    assert found.high_risk_false_alarms is not None
    assert found.high_risk_recall >= 0.75
    assert found.high_risk_false_alarms <= 0.08
    assert found.severe_under_routing is not None
    assert found.severe_under_routing <= 0.05


def test_no_plain_talk_is_trained_on(rows: list[Row], dataset: Dataset) -> None:
    """No turn of a plain talk stands in the training set after the same lines."""
    taught = {
        (normalise(one.turn.text), normalise(one.turn.history[-1].text))
        for one in dataset.examples
        if one.turn.history
    }
    told = {
        (normalise(row.text), normalise(row.context[-1].text))
        for row in rows
        if row.context
    }
    assert len(told) > 100
    assert not told & taught
