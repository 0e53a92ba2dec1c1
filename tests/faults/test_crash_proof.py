"""
Workers killed at named and random places of every recipe, before three kinds of shop.
"""

from pathlib import Path

import pytest

from gateway.config import ShopConfig
from loadtest.crash_proof import KINDS, run_crash_proof


pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

PLANTED = Path(__file__).parent / "planted"


def run(kills, kinds=tuple(KINDS), bug="", errands=(), places=()):
    script = [str(PLANTED / f"{bug}.py")] if bug else ["-m", "loadtest.crash_worker"]
    return run_crash_proof(
        ShopConfig(id="demo"),
        kills=kills,
        seed=7,
        tell=lambda _: None,
        kinds=kinds,
        worker=script,
        errands=errands,
        places=places,
    )


def test_nothing_is_done_twice_or_lost_whatever_the_shop_does_with_keys():
    """Done once, taken back whole, or with a person; and the workers did die."""
    report = run(36)
    assert [shop.findings for shop in report.shops] == [(), (), ()]
    assert report.kills >= 36
    assert all(shop.states["done"] > 0 for shop in report.shops)


def test_what_nobody_can_know_is_parked_for_people():
    """The answer is lost, and the shop cannot be asked whether it did it."""
    [shop] = run(6, ("ignored",), places=("effect.after",)).shops
    assert shop.findings == ()
    assert shop.states["parked"] > 0


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
    """
    A checker nobody has seen fail proves nothing.

    Every worker dies where the bug must show: what it sent has taken effect and is
    not written down. At random places a run of 12 kills could miss it.
    """
    [report] = run(12, (shop,), bug, (errand,), ("effect.after",)).shops
    assert report.count(found) > 0
