"""
What can be proven of a model's silence: lines of abstention with a certificate.

A stratum is a language and the tier that the router would choose there. Its line is a
peak logit; turns below it go one tier up. Lines are tried from the strictest to the
most lenient, and the last one before the first failure is kept (fixed-sequence
testing), so that the bound holds for the line that was chosen: with probability
``1 - delta`` over the draw of the calibration turns, at most ``alpha`` of the turns of
the stratum above the line are severely under-routed. The bound of each test is
Clopper and Pearson's.

It is a statement about turns like those of the calibration set. Turns of one group
resemble each other, so the true chance of a violation lies above delta; and it ends
where traffic is of another mix. ``tidegate eval`` shows both.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.contract import Locale, Tier
from router_models.policy import Prices


#: Shares of severe under-routing that are tried, the strictest first, and the chance
#: of being wrong about any of them.
ALPHAS, DELTA = (0.01, 0.02, 0.03, 0.05), 0.05
#: A line must keep this share of the turns of its stratum.
LEAST_COVERAGE = 0.85
#: Lines tried, from keeping a tenth of the turns to keeping all.
_STEPS = 46


class Certificate(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    A proven line.

    Attributes:
        prices: Of the price table the tiers were chosen by, see :func:`name_of`.

        line: Peak logit from which a turn is covered.

        n, errors: Covered turns of the calibration set, and severe ones among them.

        coverage: Share of the stratum's turns that the line keeps.

        bound: Upper bound of the share of errors, at most *alpha*.
    """

    locale: Locale
    tier: Tier
    prices: str
    alpha: float
    delta: float
    line: float
    n: int
    errors: int
    coverage: float
    bound: float

    @property
    def stratum(self) -> str:
        """For people: ``zh/L1``."""
        return f"{self.locale}/{self.tier}"

    @property
    def claim(self) -> str:
        """For logs: ``zh/L1 severe <= 2%``."""
        return f"{self.stratum} severe <= {self.alpha:.0%}"


def name_of(prices: Prices) -> str:
    """A short name of a price table: another table, another name."""
    return hashlib.sha256(msgspec.json.encode(prices)).hexdigest()[:12]


def upper_bound(errors: int, n: int, delta: float) -> float:
    """Clopper-Pearson bound: the rate is above it with chance *delta* at most."""
    if errors >= n:
        return 1.0
    # Serving reads certificates and proves none: it does without scipy.
    from scipy.special import betaincinv

    return float(betaincinv(errors + 1, n - errors, 1.0 - delta))


def least_turns(alpha: float, delta: float) -> int:
    """Turns without any error that prove *alpha*."""
    return math.ceil(math.log(delta) / math.log1p(-alpha))


def certify(
    locale: Locale,
    tier: Tier,
    prices: Prices,
    peaks: NDArray[np.float64],
    is_error: NDArray[np.bool_],
) -> Certificate | None:
    """
    The strictest certificate whose line keeps enough turns; None if there is none.

    Args:
        peaks: Peak logit of each turn of the stratum.
        is_error: True where it was severely under-routed.
    """
    delta = DELTA / len(ALPHAS)
    for alpha in ALPHAS:
        kept = _last_line(peaks, is_error, alpha, delta)
        if kept is None:
            continue
        line, n, errors = kept
        coverage = n / len(peaks)
        if coverage >= LEAST_COVERAGE:
            return Certificate(
                locale=locale,
                tier=tier,
                prices=name_of(prices),
                alpha=alpha,
                delta=DELTA,
                line=line,
                n=n,
                errors=errors,
                coverage=round(coverage, 4),
                bound=round(upper_bound(errors, n, delta), 5),
            )
    return None


def _last_line(
    peaks: NDArray[np.float64], is_error: NDArray[np.bool_], alpha: float, delta: float
) -> tuple[float, int, int] | None:
    last = None
    least = 2 * least_turns(alpha, delta)
    for share in np.linspace(0.1, 1.0, _STEPS):
        line = float(np.floor(np.quantile(peaks, 1.0 - share) * 1e4) / 1e4)
        covered = peaks >= line
        n, errors = int(covered.sum()), int(is_error[covered].sum())
        if n < least:
            continue
        if upper_bound(errors, n, delta) > alpha:
            break
        last = line, n, errors
    return last


def find(
    certificates: Sequence[Certificate], prices: Prices
) -> dict[tuple[Locale, Tier], Certificate]:
    """
    The certificates that hold under *prices*.

    One that was proven under another price table says nothing here and is left out.
    """
    name = name_of(prices)
    return {(one.locale, one.tier): one for one in certificates if one.prices == name}
