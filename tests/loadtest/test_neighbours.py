"""
A neighbour's flood takes nothing from a calm shop, and the rig tells if it does.
"""

from __future__ import annotations

import msgspec
import pytest

from gateway.config_file import load
from loadtest.generator import Result
from loadtest.neighbours import (
    NeighbourReport,
    Neighbours,
    Round,
    Seen,
    seen,
    two_shops,
)
from loadtest.sale import Ends


PLAN = Neighbours(
    talks=(("多久发货",), ("我的订单到哪了",)),
    rounds=1, seconds=2, calm_per_s=3, times=50, places=4,
)  # fmt: skip
CLIENT = Result(
    mode="open", sent=100, errors=0, seconds=1, rps=100,
    p50_ms=5, p90_ms=300, p95_ms=310, p99_ms=320, max_ms=330,
)  # fmt: skip
ENDS = Ends(answered=100, with_people=0, not_taken=0, unfinished=0)
ALONE = Seen(client=CLIENT, ends=ENDS, admissions={"run": 80})
BESIDE = Seen(
    client=CLIENT, ends=ENDS, loud=CLIENT, admissions={"run": 800, "cursor": 90}
)


def report(beside: Seen) -> NeighbourReport:
    """A run of one round."""
    rounds = (Round(alone=ALONE, beside=beside),)
    return NeighbourReport(plan=PLAN, rounds=rounds, hardware="")


def test_a_calm_shop_that_notices_nothing_is_no_finding() -> None:
    """A little slower is within the promise."""
    slower = msgspec.structs.replace(CLIENT, p99_ms=350)
    found = report(msgspec.structs.replace(BESIDE, client=slower))
    assert found.is_valid
    assert found.findings == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"client": msgspec.structs.replace(CLIENT, p99_ms=352)}, "1.10 times"),
        ({"ends": msgspec.structs.replace(ENDS, answered=98)}, "98.0%"),
        ({"ends": msgspec.structs.replace(ENDS, unfinished=1)}, "have no end"),
        ({"admissions": {"run": 890, "wait": 9, "done": 890}}, "shows nothing"),
    ],
)
def test_whatever_the_calm_shop_suffers_is_told(
    change: dict[str, object], told: str
) -> None:
    """Slower, turned away, lost; and a flood that was none proves nothing."""
    [finding] = report(msgspec.structs.replace(BESIDE, **change)).findings
    assert told in finding


def test_a_late_generator_is_told() -> None:
    """It would have measured itself, whichever shop's it is."""
    late = msgspec.structs.replace(CLIENT, is_valid=False)
    assert not report(msgspec.structs.replace(BESIDE, loud=late)).is_valid


def test_a_real_flood_fills_the_places_and_loses_nothing_of_the_calm_shop() -> None:
    """Over HTTP, no times judged: each shop with its own key and its own end."""
    config = load(None, {}, {"router.arithmetic": "plain", "server.workers": 1})
    shops = two_shops(config, PLAN.places)
    assert [shop.id for shop in shops.shops] == ["calm", "loud"]
    found = seen(shops, PLAN, 0, is_flooded=True)
    assert found.ends.unfinished == found.ends.not_taken == 0
    assert found.ends.answered > 0
    assert found.turned_away > 0
    assert found.loud is not None
    assert found.loud.sent > 10 * found.client.sent
    assert found.loud.errors == found.client.errors == 0
