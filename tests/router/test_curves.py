"""Curves, certificates and other ways of writing, by hand and by simulation."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from router_files import DATA

from router_models.baseline import keyword_tier
from router_models.certificates import (
    LEAST_COVERAGE,
    certify,
    find,
    least_turns,
    name_of,
    upper_bound,
)
from router_models.curves import cost_quality, recall_at_alarms, risk_coverage
from router_models.details import details
from router_models.evaluate import judge, report
from router_models.perturb import WAYS, otherwise
from router_models.policy import Prices
from router_models.report_page import page
from router_models.router import TierRouter
from router_models.situation import situate
from router_models.steadiness import frozen_rows


PRICES = Prices(
    l1=1, l2=8, l3=40, human=300, lost_at_l1=5, lost_at_l2=24, lost_at_l3=260
)


def test_the_bound_by_hand() -> None:
    """No error in 299 turns proves one percent; the routing notes say so."""
    assert upper_bound(0, 299, 0.05) == pytest.approx(0.00997, abs=1e-5)
    assert upper_bound(5, 5, 0.05) == 1.0
    assert least_turns(0.01, 0.05) == 299


def test_certificates_hold_as_often_as_they_promise() -> None:
    """Over many draws the true share of errors above the line exceeds alpha rarely."""
    chance = np.random.default_rng(5)
    broken = proven = 0
    for _ in range(120):
        peaks = chance.normal(size=1_500)
        error = chance.random(1_500) < 0.03 / (1 + np.exp(3 * peaks))
        one = certify("zh", "L1", PRICES, peaks, error)  # type: ignore[arg-type]
        if one is None:
            continue
        proven += 1
        fresh = chance.normal(size=100_000)
        fresh = fresh[fresh >= one.line]
        broken += (0.03 / (1 + np.exp(3 * fresh))).mean() > one.alpha
        assert one.bound <= one.alpha
        assert one.coverage >= LEAST_COVERAGE
    assert proven > 60
    assert broken / proven <= 0.05


def test_a_certificate_of_other_prices_says_nothing() -> None:
    """Tiers chosen by another table were not what was proven."""
    peaks, none = np.arange(2_000) / 100, np.zeros(2_000, dtype=bool)
    one = certify("zh", "L1", PRICES, peaks, none)  # type: ignore[arg-type]
    assert one is not None
    assert find([one], PRICES) == {("zh", "L1"): one}
    other = Prices(
        l1=2, l2=8, l3=40, human=300, lost_at_l1=5, lost_at_l2=24, lost_at_l3=260
    )
    assert name_of(other) != name_of(PRICES)
    assert find([one], other) == {}


def test_too_many_errors_prove_nothing() -> None:
    """Where a tenth of the turns is wrong there is no certificate."""
    peaks = np.arange(2_000) / 100
    bad = np.arange(2_000) % 10 == 0
    assert certify("zh", "L1", PRICES, peaks, bad) is None  # type: ignore[arg-type]


def test_recall_at_alarms_by_hand() -> None:
    """One alarm in four others is allowed: the line falls below the best other."""
    chance = [0.9, 0.6, 0.2, 0.8, 0.5, 0.1, 0.05]
    high = [True, True, True, False, False, False, False]
    assert recall_at_alarms(chance, high, 0.25) == pytest.approx(2 / 3, abs=1e-3)
    assert recall_at_alarms(chance, high, 0.0) == pytest.approx(1 / 3, abs=1e-3)
    assert recall_at_alarms([0.1], [False], 0.1) is None


def test_a_perfect_router_recovers_the_gap_and_a_coin_half_of_it() -> None:
    """APGR of knowing is the oracle's, of knowing nothing about one half."""
    chance = random.Random(1)
    order = ("L1", "L2", "L3", "human")
    wanted = [chance.choice(order) for _ in range(2_000)]
    knows = [[float(a == tier) for a in order] for tier in wanted]
    sure = cost_quality(knows, wanted, wanted, wanted, PRICES)
    assert sure.marks["router"] == sure.marks["oracle"]
    assert sure.marks["oracle"][1] == 1.0
    assert sure.apgr == pytest.approx(sure.apgr_oracle, abs=0.25)
    blind = [[0.25 + chance.random() / 1e6 for _ in order] for _ in wanted]
    guess = cost_quality(blind, wanted, wanted, wanted, PRICES)
    assert guess.apgr < sure.apgr


def test_errors_among_the_least_sure_lower_the_area() -> None:
    """The same errors cost less area where the model was unsure of them."""
    wanted, given = ["human", *["L1"] * 9], ["L1"] * 10
    unsure = risk_coverage([0.0, *range(1, 10)], wanted, given)
    sure = risk_coverage([9.0, *range(9)], wanted, given)
    assert unsure.aurc < sure.aurc
    assert unsure.curve[-1] == (1.0, 0.1)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.sampled_from(sorted(WAYS)), st.integers(0, 9))
def test_writing_otherwise_is_reproducible(text: str, way: str, seed: int) -> None:
    """Any text; the same seed gives the same text, and never the text itself."""
    changed = otherwise(text, way, seed)
    assert changed != text
    assert otherwise(text, way, seed) == changed


@pytest.mark.parametrize(
    ("text", "tier"),
    [("转人工", "human"), ("帮我退款", "L3"), ("我的快递到哪", "L2"), ("你好", "L1")],
)
def test_the_keyword_baseline_is_no_straw_man(text: str, tier: str) -> None:
    """It knows the plain words of every tier."""
    assert keyword_tier(text) == tier


def test_invisible_changes_change_no_decision(router: TierRouter) -> None:
    """Full width, zero width, traditional characters, blanks: the same tier."""
    for row in frozen_rows(DATA / "pairs.yaml"):
        tier = router.decide(situate(router, row.text)).tier
        for way in ("zero width", "full width", "traditional characters"):
            text = otherwise(row.text, way, 1)
            if text is not None:
                assert router.decide(situate(router, text)).tier == tier, (way, text)


def test_the_page_holds_every_part(router: TierRouter) -> None:
    """Tables, plots and proofs of a small set; nothing from elsewhere, no script."""
    rows = frozen_rows(DATA / "pairs.yaml")
    judged = [
        judge(
            router,
            situate(router, row.text, (), row.locale),
            {"tier": str(row.tier), "risk": str(row.risk)},
        )
        for row in rows
    ]
    found = details(judged, router, pairs=DATA / "pairs.yaml")
    html = page(report(judged, router.version), found, "<b>rows</b>")
    assert "&lt;b&gt;rows" in html
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "")
    for title in ("Confusion", "Cost and quality", "Reliability", "certificates"):
        assert title in html
    assert html.count("<svg") >= 6
    assert found.cost_quality is not None
    marks = found.cost_quality.marks
    assert marks["router"][1] > marks["keywords"][1]
    assert found.parity is not None
    assert found.parity.same_tier > 0.5


def test_rows_without_labels_still_make_a_page(router: TierRouter) -> None:
    """What cannot be figured out is left out."""
    judged = [judge(router, situate(router, "你好"), {})]
    found = details(judged, router)
    assert found.cost_quality is None
    assert "<svg" in page(report(judged, router.version), found, "rows")
