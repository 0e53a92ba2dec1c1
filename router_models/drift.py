"""
Does traffic still look like what the model was made for?

A sample of decisions is compared with the turns that the thresholds were chosen on:
the population stability index of the peak logits and of the tiers, and the shares of
n-grams and of turns that the model does not know. Above 0.25 the mix is another one:
certificates and probabilities of the old one promise nothing there.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from engines.contract import Locale, Tier
from router_models.policy import TIERS


#: Turns after which the older half of what was counted fades.
_WINDOW = 4_000
#: Turns below which a comparison says nothing.
LEAST = 100
#: Parts of the peaks' distribution.
_PARTS = 10
_EMPTY = 1e-3
#: Blocks whose unknown n-grams count: characters and words, not pieces of them.
_TEXT = (0, 1)


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What the calibration turns of a language looked like.

    Attributes:
        tiers: Share of each tier as decided.

        edges: Bounds of ten parts of the peak logits, equally full.
    """

    tiers: dict[str, float]
    edges: tuple[float, ...]


class DriftFigures(msgspec.Struct, frozen=True, kw_only=True):
    """
    How far a language's traffic is from its reference.

    Attributes:
        psi_tiers, psi_peaks: None while there are too few turns, or no reference.

        unknown: Share of n-grams that the model does not have.

        out_of_scope: Share of turns whose peak is below the line of abstention.
    """

    n: int
    psi_tiers: float | None
    psi_peaks: float | None
    unknown: float
    out_of_scope: float


def reference(peaks: Sequence[float], tiers: Sequence[Tier]) -> Reference:
    """The reference of calibration turns."""
    cuts = np.quantile(np.array(peaks), np.linspace(0, 1, _PARTS + 1)[1:-1])
    return Reference(
        {str(t): round(tiers.count(t) / len(tiers), 4) for t in TIERS},
        tuple(round(float(cut), 4) for cut in cuts),
    )


def psi(expected: Sequence[float], observed: Sequence[float]) -> float:
    """Population stability index of two lists of shares."""
    pairs = [
        (max(a, _EMPTY), max(b, _EMPTY))
        for a, b in zip(expected, observed, strict=True)
    ]
    return round(sum((b - a) * math.log(b / a) for a, b in pairs), 4)


class _Counts:
    def __init__(self, parts: int) -> None:
        self.n = 0.0
        self.tiers = dict.fromkeys(TIERS, 0.0)
        self.parts = [0.0] * parts
        self.grams = self.unknown = self.out_of_scope = 0.0

    def fade(self) -> None:
        self.n /= 2
        self.grams, self.unknown = self.grams / 2, self.unknown / 2
        self.out_of_scope /= 2
        self.tiers = {tier: n / 2 for tier, n in self.tiers.items()}
        self.parts = [n / 2 for n in self.parts]


class DriftWatch:
    """Counts sampled decisions of one model. Not to be shared by threads."""

    def __init__(self, references: Mapping[Locale, Reference], line: float) -> None:
        self._references = references
        self._line = line
        self._counts: dict[Locale, _Counts] = {}

    def add(
        self, locale: Locale, tier: Tier, peak: float, grams: int, known: int
    ) -> None:
        """One decision more; of its *grams* the model has *known*."""
        found = self._references.get(locale)
        edges = found.edges if found else ()
        counts = self._counts.setdefault(locale, _Counts(len(edges) + 1))
        counts.n += 1
        counts.tiers[tier] += 1
        counts.parts[bisect_right(edges, peak)] += 1
        counts.grams += grams
        counts.unknown += grams - known
        counts.out_of_scope += peak < self._line
        if counts.n > _WINDOW:
            counts.fade()

    def figures(self) -> dict[Locale, DriftFigures]:
        """What was seen so far, older turns fading."""
        return {locale: self._figures(locale, c) for locale, c in self._counts.items()}

    def _figures(self, locale: Locale, counts: _Counts) -> DriftFigures:
        expected = self._references.get(locale)
        enough = expected is not None and counts.n >= LEAST
        of_tiers = of_peaks = None
        if expected is not None and enough:
            seen = [n / counts.n for n in counts.tiers.values()]
            of_tiers = psi([expected.tiers[tier] for tier in TIERS], seen)
            parts = len(counts.parts)
            of_peaks = psi([1 / parts] * parts, [n / counts.n for n in counts.parts])
        return DriftFigures(
            n=int(counts.n),
            psi_tiers=of_tiers,
            psi_peaks=of_peaks,
            unknown=round(counts.unknown / max(1.0, counts.grams), 4),
            out_of_scope=round(counts.out_of_scope / max(1.0, counts.n), 4),
        )


def known_grams(
    blocks: Sequence[Sequence[str]], rows: Sequence[Mapping[str, int]]
) -> tuple[int, int]:
    """N-grams of a turn's own text, and how many of them the model has."""
    both = [(gram, rows[at]) for at in _TEXT for gram in blocks[at]]
    return len(both), sum(gram in row for gram, row in both)
