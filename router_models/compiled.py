"""
The fitted model as flat arrays: what serves.

A turn's rows of the weight matrix are gathered, weighed and added up; that gives
the logits of all heads at once. Needs numpy alone, not scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.contract import Locale, Turn
from router_models.errors import NativeMissing
from router_models.features import Extractor
from router_models.sums import Arithmetic, PlainArithmetic, Span, Sums
from router_models.text import Normal, normalise
from router_models.vectorise import Vocabulary


#: Labels of a yes-or-no head; it has one column, the logit of yes.
BINARY = ("no", "yes")


class HeadSpec(msgspec.Struct, frozen=True):
    """
    One head: what it answers and where its columns are.

    Attributes:
        start: Its first column.
    """

    name: str
    labels: tuple[str, ...]
    start: int

    @property
    def columns(self) -> slice:
        """Its columns of the weight matrix."""
        return slice(self.start, self.start + self.width)

    @property
    def width(self) -> int:
        """Columns of the head."""
        return 1 if self.labels == BINARY else len(self.labels)


class Scale(msgspec.Struct, frozen=True):
    """
    Calibration of a head in one language: ``logit * slope + shift``.

    A temperature is a slope of 1/T without shift; Platt scaling has both.
    """

    slope: float = 1.0
    shift: float = 0.0


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where the router draws its lines, chosen on turns of unseen groups.

    Attributes:
        high_risk: Chance of high risk from which risk is high, by language.

        beyond_l1: Chance that a tool or a person is needed from which no fixed text
            may answer, by language, whatever it would cost.

        asks_human, needs_person, continues: Chance of yes from which it is yes.

        annoyed, angry: Chance from which a turn sounds so; angry is asked first.

        abstain_below: Largest raw logit of the intent head below which the
            model does not know what it reads.
    """

    high_risk: dict[Locale, float]
    beyond_l1: dict[Locale, float]
    asks_human: float
    needs_person: float
    continues: float
    annoyed: float
    angry: float
    abstain_below: float


class Scores(NamedTuple):
    """
    What the model says of a turn.

    Attributes:
        chances: Calibrated probabilities by decision head; a binary head has one.

        intents: Raw logits of the intent head.

        sums: What :meth:`CompiledModel.strongest` needs to say why.
    """

    chances: dict[str, list[float]]
    intents: list[float]
    sums: Sums


class CompiledModel:
    """
    The flat arrays of a model and what is needed to read a turn with them.

    Args:
        weights: Rows by columns, any float type.
        scales: Calibration by head and language.
    """

    def __init__(
        self,
        *,
        extractor: Extractor,
        vocabulary: Vocabulary,
        heads: Sequence[HeadSpec],
        weights: NDArray[np.floating],
        bias: NDArray[np.floating],
        scales: dict[str, dict[Locale, Scale]],
        thresholds: Thresholds,
    ) -> None:
        self.extractor = extractor
        self.vocabulary = vocabulary
        self.heads = {head.name: head for head in heads}
        self.weights = np.ascontiguousarray(weights, dtype=np.float32)
        self.bias = np.ascontiguousarray(bias, dtype=np.float32)
        self.scales = scales
        self.thresholds = thresholds
        decided = [head for head in heads if head.name != "intent"]
        self._columns = [
            (one.name, one.start, one.start + one.width) for one in decided
        ]
        self._spans: dict[Locale, list[Span]] = {
            locale: [self._span(head, locale) for head in decided]
            for locale in ("zh", "en")
        }
        self._intent = self.heads["intent"]
        self.arithmetic: Arithmetic = PlainArithmetic(*self._parts())

    def _span(self, head: HeadSpec, locale: Locale) -> Span:
        scale = self.scales[head.name][locale]
        return Span(head.start, head.start + head.width, scale.slope, scale.shift)

    def _parts(self) -> tuple[Any, ...]:
        return self.extractor, self.vocabulary, self.weights, self.bias, self._spans

    def use(self, arithmetic: Literal["auto", "native", "plain"]) -> None:
        """
        Choose how to add up from now on; ``auto`` is native where numba is installed.

        Native code is compiled here, in about two seconds: do it before serving.

        Raises:
            NativeMissing: If it has to be native and numba is not installed.
        """
        if arithmetic == "plain":
            self.arithmetic = PlainArithmetic(*self._parts())
            return
        try:
            from router_models.native import NativeArithmetic
        except ImportError as exc:
            if arithmetic == "native":
                raise NativeMissing from exc
        else:
            self.arithmetic = NativeArithmetic(*self._parts())

    def score(self, turn: Turn, normal: Normal | None = None) -> Scores:
        """Judge *turn*. Pure."""
        sums = self.arithmetic.add_up(turn, normal or normalise(turn.text))
        values = sums.values
        chances = {name: values[start:end] for name, start, end in self._columns}
        return Scores(chances, values[self._intent.start :], sums)

    def strongest(
        self, scores: Scores, column: int, most: int
    ) -> list[tuple[int, float]]:
        """Rows that speak most for a *column*, with what they add, strongest first."""
        return self.arithmetic.strongest(scores.sums, column, most)

    def intent_of(self, scores: Scores) -> str:
        """The likeliest auxiliary intent."""
        return self._intent.labels[scores.intents.index(max(scores.intents))]
