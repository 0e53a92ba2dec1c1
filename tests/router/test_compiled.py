"""The compiled model says what the scikit-learn pipeline says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline

from engines.contract import Complexity, OpenTask, Risk, Tier, Turn, Utterance
from router_models.compiled import BINARY, CompiledModel
from router_models.dataset import Dataset
from router_models.measure import Fitted
from router_models.turns import turn_of


TOLERANCE = 1e-5

_lines = st.lists(
    st.builds(
        Utterance,
        st.sampled_from(["customer", "assistant", "operator"]),
        st.text(max_size=40),
    ),
    max_size=3,
)
_tasks = st.none() | st.builds(
    OpenTask,
    tier=st.just(Tier.L3),
    name=st.just("t"),
    waits_for=st.sampled_from(["consent", "address", "order_id", "x\ny"]),
    complexity=st.sampled_from(list(Complexity)),
    risk=st.sampled_from(list(Risk)),
)
_texts = st.text(max_size=120) | st.text(
    alphabet="退款换货我要人工 refund my order ?!123订单的吗", max_size=80
)


def _probabilities(
    pipeline: Pipeline, model: CompiledModel, turn: Turn
) -> dict[str, Any]:
    """Probabilities from the pipeline's logits, calibrated by plain numpy."""
    logits = pipeline.decision_function([turn])[0]
    found = {}
    for name, spec in model.heads.items():
        scale = model.scales[name][turn.locale]
        scaled = logits[spec.columns] * scale.slope + scale.shift
        if spec.labels == BINARY:
            found[name] = 1.0 / (1.0 + np.exp(-scaled))
        else:
            powers = np.exp(scaled - scaled.max())
            found[name] = powers / powers.sum()
    return found


def _assert_same(fitted: Fitted, turn: Turn) -> None:
    expected = _probabilities(fitted.pipeline, fitted.model, turn)
    scores = fitted.model.score(turn)
    for name, chances in scores.chances.items():
        np.testing.assert_allclose(chances, expected[name], atol=TOLERANCE)
    intent = np.argmax(
        fitted.pipeline.decision_function([turn])[0][-len(scores.intents) :]
    )
    assert scores.intents[intent] == pytest.approx(max(scores.intents), abs=1e-4)


def test_compiled_equals_sklearn_on_our_turns(fitted: Fitted, dataset: Dataset) -> None:
    """On real turns with context and tasks the probabilities agree."""
    for example in dataset.examples[::97]:
        _assert_same(fitted, example.turn)


@settings(deadline=None, max_examples=150)
@given(_texts, st.sampled_from(["zh", "en"]), _lines, _tasks)
def test_compiled_equals_sklearn_on_any_text(
    fitted: Fitted,
    text: str,
    locale: str,
    lines: list[Utterance],
    task: OpenTask | None,
) -> None:
    """On any text, history and task the probabilities agree and are finite."""
    _assert_same(fitted, turn_of(text, locale, lines, task))  # type: ignore[arg-type]


@settings(deadline=None, max_examples=100)
@given(_texts, st.sampled_from(["zh", "en"]))
def test_probabilities_are_probabilities(
    fitted: Fitted, text: str, locale: str
) -> None:
    """Every head sums to one and stays inside 0 and 1."""
    for chances in fitted.model.score(turn_of(text, locale)).chances.values():  # type: ignore[arg-type]
        assert all(0.0 <= chance <= 1.0 for chance in chances)
        assert len(chances) == 1 or sum(chances) == pytest.approx(1.0, abs=1e-6)


def test_a_wrong_weight_would_be_seen(fitted: Fitted, dataset: Dataset) -> None:
    """The comparison fails when one column of the compiled weights is off."""
    model = fitted.model
    bent = CompiledModel(
        extractor=model.extractor,
        vocabulary=model.vocabulary,
        heads=tuple(model.heads.values()),
        weights=model.weights * np.float32(1.01),
        bias=model.bias,
        scales=model.scales,
        thresholds=model.thresholds,
    )
    with pytest.raises(AssertionError):
        _assert_same(Fitted(fitted.pipeline, bent, {}), dataset.examples[0].turn)
