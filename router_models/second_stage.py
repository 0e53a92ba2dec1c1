"""
A second look at turns the first stage is unsure of: what they mean, beside their words.

    1. the text and the line before it become vectors of a multilingual encoder
    2. what all texts have in common is taken out: the mean and the strongest
       directions (J. Mu, P. Viswanath, "All-but-the-top", 2018)
    3. one hidden layer gives chances of the same labels
    4. they are blended with the first stage's, and the same policy decides

A vector hardly knows a number or a "not": where a text has one that the policy could hang
on, the second look may raise a turn and never lower it. Takes some ten milliseconds, so
it belongs into a thread; what serves calls it for unsure turns alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import re2
from numpy.typing import NDArray

from engines.contract import RISK_ORDER, TIER_ORDER, Decision, Locale, Turn
from router_models.compiled import Scale, Scores, Thresholds
from router_models.hard_rules import Rule
from router_models.policy import Prices
from router_models.router import Explanation, TierRouter
from router_models.text import LARGE, MIDDLE, MONEY, SMALL, Normal, normalise
from router_models.verdict import Verdict


Floats = NDArray[np.float32]
#: Texts to rows, one a text, as the encoder gives them.
Encode = Callable[[Sequence[str]], Floats]

#: Heads that are looked at again, and their columns in the layer's output.
HEADS = (("complexity", 3), ("risk", 3), ("tier", 4), ("needs_person", 1))
#: Characters that are read: of the text from its start, of the line before to its end.
TEXT_CHARS, ASKED_CHARS = 300, 120
#: How much the two vectors count as inputs of the layer.
_WEIGHTS = (3.0, 1.5)
#: Share of the second opinion in the blend.
SHARE = 0.4
_TINY = 1e-6
_NUMBERS = (MONEY, SMALL, MIDDLE, LARGE)

#: A plain denial; 吗, 不 and 没 at the end of a question deny nothing.
_DENIES = re2.compile(
    r"(?:不是|没有|不要|不想|不用|并非|从未|没(?:收到|到账|退|发)|别)[^?]"
    r"| (?:not|no|never|dont|didnt|doesnt|isnt|wasnt|wont|cant|havent|hasnt) "
)


class Layer(NamedTuple):
    """
    What the second stage has learned.

    Attributes:
        mean, directions: To be taken out of the vectors of texts, and of lines before.
    """

    mean: Floats
    directions: Floats
    hidden: Floats
    hidden_bias: Floats
    out: Floats
    out_bias: Floats


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """
    What turns blended chances into decisions.

    Attributes:
        of: Version of the first stage it was fitted beside; no other may use it.

        band: Chance of the likeliest tier below which a turn is looked at again.
    """

    of: str
    band: float
    scales: dict[str, dict[Locale, Scale]]
    thresholds: Thresholds


def parts(turn: Turn) -> tuple[str, str]:
    """The two texts that are read of a turn; the second is empty if nothing was said."""
    asked = turn.history[-1].text[-ASKED_CHARS:] if turn.history else ""
    return turn.text[:TEXT_CHARS], asked


def flatten(rows: Floats, mean: Floats, directions: Floats) -> Floats:
    """*rows* without what all have in common, of unit length."""
    rest = rows - mean
    rest = rest - (rest @ directions.T) @ directions
    norms = np.linalg.norm(rest, axis=1, keepdims=True)
    flat: Floats = (rest / np.maximum(norms, 1e-9)).astype(np.float32)
    return flat


def inputs(
    texts: Floats,
    asked: Floats,
    has_line: NDArray[np.bool_],
    is_zh: NDArray[np.bool_],
    layer: Layer,
) -> Floats:
    """Rows of the layer's input from raw vectors of *texts* and the lines before."""
    flat = flatten(texts, layer.mean[0], layer.directions[0])
    lines = flatten(asked, layer.mean[1], layer.directions[1]) * has_line[:, None]
    marks = np.stack([has_line, is_zh], axis=1)
    rows: Floats = np.hstack(
        [flat * _WEIGHTS[0], lines * _WEIGHTS[1], marks], dtype=np.float32
    )
    return rows


def opinions(rows: Floats, layer: Layer) -> NDArray[np.float64]:
    """Log of the chance of each label, heads side by side, of rows of *inputs*."""
    hidden = np.maximum(rows @ layer.hidden + layer.hidden_bias, 0.0)
    out = (hidden @ layer.out + layer.out_bias).astype(np.float64)
    return np.asarray(-np.logaddexp(0.0, -out))


def blended(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """
    Weighted geometric mean of two opinions on one head, as logits.

    Args:
        first: Chances; one column is the chance of yes.
        second: As :func:`opinions` gives them.
    """
    ours = np.log(np.maximum(first, _TINY))
    theirs = np.maximum(second, np.log(_TINY))
    if first.shape[1] == 1:
        ours = ours - np.log(np.maximum(1.0 - first, _TINY))
        theirs = theirs - np.log1p(-np.minimum(np.exp(theirs), 1.0 - _TINY))
    else:
        theirs = theirs - np.logaddexp.reduce(theirs, axis=1)[:, None]
    return np.asarray((1.0 - SHARE) * ours + SHARE * theirs)


def is_delicate(normal: Normal) -> bool:
    """True if a number or a denial stands in the text: vectors hardly see either."""
    text = normal.cjk + normal.latin
    return any(mask in text for mask in _NUMBERS) or bool(_DENIES.search(text))


class SecondStage:
    """
    Gives second opinions with one layer and one encoder. Pure, but slow.

    Args:
        encode: Called with the text and, if there is one, the line before it.
    """

    def __init__(self, layer: Layer, lines: Lines, encode: Encode) -> None:
        self.layer = layer
        self.lines = lines
        self.encode = encode

    def refined(self, turn: Turn, scores: Scores) -> Scores:
        """*scores* of the first stage with the second opinion blended in."""
        opinion = opinions(self._input(turn), self.layer)
        chances = dict(scores.chances)
        start = 0
        for name, width in HEADS:
            first = np.array([chances[name]])
            logits = blended(first, opinion[:, start : start + width])[0]
            scale = self.lines.scales[name][turn.locale]
            chances[name] = _normal(logits * scale.slope + scale.shift)
            start += width
        return scores._replace(chances=chances)

    def _input(self, turn: Turn) -> Floats:
        text, asked = parts(turn)
        rows = self.encode([text or " ", *([asked] if asked else [])])
        has_line = np.array([bool(asked)])
        is_zh = np.array([turn.locale == "zh"])
        return inputs(rows[:1], rows[-1:], has_line, is_zh, self.layer)


class TwoStageRouter(TierRouter):
    """
    The first stage's router, which looks again at what it is unsure of.

    Blocks for as long as the encoder takes.
    """

    def __init__(self, first: TierRouter, second: SecondStage) -> None:
        super().__init__(
            first.model,
            first.rules,
            first.prices,
            first.version,
            thresholds=second.lines.thresholds,
            needed=second.lines.scales["needed"],
        )
        self.first = first
        self.second = second

    def at(self, prices: Prices) -> TierRouter:
        """Both stages under other *prices*."""
        return TwoStageRouter(self.first.at(prices), self.second)

    def decide(self, turn: Turn) -> Decision:
        """As the first stage where it is sure, else after a second look."""
        hits, scores = self.read(turn)
        verdict = self.first.weigh(turn, scores, hits)
        found = self._again(turn, scores, hits, verdict)
        if found is None:
            return self.first.told(turn, scores, hits, verdict)
        return self.told(turn, found[0], hits, found[1])

    def explain(self, turn: Turn) -> Explanation:
        """As :meth:`decide`, with all that led to it."""
        hits, scores = self.read(turn)
        found = self._again(turn, scores, hits, self.first.weigh(turn, scores, hits))
        if found is None:
            return self.first.explain(turn)
        return self.explained(turn, found[0], hits)

    def is_unsure(self, turn: Turn) -> bool:
        """True if the first stage would have *turn* looked at again."""
        hits, scores = self.read(turn)
        return self._is_open(self.first.weigh(turn, scores, hits))

    def _again(
        self, turn: Turn, scores: Scores, hits: list[Rule], verdict: Verdict
    ) -> tuple[Scores, Verdict] | None:
        """The second look, or None where the first one stands."""
        if not self._is_open(verdict):
            return None
        refined = self.second.refined(turn, scores)
        again = self.weigh(turn, refined, hits)
        if _is_lower(again, verdict) and is_delicate(normalise(turn.text)):
            return None
        return refined, again

    def _is_open(self, verdict: Verdict) -> bool:
        is_settled = verdict.continues or verdict.labels.asks_human
        return not is_settled and max(verdict.needed) < self.second.lines.band


def _is_lower(verdict: Verdict, before: Verdict) -> bool:
    """True if *verdict* has a lower tier or risk than *before*."""
    return (
        TIER_ORDER[verdict.tier] < TIER_ORDER[before.tier]
        or RISK_ORDER[verdict.labels.risk] < RISK_ORDER[before.labels.risk]
    )


def _normal(logits: NDArray[np.float64]) -> list[float]:
    if len(logits) == 1:
        return [float(1.0 / (1.0 + np.exp(-logits[0])))]
    powers = np.exp(logits - logits.max())
    found: list[float] = (powers / powers.sum()).tolist()
    return found
