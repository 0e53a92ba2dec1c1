"""
How long a decision takes, beside scikit-learn's own call with the same weights.

Measured in turns: a decision of each kind on each text, over and over, so that all kinds
meet the same moments of the machine. Medians are in microseconds; what counts is the
ratio in one run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns

import msgspec
import numpy as np
from sklearn.linear_model import LogisticRegression

from engines.contract import Locale, Turn
from router_models.compiled import BINARY, CompiledModel, HeadSpec
from router_models.errors import NativeMissing
from router_models.heads import TurnVectoriser
from router_models.router import TierRouter
from router_models.turns import turn_of


#: What is measured: the lengths that the issue names.
TEXTS: dict[str, tuple[str, Locale]] = {
    "15 characters zh": ("我上周买的鞋想换大一码可以吗", "zh"),
    "80 characters zh": (
        "你好我上个礼拜在你们店里拍了两件外套一件黑色一件灰色，黑色的收到了灰色的一直没有发货，问了好几次都说在催，今天再不发我就不要了，把灰色那件的钱退给我吧，谢谢",
        "zh",
    ),
    "80 characters en": (
        "hi I ordered two jackets last week and the grey one never shipped, refund it pls",
        "en",
    ),
}
_WARM = 50


class SpeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds of one kind of decision on one text."""

    text: str
    kind: str
    p50_us: float
    p99_us: float


def measure(
    router: TierRouter,
    rounds: int,
    progress: Callable[[str], object] = id,
) -> list[SpeedRow]:
    """
    Time whole decisions, the plain and the native way, and scikit-learn's probabilities.

    A decision is features, hard rules, all heads and the policy; scikit-learn's call is
    features and ``predict_proba`` of the decision heads alone.
    """
    rows: list[SpeedRow] = []
    for name, (text, locale) in TEXTS.items():
        progress(name)
        turn = turn_of(text, locale)
        kinds = _kinds(router)
        taken: dict[str, list[int]] = {kind: [] for kind in kinds}
        for number in range(rounds + _WARM):
            for kind, decide in kinds.items():
                started = perf_counter_ns()
                decide(turn)
                if number >= _WARM:
                    taken[kind].append(perf_counter_ns() - started)
        rows += [_row(name, kind, found) for kind, found in taken.items()]
    return rows


def _kinds(router: TierRouter) -> dict[str, Callable[[Turn], object]]:
    kinds: dict[str, Callable[[Turn], object]] = {}
    for way in ("plain", "native"):
        model = _with(router.model, way)
        if model is not None:
            twin = TierRouter(model, router.rules, router.prices, router.version)
            kinds[f"decide, {way}"] = twin.decide
    kinds["scikit-learn predict_proba"] = _sklearn(router.model)
    return kinds


def _with(model: CompiledModel, way: str) -> CompiledModel | None:
    twin = CompiledModel(
        extractor=model.extractor,
        vocabulary=model.vocabulary,
        heads=tuple(model.heads.values()),
        weights=model.weights,
        bias=model.bias,
        scales=model.scales,
        thresholds=model.thresholds,
    )
    try:
        twin.use("native" if way == "native" else "plain")
    except NativeMissing:
        return None
    return twin


def _sklearn(model: CompiledModel) -> Callable[[Turn], object]:
    """Scikit-learn objects with the model's own vocabulary and weights."""
    vectoriser = TurnVectoriser(model.extractor, ())
    vectoriser.vocabulary_ = model.vocabulary
    decided = [spec for spec in model.heads.values() if spec.name != "intent"]
    heads = [_classifier(model, spec) for spec in decided]

    def predict(turn: Turn) -> list[object]:
        matrix = vectoriser.transform([turn])
        return [head.predict_proba(matrix) for head in heads]

    return predict


def _classifier(model: CompiledModel, spec: HeadSpec) -> LogisticRegression:
    head = LogisticRegression()
    head.coef_ = model.weights[:, spec.columns].T.astype(np.float64)
    head.intercept_ = model.bias[spec.columns].astype(np.float64)
    head.classes_ = np.arange(2 if spec.labels == BINARY else len(spec.labels))
    head.n_features_in_ = model.vocabulary.size
    return head


def _row(name: str, kind: str, taken: Sequence[int]) -> SpeedRow:
    p50, p99 = np.quantile(np.array(taken) / 1e3, [0.5, 0.99])
    return SpeedRow(
        text=name,
        kind=kind,
        p50_us=round(float(p50), 2),
        p99_us=round(float(p99), 2),
    )
