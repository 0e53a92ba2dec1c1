"""
From labels to a tier: the mapping of the label page, and expected cost on top.

The mapping is the anchor: a tier that contradicts the decided labels is never
chosen. Inside what the labels allow, the tier of lowest expected cost wins, so
that a stage where people are cheap or machines are trusted leans its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engines.contract import Complexity, Risk, Tier
from router_models.documents import convert, read_toml
from router_models.errors import DataError


TIERS = tuple(Tier)


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What an answer costs at a stage of a shop, in thousandths of a currency unit.

    Attributes:
        l1, l2, l3, human: One answer on that tier.

        too_low: One tier too low: the customer waits for the climb.

        machine_instead_of_person: A machine answered what only a person may.

        needless_person: A person answered what a machine could.
    """

    l1: int
    l2: int
    l3: int
    human: int
    too_low: int
    machine_instead_of_person: int
    needless_person: int = 0


class _Router(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    prices: Prices


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
    if not prices.l1 <= prices.l2 <= prices.l3:
        raise DataError(path, "prices fall from l1 to l3", "order them l1 <= l2 <= l3")
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
    return tuple(
        tuple(_cost(price, prices, chosen, needed) for needed in range(len(TIERS)))
        for chosen in range(len(TIERS))
    )


def _cost(price: Sequence[int], prices: Prices, chosen: int, needed: int) -> float:
    cost = float(price[chosen])
    person = len(TIERS) - 1
    if chosen < needed:
        cost += prices.too_low * (min(needed, person - 1) - min(chosen, person - 1))
        cost += prices.machine_instead_of_person if needed == person else 0
    elif chosen == person > needed:
        cost += prices.needless_person
    return cost


def cheapest(table: Sequence[Sequence[float]], chances: Sequence[float]) -> int:
    """Rank of the tier of lowest expected cost; the lower tier wins a tie."""
    costs = [
        sum(cost * chance for cost, chance in zip(row, chances, strict=True))
        for row in table
    ]
    return costs.index(min(costs))
