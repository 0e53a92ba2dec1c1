"""
Workers killed at named and random places of every recipe, before three kinds of shop.
"""

from pathlib import Path

import pytest

from gateway.config import ShopConfig
from loadtest.crash_proof import KINDS, run_crash_proof


pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

PLANTED = Path(__file__).parent / "planted"


def run(kills, kinds=tuple(KINDS), bug="", errands=()):
    script = [str(PLANTED / f"{bug}.py")] if bug else ["-m", "loadtest.crash_worker"]
    return run_crash_proof(
        ShopConfig(id="demo"),
        kills=kills,
        seed=7,
        tell=lambda _: None,
        kinds=kinds,
        worker=script,
        errands=errands,
    )


def test_nothing_is_done_twice_or_lost_whatever_the_shop_does_with_keys():
    """Done once, taken back whole, or with a person; and the workers did die."""
    report = run(36)
    assert [shop.findings for shop in report.shops] == [(), (), ()]
    assert report.kills >= 36
    ignored = report.shops[-1]
    assert ignored.states["parked"] > 0, "no answer was lost before the third shop"
    assert all(shop.states["done"] > 0 for shop in report.shops)


@pytest.mark.parametrize(
    ("bug", "shop", "errand", "found"),
    [
        ("crash_asks_nobody", "kept", "refund_item", "twice"),
        ("crash_asks_nobody", "ignored", "refund_item", "twice"),
        ("crash_gives_up", "honoured", "refund_item", "untrue"),
        ("crash_takes_nothing_back", "honoured", "address_taken_back", "untrue"),
    ],
)
def test_the_checker_catches_a_planted_bug(bug, shop, errand, found):
    """A checker nobody has seen fail proves nothing."""
    [report] = run(12, (shop,), bug, (errand,)).shops
    assert report.count(found) > 0
