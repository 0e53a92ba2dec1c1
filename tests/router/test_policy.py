"""From labels and prices to tiers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from router_files import STAGES

from engines.contract import Complexity, Risk, Tier
from router_models.errors import DataError
from router_models.policy import (
    Prices,
    blend,
    cheapest,
    cost_table,
    load_prices,
    needed_tiers,
    tier_of,
)


C, R = Complexity, Risk


@pytest.mark.parametrize(
    ("complexity", "risk", "asks", "needs", "tier"),
    [
        (C.SIMPLE, R.LOW, False, False, Tier.L1),
        (C.SIMPLE, R.MEDIUM, False, False, Tier.L2),
        (C.SIMPLE, R.HIGH, False, False, Tier.L3),
        (C.MODERATE, R.LOW, False, False, Tier.L2),
        (C.MODERATE, R.MEDIUM, False, False, Tier.L2),
        (C.MODERATE, R.HIGH, False, False, Tier.L3),
        (C.COMPLEX, R.LOW, False, False, Tier.L3),
        (C.COMPLEX, R.HIGH, False, False, Tier.L3),
        (C.COMPLEX, R.HIGH, False, True, Tier.HUMAN),
        (C.SIMPLE, R.MEDIUM, False, True, Tier.L2),
        (C.SIMPLE, R.LOW, True, False, Tier.HUMAN),
    ],
)
def test_the_mapping_of_the_label_page(
    complexity: Complexity, risk: Risk, asks: bool, needs: bool, tier: Tier
) -> None:
    """Labels name the lowest tier that can finish the turn well."""
    assert tier_of(complexity, risk, asks_human=asks, needs_person=needs) is tier


_prices = st.lists(st.integers(0, 500), min_size=4, max_size=4).map(sorted)
_lost = st.lists(st.integers(0, 900), min_size=3, max_size=3)
_chances = st.lists(st.floats(0.001, 1), min_size=4, max_size=4).map(
    lambda values: [value / sum(values) for value in values]
)


def _of(prices: list[int], lost: list[int]) -> Prices:
    names = ("l1", "l2", "l3", "human", "lost_at_l1", "lost_at_l2", "lost_at_l3")
    return Prices(**dict(zip(names, [*prices, *lost], strict=True)))


@given(_prices, _lost, _chances)
def test_a_dearer_mistake_never_lowers_the_tier(
    prices: list[int], lost: list[int], chances: list[float]
) -> None:
    """Raising what is lost on a tier can only send turns up."""
    before = cheapest(cost_table(_of(prices, lost)), chances)
    for at in range(3):
        dearer = [*lost]
        dearer[at] += 300
        assert cheapest(cost_table(_of(prices, dearer)), chances) >= before


@given(_prices, _lost, st.integers(0, 3))
def test_a_sure_turn_gets_its_tier(
    prices: list[int], lost: list[int], needed: int
) -> None:
    """Where there is no doubt, no price sends a turn above what it needs."""
    chances = [0.0] * 4
    chances[needed] = 1.0
    assert cheapest(cost_table(_of(prices, lost)), chances) <= needed


def test_the_stated_line_between_tiers_holds() -> None:
    """A turn rises when its chance to need more passes step / (step + lost)."""
    table = cost_table(_of([0, 10, 100, 1000], [30, 0, 0]))
    assert cheapest(table, [0.76, 0.24, 0, 0]) == 0
    assert cheapest(table, [0.74, 0.26, 0, 0]) == 1


@given(
    st.lists(st.floats(0, 1), min_size=3, max_size=3),
    st.lists(st.floats(0, 1), min_size=3, max_size=3),
    st.floats(0, 1),
)
def test_needed_tiers_are_a_distribution(
    complexity: list[float], risk: list[float], person: float
) -> None:
    """Chances by the mapping sum to one whatever the heads say."""
    c = [value / (sum(complexity) or 1) for value in complexity]
    r = [value / (sum(risk) or 1) for value in risk]
    found = needed_tiers(c, r, person)
    assert all(-1e-9 <= chance <= 1 + 1e-9 for chance in found)
    assert sum(found) == pytest.approx(1)


@given(_chances, _chances)
def test_a_blend_is_a_distribution(one: list[float], other: list[float]) -> None:
    """The mean of two distributions sums to one."""
    assert sum(blend(one, other)) == pytest.approx(1)


@pytest.mark.parametrize("stage", ["startup", "growth", "mature"])
def test_the_shipped_stages_have_prices(stage: str) -> None:
    """Each stage of a shop comes with a price table."""
    assert load_prices(STAGES / f"{stage}.toml").human > 0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "router"),
        ("[router]\n", "prices"),
        ("[router.prices]\nl1 = 1\n", "missing required field"),
        ("[router.prices]\nl9 = 1\n", "l9"),
        ("[router.prices", "TOML"),
    ],
)
def test_wrong_prices_name_file_and_fix(tmp_path: Path, text: str, what: str) -> None:
    """A stage file without a right price table is refused."""
    path = tmp_path / "stage.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=what) as caught:
        load_prices(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("values", [(5, 4, 6, 7, 0, 0, 0), (1, 2, 3, 4, -1, 0, 0)])
def test_prices_rise_and_are_not_negative(
    tmp_path: Path, values: tuple[int, ...]
) -> None:
    """Prices that fall on the way up, or are below zero, are refused."""
    path = tmp_path / "stage.toml"
    lines = [
        f"{n} = {v}" for n, v in zip(Prices.__struct_fields__, values, strict=True)
    ]
    path.write_text("[router.prices]\n" + "\n".join(lines))
    with pytest.raises(DataError):
        load_prices(path)
