"""
From labels to a tier: the mapping of the label page, and expected cost on top.

The mapping is the anchor: a turn never gets a tier below the one its decided
labels name. It may get a higher one where the labels are in doubt and being
wrong would cost more than the higher price: the tier of lowest expected cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engines.contract import TIER_ORDER, Complexity, Risk, Tier
from router_models.documents import convert, read_toml
from router_models.errors import DataError


TIERS = tuple(Tier)

#: Keeps a distribution from being empty where two of them exclude each other.
_TINY = 1e-9


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What an answer costs at a stage of a shop, in thousandths of a currency unit.

    A turn rises from a tier when the chance that it needs more is above
    ``step / (step + lost)``: *step* is what the next tier costs more, *lost* what is lost
    by staying.

    Attributes:
        l1, l2, l3, human: One answer on that tier.

        lost_at_l1, lost_at_l2, lost_at_l3: What is lost, beyond the price, when a
            turn stops at that tier and needs a higher one: the wait of the climb, and at
            L3 a machine's answer where only a person may answer.
    """

    l1: int
    l2: int
    l3: int
    human: int
    lost_at_l1: int
    lost_at_l2: int
    lost_at_l3: int


def price_of(prices: Prices, tier: Tier) -> int:
    """What one answer on *tier* costs, thousandths of a currency unit."""
    return (prices.l1, prices.l2, prices.l3, prices.human)[TIER_ORDER[tier]]


class _Router(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    prices: Prices


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a shop works at a stage.

    Attributes:
        tiers: Machine tiers that work; people are behind all of them.
    """

    name: str
    prices: Prices
    tiers: tuple[Tier, ...]


class _Tiers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    work: tuple[Tier, ...]


def load_stage(path: Path) -> Stage:
    """
    Read a stage file: ``[router.prices]`` and ``[tiers]``.

    Raises:
        DataError: If the file or a table is missing or wrong.
    """
    fix = 'give [tiers] with work, as in work = ["L1", "L2", "L3"]'
    tiers = convert(path, read_toml(path).get("tiers"), _Tiers, fix).work
    ranks = [TIER_ORDER[tier] for tier in tiers]
    if not tiers or Tier.HUMAN in tiers or ranks != sorted(set(ranks)):
        raise DataError(path, "work is not a list of machine tiers, lowest first", fix)
    return Stage(name=path.stem, prices=load_prices(path), tiers=tiers)


def load_prices(path: Path) -> Prices:
    """
    Read ``[router.prices]`` of a stage file; its other tables are not ours.

    Raises:
        DataError: If the file or the table is missing or wrong.
    """
    fix = f"give [router.prices] with {', '.join(Prices.__struct_fields__)}"
    table = convert(path, read_toml(path).get("router"), _Router, fix)
    prices = table.prices
    if min(msgspec.structs.astuple(prices)) < 0:
        raise DataError(path, "a price is negative", "give costs of 0 or more")
    if not prices.l1 <= prices.l2 <= prices.l3 <= prices.human:
        fix = "order them l1 <= l2 <= l3 <= human"
        raise DataError(path, "prices fall on the way up", fix)
    return prices


def tier_of(
    complexity: Complexity, risk: Risk, *, asks_human: bool, needs_person: bool
) -> Tier:
    """
    The tier that the labels name.

    Args:
        needs_person: No tool may settle it: law, media, safety, fraud, fakes,
            strong anger. Counts only together with high risk.
    """
    if asks_human or (needs_person and risk is Risk.HIGH):
        return Tier.HUMAN
    if complexity is Complexity.COMPLEX or risk is Risk.HIGH:
        return Tier.L3
    if complexity is Complexity.MODERATE or risk is Risk.MEDIUM:
        return Tier.L2
    return Tier.L1


def cost_table(prices: Prices) -> tuple[tuple[float, ...], ...]:
    """``table[chosen][needed]``: what choosing a tier costs if another is needed."""
    price = (prices.l1, prices.l2, prices.l3, prices.human)
    lost = (prices.lost_at_l1, prices.lost_at_l2, prices.lost_at_l3)
    steps = [price[at + 1] - price[at] + lost[at] for at in range(len(lost))]
    ranks = range(len(TIERS))
    return tuple(
        tuple(float(price[chosen] + sum(steps[chosen:needed])) for needed in ranks)
        for chosen in ranks
    )


def needed_tiers(
    complexity: Sequence[float], risk: Sequence[float], needs_person: float
) -> tuple[float, float, float, float]:
    """
    Chance of each tier by the label mapping, labels taken as independent.

    Asking for a person is not in it: that is decided, not weighed.
    """
    first = complexity[0] * risk[0]
    second = complexity[1] * (risk[0] + risk[1]) + complexity[0] * risk[1]
    rest = max(0.0, 1.0 - first - second)
    person = min(rest, needs_person)
    return first, second, rest - person, person


def blend(
    one: Sequence[float], other: Sequence[float], slope: float = 1.0
) -> list[float]:
    """
    Normalised geometric mean of two distributions.

    Args:
        slope: Calibration of the mean: above 1 makes it surer, below 1 less sure.
    """
    power = slope / 2
    means = [(a * b + _TINY) ** power for a, b in zip(one, other, strict=True)]
    total = sum(means)
    return [mean / total for mean in means]


def cheapest(table: Sequence[Sequence[float]], chances: Sequence[float]) -> int:
    """Rank of the tier of lowest expected cost; the lower tier wins a tie."""
    p, q, r, s = chances
    costs = [a * p + b * q + c * r + d * s for a, b, c, d in table]
    return costs.index(min(costs))
